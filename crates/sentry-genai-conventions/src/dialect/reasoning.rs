//! Puts reasoning that is recorded apart from the answer into the answer.

use serde_json::Value;

use super::{OUTPUT, json};
use crate::Attributes;

/// Returns whether a part of a message is reasoning.
pub(super) fn is_part(part: &Value) -> bool {
    part["type"] == "reasoning"
}

/// Adds parts with reasoning at the beginning of the last answer, unless it has reasoning. Returns whether it has now.
pub(super) fn add(attributes: &mut Attributes, reasoning: Vec<Value>) -> bool {
    if reasoning.is_empty() {
        return false;
    }
    let Some(Value::Array(mut messages)) = json::read(attributes, OUTPUT) else {
        return false;
    };
    let last = messages.last_mut();
    let Some(Value::Array(answer)) = last.and_then(|message| message.get_mut("parts")) else {
        return false;
    };
    if !answer.iter().any(is_part) {
        answer.splice(..0, reasoning);
        json::set(attributes, OUTPUT, messages.into());
    }
    true
}
