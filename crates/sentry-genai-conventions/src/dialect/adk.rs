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
    // This span repeats tool calls that were made at the same time.
    if span.attributes.text("gen_ai.tool.name") == Some("(merged tools)") {
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

/// Recognises a handoff between members of a team. Delegating is a tool call instead.
fn is_handoff(span: &SourceSpan) -> bool {
    span.attributes.text("team.relationship.kind") == Some("handoff")
}

/// Returns the agent in a span name of the form `agent_run [X]`.
fn agent_in_name(name: &str) -> Option<&str> {
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
    if kind == OperationKind::Call {
        chunks::merge(&mut span.attributes);
    }
    // Tool spans also have the keys of a model call, with `{}` as the value.
    for key in [REQUEST, RESPONSE] {
        if kind != OperationKind::Call || matches!(span.attributes.text(key), Some("{}" | "null")) {
            span.attributes.remove(key);
        }
        strip_truncation_note(&mut span.attributes, key);
        chunks::join_pieces(&mut span.attributes, key);
    }
    if let Some(mut request) = json::object(&span.attributes, REQUEST) {
        json::put_parameters(&mut span.attributes, &request);
        if let Some(Value::Object(config)) = request.get_mut("config") {
            json::put_parameters(&mut span.attributes, config);
            if let Some(tools) = config.remove("tools") {
                json::put(&mut span.attributes, DEFINITIONS, tools);
            }
        }
    }
    // ADK 1 reports itself as the provider. If the model is called through litellm, its name starts with the provider.
    let attributes = &mut span.attributes;
    if attributes.text("gen_ai.system") == Some("gcp.vertex.agent")
        && let Some(model) = attributes.text("gen_ai.request.model")
        && let Some(name) = provider::in_front_of(model)
    {
        attributes.set("gen_ai.system", name);
    }
    count_reasoning_once(attributes);
    let response = json::object(&span.attributes, RESPONSE);
    // A withheld answer has a reason and counts, but no content. If the prompt was blocked, the reason is only an error code. In
    // JavaScript it always is.
    if let Some(response) = &response
        && !response.contains_key("content")
        && let Some(reason) = WITHHELD_REASONS.iter().find_map(|key| response.get(*key))
    {
        let attributes = &mut span.attributes;
        attributes.remove(RESPONSE);
        json::put(attributes, "gen_ai.response.finish_reasons", reason.clone());
    }
    // Spelled as in Python and as in JavaScript.
    for key in ["usage_metadata", "usageMetadata"] {
        if let Some(Value::Object(counts)) =
            response.as_ref().and_then(|response| response.get(key))
        {
            usage::put(&mut span.attributes, counts);
        }
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
