//! goose: `#[instrument]` on functions, with its own names for what went in and came out.

use super::{Dialect, mentions_gen_ai, no_operation};
use crate::SourceSpan;

pub(super) static GOOSE: Dialect = Dialect {
    name: "goose",
    speaks,
    aliases: &[],
    noise: &[],
    operation: no_operation,
    adjust,
};

/// Names of inputs and outputs, the ones that name the exchange with the user first.
static INPUTS: &[&str] = &["user_message", "trace_input", "input"];
static OUTPUTS: &[&str] = &["trace_output", "output"];

fn speaks(span: &SourceSpan) -> bool {
    let library = span.scope.split("::").next().unwrap_or_default();
    matches!(
        library,
        "goose" | "goose_cli" | "goose_server" | "goose_mcp"
    ) && mentions_gen_ai(span)
}

fn adjust(span: &mut SourceSpan) {
    let tool = span.attributes.text("gen_ai.operation.name") == Some("execute_tool");
    let (input, output) = if tool {
        ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result")
    } else {
        ("gen_ai.input.messages", "gen_ai.output.messages")
    };
    for (keys, canonical) in [(INPUTS, input), (OUTPUTS, output)] {
        for key in keys {
            span.attributes.rename(key, canonical);
        }
    }
}
