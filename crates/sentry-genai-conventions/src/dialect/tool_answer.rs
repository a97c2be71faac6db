//! What libraries wrap around the answer of a tool.

use serde_json::Value;

use super::json::Object;

/// Where they have it, if that is all they say.
const WRAPPERS: [&str; 3] = ["output", "outputs", "result"];

/// Takes a result out of what a library wraps around it: `{"output": ...}`, or a serialised LangChain message.
pub(super) fn content_of(value: Value) -> Value {
    let Value::Object(mut object) = value else {
        return value;
    };
    if let Some(key) = fields(&object)
        && let Some(content) = object
            .get_mut(key)
            .and_then(|fields| fields.get_mut("content"))
    {
        return content.take();
    }
    if wraps(&object) {
        for key in WRAPPERS {
            if let Some(inner) = object.remove(key) {
                return content_of(inner);
            }
        }
    }
    Value::Object(object)
}

/// Returns the id of the call that a LangChain message answers.
pub(super) fn call_of(value: &Value) -> Option<&str> {
    let object = value.as_object()?;
    match fields(object) {
        Some(key) => object.get(key)?.get("tool_call_id")?.as_str(),
        None if wraps(object) => WRAPPERS.iter().find_map(|key| call_of(object.get(*key)?)),
        None => None,
    }
}

/// Returns where a serialised LangChain message has its fields.
fn fields(message: &Object) -> Option<&'static str> {
    match message.get("type")?.as_str()? {
        "constructor" => Some("kwargs"),
        "tool" => Some("data"),
        _ => None,
    }
}

fn wraps(object: &Object) -> bool {
    (object.keys()).all(|key| WRAPPERS.contains(&&**key) || matches!(&**key, "kwargs" | "tags"))
}
