//! OpenTelemetry's first instrumentation of OpenAI's agents, which preceded the one in its GenAI conventions.

use serde_json::{Value, json};

use super::{Dialect, INPUT, OUTPUT, OperationKind, Override, json};
use crate::{Attributes, SourceSpan, SpanKind, messages, tokens};

pub(super) static OPENAI_AGENTS: Dialect = Dialect {
    name: "openai_agents",
    recognises,
    operation,
    adjust,
    ..Dialect::NONE
};

/// The agent name on every span.
const DEFAULT_AGENT: &str = "OpenAI Agent";

/// OpenLLMetry's instrumentation has the same scope, but also one of these attributes on every span.
fn recognises(span: &SourceSpan) -> bool {
    span.scope == "opentelemetry.instrumentation.openai_agents"
        && !span.attributes.contains_any(&[
            "llm.request.type",
            "traceloop.span.kind",
            "traceloop.workflow.name",
        ])
}

fn operation(span: &SourceSpan) -> Override {
    let attributes = &span.attributes;
    match attributes.text("gen_ai.operation.name") {
        // OpenLLMetry's response of a voice session. Another span of the operation lasts while audio arrives, and has no more.
        Some("realtime") if attributes.contains_any(&[tokens::INPUT, tokens::OUTPUT, OUTPUT]) => {
            Override::To("chat")
        }
        // The span of the trace claims to be an agent.
        Some("invoke_agent")
            if span.kind == Some(SpanKind::Server)
                && attributes
                    .text("gen_ai.agent.name")
                    .is_none_or(|name| name == DEFAULT_AGENT || *name == *span.name) =>
        {
            Override::Plain
        }
        _ => Override::None,
    }
}

fn adjust(span: &mut SourceSpan, _: OperationKind) {
    if span.attributes.text("gen_ai.agent.name") == Some(DEFAULT_AGENT) {
        for key in [
            "gen_ai.agent.name",
            "gen_ai.agent.id",
            "gen_ai.agent.description",
        ] {
            span.attributes.remove(key);
        }
    }
    for key in [INPUT, OUTPUT] {
        parse_reprs(&mut span.attributes, key);
    }
}

/// Parses messages that have Python's `str` of an object in place of their text. The objects are messages of Chat Completions,
/// responses, items of responses and parts of messages.
fn parse_reprs(attributes: &mut Attributes, key: &'static str) {
    let may_have_repr = |text: &str| text.contains("\"{'") || text.contains("\"Response");
    if !attributes.text(key).is_some_and(may_have_repr) {
        return;
    }
    let Some(Value::Array(messages)) = json::read(attributes, key) else {
        return;
    };
    let mut parsed = Vec::new();
    for message in messages {
        push_parsed(&mut parsed, message);
    }
    json::set(attributes, key, parsed.into());
}

/// Appends a message, or what the reprs in its parts hold.
fn push_parsed(parsed: &mut Vec<Value>, message: Value) {
    let parts = message["parts"].as_array().map(Vec::as_slice);
    let items: Vec<_> = (parts.unwrap_or_default().iter())
        .map(|part| (part, item_from_repr(part)))
        .collect();
    if items.iter().all(|(_, item)| item.is_none()) {
        parsed.push(message);
        return;
    }
    let role = &message["role"];
    for (part, item) in items {
        match item {
            Some(item) if is_part(&item) => push_part(parsed, role, item),
            Some(item) => parsed.push(item),
            None => parsed.push(json!({"role": role, "parts": [part]})),
        }
    }
}

/// Returns the object whose `str` a part holds.
fn item_from_repr(part: &Value) -> Option<Value> {
    let text = part["content"].as_str()?;
    let item = match text.as_bytes().first()? {
        b'{' => messages::read_json(text)?,
        b'R' => messages::read_constructor(text)?,
        _ => return None,
    };
    let kind = item["type"].as_str().unwrap_or_default();
    let is_item = kind.starts_with("input_")
        || kind.ends_with("_call")
        || matches!(kind, "message" | "output_text" | "reasoning" | "refusal")
        || item["object"] == "response"
        || (item["role"].is_string() && item.get("content").is_some());
    is_item.then_some(item)
}

/// Returns whether an item is only a part of a message.
fn is_part(item: &Value) -> bool {
    let kind = item["type"].as_str().unwrap_or_default();
    kind.starts_with("input_") || matches!(kind, "output_text" | "refusal")
}

/// Appends a part to the last message if that has the same role, or else to a new message.
fn push_part(messages: &mut Vec<Value>, role: &Value, part: Value) {
    if let Some(last) = messages.last_mut()
        && last["role"] == *role
        && let Some(parts) = last.get_mut("content").and_then(Value::as_array_mut)
    {
        parts.push(part);
    } else {
        messages.push(json!({"role": role, "content": [part]}));
    }
}
