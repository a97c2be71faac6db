//! Effect's AI: model calls follow the conventions, and tools have names without a namespace.

use super::{ARGUMENTS, Dialect, Override, aliases, json};
use crate::SourceSpan;

pub(super) static EFFECT: Dialect = Dialect {
    name: "effect",
    recognises: |span| is_tool(span) || is_stream(span),
    aliases: &aliases([("tool", "gen_ai.tool.name")]),
    operation: |span| {
        if is_tool(span) {
            Override::To("execute_tool")
        } else {
            Override::None
        }
    },
    adjust: |span, _| {
        if is_stream(span) {
            span.attributes.supply("gen_ai.response.streaming", true);
        } else {
            json::rename(&mut span.attributes, "parameters", ARGUMENTS);
        }
    },
    ..Dialect::NONE
};

fn is_tool(span: &SourceSpan) -> bool {
    span.name == "Toolkit.handle" && span.attributes.contains("tool")
}

fn is_stream(span: &SourceSpan) -> bool {
    is_streaming(&span.name) && span.attributes.contains("gen_ai.operation.name")
}

/// Returns whether a span of this name is a streamed model call of Effect's. Nothing else says that it is one.
pub(super) fn is_streaming(name: &str) -> bool {
    name == "LanguageModel.streamText"
}
