//! What `OpenAI`'s APIs have in common.

use serde_json::{Value, json};

use super::failure::Failure;

/// Writes an error in `OpenAI`'s form.
pub(super) fn error(failure: &Failure) -> Value {
    let (kind, code) = match failure {
        Failure::RateLimit => ("requests", Some("rate_limit_exceeded")),
        Failure::ServerError => ("server_error", None),
        Failure::ContextLength => ("invalid_request_error", Some("context_length_exceeded")),
        Failure::Malformed(_) => ("invalid_request_error", None),
    };
    json!({"error": {"message": failure.message(), "type": kind, "param": null, "code": code}})
}
