//! The time until a model began to answer.

use super::manual::{without_namespace, words};
use crate::{
    Attributes, SourceSpan, Timestamp, Value, tables,
    timestamp::{parse_rfc3339, seconds_between},
};

const FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";

/// Records the time from the start of a span to the first chunk, unless that came earlier or the time is recorded already.
pub(super) fn supply(span: &mut SourceSpan, first_chunk: Timestamp) {
    if first_chunk >= span.start {
        let seconds = seconds_between(span.start, first_chunk);
        span.attributes.supply(FIRST_CHUNK, seconds);
    }
}

/// Reads the time of day at which the completion started, which some libraries put in quotes.
pub(super) fn read_time_of_day(span: &mut SourceSpan, key: &str) {
    let time = span.attributes.text(key);
    if let Some(time) = time.and_then(|time| parse_rfc3339(time.trim_matches('"'))) {
        supply(span, time);
    }
}

/// Reads a number of milliseconds.
pub(super) fn read_milliseconds(attributes: &mut Attributes, key: &str) {
    let milliseconds = match attributes.get(key) {
        Some(Value::Integer(milliseconds)) => Some(milliseconds as f64),
        Some(Value::Double(milliseconds)) => Some(milliseconds),
        Some(Value::Str(text)) => text.parse().ok(),
        _ => None,
    };
    if let Some(milliseconds) = milliseconds.filter(|time: &f64| time.is_finite() && *time >= 0.0) {
        let seconds = milliseconds / 1000.0;
        attributes.supply(FIRST_CHUNK, seconds);
        attributes.remove(key);
    }
}

/// Reads the time from a key in the namespace of some library or convention, on a span written by hand.
pub(super) fn read_namespaced(span: &mut SourceSpan) {
    read_by_hand(span, without_namespace);
}

/// Reads the time from a key of a model call written by hand, which may also have no namespace.
pub(super) fn read_any(span: &mut SourceSpan) {
    read_by_hand(span, |key| without_namespace(key).or(Some(key)));
}

/// Reads the time from a key that `name_of` has a name for. It is in seconds, or in milliseconds if the name says so or if it is
/// longer than the span.
fn read_by_hand(span: &mut SourceSpan, name_of: impl Fn(&str) -> Option<&str>) {
    if span.attributes.contains(FIRST_CHUNK) {
        return;
    }
    let duration = seconds_between(span.start, span.end);
    let found = span.attributes.iter().find_map(|(key, value)| {
        let name = name_of(key)?;
        let time = match value {
            Value::Integer(time) => time as f64,
            Value::Double(time) => time,
            _ => return None,
        };
        if tables::attribute(key).is_some() || !time.is_finite() || time < 0.0 {
            return None;
        }
        let words = words(name);
        let time = match &*unit(&words)? {
            "_ms" => time / 1e3,
            "" if time > duration => time / 1e3,
            "" | "_s" | "_seconds" => time,
            _ => return None,
        };
        Some((key.to_owned(), time))
    });
    if let Some((key, time)) = found {
        span.attributes.remove(&key);
        span.attributes.push(FIRST_CHUNK, time);
    }
}

/// Returns whether a number under this name may be the time until the first chunk.
pub(super) fn may_be_time_to_first_chunk(key: &str) -> bool {
    unit(&words(without_namespace(key).unwrap_or(key))).is_some()
}

/// Returns what follows the name of the time in the words of a name.
fn unit(words: &str) -> Option<String> {
    let words = words.replace("time_to_first_token", "ttft");
    let words = words.replace("time_to_first_chunk", "ttft");
    let (prefix, unit) = words.split_once("ttft")?;
    // A server measures this for any answer, streamed or not.
    matches!(prefix, "" | "client_" | "latency_" | "response_").then(|| unit.to_owned())
}
