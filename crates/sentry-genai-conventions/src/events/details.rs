//! What events tell beside messages.

use std::collections::HashMap;

use serde_json::Value;

use crate::{content, messages};

/// Up to so many details, comparing their keys is faster than looking them up.
const FEW: usize = 64;

/// What events tell, each key once and in the order of the first.
#[derive(Default)]
pub(super) struct Details {
    said: Vec<(String, Value)>,
    /// Where each is, once there are many.
    places: HashMap<String, usize>,
}

impl Details {
    /// Adds a detail. Of a stream of OpenAI's responses JavaScript's instrumentation tells in an event for each item of the output,
    /// so that messages follow those of the events before.
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
