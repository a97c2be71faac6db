//! Claude Code: the conventions in addition to its own keys, and in older versions only those.

use super::{
    Dialect, INPUT, OUTPUT, OperationKind, Override, aliases, first_chunk_from_millis,
    has_known_operation,
};
use crate::{Attributes, SourceSpan, Value, tokens};

pub(super) static CLAUDE_CODE: Dialect = Dialect {
    name: "claude_code",
    recognises: |span| span.scope.starts_with(SCOPE),
    aliases: &aliases([
        ("model", "gen_ai.request.model"),
        ("output_tokens", tokens::OUTPUT),
        ("response.model_output", OUTPUT),
        ("stop_reason", "gen_ai.response.finish_reasons"),
        ("system_prompt", "gen_ai.system_instructions"),
        ("tool_name", "gen_ai.tool.name"),
        ("tool_use_id", "gen_ai.tool.call.id"),
        ("user_prompt", INPUT),
    ]),
    noise: &[],
    operation,
    adjust,
};

const SCOPE: &str = "com.anthropic.claude_code";

/// Returns whether a span is the execution of a tool, which fails with the tool's answer as the reason.
pub(super) fn runs_tool(span: &SourceSpan) -> bool {
    span.scope.starts_with(SCOPE) && span.attributes.text("span.type") == Some("tool.execution")
}

fn operation(span: &SourceSpan) -> Override {
    if has_known_operation(span) {
        return Override::None;
    }
    match span.attributes.text("span.type") {
        Some("llm_request") => Override::To("chat"),
        Some("interaction") => Override::To("invoke_agent"),
        Some("tool") => Override::To("execute_tool"),
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    // Placeholders for prompts that it was not allowed to record.
    attributes.retain(|_, value| value != Value::Str("<REDACTED>"));
    match kind {
        OperationKind::Call => {
            read_counts(attributes);
            first_chunk_from_millis(attributes, "ttft_ms");
            attributes.rename("new_context", INPUT);
        }
        OperationKind::Agent => attributes.supply("gen_ai.agent.name", "Claude Code"),
        _ => {}
    }
}

/// Adds the cache to the input, because Anthropic counts only what was not cached. The conventions' count, if present, includes
/// everything.
fn read_counts(attributes: &mut Attributes) {
    let mut input = integer(attributes, "input_tokens");
    attributes.remove("input_tokens");
    for (own_key, key) in [
        ("cache_read_tokens", tokens::CACHE_READ),
        ("cache_creation_tokens", tokens::CACHE_CREATION),
    ] {
        let count = integer(attributes, own_key).unwrap_or(0);
        input = input.map(|input| input.saturating_add(count));
        attributes.rename(own_key, key);
    }
    if let Some(input) = input {
        attributes.supply(tokens::INPUT, input);
    }
}

fn integer(attributes: &Attributes, key: &str) -> Option<i64> {
    match attributes.get(key)? {
        Value::Integer(number) => Some(number),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    }
}
