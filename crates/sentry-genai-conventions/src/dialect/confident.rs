//! Confident AI, where DeepEval's traces go: a type on each span, and a namespace for each type.

use super::{
    DEFINITIONS, Dialect, OperationKind, Override, aliases, has_known_operation, kind_of,
    name_as_span,
};
use crate::{SourceSpan, tokens};

pub(super) static CONFIDENT: Dialect = Dialect {
    name: "confident",
    recognises: |span| span.attributes.contains(TYPE),
    aliases: &aliases([
        ("confident.agent.tool_definitions", DEFINITIONS),
        ("confident.llm.input_token_count", tokens::INPUT),
        ("confident.llm.model", "gen_ai.request.model"),
        ("confident.llm.output_token_count", tokens::OUTPUT),
        ("confident.span.provider", "gen_ai.provider.name"),
        ("confident.tool.description", "gen_ai.tool.description"),
        ("confident.trace.user_id", "user.id"),
    ]),
    operation,
    adjust,
    ..Dialect::NONE
};

const TYPE: &str = "confident.span.type";

fn operation(span: &SourceSpan) -> Override {
    // DeepEval marks the spans of other libraries, too.
    if has_known_operation(span) {
        return Override::None;
    }
    match kind_of(span, TYPE).as_deref() {
        Some("llm") => Override::To("chat"),
        Some("agent") => Override::To("invoke_agent"),
        Some("tool") => Override::To("execute_tool"),
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    kind.rename_content(attributes, "confident.span.input", "confident.span.output");
    attributes.rename("confident.agent.name", "gen_ai.agent.name");
    attributes.rename("confident.tool.name", "gen_ai.tool.name");
    name_as_span(span, kind);
}
