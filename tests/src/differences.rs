//! Compares spans that two sources created for the same program.

use std::collections::{BTreeMap, BTreeSet};

use sentry_genai_testkit::ReceivedSpan;
use serde_json::Value;

/// Lists the differences: an attribute, or `name`, `status`, `parent` and the like.
#[must_use]
pub fn differences(theirs: &[ReceivedSpan], ours: &[ReceivedSpan]) -> Vec<(String, String)> {
    let mut differences = Vec::new();
    if theirs.len() != ours.len() {
        let counts = format!("{} spans against {}", theirs.len(), ours.len());
        differences.push(("number of spans".to_owned(), counts));
        return differences;
    }
    for (their, our) in theirs.iter().zip(ours) {
        let mut compare = |key: &str, their_value: Option<String>, our_value: Option<String>| {
            if their_value != our_value {
                let detail = format!("{}: {their_value:?} / {our_value:?}", their.name);
                differences.push((key.to_owned(), detail));
            }
        };
        let parent_in = |spans: &[ReceivedSpan], span: &ReceivedSpan| {
            let parent = span.parent_span_id.as_ref()?;
            spans
                .iter()
                .position(|other| other.span_id == *parent)
                .map(|at| at.to_string())
        };
        compare("name", Some(their.name.clone()), Some(our.name.clone()));
        compare(
            "status",
            Some(their.status.clone()),
            Some(our.status.clone()),
        );
        compare("parent", parent_in(theirs, their), parent_in(ours, our));
        compare(
            "is_segment",
            Some(their.is_segment.to_string()),
            Some(our.is_segment.to_string()),
        );
        compare(
            "links",
            Some(their.links.len().to_string()),
            Some(our.links.len().to_string()),
        );
        let keys: BTreeSet<_> = their
            .attributes
            .keys()
            .chain(our.attributes.keys())
            .collect();
        for key in keys {
            if SETTINGS.contains(&key.as_str()) {
                continue;
            }
            let text = |span: &ReceivedSpan| {
                let attribute = span.attributes.get(key)?;
                let value = readable(&attribute["value"]);
                Some(format!("{} {value}", attribute["type"]))
            };
            compare(key, text(their), text(our));
        }
    }
    differences
}

/// Settings of the client, and ids.
static SETTINGS: &[&str] = &["sentry.release", "sentry.environment", "sentry.segment.id"];

/// Writes JSON inside a text as JSON with sorted fields: their order depends on a feature of serde_json that other crates may
/// enable.
#[must_use]
pub fn readable(value: &Value) -> String {
    match value {
        Value::String(text) if text.starts_with(['[', '{']) => match serde_json::from_str(text) {
            Ok(inner) => format!("json {}", sorted(&inner)),
            Err(_) => value.to_string(),
        },
        _ => value.to_string(),
    }
}

fn sorted(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(sorted).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.iter().collect();
            let fields: Vec<_> = fields
                .into_iter()
                .map(|(key, value)| format!("{key}:{}", sorted(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        _ => value.to_string(),
    }
}
