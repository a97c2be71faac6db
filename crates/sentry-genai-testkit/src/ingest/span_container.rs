//! Checks streamed spans (span protocol v2): one container, one trace, complete spans.

use std::collections::HashSet;

use serde_json::Value;

use super::{checks::check_count, envelope::ReceivedItem, violations::Violations};

/// The content type of a container of streamed spans.
pub(super) const CONTENT_TYPE: &str = "application/vnd.sentry.items.span.v2+json";

/// Checks the envelope's span items. Each rule is either one whose violation makes Relay drop spans, or one of the SDK
/// specification.
pub(super) fn check(header: &Value, items: &[ReceivedItem], violations: &mut Violations) {
    let span_items = items.iter().filter(|item| item.kind() == Some("span"));
    if span_items.clone().count() > 1 {
        violations.add("envelope", "more than one span item");
    }
    for (index, item) in items.iter().enumerate() {
        if item.kind() != Some("span") {
            continue;
        }
        let at = format!("item {index} (span)");
        if item.is_span_container() {
            check_container(header, item, &at, violations);
        } else {
            let content_type = item.header.get("content_type").unwrap_or(&Value::Null);
            violations.add(&at, format!("content_type {content_type}"));
        }
    }
}

fn check_container(header: &Value, item: &ReceivedItem, at: &str, violations: &mut Violations) {
    let Some(payload) = &item.payload else { return };
    let version = payload.get("version").unwrap_or(&Value::Null);
    if version.as_u64() != Some(2) {
        violations.add(at, format!("version {version}"));
    }
    check_count(item, at, violations);
    let trace_id = header.pointer("/trace/trace_id");
    if trace_id.is_none() {
        violations.add(at, "no trace header on an envelope with spans");
    }
    let mut seen = HashSet::new();
    for (index, span) in item.contained().enumerate() {
        let at = format!("{at}[{index}]");
        check_span(span, &at, violations);
        if trace_id.is_some() && span.get("trace_id") != trace_id {
            violations.add(&at, "trace_id is not that of the trace header");
        }
        if !seen.insert(span.get("span_id")) {
            violations.add(&at, "span_id occurs twice");
        }
    }
}

fn check_span(span: &Value, at: &str, violations: &mut Violations) {
    let Some(fields) = span.as_object() else {
        return violations.add(at, "not an object");
    };
    for key in fields.keys().filter(|key| !FIELDS.contains(&key.as_str())) {
        violations.add(at, format!("unknown field {key:?}"));
    }
    check_ids(span, at, violations);
    let field = |key: &str| fields.get(key).unwrap_or(&Value::Null);
    if field("name").as_str().is_none_or(|name| name.is_empty()) {
        violations.add(at, format!("name {}", field("name")));
    }
    if !matches!(field("status").as_str(), Some("ok" | "error")) {
        violations.add(at, format!("status {}", field("status")));
    }
    if !field("is_segment").is_boolean() {
        violations.add(at, format!("is_segment {}", field("is_segment")));
    }
    for key in ["start_timestamp", "end_timestamp"] {
        if !field(key).is_number() {
            violations.add(at, format!("{key} {} is not in seconds", field(key)));
        }
    }
    if field("start_timestamp").as_f64() > field("end_timestamp").as_f64() {
        violations.add(at, "ends before it starts");
    }
    check_links(field("links"), at, violations);
    check_attributes(span, at, violations);
    for key in REQUIRED_ATTRIBUTES {
        if text_attribute(span, key).is_none_or(|value| value.is_empty()) {
            violations.add(at, format!("attribute {key:?} is required"));
        }
    }
    check_segment(span, at, violations);
}

const FIELDS: &[&str] = &[
    "attributes",
    "end_timestamp",
    "is_segment",
    "links",
    "name",
    "parent_span_id",
    "span_id",
    "start_timestamp",
    "status",
    "trace_id",
];

/// The attributes that each span must carry: the server adds nothing to streamed spans.
const REQUIRED_ATTRIBUTES: &[&str] = &[
    "sentry.environment",
    "sentry.kind",
    "sentry.op",
    "sentry.origin",
    "sentry.platform",
    "sentry.sdk.name",
    "sentry.sdk.version",
    "sentry.segment.id",
    "sentry.segment.name",
    "sentry.trace_lifecycle",
];

/// Checks that a segment span names itself as its segment, and every other span names another one.
fn check_segment(span: &Value, at: &str, violations: &mut Violations) {
    let Some(segment) = text_attribute(span, "sentry.segment.id") else {
        return;
    };
    if !is_id(segment, 16) {
        violations.add(at, format!("bad sentry.segment.id {segment:?}"));
    }
    let is_itself = span.get("span_id").and_then(Value::as_str) == Some(segment);
    match span.get("is_segment").and_then(Value::as_bool) {
        Some(true) if !is_itself => {
            violations.add(at, "is_segment, but sentry.segment.id is another span's");
        }
        Some(false) if is_itself => {
            violations.add(at, "sentry.segment.id is its own, but it is no segment");
        }
        _ => {}
    }
}

fn check_links(links: &Value, at: &str, violations: &mut Violations) {
    match links {
        Value::Null => {}
        Value::Array(links) => {
            for (index, link) in links.iter().enumerate() {
                let at = format!("{at} links[{index}]");
                check_ids(link, &at, violations);
                check_attributes(link, &at, violations);
            }
        }
        _ => violations.add(at, "links is not an array"),
    }
}

/// Checks `trace_id`, `span_id` and, if there is one, `parent_span_id`.
pub(super) fn check_ids(span: &Value, at: &str, violations: &mut Violations) {
    for (key, digits) in [("trace_id", 32), ("span_id", 16)] {
        let id = span.get(key).unwrap_or(&Value::Null);
        if !id.as_str().is_some_and(|id| is_id(id, digits)) {
            violations.add(at, format!("bad {key} {id}"));
        }
    }
    if let Some(parent) = span.get("parent_span_id")
        && !parent.as_str().is_some_and(|id| is_id(id, 16))
    {
        violations.add(at, format!("bad parent_span_id {parent}"));
    }
}

/// Returns whether `id` is lower-case hex of the right length, and not all zeros.
fn is_id(id: &str, digits: usize) -> bool {
    id.len() == digits
        && id.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
        && id.bytes().any(|it| it != b'0')
}

/// Checks that `attributes` are `{"type", "value"}` with a value of that type.
pub(super) fn check_attributes(owner: &Value, at: &str, violations: &mut Violations) {
    let attributes = match owner.get("attributes") {
        None => return,
        Some(Value::Object(attributes)) => attributes,
        Some(_) => return violations.add(at, "attributes is not an object"),
    };
    for (key, attribute) in attributes {
        if let Some(fault) = attribute_error(attribute) {
            violations.add(at, format!("attribute {key:?} {fault}"));
        }
    }
}

fn attribute_error(attribute: &Value) -> Option<String> {
    let (Some(kind), Some(value)) = (attribute.get("type"), attribute.get("value")) else {
        return Some("is not {type, value}".to_owned());
    };
    let keys = attribute.as_object().into_iter().flatten();
    if keys
        .into_iter()
        .any(|(key, _)| !matches!(key.as_str(), "type" | "value" | "unit"))
    {
        return Some("has more than type, value and unit".to_owned());
    }
    let fits = match kind.as_str() {
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some("double") => value.is_number(),
        Some("array") => value
            .as_array()
            .is_some_and(|values| is_homogeneous(values)),
        _ => return Some(format!("has the unknown type {kind}")),
    };
    if fits {
        None
    } else {
        let value: String = value.to_string().chars().take(40).collect();
        Some(format!("says {kind} but is {value}"))
    }
}

/// Returns whether all values are strings, all are booleans, or all are numbers.
fn is_homogeneous(values: &[Value]) -> bool {
    values.iter().all(Value::is_string)
        || values.iter().all(Value::is_boolean)
        || values.iter().all(Value::is_number)
}

fn text_attribute<'a>(span: &'a Value, key: &str) -> Option<&'a str> {
    span.get("attributes")?.get(key)?.get("value")?.as_str()
}
