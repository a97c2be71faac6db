//! Reads messages from the text of an attribute.

use std::borrow::Cow;

use serde_json::Value;

use super::{Message, Messages, Part, Side, cut, excerpt, repair, shapes};

/// What OpenInference writes in place of content that it was configured to hide.
pub(super) const REDACTED: &str = "__REDACTED__";

/// How many layers of quotation marks around JSON are removed. Libraries that record with `Debug` add one.
const MAX_QUOTE_LAYERS: usize = 3;

/// Deeper nesting is kept as text. This leaves room for the levels that the canonical form adds around a value.
pub(super) const MAX_DEPTH: usize = 100;

pub(super) fn parse(text: &str, side: Side) -> Messages {
    let whole = text;
    let mut text = excerpt::conversation(text).unwrap_or(Cow::Borrowed(text));
    for _ in 0..MAX_QUOTE_LAYERS {
        match json(&text) {
            Some(Value::String(inner)) => text = Cow::Owned(inner),
            Some(value) if shapes::is_known(&value) => return read(value, side),
            Some(value) if is_empty(&value) => return Messages::new(Vec::new(), side),
            Some(_) => return plain_text(text.into_owned(), side),
            None => break,
        }
    }
    if text.trim() == "null" {
        return Messages::new(Vec::new(), side);
    }
    let mut repaired = repair::read(&text);
    if let Some(repaired) = &mut repaired
        && repaired.is_truncated
    {
        supply_role(&mut repaired.value, excerpt::last_role(whole));
    }
    match repaired {
        Some(repaired) if shapes::is_known(&repaired.value) => read(repaired.value, side),
        Some(_) => plain_text(text.into_owned(), side),
        None => match repair::read_named(&text) {
            Some(value) if shapes::is_known(&value) => read(value, side),
            // With any other name, as in `Print("Hi")`, the whole text is the message.
            Some(Value::String(inner)) if text.trim_start().starts_with("Some(") => {
                plain_text(inner, side)
            }
            _ => plain_text(text.into_owned(), side),
        },
    }
}

/// Parses JSON that is more than a bare number or word.
pub(super) fn json(text: &str) -> Option<Value> {
    let start = text.trim_start().as_bytes().first()?;
    if !matches!(start, b'[' | b'{' | b'"') {
        return None;
    }
    let mut value = serde_json::from_str(text).ok()?;
    cut::flatten(&mut value, MAX_DEPTH);
    Some(value)
}

/// Adds the role to the last message if it was cut off. In JSON with sorted fields the role comes after the content.
fn supply_role(messages: &mut Value, role: Option<&str>) {
    if let (Value::Array(items), Some(role)) = (messages, role)
        && let Some(Value::Object(fields)) = items.last_mut()
        && (fields.contains_key("content") || fields.contains_key("parts"))
    {
        fields.entry("role").or_insert_with(|| role.into());
    }
}

fn read(value: Value, side: Side) -> Messages {
    match value {
        Value::Array(items) if are_evaluations(&items) => Messages {
            evaluations: items,
            ..Messages::new(Vec::new(), side)
        },
        value => Messages::new(shapes::read(value, side), side),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn are_evaluations(items: &[Value]) -> bool {
    !items.is_empty()
        && items
            .iter()
            .all(|item| item.get("type").and_then(Value::as_str) == Some("evaluation"))
}

fn plain_text(text: String, side: Side) -> Messages {
    let message = Message::new(side.role(), vec![Part::Text(text)]);
    Messages::new(vec![message], side)
}
