//! Generates ids.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    process,
    time::SystemTime,
};

use sentry_genai_conventions::{SpanId, TraceId};

/// Reseeds the generator in a forked process, which has inherited its parent's and would generate the same ids.
pub(crate) fn reseed() {
    let mut hasher = DefaultHasher::new();
    (process::id(), SystemTime::now(), fastrand::u64(..)).hash(&mut hasher);
    fastrand::seed(hasher.finish());
}

/// Returns a random trace id, which is never all zeros.
#[must_use]
pub fn new_trace_id() -> TraceId {
    loop {
        if let Some(id) = TraceId::from_bytes(fastrand::u128(..).to_be_bytes()) {
            return id;
        }
    }
}

/// Returns a random span id, which is never all zeros.
#[must_use]
pub fn new_span_id() -> SpanId {
    loop {
        if let Some(id) = SpanId::from_bytes(fastrand::u64(..).to_be_bytes()) {
            return id;
        }
    }
}
