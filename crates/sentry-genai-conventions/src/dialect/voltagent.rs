//! VoltAgent: agents, model calls and tools under its own keys.

use serde_json::{Value, json};

use super::{DEFINITIONS, Dialect, INPUT, OperationKind, Override, aliases, json};
use crate::{Attributes, SourceSpan};

pub(super) static VOLTAGENT: Dialect = Dialect {
    name: "voltagent",
    recognises: |span| span.scope.starts_with("@voltagent/"),
    #[rustfmt::skip]
    aliases: &aliases([
        ("agent.instructions", "gen_ai.system_instructions"),
        ("ai.model.name", "gen_ai.request.model"),
        ("ai.model.provider", "gen_ai.provider.name"),
        ("ai.response.finish_reason", "gen_ai.response.finish_reasons"),
        ("embedding.dimensions", "gen_ai.embeddings.dimension.count"),
        (EMBEDDING_MODEL, "gen_ai.request.model"),
        ("llm.finish_reason", "gen_ai.response.finish_reasons"),
        ("llm.max_output_tokens", "gen_ai.request.max_tokens"),
        ("llm.messages", INPUT),
        ("llm.model", "gen_ai.request.model"),
        ("llm.provider", "gen_ai.provider.name"),
        ("llm.stream", "gen_ai.response.streaming"),
        ("llm.temperature", "gen_ai.request.temperature"),
        ("llm.top_p", "gen_ai.request.top_p"),
        ("llm.usage.cached_tokens", "gen_ai.usage.cache_read.input_tokens"),
        ("llm.usage.completion_tokens", "gen_ai.usage.output_tokens"),
        ("llm.usage.prompt_tokens", "gen_ai.usage.input_tokens"),
        ("llm.usage.reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"),
        ("llm.usage.total_tokens", "gen_ai.usage.total_tokens"),
        ("tool.call.id", "gen_ai.tool.call.id"),
        ("tool.description", "gen_ai.tool.description"),
        ("tool.name", "gen_ai.tool.name"),
        // On agents. For generated objects, no other span has these counts.
        ("usage.cached_tokens", "gen_ai.usage.cache_read.input_tokens"),
        ("usage.completion_tokens", "gen_ai.usage.output_tokens"),
        ("usage.cost", "gen_ai.cost.total_tokens"),
        ("usage.prompt_tokens", "gen_ai.usage.input_tokens"),
        ("usage.reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"),
        ("usage.total_tokens", "gen_ai.usage.total_tokens"),
        ("voltagent.conversation_id", "session.id"),
    ]),
    noise: &[
        "agent.messages",
        "agent.messages.ui",
        SNAPSHOT,
        "tool.parameters",
    ],
    operation,
    adjust,
};

/// The agent as JSON, with its tools.
const SNAPSHOT: &str = "agent.stateSnapshot";

/// The kind of a span inside an agent's span, which itself has none.
const TYPE: &str = "span.type";

const EMBEDDING_MODEL: &str = "embedding.model";

fn operation(span: &SourceSpan) -> Override {
    let attributes = &span.attributes;
    match attributes.text(TYPE) {
        Some("llm") => Override::To("chat"),
        Some("tool") => Override::To("execute_tool"),
        // A search for tools. A search of the memory is of this type, too, but names no model.
        Some("embedding") if attributes.contains(EMBEDDING_MODEL) => Override::To("embeddings"),
        None if attributes.text("entity.type") == Some("agent") => Override::To("invoke_agent"),
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    // What a sub-agent does names its supervisor as the entity.
    let agent = (attributes.text("subagent.name")).or(attributes.text("entity.name"));
    if kind != OperationKind::Plain
        && let Some(agent) = agent.map(str::to_owned)
    {
        attributes.supply("gen_ai.agent.name", agent);
    }
    if kind == OperationKind::Agent {
        read_tools(attributes);
    }
    if kind == OperationKind::Embeddings {
        attributes.rename("input", "gen_ai.embeddings.input");
    }
    kind.rename_content(attributes, "input", "output");
}

/// Reads which tools an agent has. Their parameters are objects of the library for schemas.
fn read_tools(attributes: &mut Attributes) {
    let tools = json::object(attributes, SNAPSHOT).and_then(|mut agent| agent.remove("tools"));
    if let Some(Value::Array(tools)) = tools
        && !tools.is_empty()
    {
        let tools = tools.iter().map(|tool| {
            json!({"type": "function", "name": tool["name"], "description": tool["description"]})
        });
        json::put(attributes, DEFINITIONS, tools.collect());
    }
}
