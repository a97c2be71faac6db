//! Spans for tests.

use std::borrow::Cow;

use crate::{Attributes, SourceSpan, SpanId, Timestamp, TraceId};

/// Creates a span without attributes.
pub(crate) fn span(name: impl Into<Cow<'static, str>>) -> SourceSpan {
    let trace_id = TraceId::from_bytes([1; 16]).unwrap();
    let span_id = SpanId::from_bytes([2; 8]).unwrap();
    SourceSpan::new(trace_id, span_id, name, Timestamp::from_nanos(1))
}

/// Shows attributes with their values, which their `Debug` leaves out.
pub(crate) fn shown(attributes: &Attributes) -> String {
    format!("{:?}", attributes.iter().collect::<Vec<_>>())
}
