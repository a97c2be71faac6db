//! AutoAgents: spans with its own names, made from its events, and on request copies of everything for Langfuse. It has no spans
//! of model calls.

use super::{ARGUMENTS, Dialect, INPUT, OUTPUT, Override, RESULT, aliases, is_of_crate};
use crate::SourceSpan;

pub(super) static AUTOAGENTS: Dialect = Dialect {
    name: "autoagents",
    recognises: |span| is_of_crate(span, "autoagents_telemetry"),
    aliases: &aliases([
        ("actor_name", "gen_ai.agent.name"),
        ("task.description", INPUT),
        ("task.result", OUTPUT),
        ("tool_call_id", "gen_ai.tool.call.id"),
        ("tool_name", "gen_ai.tool.name"),
        ("tool.arguments", ARGUMENTS),
        ("tool.name", "gen_ai.tool.name"),
        ("tool.result", RESULT),
    ]),
    noise: &["langfuse.*"],
    operation,
    ..Dialect::NONE
};

fn operation(span: &SourceSpan) -> Override {
    match &*span.name {
        "autoagents.task" => Override::To("invoke_agent"),
        "autoagents.tool_call" => Override::To("execute_tool"),
        _ => Override::Plain,
    }
}
