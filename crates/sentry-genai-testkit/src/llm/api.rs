//! What an API adds to the fake model: how requests are read and how answers are written.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::{
    failure::Failure,
    prompt::{Prompt, Reply},
    sse::Event,
};

/// One endpoint of one provider. Everything is a function of the request and the ids.
pub(super) trait Api {
    const PATH: &'static str;

    /// Reads a request; `Err` if it cannot be understood.
    fn prompt(request: &Value) -> Result<Prompt, Failure>;

    /// Writes an answer in one piece.
    fn answer(request: &Value, prompt: &Prompt, reply: &Reply, ids: &Ids) -> Value;

    /// Writes an answer as a stream of events.
    fn stream(request: &Value, prompt: &Prompt, reply: &Reply, ids: &Ids) -> Vec<Event>;

    /// Writes an error.
    fn error(failure: &Failure, ids: &Ids) -> Value;
}

/// Numbers that run on through the life of a server.
#[derive(Debug, Default)]
pub(super) struct Ids {
    last: AtomicU64,
}

impl Ids {
    /// Returns `prefix` with the next number.
    pub(super) fn next(&self, prefix: &str) -> String {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{prefix}fake_{number}")
    }
}

/// Returns the model that answers for the one that was asked: a dated version of it, as providers do.
pub(super) fn dated(model: &str) -> String {
    if model.contains("-20") {
        model.to_owned()
    } else {
        format!("{model}-2025-08-06")
    }
}

/// When all answers were made, in seconds since the Unix epoch.
pub(super) const CREATED: u64 = 1_795_132_800;

/// Returns the model of a request, which must have one.
pub(super) fn model(request: &Value) -> Result<String, Failure> {
    match request.get("model").and_then(Value::as_str) {
        Some(model) => Ok(model.to_owned()),
        None => Err(Failure::Malformed("you must provide a model".to_owned())),
    }
}

pub(super) fn is_true(request: &Value, key: &str) -> bool {
    request.get(key).and_then(Value::as_bool) == Some(true)
}
