//! What a tool answered, without the wrapping of the library that passed it on.

use serde_json::Value;

use super::{
    super::{Object, parse},
    fields::{kind, take_text},
    kind::{Kind, TEXT_FIELDS, kind_of},
};

/// Reads a tool's answer. A list of texts becomes one text, also if it is JSON in a string, and a value wrapped with its type is
/// unwrapped.
pub(crate) fn answer(mut value: Value) -> Value {
    loop {
        value = match value {
            Value::Object(mut object) if is_typed_value(&object) => {
                object.remove("value").unwrap_or_default()
            }
            Value::Array(items) if !items.is_empty() && items.iter().all(is_text) => {
                let texts: Vec<String> = items.into_iter().filter_map(text_item).collect();
                Value::String(texts.join("\n"))
            }
            Value::Array(mut items) if items.len() == 1 && is_json_item(&items[0]) => {
                items[0]["json"].take()
            }
            Value::String(text) => match list_in_text(&text) {
                Some(items) => Value::Array(items),
                None => return Value::String(text),
            },
            value => return value,
        };
    }
}

/// Reads a list in a string if a library wrote it: texts that state their type, or a single value of Bedrock's. Anything else is
/// what the tool said.
fn list_in_text(text: &str) -> Option<Vec<Value>> {
    if !text.starts_with("[{") {
        return None;
    }
    let Some(Value::Array(items)) = parse::json(text) else {
        return None;
    };
    let is_typed_text = |item: &Value| item["type"] == "text" && is_text(item);
    let is_wrapped = items.iter().all(is_typed_text) || items.len() == 1 && is_json_item(&items[0]);
    is_wrapped.then_some(items)
}

/// Recognises the AI SDK's `{"type": "json", "value": ...}`.
fn is_typed_value(object: &Object) -> bool {
    let is_typed = kind(object).is_some_and(|kind| {
        matches!(
            kind.as_ref(),
            "text" | "json" | "error_text" | "error_json" | "content"
        )
    });
    is_typed
        && object.contains_key("value")
        && object
            .keys()
            .all(|key| matches!(key.as_str(), "type" | "value" | "providerOptions"))
}

fn is_text(item: &Value) -> bool {
    item.as_object().is_some_and(|object| {
        kind_of(object) == Some(Kind::Text)
            && object
                .iter()
                .any(|(key, value)| TEXT_FIELDS.contains(&key.as_str()) && value.is_string())
    })
}

fn text_item(mut item: Value) -> Option<String> {
    take_text(item.as_object_mut()?, TEXT_FIELDS)
}

fn is_json_item(item: &Value) -> bool {
    item.as_object()
        .is_some_and(|object| object.len() == 1 && object.contains_key("json"))
}
