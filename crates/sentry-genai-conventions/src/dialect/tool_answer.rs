//! Unwraps the answers of tools.

use serde_json::Value;

use super::json::Object;

/// Fields that may hold the answer, if the object has no other content.
const WRAPPERS: [&str; 3] = ["output", "outputs", "result"];

/// Extracts a result from what a library wraps around it: `{"output": ...}`, or a serialised LangChain message.
pub(super) fn content_of(value: Value) -> Value {
    let Value::Object(mut object) = value else {
        return value;
    };
    if let Some(key) = message_fields_key(&object)
        && let Some(content) = object
            .get_mut(key)
            .and_then(|fields| fields.get_mut("content"))
    {
        return content.take();
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
    match message_fields_key(object) {
        Some(key) => object.get(key)?.get("tool_call_id")?.as_str(),
        None if is_wrapper(object) => WRAPPERS
            .iter()
            .find_map(|key| call_id_of(object.get(*key)?)),
        None => None,
    }
}

/// Returns the member that holds the fields of a serialised LangChain message.
fn message_fields_key(message: &Object) -> Option<&'static str> {
    match message.get("type")?.as_str()? {
        "constructor" => Some("kwargs"),
        "tool" => Some("data"),
        _ => None,
    }
}

fn is_wrapper(object: &Object) -> bool {
    (object.keys())
        .all(|key| WRAPPERS.contains(&&**key) || matches!(&**key, "is_error" | "kwargs" | "tags"))
}
