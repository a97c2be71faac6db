//! What is received: spans with their resources, events that came without their spans, and requests that contain these.

use std::{collections::HashMap, sync::Arc};

use sentry_genai_conventions::{
    Attributes, Scalar, SourceEvent, SourceSpan, SpanId, SpanKind, Timestamp, TraceId,
};
use serde_json::Value;

use crate::any_value::AnyValue;

/// A span, and the resource that it came from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedSpan {
    /// The attributes of the resource, shared by all spans that came from it.
    pub resource: Arc<Attributes>,
    /// The span itself.
    pub span: SourceSpan,
}

impl ReceivedSpan {
    /// Completes the times of a span if the source lacks one of them; zero stands for a missing time. Returns `None` if no time
    /// is known at all.
    ///
    /// The span starts at the first known time and ends at the last: Sentry refuses a span from 1970, and one that lasts since
    /// then would outlast all others.
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

    /// Prepares a span that came over OTLP, whatever created it.
    pub(crate) fn over_otlp(resource: &Arc<Attributes>, mut span: SourceSpan) -> Self {
        span.undo_tracing_opentelemetry();
        // SDKs use this kind also if no kind was set.
        span.kind = span.kind.filter(|kind| *kind != SpanKind::Internal);
        Self {
            resource: Arc::clone(resource),
            span,
        }
    }
}

/// A GenAI event that came without its span, as a log record.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedEvent {
    /// The span it happened in, if a context was known where it was emitted.
    pub within: Option<(TraceId, SpanId)>,
    /// The instrumentation scope of the record.
    pub scope: Arc<str>,
    /// The event itself.
    pub event: SourceEvent,
}

impl ReceivedEvent {
    /// Converts a log record to an event, if it is a GenAI event. The time is not set yet.
    pub(crate) fn of_record(
        within: Option<(TraceId, SpanId)>,
        scope: &Arc<str>,
        name: Option<String>,
        attributes: Attributes,
        body: AnyValue,
    ) -> Option<Self> {
        let mut event = SourceEvent::new(name.unwrap_or_default());
        event.attributes = attributes;
        event.name = event.gen_ai_name()?.to_owned().into();
        let is_empty = match &body {
            AnyValue::Json(Value::Object(fields)) => fields.is_empty(),
            // Some repeat the name.
            AnyValue::Scalar(Scalar::Str(text)) => **text == *event.name,
            _ => false,
        };
        if !is_empty {
            body.push(&mut event.attributes, "body");
        }
        Some(Self {
            within,
            scope: Arc::clone(scope),
            event,
        })
    }
}

/// A request of a file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Request {
    /// The spans of a request of traces, in the order of the file.
    Traces(Vec<ReceivedSpan>),
    /// The GenAI events of a request of logs, in the order of the file.
    Events(Vec<ReceivedEvent>),
    /// Logs without GenAI events, or another signal: metrics or profiles. Nothing of it is read.
    OtherSignal,
}

/// The combined contents of a file's requests.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) spans: Vec<ReceivedSpan>,
    pub(crate) events: Vec<ReceivedEvent>,
    /// Whether there was a request of traces, perhaps without spans.
    pub(crate) has_traces: bool,
    /// The number of requests that were skipped.
    pub(crate) other_signals: usize,
}

impl Contents {
    /// Returns the spans with the events that belong to them.
    pub(crate) fn into_spans(mut self) -> Vec<ReceivedSpan> {
        attach_events(&mut self.spans, self.events);
        self.spans
    }
}

impl FromIterator<Request> for Contents {
    fn from_iter<T: IntoIterator<Item = Request>>(requests: T) -> Self {
        let mut contents = Self::default();
        for request in requests {
            match request {
                Request::Traces(spans) => {
                    contents.has_traces = true;
                    contents.spans.extend(spans);
                }
                Request::Events(events) => contents.events.extend(events),
                Request::OtherSignal => contents.other_signals += 1,
            }
        }
        contents
    }
}

/// Appends events to the spans they happened in, and returns those that belong to no span here.
///
/// OpenLLMetry does not make its spans current. What it emits when a response arrives therefore happens in the enclosing span, or
/// in none. If that span is not of the same instrumentation, the event goes to the instrumentation's span inside it.
///
/// Events that an exporter sent again are left out.
pub(crate) fn attach_events(
    spans: &mut [ReceivedSpan],
    events: Vec<ReceivedEvent>,
) -> Vec<ReceivedEvent> {
    if events.is_empty() {
        return events;
    }
    let mut index = HashMap::new();
    for (position, received) in spans.iter().enumerate() {
        index.insert((received.span.trace_id, received.span.span_id), position);
    }
    let mut sibling_index = None;
    let mut without_span = Vec::new();
    // For each span with events that came without it, the number of those that came with it.
    let mut own_events = HashMap::new();
    for received in events {
        let direct = received.within.and_then(|ids| index.get(&ids).copied());
        let position = match direct {
            Some(position) if spans[position].span.scope == *received.scope => direct,
            _ => {
                let sibling_index = sibling_index.get_or_insert_with(|| SiblingIndex::of(spans));
                sibling_index.find(&received).or(direct)
            }
        };
        match position {
            Some(position) => {
                let events = &mut spans[position].span.events;
                own_events.entry(position).or_insert(events.len());
                events.push(received.event);
            }
            None => without_span.push(received),
        }
    }
    for (position, own) in own_events {
        let events = &mut spans[position].span.events;
        events.truncate(own + without_repetition(&events[own..]));
    }
    without_span
}

/// Returns the number of events up to where all of them begin again, as they do if a request was sent again.
///
/// Any one event may be there twice: a conversation may contain the same message twice, at the same time by a coarse clock.
fn without_repetition(events: &[SourceEvent]) -> usize {
    let are_equal = |one: &SourceEvent, other: &SourceEvent| {
        one.time == other.time
            && one.name == other.name
            && one.attributes.iter().eq(other.attributes.iter())
    };
    let count = events.len();
    let repeats = |period: &usize| {
        let shifted = &events[*period..];
        count.is_multiple_of(*period)
            && (shifted.iter().zip(events)).all(|(one, other)| are_equal(one, other))
    };
    (1..count).find(repeats).unwrap_or(count)
}

/// The spans of an instrumentation that have the same parent, or none, in the order of their start.
struct SiblingIndex(HashMap<SiblingKey, Vec<SpanInterval>>);

/// The parent of the spans, and the scope of the instrumentation.
type SiblingKey = (Option<(TraceId, SpanId)>, String);

/// The time during which a span was open, and the latest end among the spans that started before it.
struct SpanInterval {
    start: Timestamp,
    end: Timestamp,
    earlier_end: Timestamp,
    position: usize,
}

impl SiblingIndex {
    fn of(spans: &[ReceivedSpan]) -> Self {
        let mut siblings_by_key: HashMap<_, Vec<SpanInterval>> = HashMap::new();
        for (position, received) in spans.iter().enumerate() {
            let span = &received.span;
            let parent = span.parent_span_id.map(|parent| (span.trace_id, parent));
            let siblings = siblings_by_key.entry((parent, span.scope.to_string()));
            siblings.or_default().push(SpanInterval {
                start: span.start,
                end: span.end,
                earlier_end: Timestamp::default(),
                position,
            });
        }
        for siblings in siblings_by_key.values_mut() {
            siblings.sort_unstable_by_key(|interval| (interval.start, interval.position));
            let mut last = Timestamp::default();
            for interval in siblings {
                interval.earlier_end = last;
                last = last.max(interval.end);
            }
        }
        Self(siblings_by_key)
    }

    /// Returns the span that was open when an event happened, unless several were.
    fn find(&self, received: &ReceivedEvent) -> Option<usize> {
        let time = received.event.time?;
        let siblings = self.0.get(&(received.within, received.scope.to_string()))?;
        let started = siblings.partition_point(|interval| interval.start <= time);
        let interval = &siblings[started.checked_sub(1)?];
        (interval.end >= time && interval.earlier_end < time).then_some(interval.position)
    }
}
