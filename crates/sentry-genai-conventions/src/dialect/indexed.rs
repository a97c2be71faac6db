//! Attributes that flatten lists and objects: `llm.input_messages.0.message.tool_calls.1.tool_call.id`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::json;
use crate::{Attributes, messages};

/// The maximum number of steps, which is more than any library uses. The rest of a longer key is a single step.
const MAX_SEGMENTS: usize = 16;

/// Removes the attributes that flatten the list at `prefix`, and returns the list; `None` if there are none.
///
/// Indexes may have gaps and may be in any order. `prefix` ends in a dot.
pub(super) fn take(attributes: &mut Attributes, prefix: &str) -> Option<Value> {
    let mut root = Node::default();
    attributes.retain(|key, value| {
        let Some(path) = path(key, prefix) else {
            return true;
        };
        root.insert(path.splitn(MAX_SEGMENTS, '.'), json::value(value));
        false
    });
    (!root.children.is_empty()).then(|| root.into_value())
}

/// Returns what values under flattened keys stand for.
pub(super) fn nested<'k>(values: impl Iterator<Item = (&'k str, Value)>) -> Value {
    let mut root = Node::default();
    for (key, value) in values {
        root.insert(key.splitn(MAX_SEGMENTS, '.'), value);
    }
    root.into_value()
}

/// Returns what follows `prefix` in a key, if that is an index.
pub(super) fn path<'k>(key: &'k str, prefix: &str) -> Option<&'k str> {
    let path = key.strip_prefix(prefix)?;
    path.starts_with(|first: char| first.is_ascii_digit())
        .then_some(path)
}

#[derive(Default)]
struct Node {
    leaf: Option<Value>,
    children: BTreeMap<Segment, Self>,
}

/// Numbers sort before names, in numerical order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Index(u64),
    Field(String),
}

impl Node {
    fn insert<'a>(&mut self, mut path: impl Iterator<Item = &'a str>, leaf: Value) {
        let Some(segment) = path.next() else {
            self.leaf = Some(leaf);
            return;
        };
        let segment = match segment.parse() {
            Ok(index) => Segment::Index(index),
            Err(_) => Segment::Field(segment.to_owned()),
        };
        self.children.entry(segment).or_default().insert(path, leaf);
    }

    fn into_value(self) -> Value {
        if self.children.is_empty() {
            return self.leaf.unwrap_or_default();
        }
        let is_list = self
            .children
            .keys()
            .all(|segment| matches!(segment, Segment::Index(_)));
        let children = self.children.into_iter();
        if is_list {
            return children.map(|(_, node)| node.into_value()).collect();
        }
        let fields = children.map(|(segment, node)| {
            let name = match segment {
                Segment::Index(index) => index.to_string(),
                Segment::Field(name) => name,
            };
            (name, node.into_value())
        });
        messages::object_of(fields).into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn flattened_lists_are_restored_in_order() {
        let mut attributes = Attributes::default();
        attributes.push("p.10.role", "assistant");
        attributes.push("p.2.role", "user");
        attributes.push("p.10.tool_calls.1.id", "b");
        attributes.push("p.10.tool_calls.0.id", "a");
        attributes.push("p.name", "stays");
        attributes.push("p.4294967296000.role", "tool");
        let expected = json!([
            {"role": "user"},
            {"role": "assistant", "tool_calls": [{"id": "a"}, {"id": "b"}]},
            {"role": "tool"},
        ]);
        assert_eq!(take(&mut attributes, "p."), Some(expected));
        assert_eq!(attributes.len(), 1);
        assert_eq!(take(&mut attributes, "p."), None);
    }
}
