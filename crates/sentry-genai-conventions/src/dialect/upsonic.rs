//! Upsonic: agents and tools under its own keys, and their content under Langfuse's. Its model calls follow the conventions.

use super::{DEFINITIONS, Dialect, OperationKind, Override, aliases, has_known_operation, json};
use crate::SourceSpan;

pub(super) static UPSONIC: Dialect = Dialect {
    name: "upsonic",
    recognises: |span| span.scope == "upsonic",
    #[rustfmt::skip]
    aliases: &aliases([
        // pydantic-ai's names, from which its calls are derived.
        ("gen_ai.usage.details.cache_read_tokens", "gen_ai.usage.cache_read.input_tokens"),
        ("gen_ai.usage.details.cache_write_tokens", "gen_ai.usage.cache_creation.input_tokens"),
        ("gen_ai.usage.details.reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"),
        ("upsonic.agent.name", "gen_ai.agent.name"),
        ("upsonic.is_streaming", "gen_ai.response.streaming"),
        ("upsonic.model_name", "gen_ai.request.model"),
        ("upsonic.model_provider", "gen_ai.provider.name"),
        ("upsonic.tool.call_id", "gen_ai.tool.call.id"),
        ("upsonic.tool.definitions", DEFINITIONS),
        ("upsonic.tool.name", "gen_ai.tool.name"),
    ]),
    // Repeats other attributes.
    noise: &[
        "langfuse.*",
        "logfire.json_schema",
        "upsonic.input",
        "upsonic.output",
    ],
    operation,
    adjust,
};

const INPUT: &str = "langfuse.observation.input";
const OUTPUT: &str = "langfuse.observation.output";

fn operation(span: &SourceSpan) -> Override {
    match &*span.name {
        _ if has_known_operation(span) => Override::None,
        "agent.run" => Override::To("invoke_agent"),
        "tool.execute" => Override::To("execute_tool"),
        // A pipeline and its steps.
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    json::rename_content(&mut span.attributes, kind, INPUT, OUTPUT);
}
