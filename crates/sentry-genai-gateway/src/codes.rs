//! OTLP's numbers for kinds and statuses, independent of the encoding.

use sentry_genai_conventions::{SourceStatus, SpanKind};

/// Converts the kind of a span. Returns `None` for 0, which means unspecified, and for numbers that OTLP does not define.
pub(crate) fn kind(number: i64) -> Option<SpanKind> {
    match number {
        1 => Some(SpanKind::Internal),
        2 => Some(SpanKind::Server),
        3 => Some(SpanKind::Client),
        4 => Some(SpanKind::Producer),
        5 => Some(SpanKind::Consumer),
        _ => None,
    }
}

/// Converts the status of a span; `message` is the reason for an error, if it is not empty.
pub(crate) fn status(code: i64, message: String) -> SourceStatus {
    match code {
        1 => SourceStatus::Ok,
        2 => SourceStatus::Error((!message.is_empty()).then_some(message)),
        _ => SourceStatus::Unset,
    }
}
