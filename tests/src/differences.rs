//! Compares spans that two sources created for the same program.

use std::collections::{BTreeMap, BTreeSet};

use sentry_genai_testkit::ReceivedSpan;
use serde_json::Value as Json;

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
            let text = |span: &ReceivedSpan| span.attributes.get(key).map(typed);
            compare(key, text(their), text(our));
        }
    }
    differences
}

/// Settings of the client, and ids.
static SETTINGS: &[&str] = &["sentry.release", "sentry.environment", "sentry.segment.id"];

/// Returns an attribute with its type. JSON inside a text is compared as JSON.
fn typed(attribute: &Json) -> String {
    let value = match &attribute["value"] {
        Json::String(text) if text.starts_with(['[', '{']) => {
            serde_json::from_str::<Json>(text).map_or_else(|_| text.clone(), |json| sorted(&json))
        }
        value => value.to_string(),
    };
    format!("{} {value}", attribute["type"])
}

fn sorted(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("{:?}", items.iter().map(sorted).collect::<Vec<_>>()),
        Json::Object(fields) => {
            let fields: BTreeMap<_, _> = fields
                .iter()
                .map(|(key, value)| (key, sorted(value)))
                .collect();
            format!("{fields:?}")
        }
        _ => value.to_string(),
    }
}
