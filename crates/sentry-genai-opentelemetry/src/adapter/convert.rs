//! Converts what the SDK has to what the door has, and back.

use std::{
    mem,
    time::{SystemTime, UNIX_EPOCH},
};

use sentry_genai_conventions::{
    Attributes, Inheritable, Link, Scalar, SourceEvent, SourceSpan, SourceStatus, SpanId, SpanKind,
    TextRoom, Timestamp, TraceId, excerpt,
};

use super::super::{
    opentelemetry::{
        Array, Context, KeyValue, StringValue, Value,
        trace::{self, Event, SpanContext, Status, TraceContextExt as _},
    },
    opentelemetry_sdk::{
        Resource,
        error::{OTelSdkError, OTelSdkResult},
        trace::SpanData,
    },
};
use crate::{
    door::{Outcome, Parent, ResourceInfo},
    ended::Ended,
    open_spans::Key,
    scopes::SCOPES,
};

pub(super) fn trace_id(id: trace::TraceId) -> Option<TraceId> {
    TraceId::from_bytes(id.to_bytes())
}

fn span_id(id: trace::SpanId) -> Option<SpanId> {
    SpanId::from_bytes(id.to_bytes())
}

pub(super) fn parent(span: &SpanData) -> Parent {
    match span_id(span.parent_span_id) {
        None => Parent::None,
        Some(parent) if span.parent_span_is_remote => Parent::Remote(parent),
        Some(parent) => Parent::Local(parent),
    }
}

/// Finds the parent of a span that is started in `context`.
pub(super) fn parent_in(context: &Context) -> Parent {
    let parent_span = context.span();
    let parent_span = parent_span.span_context();
    match ids(parent_span) {
        None => Parent::None,
        Some((_, parent)) if parent_span.is_remote() => Parent::Remote(parent),
        Some((_, parent)) => Parent::Local(parent),
    }
}

/// Returns the ids of a span, if they are valid.
pub(super) fn ids(context: &SpanContext) -> Option<Key> {
    Some((trace_id(context.trace_id())?, span_id(context.span_id())?))
}

/// Returns everything a span contains, as [`read_span`] copies it.
pub(super) fn source_span(
    (trace_id, span_id): Key,
    span: &mut SpanData,
    room: TextRoom,
) -> SourceSpan {
    let mut source = SourceSpan::new(trace_id, span_id, "", Timestamp::default());
    read_span(&mut source, span, room);
    source
}

/// A span as the SDK hands it over when it ends.
impl Ended for SpanData {
    fn parent(&self) -> Parent {
        parent(self)
    }

    fn says_more(&self, settled: usize) -> bool {
        let later = self.attributes.get(settled..).unwrap_or_default();
        later
            .iter()
            .any(|pair| Inheritable::of(pair.key.as_str()).is_some())
    }

    fn footprint(&self) -> usize {
        let attributes = |pairs: &[KeyValue]| {
            let values = pairs.iter().map(|pair| value_bytes(&pair.value));
            size_of_val(pairs) + values.sum::<usize>()
        };
        let mut bytes = size_of::<Self>() + self.name.len() + attributes(&self.attributes);
        if let Status::Error { description } = &self.status {
            bytes += description.len();
        }
        // Most spans have neither events nor links.
        for event in &self.events.events {
            bytes += size_of::<Event>() + event.name.len() + attributes(&event.attributes);
        }
        bytes + size_of_val(&*self.links.links)
    }

    fn read(&mut self, source: &mut SourceSpan, room: TextRoom) {
        read_span(source, self, room);
    }
}

/// Copies everything a span contains, with long texts shortened. The name is moved out of the span.
fn read_span(source: &mut SourceSpan, span: &mut SpanData, room: TextRoom) {
    source.name = mem::take(&mut span.name);
    source.start = timestamp(span.start_time);
    source.parent_span_id = span_id(span.parent_span_id);
    source.scope = SCOPES.get(span.instrumentation_scope.name());
    source.kind = kind(&span.span_kind);
    source.end = timestamp(span.end_time);
    source.status = match &span.status {
        Status::Unset => SourceStatus::Unset,
        Status::Ok => SourceStatus::Ok,
        Status::Error { description } => {
            let description = excerpt(description, room.bytes());
            SourceStatus::Error((!description.is_empty()).then(|| description.into_owned()))
        }
    };
    // Leave room for what the translation adds.
    let text_bytes = text_bytes(&span.attributes, room);
    let attributes = &mut source.attributes;
    attributes.reserve(span.attributes.len() + 4, text_bytes + 128);
    push_attributes(attributes, &span.attributes, room);
    // Most spans have neither events nor links.
    if !span.events.events.is_empty() {
        source.events = events(&span.events.events, room);
    }
    if !span.links.links.is_empty() {
        source.links = links(&span.links.links);
    }
    source.record_dropped(
        span.dropped_attributes_count,
        span.events.dropped_count,
        span.links.dropped_count,
    );
    source.undo_tracing_opentelemetry();
}

fn events(events: &[Event], room: TextRoom) -> Vec<SourceEvent> {
    let events = events.iter().map(|event| {
        let mut source_event = SourceEvent::new(event.name.clone());
        source_event.time = Some(timestamp(event.timestamp));
        push_attributes(&mut source_event.attributes, &event.attributes, room);
        source_event
    });
    events.collect()
}

fn links(links: &[trace::Link]) -> Vec<Link> {
    let links = links.iter().filter_map(|link| {
        let (trace_id, span_id) = ids(&link.span_context)?;
        let is_type = |pair: &&KeyValue| pair.key.as_str() == Link::LINK_TYPE;
        let converted = Link::new(trace_id, span_id, link.span_context.is_sampled());
        Some(match link.attributes.iter().find(is_type) {
            Some(pair) => converted.with_type(pair.value.as_str().into_owned()),
            None => converted,
        })
    });
    links.collect()
}

/// Converts a span kind. The SDK uses `Internal` also where no kind was set, so it converts to `None`.
pub(super) fn kind(kind: &trace::SpanKind) -> Option<SpanKind> {
    match kind {
        trace::SpanKind::Internal => None,
        trace::SpanKind::Server => Some(SpanKind::Server),
        trace::SpanKind::Client => Some(SpanKind::Client),
        trace::SpanKind::Producer => Some(SpanKind::Producer),
        trace::SpanKind::Consumer => Some(SpanKind::Consumer),
    }
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanos = since_epoch.as_secs().saturating_mul(1_000_000_000);
    Timestamp::from_nanos(nanos.saturating_add(since_epoch.subsec_nanos().into()))
}

/// Returns the approximate number of bytes of text that are copied.
fn text_bytes(pairs: &[KeyValue], room: TextRoom) -> usize {
    let texts = pairs.iter().map(|pair| match &pair.value {
        Value::String(text) => room.copied_bytes(pair.key.as_str(), text.as_str()),
        _ => 0,
    });
    texts.sum()
}

/// Returns the approximate number of bytes that a value occupies on the heap.
fn value_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::Bool(values)) => size_of_val(&**values),
        Value::Array(Array::I64(values)) => size_of_val(&**values),
        Value::Array(Array::F64(values)) => size_of_val(&**values),
        Value::Array(Array::String(values)) => {
            let texts = values.iter().map(|text| text.as_str().len());
            size_of_val(&**values) + texts.sum::<usize>()
        }
        _ => 0,
    }
}

/// Appends attributes. Texts are copied as far as there is room.
fn push_attributes(attributes: &mut Attributes, pairs: &[KeyValue], room: TextRoom) {
    for pair in pairs {
        let key = pair.key.as_str();
        match &pair.value {
            Value::Bool(value) => attributes.push_conventional(key, *value),
            Value::I64(value) => attributes.push_conventional(key, *value),
            Value::F64(value) => attributes.push_conventional(key, *value),
            Value::String(text) => {
                attributes.push_conventional_text(key, text.as_str(), room);
            }
            Value::Array(array) => {
                if let Some(scalars) = scalars(array, room.bytes()) {
                    attributes.push_conventional(key, scalars);
                }
            }
            // A value of an unknown type cannot be sent with the right one.
            _ => {}
        }
    }
}

/// Converts a list. Its elements share `max_text_bytes`, and those for which nothing remains are left out.
fn scalars(array: &Array, mut max_text_bytes: usize) -> Option<Vec<Scalar>> {
    let numbers = max_text_bytes / size_of::<u64>();
    Some(match array {
        Array::Bool(values) => (values.iter().take(numbers).copied().map(Scalar::Bool)).collect(),
        Array::I64(values) => (values.iter().take(numbers).copied().map(Scalar::Integer)).collect(),
        Array::F64(values) => (values.iter().take(numbers).copied().map(Scalar::Double)).collect(),
        Array::String(values) => values
            .iter()
            .map_while(|text: &StringValue| {
                if max_text_bytes == 0 {
                    return None;
                }
                let kept = excerpt(text.as_str(), max_text_bytes);
                max_text_bytes = max_text_bytes.saturating_sub(kept.len());
                Some(Scalar::Str(kept.into_owned()))
            })
            .collect(),
        _ => return None,
    })
}

/// Converts an outcome. An error means that some spans may not have been sent; the client report counts the lost ones.
pub(super) fn result(outcome: Outcome) -> OTelSdkResult {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::TimedOut(timeout) => Err(OTelSdkError::Timeout(timeout)),
        Outcome::AlreadyShutDown => Err(OTelSdkError::AlreadyShutdown),
    }
}

/// Reads release and environment from the resource.
pub(super) fn resource_info(resource: &Resource) -> ResourceInfo {
    let text = |keys: &[&'static str]| {
        keys.iter()
            .find_map(|key| resource.get(&(*key).into()))
            .map(|value| value.to_string())
            .filter(|text| !text.is_empty())
    };
    ResourceInfo {
        release: text(&["service.version"]),
        environment: text(&["deployment.environment.name", "deployment.environment"]),
    }
}
