//! Google's agent development kit: ADK 2, whose spans name their operation, and adk-rust and ADK 1, whose spans mostly do not.

mod chunks;

use serde_json::Value;

use super::{
    DEFINITIONS, Dialect, OperationKind, Override, aliases, has_known_operation, has_prefix, json,
    usage,
};
use crate::{Attributes, SourceSpan, provider, tokens};

pub(super) static ADK: Dialect = Dialect {
    name: "adk",
    recognises,
    #[rustfmt::skip]
    aliases: &aliases([
        ("gen_ai.usage.audio_input_tokens", "gcp.vertex.agent.usage.audio_input_tokens"),
        ("gen_ai.usage.audio_output_tokens", "gcp.vertex.agent.usage.audio_output_tokens"),
        ("gcp.vertex.agent.tool_call_args", "gen_ai.tool.call.arguments"),
        ("gcp.vertex.agent.tool_response", "gen_ai.tool.call.result"),
        ("gen_ai.tool_definitions", DEFINITIONS),
        ("adk.user_id", "user.id"),
        ("agent.name", "gen_ai.agent.name"),
        ("team.relationship.from", "gen_ai.handoff.from_agent"),
        ("team.relationship.to", "gen_ai.handoff.to_agent"),
        ("tool.name", "gen_ai.tool.name"),
        (REQUEST, "gen_ai.input.messages"),
        (RESPONSE, "gen_ai.output.messages"),
    ]),
    operation,
    adjust,
    ..Dialect::NONE
};

const REQUEST: &str = "gcp.vertex.agent.llm_request";
const RESPONSE: &str = "gcp.vertex.agent.llm_response";
const WITHHELD_REASONS: [&str; 4] = ["finish_reason", "finishReason", "error_code", "errorCode"];
const EXPERIMENTAL_REASONING: &str = "gen_ai.usage.experimental.reasoning_tokens";

fn recognises(span: &SourceSpan) -> bool {
    span.scope == "gcp.vertex.agent"
        || span.scope.starts_with("adk_")
        || has_prefix(span, "gcp.vertex.agent.")
}

fn operation(span: &SourceSpan) -> Override {
    if repeats_tool_calls(span) {
        return Override::Plain;
    }
    if has_known_operation(span) {
        return Override::None;
    }
    match &*span.name {
        "call_llm" => Override::To("generate_content"),
        "agent.execute" | "agent.run" => Override::To("invoke_agent"),
        "gen_ai.generate" => Override::To("generate_content"),
        "invocation" => Override::Plain,
        name if tool_in_name(name).is_some() => Override::To("execute_tool"),
        "team.relationship.execute" if is_handoff(span) => Override::To("handoff"),
        "tool.execute" => Override::To("execute_tool"),
        name if agent_in_name(name).is_some() => Override::To("invoke_agent"),
        _ => Override::None,
    }
}

/// Recognises a span that repeats tool calls which were made at the same time.
pub(super) fn repeats_tool_calls(span: &SourceSpan) -> bool {
    span.attributes.text("gen_ai.tool.name") == Some("(merged tools)")
}

/// Recognises a handoff between members of a team. Delegating is a tool call instead.
fn is_handoff(span: &SourceSpan) -> bool {
    span.attributes.text("team.relationship.kind") == Some("handoff")
}

/// Returns the agent in a span name of the form `agent_run [X]`.
pub(super) fn agent_in_name(name: &str) -> Option<&str> {
    name.strip_prefix("agent_run [")?.strip_suffix(']')
}

/// Returns the tool in a span name of the form `tool_call [X]`, used up to ADK 1.2.
fn tool_in_name(name: &str) -> Option<&str> {
    name.strip_prefix("tool_call [")?.strip_suffix(']')
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if let Some(name) = agent_in_name(&span.name) {
        let name = name.to_owned();
        span.attributes.supply("gen_ai.agent.name", name);
    }
    if let Some(name) = tool_in_name(&span.name) {
        let name = name.to_owned();
        span.attributes.supply("gen_ai.tool.name", name);
    }
    let attributes = &mut span.attributes;
    if kind == OperationKind::Call {
        chunks::merge(attributes);
    }
    // Tool spans also have the keys of a model call, with `{}` as the value.
    for key in [REQUEST, RESPONSE] {
        if kind != OperationKind::Call || matches!(attributes.text(key), Some("{}" | "null")) {
            attributes.remove(key);
        }
        strip_truncation_note(attributes, key);
        chunks::join_pieces(attributes, key);
    }
    read_request(attributes);
    name_provider(attributes);
    count_reasoning_once(attributes);
    read_response(attributes);
}

/// Reads the parameters and the tools of a request.
fn read_request(attributes: &mut Attributes) {
    let Some(mut request) = json::object(attributes, REQUEST) else {
        return;
    };
    json::put_parameters(attributes, &request);
    if let Some(Value::Object(config)) = request.get_mut("config") {
        json::put_parameters(attributes, config);
        if let Some(tools) = config.remove("tools") {
            json::put(attributes, DEFINITIONS, tools);
        }
    }
}

/// Names the provider. ADK 1 reports itself. If the model is called through litellm, its name starts with the provider.
fn name_provider(attributes: &mut Attributes) {
    if attributes.text("gen_ai.system") == Some("gcp.vertex.agent")
        && let Some(model) = attributes.text("gen_ai.request.model")
        && let Some(name) = provider::in_front_of(model)
    {
        attributes.set("gen_ai.system", name);
    }
}

/// Reads the counts of a response, and why an answer was withheld.
fn read_response(attributes: &mut Attributes) {
    let Some(response) = json::object(attributes, RESPONSE) else {
        return;
    };
    // A withheld answer has a reason and counts, but no content. If the prompt was blocked, the reason is only an error code. In
    // JavaScript it always is.
    if !response.contains_key("content")
        && let Some(reason) = WITHHELD_REASONS.iter().find_map(|key| response.get(*key))
    {
        attributes.remove(RESPONSE);
        json::put(attributes, "gen_ai.response.finish_reasons", reason.clone());
    }
    // Spelled as in Python and as in JavaScript.
    for key in ["usage_metadata", "usageMetadata"] {
        usage::put_value(attributes, response.get(key));
    }
}

/// Makes the output include the reasoning exactly once.
///
/// Up to ADK 2.2 the output lacks the reasoning, as in Gemini's counts. Later versions add it, even for litellm, whose output
/// already includes it. The model's name then starts with the provider.
fn count_reasoning_once(attributes: &mut Attributes) {
    let model = attributes.text("gen_ai.request.model");
    let is_through_litellm = model.is_some_and(|model| provider::in_front_of(model).is_some());
    let output = attributes.integer(tokens::OUTPUT).unwrap_or(0);
    if let Some(reasoning) = attributes.integer(EXPERIMENTAL_REASONING)
        && !attributes.contains(tokens::REASONING)
    {
        attributes.rename(EXPERIMENTAL_REASONING, tokens::REASONING);
        if !is_through_litellm {
            attributes.set(tokens::OUTPUT, output.saturating_add(reasoning));
        }
    } else if let Some(reasoning) = attributes.integer(tokens::REASONING)
        && is_through_litellm
        && !attributes.contains(tokens::TOTAL)
        && (0..output).contains(&reasoning)
    {
        attributes.set(tokens::OUTPUT, output - reasoning);
    }
}

/// Removes the note that adk-rust appends to JSON that it cut, which leaves the beginning: `...[truncated 700 bytes]`.
fn strip_truncation_note(attributes: &mut Attributes, key: &'static str) {
    let truncated = attributes.text(key).and_then(|text| {
        let (json, count) = text
            .strip_suffix(" bytes]")?
            .rsplit_once("...[truncated ")?;
        let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        is_count.then(|| json.to_owned())
    });
    if let Some(json) = truncated {
        attributes.set(key, json);
    }
}
