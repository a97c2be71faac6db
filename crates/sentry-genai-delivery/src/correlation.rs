//! Links the errors, logs and metrics of a Sentry client to the span that they are captured in.

use std::sync::Arc;

use sentry_core::{
    ClientOptions,
    protocol::{self, Event, LogAttribute, TraceContext},
};
use sentry_genai_conventions::{SpanId, TraceId};

/// The ids of the span that something is captured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanIds {
    /// The trace of the span.
    pub trace_id: TraceId,
    /// The span itself.
    pub span_id: SpanId,
    /// The parent of the span, if it has one and the door knows it.
    pub parent_span_id: Option<SpanId>,
}

impl SpanIds {
    /// Creates the ids of a span.
    #[must_use]
    pub fn new(trace_id: TraceId, span_id: SpanId, parent_span_id: Option<SpanId>) -> Self {
        Self {
            trace_id,
            span_id,
            parent_span_id,
        }
    }

    /// Links an event to the span.
    pub fn link_event(self, event: &mut Event<'_>) {
        let context = TraceContext {
            trace_id: protocol_trace_id(self.trace_id),
            span_id: protocol_span_id(self.span_id),
            parent_span_id: self.parent_span_id.map(protocol_span_id),
            ..TraceContext::default()
        };
        event.contexts.insert("trace".to_owned(), context.into());
    }
}

/// Links logs and metrics to the span that `current` returns on the thread that captures them. The hooks that the options have
/// already see the ids.
pub fn link_logs_and_metrics(options: &mut ClientOptions, current: fn() -> Option<SpanIds>) {
    let next = options.before_send_log.take();
    options.before_send_log = Some(Arc::new(move |mut log| {
        if let Some(ids) = current() {
            log.trace_id = Some(protocol_trace_id(ids.trace_id));
            log.attributes.remove("parent_span_id");
            log.attributes.insert(
                "sentry.trace.parent_span_id".to_owned(),
                LogAttribute(ids.span_id.to_string().into()),
            );
        }
        match &next {
            Some(next) => next(log),
            None => Some(log),
        }
    }));
    let next = options.before_send_metric.take();
    options.before_send_metric = Some(Arc::new(move |mut metric| {
        if let Some(ids) = current() {
            metric.trace_id = protocol_trace_id(ids.trace_id);
            metric.span_id = Some(protocol_span_id(ids.span_id));
        }
        match &next {
            Some(next) => next(metric),
            None => Some(metric),
        }
    }));
}

/// Converts the id of a trace to that of Sentry's SDK.
#[must_use]
pub fn protocol_trace_id(id: TraceId) -> protocol::TraceId {
    protocol::TraceId::from(id.to_bytes())
}

/// Converts the id of a span to that of Sentry's SDK.
#[must_use]
pub fn protocol_span_id(id: SpanId) -> protocol::SpanId {
    protocol::SpanId::from(id.to_bytes())
}
