//! Splits an envelope: a header line, followed by items of a header line and a payload each.

use serde_json::Value;

use super::{envelope::ReceivedItem, strict_json, violations::Violations};

/// Splits `body` into header and items. It stops at the first error after which the rest could only be guessed.
pub(super) fn split(body: &[u8], violations: &mut Violations) -> (Value, Vec<ReceivedItem>) {
    let mut items = Vec::new();
    if body.is_empty() {
        violations.add("envelope", "empty body");
        return (Value::Null, items);
    }
    let (line, mut rest) = take_line(body);
    let header = match parse_object(line) {
        Ok(header) => header,
        Err(error) => {
            violations.add("envelope header", error);
            return (Value::Null, items);
        }
    };
    if line.trim_ascii() != line {
        violations.add("envelope header", "surrounding whitespace");
    }
    // Newlines after the last item are legal.
    while rest.iter().any(|byte| *byte != b'\n') {
        match take_item(rest, items.len(), violations) {
            Some((item, after)) => {
                items.push(item);
                rest = after;
            }
            None => break,
        }
    }
    (header, items)
}

fn take_item<'a>(
    bytes: &'a [u8],
    index: usize,
    violations: &mut Violations,
) -> Option<(ReceivedItem, &'a [u8])> {
    let at = format!("item {index}");
    let (line, rest) = take_line(bytes);
    let header = match parse_object(line) {
        Ok(header) => header,
        Err(error) => {
            violations.add(&at, format!("header does not parse ({error})"));
            return None;
        }
    };
    let (payload, rest) = match header.get("length") {
        None => take_line(rest),
        Some(length) => match length.as_u64().and_then(|it| usize::try_from(it).ok()) {
            None => {
                violations.add(&at, format!("length {length} is not a number of bytes"));
                return None;
            }
            Some(length) => take_payload(rest, length, &at, violations)?,
        },
    };
    let item = ReceivedItem::new(header, payload.to_vec());
    match item.kind() {
        None => violations.add(&at, "no type"),
        Some(kind) if !is_known(kind) => violations.add(&at, format!("unknown type {kind:?}")),
        Some(kind) if is_json(kind) && item.payload.is_none() => {
            let error = strict_json::parse(payload)
                .err()
                .map_or_else(String::new, |error| format!(" ({error})"));
            violations.add(&at, format!("{kind} payload is not JSON{error}"));
        }
        Some(_) => {}
    }
    Some((item, rest))
}

/// Splits off a payload of a declared length, which must be followed by a newline or the end of the envelope.
fn take_payload<'a>(
    bytes: &'a [u8],
    length: usize,
    at: &str,
    violations: &mut Violations,
) -> Option<(&'a [u8], &'a [u8])> {
    let Some((payload, rest)) = bytes.split_at_checked(length) else {
        let left = bytes.len();
        violations.add(
            at,
            format!("length {length} but only {left} bytes are left"),
        );
        return None;
    };
    match rest.split_first() {
        None => Some((payload, rest)),
        Some((b'\n', rest)) => Some((payload, rest)),
        Some(_) => {
            violations.add(at, format!("length {length} is not followed by a newline"));
            None
        }
    }
}

/// Returns the bytes before the first newline and the bytes after it.
fn take_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

fn parse_object(line: &[u8]) -> Result<Value, String> {
    match strict_json::parse(line) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err("not a JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Item types whose payload is JSON.
const JSON_ITEMS: &[&str] = &[
    "check_in",
    "client_report",
    "event",
    "feedback",
    "log",
    "metric_meta",
    "otel_span",
    "profile",
    "profile_chunk",
    "raw_security",
    "replay_event",
    "session",
    "sessions",
    "span",
    "trace_metric",
    "transaction",
    "user_report",
];

/// The other item types that Relay knows.
const OPAQUE_ITEMS: &[&str] = &[
    "attachment",
    "form_data",
    "integration",
    "metric_buckets",
    "nel",
    "replay_recording",
    "replay_video",
    "security",
    "statsd",
    "trace_attachment",
    "unreal_report",
];

pub(super) fn is_json(kind: &str) -> bool {
    JSON_ITEMS.contains(&kind)
}

fn is_known(kind: &str) -> bool {
    is_json(kind) || OPAQUE_ITEMS.contains(&kind)
}
