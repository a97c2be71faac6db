//! Unwraps the answers of tools.

use serde_json::Value;

use super::json::Object;
use crate::Attributes;

/// Fields that may hold the answer, if the object has no other content.
const WRAPPERS: [&str; 3] = ["output", "outputs", "result"];

/// Extracts a result from what a library wraps around it: `{"output": ...}`, or a LangChain message.
pub(super) fn content_of(value: Value) -> Value {
    let Value::Object(mut object) = value else {
        return value;
    };
    if let Some(content) = message_fields(&object).and_then(|fields| fields.get("content")) {
        return content.clone();
    }
    if is_wrapper(&object) {
        for key in WRAPPERS {
            if let Some(inner) = object.remove(key) {
                return content_of(inner);
            }
        }
    }
    Value::Object(object)
}

/// Returns the id of the call that a LangChain message answers.
pub(super) fn call_id_of(value: &Value) -> Option<&str> {
    let object = value.as_object()?;
    match message_fields(object) {
        Some(fields) => fields.get("tool_call_id")?.as_str(),
        None if is_wrapper(object) => WRAPPERS
            .iter()
            .find_map(|key| call_id_of(object.get(*key)?)),
        None => None,
    }
}

/// Extracts the answer from a LangChain message, and records which call it answers. Other values stay as they are.
pub(super) fn unwrap_message(attributes: &mut Attributes, value: Value) -> Value {
    match call_id_of(&value) {
        Some(id) => attributes.supply("gen_ai.tool.call.id", id),
        None => return value,
    }
    content_of(value)
}

/// Returns the fields of a LangChain message, which may be serialised.
fn message_fields(message: &Object) -> Option<&Object> {
    let key = match message.get("type")?.as_str()? {
        "constructor" => "kwargs",
        "tool" if message.contains_key("tool_call_id") => return Some(message),
        "tool" => "data",
        _ => return None,
    };
    message.get(key)?.as_object()
}

fn is_wrapper(object: &Object) -> bool {
    (object.keys())
        .all(|key| WRAPPERS.contains(&&**key) || matches!(&**key, "is_error" | "kwargs" | "tags"))
}
