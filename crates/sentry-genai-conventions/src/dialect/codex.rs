//! Codex: Rust functions as spans, few of which say what they are.

use super::{Dialect, OperationKind, Override, aliases, has_known_operation};
use crate::{SourceSpan, tokens};

pub(super) static CODEX: Dialect = Dialect {
    name: "codex",
    // The scope is the front end, such as `codex_exec`, or a module.
    recognises: |span| span.scope.starts_with("codex_"),
    #[rustfmt::skip]
    aliases: &aliases([
        ("call_id", "gen_ai.tool.call.id"),
        ("codex.turn.token_usage.cache_write_input_tokens", tokens::CACHE_CREATION),
        ("codex.turn.token_usage.cached_input_tokens", tokens::CACHE_READ),
        ("codex.turn.token_usage.input_tokens", tokens::INPUT),
        ("codex.turn.token_usage.output_tokens", tokens::OUTPUT),
        ("codex.turn.token_usage.reasoning_output_tokens", tokens::REASONING),
        ("codex.turn.token_usage.total_tokens", tokens::TOTAL),
        ("codex.usage.reasoning_output_tokens", tokens::REASONING),
        ("codex.usage.total_tokens", tokens::TOTAL),
        ("model", "gen_ai.request.model"),
        ("tool_name", "gen_ai.tool.name"),
    ]),
    noise: &[],
    operation,
    adjust,
};

fn operation(span: &SourceSpan) -> Override {
    let attributes = &span.attributes;
    match &*span.name {
        // Another program's crate may have such a name, too.
        _ if has_known_operation(span) => Override::None,
        "session_task.turn" => Override::To("invoke_agent"),
        // The first span has the call's model. A span inside it, for the last event of the answer, has the counts. Relating
        // merges the two.
        "try_run_sampling_request" => Override::To("chat"),
        "handle_responses" if attributes.contains(tokens::INPUT) => Override::To("chat"),
        _ if attributes.contains("call_id") && attributes.contains("tool_name") => {
            Override::To("execute_tool")
        }
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if kind == OperationKind::Agent {
        span.attributes.supply("gen_ai.agent.name", "Codex");
    }
}
