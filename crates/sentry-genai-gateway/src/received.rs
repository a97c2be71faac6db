//! What comes: a span, and where it came from; an event that came without its span; a request with some of them.

use std::{collections::HashMap, sync::Arc};

use sentry_genai_conventions::{Attributes, SourceEvent, SourceSpan, SpanId, Timestamp, TraceId};
use serde_json::Value;

use crate::any_value::AnyValue;

/// A span, and the resource it came from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedSpan {
    /// Attributes of the resource, shared by the spans that came from it.
    pub resource: Arc<Attributes>,
    /// The span itself.
    pub span: SourceSpan,
}

impl ReceivedSpan {
    /// Says the times of a span of which the source does not say both: zero stands for what is missing. `None` if it says none.
    ///
    /// It begins with the first that is known of it, and ends with the last: a span from 1970 is refused, and one since then
    /// outlasts all others.
    pub(crate) fn complete_times(span: &mut SourceSpan) -> Option<()> {
        let is_known = |time: &Timestamp| *time != Timestamp::default();
        let end = Some(span.end).filter(is_known);
        let known = span.events.iter().filter_map(|event| event.time).chain(end);
        if !is_known(&span.start) {
            span.start = known.clone().min()?;
        }
        if span.end < span.start {
            span.end = known.max().unwrap_or_default().max(span.start);
        }
        Some(())
    }

    /// A span that has come as OTLP, whatever it was before.
    pub(crate) fn over_otlp(resource: &Arc<Attributes>, mut span: SourceSpan) -> Self {
        span.undo_tracing_opentelemetry();
        Self {
            resource: Arc::clone(resource),
            span,
        }
    }
}

/// An event about GenAI that came without its span, as a log record.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedEvent {
    /// The trace of the span.
    pub trace_id: TraceId,
    /// The span it happened in.
    pub span_id: SpanId,
    /// The event itself.
    pub event: SourceEvent,
}

impl ReceivedEvent {
    /// Returns the event that a log record is, if it is about GenAI. The time is still missing.
    pub(crate) fn of_record(
        (trace_id, span_id): (TraceId, SpanId),
        name: Option<String>,
        attributes: Attributes,
        body: AnyValue,
    ) -> Option<Self> {
        let name = name.filter(|name| !name.is_empty());
        // Before records had names, that was an attribute.
        let name = name.or_else(|| attributes.text("event.name").map(str::to_owned))?;
        if !name.starts_with("gen_ai.") {
            return None;
        }
        let mut event = SourceEvent::new(name);
        event.attributes = attributes;
        if !matches!(&body, AnyValue::Json(Value::Object(fields)) if fields.is_empty()) {
            body.push(&mut event.attributes, "body");
        }
        Some(Self {
            trace_id,
            span_id,
            event,
        })
    }
}

/// A request of a file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Request {
    /// Traces: the spans, in the order of the file.
    Traces(Vec<ReceivedSpan>),
    /// Logs with events about GenAI: these, in the order of the file.
    Events(Vec<ReceivedEvent>),
    /// Other logs, or another signal: metrics or profiles. Nothing of it is read.
    OtherSignal,
}

/// Gives events to the spans they happened in, behind those that these have, and returns how many have no span here.
pub(crate) fn unite(spans: &mut [ReceivedSpan], events: Vec<ReceivedEvent>) -> usize {
    if events.is_empty() {
        return 0;
    }
    let mut index = HashMap::new();
    for (position, received) in spans.iter().enumerate() {
        index.insert((received.span.trace_id, received.span.span_id), position);
    }
    let mut without_span = 0;
    for received in events {
        match index.get(&(received.trace_id, received.span_id)) {
            Some(&position) => spans[position].span.events.push(received.event),
            None => without_span += 1,
        }
    }
    without_span
}
