//! Ax: the conventions, with counts in an event and its own names for tools. Its tracer is named after the program.

use super::{Dialect, OperationKind, Override, aliases};
use crate::{SourceSpan, Value, tokens};

pub(super) static AX: Dialect = Dialect {
    name: "ax",
    recognises: |span| span.attributes.contains(STREAMING) || is_tool(span),
    aliases: &aliases([
        ("function.id", "gen_ai.tool.call.id"),
        (STREAMING, "gen_ai.response.streaming"),
        ("tool.name", "gen_ai.tool.name"),
    ]),
    noise: &["ax.session.id"],
    operation,
    adjust,
};

const STREAMING: &str = "gen_ai.request.llm_is_streaming";
const THOUGHTS_TOKENS: &str = "gen_ai.usage.thoughts_tokens";

/// The value of a parameter that was not given.
const NOT_SET: Value<'static> = Value::Str("Not set");

fn is_tool(span: &SourceSpan) -> bool {
    span.name.starts_with("Tool: ") && span.attributes.contains("function.id")
}

fn operation(span: &SourceSpan) -> Override {
    if is_tool(span) {
        Override::To("execute_tool")
    } else {
        Override::None
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    attributes.retain(|key, value| value != NOT_SET || !key.starts_with("gen_ai.request."));
    if kind != OperationKind::Call {
        return;
    }
    // The output lacks the reasoning. Only the total includes what was read from the cache and written to it.
    let reasoning = attributes.integer(THOUGHTS_TOKENS).unwrap_or(0);
    attributes.rename(THOUGHTS_TOKENS, tokens::REASONING);
    if let Some(output) = attributes.integer(tokens::OUTPUT) {
        let output = output.saturating_add(reasoning);
        attributes.set(tokens::OUTPUT, output);
        if let Some(input) = attributes.integer(tokens::INPUT)
            && let Some(total) = attributes.integer(tokens::TOTAL)
        {
            attributes.set(tokens::INPUT, input.max(total.saturating_sub(output)));
        }
    }
}
