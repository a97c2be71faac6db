//! Takes fields out of JSON objects under any of their names.

use std::borrow::Cow;

use serde_json::Value;

use super::super::{Object, Role, parse::REDACTED};

/// Removes and returns the first of `keys` that has a value.
pub(in super::super) fn take(object: &mut Object, keys: &[&str]) -> Option<Value> {
    keys.iter()
        .find_map(|key| object.remove(*key).filter(is_present))
}

/// Removes and returns the first of `keys` that has a text. Other values stay.
pub(in super::super) fn take_text(object: &mut Object, keys: &[&str]) -> Option<String> {
    let key = keys.iter().find(|key| {
        object
            .get(**key)
            .is_some_and(|value| value.is_string() && is_present(value))
    })?;
    match object.remove(*key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Removes and returns an object.
pub(in super::super) fn take_object(object: &mut Object, key: &str) -> Option<Object> {
    if !object.get(key)?.is_object() {
        return None;
    }
    match object.remove(key) {
        Some(Value::Object(inner)) => Some(inner),
        _ => None,
    }
}

/// Returns an id: a text, or a number as a text.
pub(in super::super) fn take_id(object: &mut Object, keys: &[&str]) -> Option<String> {
    take(object, keys)
        .map(text_of)
        .filter(|text| !text.is_empty())
}

/// Returns whether a value is null or an empty object.
pub(super) fn is_null_or_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Object::is_empty)
}

/// Returns a value as text: a string itself, other values as JSON.
pub(crate) fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        value => value.to_string(),
    }
}

/// Returns the field `type` in a uniform spelling: `tool-call` becomes `tool_call`. .NET calls it `$type`.
pub(in super::super) fn kind(object: &Object) -> Option<Cow<'_, str>> {
    let Some(kind) = object.get("type").or_else(|| object.get("$type")) else {
        return pydantic_kind(object).map(Cow::Borrowed);
    };
    let kind = kind.as_str()?;
    let is_uniform = kind
        .bytes()
        .all(|byte| byte != b'-' && !byte.is_ascii_uppercase());
    Some(if is_uniform {
        kind.into()
    } else {
        kind.replace('-', "_").to_ascii_lowercase().into()
    })
}

/// Returns the type of a part that pydantic-ai states in a field `kind`. Others have a `kind`, too, but not exactly these fields.
fn pydantic_kind(object: &Object) -> Option<&'static str> {
    let name = object.get("kind")?.as_str()?;
    let (_, kind, fields) = PYDANTIC_KINDS.iter().find(|(known, ..)| *known == name)?;
    object
        .keys()
        .all(|key| key == "kind" || fields.contains(&key.as_str()))
        .then_some(*kind)
}

/// pydantic-ai's kinds of parts, the corresponding types, and their fields.
#[rustfmt::skip]
const PYDANTIC_KINDS: &[(&str, &str, &[&str])] = &[
    ("text", "text", &["text"]),
    ("thinking", "thinking", &["text"]),
    ("binary", "binary", PYDANTIC_MEDIA_FIELDS),
    ("image-url", "image_url", PYDANTIC_MEDIA_FIELDS),
    ("audio-url", "audio_url", PYDANTIC_MEDIA_FIELDS),
    ("video-url", "video_url", PYDANTIC_MEDIA_FIELDS),
    ("document-url", "document_url", PYDANTIC_MEDIA_FIELDS),
    ("tool-call", "tool_call", &["args", "id", "tool_call_id", "tool_name"]),
    ("tool-return", "tool_call_response", &["content", "tool_call_id", "tool_name"]),
];

const PYDANTIC_MEDIA_FIELDS: &[&str] = &[
    "binary_content",
    "data",
    "force_download",
    "identifier",
    "media_type",
    "url",
    "vendor_metadata",
];

/// Returns the role that a name stands for, if it is one that libraries use.
pub(in super::super) fn role(name: &str) -> Option<Role> {
    match name {
        "user" => return Some(Role::User),
        "assistant" => return Some(Role::Assistant),
        _ => {}
    }
    let name = name.to_ascii_lowercase().replace('-', "_");
    let name = name.strip_suffix("chunk").unwrap_or(&name);
    let name = name.strip_suffix("message").unwrap_or(name);
    Some(match name.trim_end_matches('_') {
        "system" | "developer" => Role::System,
        "user" | "user_input" | "human" => Role::User,
        "assistant" | "ai" | "model" | "model_output" | "bot" | "chatbot" | "reasoning"
        | "thinking" | "tool_call" => Role::Assistant,
        "tool" | "function" | "ipython" | "tool_response" | "tool_result" | "toolresult" => {
            Role::Tool
        }
        _ => return None,
    })
}

/// Returns the role and the text of a message spelled `["user", "Hi"]`.
pub(in super::super) fn role_and_text(items: &[Value]) -> Option<(Role, &str)> {
    match items {
        [Value::String(name), Value::String(text)] => Some((role(name)?, text)),
        _ => None,
    }
}

fn is_present(value: &Value) -> bool {
    !value.is_null() && value.as_str() != Some(REDACTED)
}
