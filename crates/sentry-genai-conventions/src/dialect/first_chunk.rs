//! The time until a model began to answer, in spans written by hand.

use super::manual::{without_namespace, words};
use crate::{SourceSpan, Value, tables, timestamp::seconds_between};

const FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";

/// Reads the time until a model began to answer. It is in seconds, or in milliseconds if the name says so or if it is longer than
/// the span. Only model calls may record it without a namespace.
pub(super) fn normalise(span: &mut SourceSpan, may_be_bare: bool) {
    if span.attributes.contains(FIRST_CHUNK) {
        return;
    }
    let duration = seconds_between(span.start, span.end);
    let found = span.attributes.iter().find_map(|(key, value)| {
        let name = without_namespace(key);
        let name = name.or_else(|| may_be_bare.then_some(key))?;
        let time = match value {
            Value::Integer(time) => time as f64,
            Value::Double(time) => time,
            _ => return None,
        };
        if tables::attribute(key).is_some() || !time.is_finite() || time < 0.0 {
            return None;
        }
        let words = words(name).replace("time_to_first_token", "ttft");
        let words = words.replace("time_to_first_chunk", "ttft");
        let (prefix, unit) = words.split_once("ttft")?;
        // A server measures this for any answer, streamed or not.
        if !matches!(prefix, "" | "client_" | "latency_" | "response_") {
            return None;
        }
        let time = match unit {
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
