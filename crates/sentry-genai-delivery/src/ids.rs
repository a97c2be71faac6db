//! Fresh ids.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    process,
    time::SystemTime,
};

use sentry_genai_conventions::{SpanId, TraceId};

/// Makes the ids of a forked process other ones than those of its parent, whose generator it has inherited.
pub(crate) fn diverge() {
    let mut hasher = DefaultHasher::new();
    (process::id(), SystemTime::now(), fastrand::u64(..)).hash(&mut hasher);
    fastrand::seed(hasher.finish());
}

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
