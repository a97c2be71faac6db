//! OTLP's numbers for kinds and statuses, whatever they were encoded as.

use sentry_genai_conventions::{SourceStatus, SpanKind};

/// The kind of a span; `None` for 0, which says nothing, and for numbers that OTLP does not have.
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

/// The status of a span, with the reason for an error unless that is empty.
pub(crate) fn status(code: i64, message: String) -> SourceStatus {
    match code {
        1 => SourceStatus::Ok,
        2 => SourceStatus::Error((!message.is_empty()).then_some(message)),
        _ => SourceStatus::Unset,
    }
}
