//! Data in events other than messages.

use std::collections::HashMap;

use serde_json::Value;

use crate::{content, messages};

/// Up to this number of details, comparing their keys is faster than a hash lookup.
const FEW: usize = 64;

/// The data from all events: each key once, in order of first appearance.
#[derive(Default)]
pub(super) struct Details {
    said: Vec<(String, Value)>,
    /// The position of each key; used only once there are many.
    places: HashMap<String, usize>,
}

impl Details {
    /// Adds a detail. The first value of a key wins, but messages are appended to those of earlier events: for a streamed
    /// response of OpenAI's, JavaScript's instrumentation writes one event per item of the output.
    pub(super) fn add(&mut self, key: String, value: Value) {
        let Some(place) = self.place(&key) else {
            if self.are_many() {
                self.places.insert(key.clone(), self.said.len());
            }
            self.said.push((key, value));
            return;
        };
        let known = &mut self.said[place].1;
        if content::side_of_messages(&key).is_some() && *known != value {
            let mut messages = list(known.take());
            messages.extend(list(value));
            *known = Value::Array(messages);
        }
    }

    pub(super) fn are_many(&self) -> bool {
        self.said.len() > FEW
    }

    fn place(&mut self, key: &str) -> Option<usize> {
        if !self.are_many() {
            return self.said.iter().position(|(known, _)| known == key);
        }
        if self.places.is_empty() {
            let keys = self.said.iter().map(|(key, _)| key.clone());
            self.places = keys.zip(0..).collect();
        }
        self.places.get(key).copied()
    }
}

impl IntoIterator for Details {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.said.into_iter()
    }
}

fn list(messages: Value) -> Vec<Value> {
    let read = messages.as_str().and_then(messages::read_json);
    match (messages, read) {
        (Value::Array(list), _) | (_, Some(Value::Array(list))) => list,
        (other, _) => vec![other],
    }
}
