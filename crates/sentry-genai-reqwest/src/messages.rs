//! Puts the messages of streamed answers together.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The longest content that is kept for one answer, in bytes of what was received. What comes later is left out.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How many values are kept. No model answers with more choices or blocks.
const MAX_VALUES: usize = 1024;

/// How many elements of a list that have an index are kept. No model calls more tools at once. Each has to be searched for.
const MAX_ELEMENTS: usize = 128;

/// Members that a stream sends whole, and not in pieces.
static WHOLE: &[&str] = &["id", "index", "name", "role", "type"];

/// Values by the index that the API gives them: the messages of choices, or the blocks of one message.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    by_index: BTreeMap<u64, Value>,
    bytes: usize,
}

impl Pieces {
    /// Adds a piece, received as `json`, to the value at `index`.
    pub(crate) fn add(&mut self, index: u64, json: &str) {
        self.bytes += json.len();
        let has_room = self.by_index.len() < MAX_VALUES || self.by_index.contains_key(&index);
        if has_room
            && self.bytes <= MAX_BYTES
            && let Ok(piece) = serde_json::from_str(json)
        {
            merge(self.by_index.entry(index).or_default(), piece);
        }
    }

    /// Sets a member of the value at `index`.
    pub(crate) fn set(&mut self, index: u64, key: &str, value: impl Into<Value>) {
        let entry = self.by_index.entry(index);
        let whole = entry.or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(members) = whole {
            members.insert(key.to_owned(), value.into());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_index.is_empty()
    }

    pub(crate) fn into_values(self) -> Vec<Value> {
        self.by_index.into_values().collect()
    }
}

/// Adds a piece to what has been received: texts and lists grow, and objects are merged.
fn merge(whole: &mut Value, piece: Value) {
    match (whole, piece) {
        (_, Value::Null) => {}
        (Value::String(whole), Value::String(piece)) => whole.push_str(&piece),
        (Value::Array(whole), Value::Array(piece)) => {
            piece
                .into_iter()
                .for_each(|element| merge_element(whole, element));
        }
        (Value::Object(whole), Value::Object(piece)) => {
            for (key, value) in piece {
                match whole.get_mut(&key) {
                    Some(known) if !WHOLE.contains(&&*key) => merge(known, value),
                    _ if value.is_null() => {}
                    _ => _ = whole.insert(key, value),
                }
            }
        }
        (whole, piece) => *whole = piece,
    }
}

/// Adds an element to a list. It continues the one with the same index. Gemini gives none; there, a text continues the text before.
fn merge_element(list: &mut Vec<Value>, element: Value) {
    let has_room = list.len() < MAX_ELEMENTS;
    let known = match element.get("index") {
        Some(index) => list
            .iter_mut()
            .find(|known| known.get("index") == Some(index)),
        None => list
            .last_mut()
            .filter(|last| is_text(&element) && is_text(last)),
    };
    match known {
        Some(known) => merge(known, element),
        None if element.get("index").is_some() && !has_room => {}
        None => list.push(element),
    }
}

/// Returns whether a part has a text and nothing else. A text that is a thought says so.
fn is_text(part: &Value) -> bool {
    part.as_object()
        .is_some_and(|members| members.len() == 1 && members.contains_key("text"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(pieces: &[&str]) -> Value {
        let mut all = Pieces::default();
        for piece in pieces {
            all.add(0, piece);
        }
        all.into_values().pop().unwrap_or_default()
    }

    #[test]
    fn pieces_of_texts_and_calls_become_one() {
        let message = merged(&[
            r#"{"role": "assistant", "content": null}"#,
            r#"{"role": "assistant", "content": "It "}"#,
            r#"{"content": "rains", "refusal": null}"#,
            r#"{"tool_calls": [{"index": 1, "id": "b", "function": {"name": "two", "arguments": ""}}]}"#,
            r#"{"tool_calls": [{"index": 0, "id": "a", "function": {"name": "one", "arguments": "{\"x\""}}]}"#,
            r#"{"tool_calls": [{"index": 0, "id": null, "function": {"arguments": ": 1}"}}]}"#,
            r#"not json"#,
        ]);
        assert_eq!(
            message,
            json!({
                "role": "assistant", "content": "It rains",
                "tool_calls": [
                    {"index": 1, "id": "b", "function": {"name": "two", "arguments": ""}},
                    {"index": 0, "id": "a", "function": {"name": "one", "arguments": "{\"x\": 1}"}},
                ],
            })
        );
    }

    #[test]
    fn parts_without_an_index_are_joined_if_they_are_texts() {
        let content = merged(&[
            r#"{"parts": [{"text": "Hm", "thought": true}]}"#,
            r#"{"parts": [{"text": "It "}]}"#,
            r#"{"parts": [{"text": "rains"}, {"functionCall": {"name": "f"}}]}"#,
        ]);
        let parts = json!([{"text": "Hm", "thought": true}, {"text": "It rains"}, {"functionCall": {"name": "f"}}]);
        assert_eq!(content["parts"], parts);
    }

    #[test]
    fn content_is_bounded() {
        let text = format!(r#"{{"content": "{}"}}"#, "x".repeat(1024 * 1024));
        let message = merged(&vec![&*text; 20]);
        assert!(message["content"].as_str().unwrap().len() <= MAX_BYTES);
    }
}
