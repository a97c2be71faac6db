//! Lists of the old per-message events in an attribute: `[{"event.name": "gen_ai.user.message", "content": ...}]`.

use serde_json::Value;

use super::{INPUT, OUTPUT, json};
use crate::Attributes;

/// Splits the events under `key` into what the model was asked and what it answered.
///
/// The answer follows the last message of a user or a tool. It consists of choices, or if there are none, of the assistant's
/// messages, and in both cases of what the provider's own tools did.
pub(super) fn take(attributes: &mut Attributes, key: &str) {
    let Some(Value::Array(mut input)) = json::read(attributes, key) else {
        return;
    };
    attributes.remove(key);
    // Logfire leaves out the names of the events of Google's SDK.
    let is_choice = |event: &Value| {
        event_name(event) == "gen_ai.choice" || event.get("finish_reason").is_some()
    };
    let has_choices = input.iter().any(is_choice);
    let belongs_to_answer = |event: &Value| match event_name(event) {
        UNKNOWN_EVENT => !is_input_part(event),
        _ if has_choices => is_choice(event),
        _ => is_answer(event),
    };
    let last_input = input.iter().rposition(|event| !belongs_to_answer(event));
    let mut output = input.split_off(last_input.map_or(0, |last| last + 1));
    // A choice is an answer wherever it is in the list.
    output.splice(0..0, input.extract_if(.., |event| is_choice(event)));
    for event in input.iter_mut().chain(&mut output) {
        unwrap_unknown(event);
    }
    if !input.is_empty() {
        json::put(attributes, INPUT, Value::Array(input));
    }
    if !output.is_empty() {
        json::put(attributes, OUTPUT, Value::Array(output));
    }
}

/// Splits the messages of a run in the same way.
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

/// The event for an item of unknown type. Its text only refers to its data.
const UNKNOWN_EVENT: &str = "gen_ai.unknown";

/// Replaces such an event with the item that it carries.
fn unwrap_unknown(event: &mut Value) {
    if event_name(event) == UNKNOWN_EVENT
        && let Some(data) = event.get_mut("data").filter(|data| data.is_object())
    {
        *event = data.take();
    }
}

/// Recognises a part of a message to the Responses API (`input_text`, `input_image`, ...), which older versions list on its own.
fn is_input_part(event: &Value) -> bool {
    let kind = event.pointer("/data/type").and_then(Value::as_str);
    kind.is_some_and(|kind| kind.starts_with("input_"))
}

fn event_name(event: &Value) -> &str {
    event
        .get("event.name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn is_answer(event: &Value) -> bool {
    event_name(event) == "gen_ai.assistant.message"
        || event.get("role").and_then(Value::as_str) == Some("assistant")
}
