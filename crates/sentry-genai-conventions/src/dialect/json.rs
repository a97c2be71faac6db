//! JSON in attributes: reading it, taking values out of it, and writing it back.

use serde_json::{Map, Value};

use super::OperationKind;
use crate::{Attributes, Scalar, messages, privacy};

pub(super) type Object = Map<String, Value>;

/// Returns an attribute's value as JSON; a text stays a string.
pub(crate) fn value(value: crate::Value<'_>) -> Value {
    match value {
        crate::Value::Bool(value) => value.into(),
        crate::Value::Integer(value) => value.into(),
        crate::Value::Double(value) => value.into(),
        crate::Value::Str(value) => value.into(),
        crate::Value::Array(values) => values.iter().map(scalar).collect(),
    }
}

/// Returns an item of a list as JSON.
pub(crate) fn scalar(value: &Scalar) -> Value {
    match value {
        Scalar::Bool(value) => (*value).into(),
        Scalar::Integer(value) => (*value).into(),
        Scalar::Double(value) => (*value).into(),
        Scalar::Str(value) => value.as_str().into(),
    }
}

/// Reads an attribute that holds JSON or a Python repr.
pub(super) fn read(attributes: &Attributes, key: &str) -> Option<Value> {
    messages::read_json(attributes.text(key)?)
}

/// Reads an attribute that holds a JSON object or a Python dict.
pub(super) fn object(attributes: &Attributes, key: &str) -> Option<Object> {
    match read(attributes, key)? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// Reads the quoted text at the start of `text`, in the spelling of JSON or Python.
pub(super) fn literal(text: &str) -> Option<String> {
    let quote = text
        .chars()
        .next()
        .filter(|quote| matches!(quote, '\'' | '"'))?;
    let mut is_escaped = false;
    let end = text[1..].find(|letter| {
        let is_closing = letter == quote && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        is_closing
    })?;
    let list = format!("[{}]", text.get(..end + 2)?);
    Some(messages::read_json(&list)?[0].as_str()?.to_owned())
}

/// Returns whether a member holds anything.
pub(super) fn has(object: &Object, key: &str) -> bool {
    object.get(key).is_some_and(|value| !is_empty(value))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Takes a member out of a value; null if the value is not an object or has no such member, where indexing could panic.
pub(super) fn take(value: &mut Value, member: &str) -> Value {
    value.get_mut(member).map(Value::take).unwrap_or_default()
}

/// Returns a JSON value as text: a string itself, other values as JSON. Returns `None` for null and for an empty string.
pub(super) fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => (!text.is_empty()).then_some(text),
        value => Some(value.to_string()),
    }
}

/// Appends a JSON value as text under `key`, unless the key already has a value.
pub(super) fn put(attributes: &mut Attributes, key: &'static str, value: Value) {
    if attributes.contains(key) {
        return;
    }
    if let Some(text) = text(value) {
        attributes.push(key, text);
    }
}

/// Replaces the value of `key` by a JSON value as text.
pub(super) fn set(attributes: &mut Attributes, key: &'static str, value: Value) {
    attributes.remove(key);
    put(attributes, key, value);
}

/// Parses a text that is JSON. Other values stay as they are.
pub(super) fn parsed(value: Value) -> Value {
    match value {
        Value::String(text) => messages::read_json(&text).unwrap_or(Value::String(text)),
        value => value,
    }
}

/// Moves a value to another key, unless that already has one. JSON becomes text as by [`put`].
pub(super) fn rename(attributes: &mut Attributes, from: &str, to: &'static str) {
    if attributes.contains(from) {
        rename_unwrapped(attributes, from, to, |value| value);
    }
}

/// Does this for the input and the output of a span.
pub(super) fn rename_content(
    attributes: &mut Attributes,
    kind: OperationKind,
    input: &str,
    output: &str,
) {
    if let Some((canonical_input, canonical_output)) = kind.content() {
        rename(attributes, input, canonical_input);
        rename(attributes, output, canonical_output);
    }
}

/// Moves a value to its canonical key, without what wraps it, which may be there already. What is not JSON is moved as it is.
pub(super) fn rename_unwrapped(
    attributes: &mut Attributes,
    from: &str,
    to: &'static str,
    unwrap: impl FnOnce(Value) -> Value,
) {
    attributes.rename(from, to);
    if let Some(value) = read(attributes, to) {
        set(attributes, to, unwrap(value));
    }
}

/// Returns a list, or its item if it has only one.
pub(super) fn list_or_single(mut items: Vec<Value>) -> Value {
    match items.len() {
        1 => items.remove(0),
        _ => items.into(),
    }
}

/// Appends a scalar, if there is one, under `key` with its own type, unless the key already has a value.
pub(super) fn put_scalar<'v>(
    attributes: &mut Attributes,
    key: &'static str,
    value: impl Into<Option<&'v Value>>,
) {
    let Some(value) = value.into().filter(|_| !attributes.contains(key)) else {
        return;
    };
    match value {
        Value::Bool(value) => attributes.push(key, *value),
        Value::String(text) if !text.is_empty() => attributes.push(key, text.as_str()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => attributes.push(key, number),
            (None, Some(number)) => attributes.push(key, number),
            (None, None) => {}
        },
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => {
            let texts: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            attributes.push(key, texts.as_slice());
        }
        _ => {}
    }
}

/// Does this for the members of an object, given their names and the keys.
pub(super) fn put_scalars(
    attributes: &mut Attributes,
    object: &Object,
    names: &[(&str, &'static str)],
) {
    for (name, key) in names {
        put_scalar(attributes, key, object.get(*name));
    }
}

/// Names of request parameters in the spelling of any provider, with the canonical names.
#[rustfmt::skip]
static PARAMETERS: &[(&str, &str)] = &[
    ("frequency_penalty", "gen_ai.request.frequency_penalty"),
    ("maxOutputTokens", "gen_ai.request.max_tokens"),
    ("maxTokens", "gen_ai.request.max_tokens"),
    ("max_completion_tokens", "gen_ai.request.max_tokens"),
    ("max_output_tokens", "gen_ai.request.max_tokens"),
    ("max_tokens", "gen_ai.request.max_tokens"),
    ("model", "gen_ai.request.model"),
    ("model_name", "gen_ai.request.model"),
    ("presence_penalty", "gen_ai.request.presence_penalty"),
    ("reasoning_effort", "gen_ai.request.reasoning.level"),
    ("seed", "gen_ai.request.seed"),
    ("stop", "gen_ai.request.stop_sequences"),
    ("stopSequences", "gen_ai.request.stop_sequences"),
    ("stop_sequences", "gen_ai.request.stop_sequences"),
    ("stream", "gen_ai.response.streaming"),
    ("temperature", "gen_ai.request.temperature"),
    ("topK", "gen_ai.request.top_k"),
    ("topP", "gen_ai.request.top_p"),
    ("top_k", "gen_ai.request.top_k"),
    ("top_p", "gen_ai.request.top_p"),
];

/// Appends the request parameters that have a canonical name, and the id of OpenAI's conversation, which may be wrapped in an
/// object.
pub(super) fn put_parameters(attributes: &mut Attributes, request: &Object) {
    if let Some(conversation) = request.get("conversation") {
        let id = conversation.get("id").unwrap_or(conversation);
        // A function may have an argument named `conversation` that holds text.
        let is_id = |id: &str| id.starts_with("conv_") && privacy::is_token(id);
        if id.as_str().is_some_and(is_id) {
            put_scalar(attributes, "gen_ai.conversation.id", id);
        }
    }
    put_scalars(attributes, request, PARAMETERS);
}
