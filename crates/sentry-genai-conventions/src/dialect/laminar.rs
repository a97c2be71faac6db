//! Laminar's SDKs: spans of functions under `observe`. Their instrumentations follow the conventions, or OpenLLMetry's spelling.
//! OpenHands has spans of its own for the calls of models and tools.

use super::{
    Dialect, OperationKind, Override, aliases, has_known_operation, json, kind_of, litellm,
    mentions_gen_ai, name_as_span,
};
use crate::SourceSpan;

pub(super) static LAMINAR: Dialect = Dialect {
    name: "laminar",
    recognises: |span| span.attributes.contains(PATH) || span.attributes.contains(TYPE),
    aliases: &aliases([(
        "lmnr.association.properties.metadata.tool_call_id",
        "gen_ai.tool.call.id",
    )]),
    noise: &["lmnr.internal.*", "lmnr.span.ids_path"],
    operation,
    adjust,
};

const PATH: &str = "lmnr.span.path";
const TYPE: &str = "lmnr.span.type";
const INPUT: &str = "lmnr.span.input";
const OUTPUT: &str = "lmnr.span.output";

/// What precedes the model in the name of OpenHands' span of a call, which may have no other model.
const BEFORE_MODEL: &str = "llm.";

fn operation(span: &SourceSpan) -> Override {
    if has_known_operation(span) {
        return Override::None;
    }
    match kind_of(span, TYPE).as_deref() {
        Some("llm" | "cached") => Override::To("chat"),
        Some("tool") => Override::To("execute_tool"),
        _ if mentions_gen_ai(span) => Override::None,
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    name_as_span(span, kind);
    if kind == OperationKind::Call
        && let Some(model) = span.name.strip_prefix(BEFORE_MODEL).map(str::to_owned)
    {
        span.attributes.supply("gen_ai.request.model", model);
        litellm::split_provider_from_model(&mut span.attributes);
    }
    json::rename_content(&mut span.attributes, kind, INPUT, OUTPUT);
}
