//! Frameworks in OpenLIT, which gives everything that they do one of a few operations, mostly the run of an agent.

use super::super::{OperationKind, Override};
use crate::{SourceSpan, tokens};

const OPERATION: &str = "gen_ai.operation.name";
const AGENT: &str = "gen_ai.agent.name";
const AGENT_ID: &str = "gen_ai.agent.id";
const HANDOFF_FROM: &str = "gen_ai.agent.source";
const TOOL: &str = "gen_ai.tool.name";
const OUTPUT_TYPE: &str = "gen_ai.output.type";

/// What AG2 does with a message.
const MESSAGE_TYPE: &str = "gen_ai.agent.message_type";

/// LlamaIndex's work that a span describes, as OpenLIT calls it.
const ENDPOINT: &str = "gen_ai.operation.endpoint";

/// The node of LangChain's agents that calls the model. Every node of a graph is reported as an agent's run.
const MODEL_NODE: &str = "model";

/// Returns the framework that a span is of. In JavaScript, its name has hyphens.
fn framework(span: &SourceSpan) -> &str {
    let prefixes = ["openlit.instrumentation.", "@openlit/instrumentation-"];
    let framework = prefixes
        .iter()
        .find_map(|prefix| span.scope.strip_prefix(prefix));
    framework.unwrap_or_default()
}

/// Returns what a span of a framework is, unless its operation says so.
pub(super) fn operation(span: &SourceSpan) -> Override {
    let attributes = &span.attributes;
    match (framework(span), attributes.text(OPERATION)) {
        ("crewai", Some("invoke_agent")) if is_crewai_step(span) => Override::Plain,
        ("openai_agents" | "openai-agents", Some("invoke_agent"))
            if attributes.contains(HANDOFF_FROM) =>
        {
            Override::To("handoff")
        }
        // A guardrail, or something that the program or the SDK describes. Agents have both.
        ("openai_agents" | "openai-agents", Some("invoke_agent"))
            if !attributes.contains(AGENT_ID) && !attributes.contains(OUTPUT_TYPE) =>
        {
            Override::Plain
        }
        ("openai_agents" | "openai-agents", Some("execute_tool"))
            if attributes.text(TOOL) == Some("mcp_list_tools") =>
        {
            Override::Plain
        }
        ("openai_agents" | "openai-agents", Some("chat"))
            if attributes.text(OUTPUT_TYPE) == Some("speech")
                || span.name == "chat transcription" =>
        {
            Override::To("generate_content")
        }
        // A turn of an agent of AG2's, and the messages between agents.
        ("ag2", Some("chat")) => match attributes.text(MESSAGE_TYPE) {
            Some("generate_reply") => Override::To("invoke_agent"),
            Some(_) => Override::Plain,
            None => Override::None,
        },
        ("ag2", Some("invoke_agent"))
            if attributes.contains("gen_ai.groupchat.speaker_selection") =>
        {
            Override::Plain
        }
        ("langgraph", Some("invoke_agent")) if attributes.text(AGENT) == Some(MODEL_NODE) => {
            Override::Plain
        }
        // What follows each answer, with tools or without.
        ("pydantic_ai", Some("execute_tool")) if !attributes.contains(TOOL) => Override::Plain,
        // Work around model calls.
        ("llamaindex", Some("chat"))
            if (attributes.text(ENDPOINT)).is_some_and(|work| work.starts_with("response_")) =>
        {
            Override::Plain
        }
        _ => Override::None,
    }
}

/// Recognises a step of CrewAI's that is not an agent. The instrumentation reports every step of a flow as an agent run, and
/// CrewAI's work around a model as a flow. Real agents have names.
pub(super) fn is_crewai_step(span: &SourceSpan) -> bool {
    framework(span) == "crewai"
        && span.attributes.text(OPERATION) == Some("invoke_agent")
        && !span.attributes.contains(AGENT)
}

pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    match framework(span) {
        "openai_agents" | "openai-agents" => adjust_openai_agents(span, kind),
        // The counts are a quarter of the number of characters.
        "ag2" if span.attributes.contains(MESSAGE_TYPE) => {
            let is_made_up =
                |key: &str| key.starts_with("gen_ai.usage.") || key.starts_with("gen_ai.cost.");
            span.attributes.retain(|key, _| !is_made_up(key));
        }
        "claude_agent_sdk" | "claude-agent-sdk" => adjust_claude_agents(span, kind),
        "langgraph" if kind == OperationKind::Plain => {
            span.attributes.remove(AGENT);
            span.attributes.remove(AGENT_ID);
            name_after_node(span);
        }
        _ => {}
    }
}

fn adjust_openai_agents(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Other => {
            attributes.rename(HANDOFF_FROM, "gen_ai.handoff.from_agent");
            attributes.rename(AGENT, "gen_ai.handoff.to_agent");
        }
        OperationKind::Plain => {
            attributes.remove(AGENT);
            name_after_node(span);
            if let Some(server) = span.name.strip_prefix("execute_tool ") {
                span.name = format!("mcp_list_tools {server}").into();
            }
        }
        _ => {}
    }
}

/// Names a part of an agent's run by itself.
fn name_after_node(span: &mut SourceSpan) {
    if let Some(node) = span.name.strip_prefix("invoke_agent ") {
        span.name = node.to_owned().into();
    }
}

fn adjust_claude_agents(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    // The provider is the SDK's name, and the system the real one.
    if attributes.contains("gen_ai.system") {
        attributes.remove("gen_ai.provider.name");
    }
    let is_of_program =
        attributes.contains("server.address") || attributes.contains("gen_ai.conversation.id");
    if kind == OperationKind::Agent && !is_of_program {
        // An agent below another one. The model describes in its own words what it is to do.
        attributes.rename(AGENT, "gen_ai.agent.description");
        attributes.set(AGENT, "subagent");
        // The total is recorded as the input.
        if !attributes.contains(tokens::OUTPUT) {
            attributes.rename(tokens::INPUT, "gen_ai.usage.total_tokens");
        }
    }
}
