//! JetBrains' Tracy: flattened messages, in which each API keeps its own names for tool calls.

use serde_json::{Value, json};

use super::{
    DEFINITIONS, Dialect, INPUT, INSTRUCTIONS, OUTPUT, OperationKind, aliases, indexed, json,
    traceloop, usage,
};
use crate::Attributes;

pub(super) static TRACY: Dialect = Dialect {
    name: "tracy",
    recognises: |span| span.scope == "tracy",
    aliases: &aliases([("gen_ai.prompt.system.content", INSTRUCTIONS)]),
    adjust: |span, kind| {
        let attributes = &mut span.attributes;
        // A placeholder for content that it was not allowed to record.
        attributes.retain(|_, value| value != crate::Value::Str("REDACTED"));
        if kind == OperationKind::Call {
            read_messages(attributes, "gen_ai.prompt.", "user", INPUT);
            read_messages(attributes, "gen_ai.completion.", "assistant", OUTPUT);
            if let Some(blocks) = indexed::take(attributes, "gen_ai.prompt.system.") {
                json::put(attributes, INSTRUCTIONS, blocks);
            }
            read_definitions(attributes);
            if attributes.text("gen_ai.system") == Some("gemini") {
                usage::derive_reasoning(attributes);
            }
        }
    },
    ..Dialect::NONE
};

fn read_messages(attributes: &mut Attributes, prefix: &str, role: &str, key: &'static str) {
    if let Some(Value::Array(mut messages)) = indexed::take(attributes, prefix) {
        for message in messages.iter_mut().filter_map(Value::as_object_mut) {
            restore(message);
        }
        let has_content = |message: &Value| message.as_object().is_some_and(has_content);
        if messages.iter().any(has_content) {
            let messages = traceloop::messages_from_flattened(messages.into(), role);
            json::put(attributes, key, messages);
        }
    }
}

fn has_content(message: &json::Object) -> bool {
    (message.keys()).any(|key| !matches!(&**key, "annotations" | "finish_reason" | "role" | "type"))
}

/// Restores a message, or an item of OpenAI's Responses, from its flattened fields.
fn restore(message: &mut json::Object) {
    for (written, field) in [
        ("output_type", "type"),
        ("output_content", "content"),
        ("tool_call_type", "type"),
        ("tool_name", "name"),
        ("tool_arguments", "arguments"),
    ] {
        if let Some(value) = message.remove(written) {
            message.insert(field.to_owned(), value);
        }
    }
    if matches!(message.get("type"), Some(kind) if kind == "function_call" || kind == "function_call_output")
        && let Some(id) = message.remove("tool_call_id")
    {
        message.insert("call_id".to_owned(), id);
    }
    for field in ["content", "summary"] {
        if let Some(content) = message.get_mut(field) {
            *content = literal(content.take());
        }
    }
    if message.get("content").is_some_and(Value::is_null) {
        message.remove("content");
    }
    match message.get("type").and_then(Value::as_str) {
        Some("thinking") => _ = message.insert("role".to_owned(), "thinking".into()),
        Some("text" | "tool_use") => _ = message.remove("type"),
        _ => {}
    }
    let calls = message.remove("tool");
    // Gemini's content has the calls already.
    if message.get("content").is_some_and(Value::is_array) {
        return;
    }
    let calls = match calls {
        Some(Value::Array(calls)) => calls,
        Some(call @ Value::Object(_)) => vec![call],
        _ => return,
    };
    // Without a name, it was not allowed to record the call.
    let named = calls.into_iter().filter(|call| call["name"].is_string());
    let calls: Vec<_> = named
        .map(|mut call| {
            json!({
                "id": call.pointer("/call/id"),
                "type": "function",
                "function": {
                    "name": json::take(&mut call, "name"),
                    "arguments": json::take(&mut call, "arguments"),
                },
            })
        })
        .collect();
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), calls.into());
    }
}

/// Parses a text, parts or a null that is written as JSON. Anything else stays a text.
fn literal(value: Value) -> Value {
    let parsed = (value.as_str()).and_then(|text| serde_json::from_str::<Value>(text).ok());
    match parsed {
        Some(parsed @ (Value::Null | Value::String(_))) => parsed,
        Some(Value::Array(parts)) if parts.iter().all(Value::is_object) => parts.into(),
        _ => value,
    }
}

/// Reads the definitions of tools. Gemini's are lists in lists.
fn read_definitions(attributes: &mut Attributes) {
    let Some(Value::Array(tools)) = indexed::take(attributes, "gen_ai.tool.") else {
        return;
    };
    let tools = tools
        .into_iter()
        .flat_map(|mut tool| match json::take(&mut tool, "function") {
            Value::Array(functions) => functions,
            _ => vec![tool],
        });
    let tools = tools.map(|mut tool| {
        if let Some(schema) = tool.get_mut("parameters") {
            *schema = json::parsed(schema.take());
        }
        if let Some(tool) = tool.as_object_mut() {
            tool.insert("type".to_owned(), "function".into());
        }
        tool
    });
    json::put(attributes, DEFINITIONS, tools.collect());
}
