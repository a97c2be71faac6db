//! Lists of the old per-message events, as an attribute: `[{"event.name": "gen_ai.user.message", "content": ...}]`.

use serde_json::Value;

use super::{INPUT, OUTPUT, json};
use crate::Attributes;

/// Splits the events under `key` into what the model was asked and what it answered.
///
/// A run's list has the answer as its last assistant message; a call's has it as a choice.
pub(super) fn take(attributes: &mut Attributes, key: &str) {
    let Some(Value::Array(mut input)) = json::read(attributes, key) else {
        return;
    };
    attributes.remove(key);
    let mut output: Vec<_> = input
        .extract_if(.., |event| name(event) == "gen_ai.choice")
        .collect();
    if output.is_empty() && input.last().is_some_and(is_answer) {
        output.extend(input.pop());
    }
    if !input.is_empty() {
        json::put(attributes, INPUT, Value::Array(input));
    }
    if !output.is_empty() {
        json::put(attributes, OUTPUT, Value::Array(output));
    }
}

/// Splits a run's messages likewise.
pub(super) fn split(attributes: &mut Attributes, key: &str) {
    let Some(Value::Array(mut input)) = json::read(attributes, key) else {
        return;
    };
    attributes.remove(key);
    if input.last().is_some_and(is_answer)
        && let Some(answer) = input.pop()
    {
        json::put(attributes, OUTPUT, Value::Array(vec![answer]));
    }
    if !input.is_empty() {
        json::put(attributes, INPUT, Value::Array(input));
    }
}

fn name(event: &Value) -> &str {
    event
        .get("event.name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn is_answer(event: &Value) -> bool {
    name(event) == "gen_ai.assistant.message"
        || event.get("role").and_then(Value::as_str) == Some("assistant")
}
