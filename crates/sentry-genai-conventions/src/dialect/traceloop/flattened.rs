//! Messages and definitions of tools that are spread over numbered attributes.

use serde_json::Value;

use super::{DEFINITIONS, INPUT, OUTPUT, bedrock, frameworks, indexed, is_bedrock, json};
use crate::{Attributes, SourceSpan};

/// Reads the flattened messages.
pub(super) fn read_messages(span: &mut SourceSpan) {
    // The SDKs for Go and Ruby have the older names.
    let prompts = indexed::take(&mut span.attributes, "gen_ai.prompt.")
        .or_else(|| indexed::take(&mut span.attributes, "llm.prompts."));
    if let Some(mut prompts) = prompts {
        if is_bedrock(span) {
            bedrock::unquote_contents(&mut prompts);
        }
        let messages = messages_from_flattened(prompts, "user");
        json::put(&mut span.attributes, INPUT, messages);
    }
    let completions = indexed::take(&mut span.attributes, "gen_ai.completion.")
        .or_else(|| indexed::take(&mut span.attributes, "llm.completions."))
        .filter(|completions| !frameworks::are_field_names(span, completions));
    if let Some(completions) = completions {
        let messages = messages_from_flattened(completions, "assistant");
        json::put(&mut span.attributes, OUTPUT, messages);
    }
}

/// Creates messages from a flattened list. The prompt of an old completion is from the user, and reasoning belongs to the turn
/// that follows.
pub(in crate::dialect) fn messages_from_flattened(messages: Value, role: &str) -> Value {
    let Value::Array(items) = messages else {
        return messages;
    };
    let mut turns: Vec<Value> = Vec::with_capacity(items.len());
    for mut item in items {
        let Some(message) = item.as_object_mut() else {
            continue;
        };
        if let Some(text) = message.remove("user") {
            message.entry("content").or_insert(text);
            message.insert("role".to_owned(), "user".into());
        }
        message.entry("role").or_insert_with(|| role.into());
        // LangChain's instrumentation writes an empty text as a quoted one.
        if message.get("content").and_then(Value::as_str) == Some("\"\"") {
            message.remove("content");
        }
        // Together's instrumentation in JavaScript also writes a tool call as that of a function.
        if repeats_call(message) {
            message.remove("function_call");
        }
        let is_answer = message.get("role").and_then(Value::as_str) == Some("assistant");
        if is_answer
            && turns.last().is_some_and(|last| last["role"] == "thinking")
            && let Some(mut reasoning) = turns.pop()
        {
            // Without streaming, only the first turn states why the response ended.
            if let Some(reason) = reasoning.get_mut("finish_reason").map(Value::take) {
                message.entry("finish_reason").or_insert(reason);
            }
            message.insert("reasoning_content".to_owned(), reasoning["content"].take());
        }
        turns.push(item);
    }
    Value::Array(turns)
}

fn repeats_call(message: &json::Object) -> bool {
    let (Some(function), Some(Value::Array(calls))) =
        (message.get("function_call"), message.get("tool_calls"))
    else {
        return false;
    };
    let is_same = |call: &Value| {
        ["name", "arguments"]
            .iter()
            .all(|key| call[key] == function[key])
    };
    calls.iter().any(is_same)
}

/// Restores the definitions of tools from `llm.request.functions.N.*`.
pub(in crate::dialect) fn put_definitions(attributes: &mut Attributes, prefix: &str) {
    let Some(Value::Array(mut functions)) = indexed::take(attributes, prefix) else {
        return;
    };
    for function in &mut functions {
        // In JavaScript, the schema is under this name.
        if let Value::Object(function) = function
            && let Some(schema) = function.remove("arguments")
        {
            function.entry("parameters").or_insert(schema);
        }
        for key in ["parameters", "input_schema"] {
            if let Some(schema) = function.get_mut(key) {
                *schema = json::parsed(schema.take());
            }
        }
    }
    json::put(attributes, DEFINITIONS, Value::Array(functions));
}
