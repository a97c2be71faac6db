//! Laminar's SDKs: spans of functions under `observe`. Their instrumentations follow the conventions, or OpenLLMetry's spelling.

use super::{
    Dialect, OperationKind, Override, has_known_operation, json, kind_of, mentions_gen_ai,
    name_as_span,
};
use crate::SourceSpan;

pub(super) static LAMINAR: Dialect = Dialect {
    name: "laminar",
    recognises: |span| span.attributes.contains(PATH) || span.attributes.contains(TYPE),
    noise: &["lmnr.internal.*", "lmnr.span.ids_path"],
    operation,
    adjust,
    ..Dialect::NONE
};

const PATH: &str = "lmnr.span.path";
const TYPE: &str = "lmnr.span.type";
const INPUT: &str = "lmnr.span.input";
const OUTPUT: &str = "lmnr.span.output";

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
    json::rename_content(&mut span.attributes, kind, INPUT, OUTPUT);
}
