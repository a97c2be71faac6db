//! Requests that fail, depending on the name of the requested model.

use axum::http::StatusCode;

/// Why a request is rejected.
#[derive(Debug)]
pub(super) enum Failure {
    RateLimit,
    ServerError,
    ContextLength,
    Malformed(String),
}

impl Failure {
    /// Returns the failure that a model's name requests.
    pub(super) fn of(model: &str) -> Option<Self> {
        if model.contains("rate-limit") {
            Some(Self::RateLimit)
        } else if model.contains("server-error") {
            Some(Self::ServerError)
        } else if model.contains("context-length") {
            Some(Self::ContextLength)
        } else {
            None
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::RateLimit => StatusCode::TOO_MANY_REQUESTS,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ContextLength | Self::Malformed(_) => StatusCode::BAD_REQUEST,
        }
    }

    pub(super) fn message(&self) -> &str {
        match self {
            Self::RateLimit => "Rate limit reached: 3 requests per minute. Please try again later.",
            Self::ServerError => "The server had an error while processing your request.",
            Self::ContextLength => {
                "This model's maximum context length is 128000 tokens, your messages have 131072 tokens."
            }
            Self::Malformed(message) => message,
        }
    }
}
