//! Pipecat's tracing: the conventions, except for the names of content.

use super::{DEFINITIONS, Dialect, INPUT, OUTPUT, OperationKind, Override};
use crate::SourceSpan;

pub(super) static PIPECAT: Dialect = Dialect {
    name: "pipecat",
    recognises: |span| matches!(&*span.scope, "pipecat" | "pipecat.turn"),
    operation,
    adjust,
    ..Dialect::NONE
};

fn operation(span: &SourceSpan) -> Override {
    match span.attributes.text("gen_ai.operation.name") {
        // A speech-to-speech model. Its settings and its input have spans of their own.
        Some("llm_response") => Override::To("chat"),
        // A conversation or one of its turns.
        None => Override::Plain,
        Some(_) => Override::None,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if kind != OperationKind::Call {
        return;
    }
    for (from, to) in [
        ("input", INPUT),
        ("metrics.ttfb", "gen_ai.response.time_to_first_chunk"),
        ("output", OUTPUT),
        ("response.id", "gen_ai.response.id"),
        ("stream", "gen_ai.response.streaming"),
        ("tools", DEFINITIONS),
    ] {
        span.attributes.rename(from, to);
    }
}
