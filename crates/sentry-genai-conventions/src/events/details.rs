//! Data in events other than messages.

use std::collections::HashMap;

use serde_json::Value;

use crate::{content, messages};

/// Up to this number of details, comparing their keys is faster than a hash lookup.
const FEW: usize = 64;

/// The data from all events: each key once, in order of first appearance.
#[derive(Default)]
pub(super) struct Details {
    pub(super) entries: Vec<(String, Value)>,
    /// The position of each key; used only once there are many.
    positions: HashMap<String, usize>,
}

impl Details {
    /// Adds a detail. The first value of a key wins, but messages are appended to those of earlier events: for a streamed
    /// response of OpenAI's, JavaScript's instrumentation writes one event per item of the output.
    pub(super) fn add(&mut self, key: String, value: Value) {
        let Some(position) = self.position(&key) else {
            if self.is_large() {
                self.positions.insert(key.clone(), self.entries.len());
            }
            self.entries.push((key, value));
            return;
        };
        let existing = &mut self.entries[position].1;
        if content::side_of_messages(&key).is_some() && *existing != value {
            let mut messages = into_messages(existing.take());
            messages.extend(into_messages(value));
            *existing = Value::Array(messages);
        }
    }

    pub(super) fn is_large(&self) -> bool {
        self.entries.len() > FEW
    }

    fn position(&mut self, key: &str) -> Option<usize> {
        if !self.is_large() {
            return self
                .entries
                .iter()
                .position(|(existing, _)| existing == key);
        }
        if self.positions.is_empty() {
            let keys = self.entries.iter().map(|(key, _)| key.clone());
            self.positions = keys.zip(0..).collect();
        }
        self.positions.get(key).copied()
    }
}

fn into_messages(messages: Value) -> Vec<Value> {
    let parsed = messages.as_str().and_then(messages::read_json);
    match (messages, parsed) {
        (Value::Array(messages), _) | (_, Some(Value::Array(messages))) => messages,
        (message, _) => vec![message],
    }
}
