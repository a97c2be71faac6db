//! Checks requests, envelope headers and all items except span containers.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, Read},
};

use serde_json::Value;

use super::{
    envelope::ReceivedItem,
    span_container::{check_attributes, check_ids},
    violations::Violations,
};

/// Undoes the request's `Content-Encoding`. If it cannot, returns the body together with the reason.
pub(super) fn decompress(
    http_headers: &BTreeMap<String, String>,
    body: Vec<u8>,
) -> Result<Vec<u8>, (String, Vec<u8>)> {
    let encoding = http_headers
        .get("content-encoding")
        .map_or("identity", String::as_str);
    let mut bytes = Vec::new();
    let read = match encoding {
        "identity" | "" => return Ok(body),
        "gzip" => flate2::read::MultiGzDecoder::new(body.as_slice()).read_to_end(&mut bytes),
        "deflate" => flate2::read::ZlibDecoder::new(body.as_slice()).read_to_end(&mut bytes),
        "zstd" => ruzstd::decoding::StreamingDecoder::new(body.as_slice())
            .map_err(io::Error::other)
            .and_then(|mut decoder| decoder.read_to_end(&mut bytes)),
        other => return Err((format!("content-encoding {other} is not understood"), body)),
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err((format!("body does not decode as {encoding}: {error}"), body)),
    }
}

/// Checks everything that does not require looking into a span container.
pub(super) fn check(
    http_headers: &BTreeMap<String, String>,
    header: &Value,
    items: &[ReceivedItem],
    violations: &mut Violations,
) {
    check_request(http_headers, items, violations);
    check_header(header, items, violations);
    for (index, item) in items.iter().enumerate() {
        let at = format!("item {index} ({})", item.kind().unwrap_or("?"));
        match item.kind() {
            Some("log") => check_container(item, LOG_CONTENT_TYPE, &at, violations),
            Some("trace_metric") => check_container(item, METRIC_CONTENT_TYPE, &at, violations),
            Some("transaction") => check_transaction(item, &at, violations),
            Some("client_report") => check_client_report(item, &at, violations),
            _ => {}
        }
    }
}

fn check_request(
    http_headers: &BTreeMap<String, String>,
    items: &[ReceivedItem],
    violations: &mut Violations,
) {
    match http_headers.get("x-sentry-auth") {
        None => violations.add("request", "no X-Sentry-Auth header"),
        Some(auth) if !auth.contains("sentry_key=") => {
            violations.add("request", "X-Sentry-Auth without sentry_key");
        }
        Some(auth) if !auth.contains("sentry_version=7") => {
            violations.add("request", "X-Sentry-Auth without sentry_version=7");
        }
        Some(_) => {}
    }
    // The transports of the official Rust client send no content type; clients that send span containers do.
    if items.iter().any(ReceivedItem::is_span_container) {
        let content_type = http_headers.get("content-type").map(String::as_str);
        if content_type != Some("application/x-sentry-envelope") {
            violations.add(
                "request",
                format!("content-type {}", content_type.unwrap_or("is missing")),
            );
        }
        if !http_headers.contains_key("user-agent") {
            violations.add("request", "no User-Agent header");
        }
    }
}

fn check_header(header: &Value, items: &[ReceivedItem], violations: &mut Violations) {
    const AT: &str = "envelope header";
    let counted = |kind: &str| items.iter().filter(|it| it.kind() == Some(kind)).count();
    let events = counted("event") + counted("transaction");
    match header.get("event_id") {
        None if events > 0 => violations.add(AT, "event_id is required for event and transaction"),
        Some(id) if !id.as_str().is_some_and(is_event_id) => {
            violations.add(AT, format!("bad event_id {id}"));
        }
        _ => {}
    }
    if events > 1 {
        violations.add("envelope", "more than one event or transaction");
    }
    for kind in ["log", "trace_metric"] {
        if counted(kind) > 1 {
            violations.add("envelope", format!("more than one {kind} container"));
        }
    }
    if let Some(sent_at) = header.get("sent_at")
        && !sent_at.as_str().is_some_and(is_rfc_3339)
    {
        violations.add(AT, format!("sent_at {sent_at} is not RFC 3339"));
    }
    if let Some(trace) = header.get("trace") {
        check_trace(trace, violations);
    }
}

/// Checks the dynamic sampling context.
fn check_trace(trace: &Value, violations: &mut Violations) {
    const AT: &str = "envelope header: trace";
    let Some(trace) = trace.as_object() else {
        return violations.add(AT, "not an object");
    };
    for key in ["trace_id", "public_key"] {
        if !trace.get(key).is_some_and(is_text) {
            violations.add(AT, format!("{key} is missing"));
        }
    }
    for (key, value) in trace {
        if !value.is_string() {
            violations.add(AT, format!("{key} is {value}, not a string"));
        }
    }
}

const LOG_CONTENT_TYPE: &str = "application/vnd.sentry.items.log+json";
const METRIC_CONTENT_TYPE: &str = "application/vnd.sentry.items.trace-metric+json";

/// Checks a container of logs or metrics.
fn check_container(item: &ReceivedItem, content_type: &str, at: &str, violations: &mut Violations) {
    if item.header.get("content_type").and_then(Value::as_str) != Some(content_type) {
        violations.add(at, "wrong content_type");
    }
    check_count(item, at, violations);
    for (index, entry) in item.contained().enumerate() {
        check_attributes(entry, &format!("{at}[{index}]"), violations);
    }
}

/// Checks `item_count` of a container.
pub(super) fn check_count(item: &ReceivedItem, at: &str, violations: &mut Violations) {
    let actual = item.contained().count();
    let declared = item.header.get("item_count").unwrap_or(&Value::Null);
    if declared.as_u64() != Some(actual as u64) {
        violations.add(at, format!("item_count {declared} but {actual} items"));
    }
    if actual == 0 {
        violations.add(at, "no items");
    }
    if actual > 1000 {
        violations.add(at, format!("{actual} items are more than 1000"));
    }
}

/// Checks ids, times and parents of a transaction and its child spans.
fn check_transaction(item: &ReceivedItem, at: &str, violations: &mut Violations) {
    let Some(payload) = &item.payload else { return };
    let Some(root) = payload.pointer("/contexts/trace") else {
        return violations.add(at, "no contexts.trace");
    };
    check_ids(root, &format!("{at} contexts.trace"), violations);
    check_times(payload, at, violations);
    let mut seen = HashSet::from([root.get("span_id")]);
    let spans = payload.get("spans").and_then(Value::as_array);
    for (index, span) in spans.into_iter().flatten().enumerate() {
        let at = format!("{at} spans[{index}]");
        check_ids(span, &at, violations);
        check_times(span, &at, violations);
        if !seen.insert(span.get("span_id")) {
            violations.add(&at, "span_id occurs twice");
        }
        if span.get("trace_id") != root.get("trace_id") {
            violations.add(&at, "not the transaction's trace_id");
        }
    }
}

fn check_times(span: &Value, at: &str, violations: &mut Violations) {
    let mut seconds = [None; 2];
    for (slot, key) in seconds.iter_mut().zip(["start_timestamp", "timestamp"]) {
        let time = span.get(key).unwrap_or(&Value::Null);
        if !time.is_number() && !time.as_str().is_some_and(is_rfc_3339) {
            violations.add(at, format!("{key} {time} is not a time"));
        }
        *slot = time.as_f64();
    }
    if let [Some(start), Some(end)] = seconds
        && start > end
    {
        violations.add(at, "ends before it starts");
    }
}

fn check_client_report(item: &ReceivedItem, at: &str, violations: &mut Violations) {
    let discarded = item
        .payload
        .as_ref()
        .and_then(|payload| payload.get("discarded_events"))
        .and_then(Value::as_array);
    let Some(discarded) = discarded else {
        return violations.add(at, "no discarded_events");
    };
    for entry in discarded {
        let is_complete = ["category", "reason"]
            .iter()
            .all(|key| entry.get(key).is_some_and(is_text))
            && entry.get("quantity").is_some_and(Value::is_u64);
        if !is_complete {
            violations.add(at, format!("bad discarded event {entry}"));
        }
    }
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

/// Event ids may be written with dashes and in upper case.
fn is_event_id(id: &str) -> bool {
    let digits = id.bytes().filter(|byte| *byte != b'-');
    digits.clone().count() == 32 && digits.clone().all(|byte| byte.is_ascii_hexdigit())
}

/// Recognises `2026-11-20T00:00:05[.123](Z|+01:00)`; does not check the calendar.
fn is_rfc_3339(text: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let Some((date, rest)) = bytes.split_at_checked(SHAPE.len()) else {
        return false;
    };
    let matches_shape = |text: &[u8], shape: &[u8]| {
        text.len() == shape.len()
            && text
                .iter()
                .zip(shape)
                .all(|(byte, expected)| match expected {
                    b'0' => byte.is_ascii_digit(),
                    other => byte == other,
                })
    };
    let offset = match rest.split_first() {
        Some((b'.', fraction)) => {
            let digits = fraction.iter().take_while(|it| it.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &fraction[digits..]
        }
        _ => rest,
    };
    matches_shape(date, SHAPE)
        && (offset == b"Z" || matches_shape(offset, b"+00:00") || matches_shape(offset, b"-00:00"))
}

#[cfg(test)]
mod tests {
    use super::is_rfc_3339;

    #[test]
    fn times_are_complete_and_have_an_offset() {
        for good in [
            "2026-11-20T00:00:05Z",
            "2026-11-20T00:00:05.000001Z",
            "2026-11-20T00:00:05.1+01:00",
        ] {
            assert!(is_rfc_3339(good), "{good}");
        }
        for bad in [
            "2026-11-20",
            "2026-11-20T00:00:05",
            "2026-11-20T00:00:05.Z",
            "x",
        ] {
            assert!(!is_rfc_3339(bad), "{bad}");
        }
    }
}
