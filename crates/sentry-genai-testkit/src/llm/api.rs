//! The interface between the fake model and the APIs: how requests are read and answers are written.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::{
    failure::Failure,
    prompt::{Prompt, Reply},
    sse::Event,
};

/// One endpoint of one provider. Its functions depend on nothing but the request and the ids.
pub(super) trait Api {
    const PATH: &'static str;

    /// Reads a request.
    fn prompt(request: &Value) -> Result<Prompt, Failure>;

    /// Writes a complete answer.
    fn answer(request: &Value, prompt: &Prompt, reply: &Reply, ids: &Ids) -> Value;

    /// Writes an answer as a stream of events.
    fn stream(request: &Value, prompt: &Prompt, reply: &Reply, ids: &Ids) -> Vec<Event>;

    /// Writes an error.
    fn error(failure: &Failure, ids: &Ids) -> Value;
}

/// Generates ids, with numbers that increase for as long as the server runs.
#[derive(Debug, Default)]
pub(super) struct Ids {
    last: AtomicU64,
}

impl Ids {
    /// Returns `prefix` followed by the next number.
    pub(super) fn next(&self, prefix: &str) -> String {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{prefix}fake_{number}")
    }
}

/// Returns the model that answers for the requested one: a dated version of it, as with real providers.
pub(super) fn dated(model: &str) -> String {
    if model.contains("-20") {
        model.to_owned()
    } else {
        format!("{model}-2025-08-06")
    }
}

/// The creation time of all answers, in seconds since the Unix epoch.
pub(super) const CREATED: u64 = 1_795_132_800;

/// Returns the model of a request, which is required.
pub(super) fn model(request: &Value) -> Result<String, Failure> {
    match request.get("model").and_then(Value::as_str) {
        Some(model) => Ok(model.to_owned()),
        None => Err(Failure::Malformed("you must provide a model".to_owned())),
    }
}

pub(super) fn is_true(request: &Value, key: &str) -> bool {
    request.get(key).and_then(Value::as_bool) == Some(true)
}
