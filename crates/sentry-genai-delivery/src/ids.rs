//! Fresh ids.

use sentry_genai_conventions::{SpanId, TraceId};

/// Returns a random trace id, never all zero.
#[must_use]
pub fn new_trace_id() -> TraceId {
    loop {
        if let Some(id) = TraceId::from_bytes(fastrand::u128(..).to_be_bytes()) {
            return id;
        }
    }
}

/// Returns a random span id, never all zero.
#[must_use]
pub fn new_span_id() -> SpanId {
    loop {
        if let Some(id) = SpanId::from_bytes(fastrand::u64(..).to_be_bytes()) {
            return id;
        }
    }
}
