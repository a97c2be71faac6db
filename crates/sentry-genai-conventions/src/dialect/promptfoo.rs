//! promptfoo: the conventions for calls of providers, except for the names of content.

use super::{Dialect, OperationKind, Override, has_prefix};
use crate::{SourceSpan, Value};

pub(super) static PROMPTFOO: Dialect = Dialect {
    name: "promptfoo",
    recognises: |span| has_prefix(span, "promptfoo."),
    operation,
    adjust,
    ..Dialect::NONE
};

fn operation(span: &SourceSpan) -> Override {
    match span.attributes.get("promptfoo.cache_hit") {
        // No model was called.
        Some(Value::Bool(true)) => Override::Plain,
        _ => Override::None,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    if kind == OperationKind::Embeddings {
        attributes.rename("promptfoo.request.body", "gen_ai.embeddings.input");
    }
    kind.rename_content(
        attributes,
        "promptfoo.request.body",
        "promptfoo.response.body",
    );
}
