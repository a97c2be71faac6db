//! Gathers the spans of a trace, which come in several requests and from several services.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use sentry_genai_conventions::TraceId;

use super::waiting_events::{WaitingEvents, event_footprint};
use crate::{
    ReceivedEvent, ReceivedSpan, Request, input::remove_duplicates, received::attach_events,
};

/// How long the spans of a trace wait for further spans, so that what depends on related spans can be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Patience {
    /// The time to wait after the latest request with spans of the trace. Six seconds by default: OpenTelemetry's SDKs send every
    /// five.
    pub quiet: Duration,
    /// The time to wait after the first request with spans of the trace; 30 seconds by default.
    pub longest: Duration,
    /// How many bytes may wait, here and to be sent to Sentry; 64 MiB by default. When half of that waits here, the oldest traces
    /// are sent as they are. When three quarters wait altogether, requests are refused, so that exporters wait and try again.
    pub max_bytes: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            quiet: Duration::from_secs(6),
            longest: Duration::from_secs(30),
            max_bytes: 64 * 1024 * 1024,
        }
    }
}

/// What a trace takes beside the contents of its spans, which is more than these if it is small. Vectors have room for four spans.
const TRACE_BYTES: usize = size_of::<PendingTrace>() + 2 * size_of::<ReceivedSpan>();

/// Traces that may still be incomplete.
#[derive(Debug)]
pub(super) struct Gatherer {
    patience: Patience,
    traces: HashMap<TraceId, PendingTrace>,
    bytes: usize,
    /// What was taken and is being translated.
    in_flight: Load,
    waiting_events: WaitingEvents,
}

/// An amount of spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    bytes: usize,
    spans: usize,
}

/// Traces that leave the gatherer.
#[derive(Debug, Default)]
#[must_use = "what is taken goes nowhere else"]
pub(super) struct TraceBatch {
    pub(super) traces: Vec<TakenTrace>,
}

/// A trace that leaves the gatherer, with at least one span.
#[derive(Debug)]
pub(super) struct TakenTrace {
    pub(super) trace_id: TraceId,
    pub(super) parts: Parts,
    /// What is to be [released](Gatherer::release) when it has been handed over.
    pub(super) load: Load,
}

/// What has come of a trace.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) spans: Vec<ReceivedSpan>,
    events: Vec<ReceivedEvent>,
}

impl Parts {
    /// Returns the spans, with their events, without those that came twice; and the events of spans that are not among them.
    pub(super) fn assemble(mut self) -> (Vec<ReceivedSpan>, Vec<ReceivedEvent>) {
        remove_duplicates(&mut self.spans);
        let events = attach_events(&mut self.spans, self.events);
        (self.spans, events)
    }
}

#[derive(Debug)]
struct PendingTrace {
    parts: Parts,
    first: Instant,
    last: Instant,
    bytes: usize,
}

impl Gatherer {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            patience,
            traces: HashMap::new(),
            bytes: 0,
            in_flight: Load::default(),
            waiting_events: WaitingEvents::new(patience.max_bytes / 4),
        }
    }

    pub(super) fn add_spans(&mut self, now: Instant, spans: Vec<ReceivedSpan>) {
        for received in spans {
            let bytes = span_footprint(&received);
            let pending = self.pending_trace(now, received.span.trace_id, bytes);
            pending.parts.spans.push(received);
        }
    }

    /// Adds events that came without their spans. An event outside any known span belongs to no trace.
    pub(super) fn add_events(&mut self, now: Instant, events: Vec<ReceivedEvent>) {
        for received in events {
            let Some((trace_id, _)) = received.within else {
                self.waiting_events.give_up();
                continue;
            };
            let bytes = event_footprint(&received);
            let pending = self.pending_trace(now, trace_id, bytes);
            pending.parts.events.push(received);
        }
    }

    fn pending_trace(
        &mut self,
        now: Instant,
        trace_id: TraceId,
        bytes: usize,
    ) -> &mut PendingTrace {
        let mut added = bytes;
        let pending = self.traces.entry(trace_id).or_insert_with(|| {
            added += TRACE_BYTES;
            PendingTrace {
                parts: Parts::default(),
                first: now,
                last: now,
                bytes: 0,
            }
        });
        pending.last = now;
        pending.bytes += added;
        self.bytes += added;
        pending
    }

    /// Returns the traces that have to be sent to make room.
    pub(super) fn evict_oldest(&mut self) -> TraceBatch {
        let max_bytes = self.patience.max_bytes / 2;
        if self.bytes <= max_bytes {
            return TraceBatch::default();
        }
        // Go well below the limit, so that not every request has to search for the oldest traces.
        let target_bytes = max_bytes / 4 * 3;
        let mut oldest: Vec<_> = self.traces.iter().collect();
        oldest.sort_unstable_by_key(|(_, pending)| pending.first);
        let mut remaining_bytes = self.bytes;
        let evicted = oldest.into_iter().take_while(|(_, pending)| {
            let is_evicted = remaining_bytes > target_bytes;
            remaining_bytes = remaining_bytes.saturating_sub(pending.bytes);
            is_evicted
        });
        let evicted: Vec<_> = evicted.map(|(trace_id, _)| *trace_id).collect();
        self.take(evicted)
    }

    /// Keeps events of a trace until their spans come.
    pub(super) fn wait_for_spans(
        &mut self,
        now: Instant,
        trace_id: TraceId,
        events: Vec<ReceivedEvent>,
    ) {
        self.waiting_events.add(now, trace_id, events);
    }

    /// Returns the traces that have waited long enough.
    pub(super) fn take_due(&mut self, now: Instant) -> TraceBatch {
        self.waiting_events.remove_expired(now);
        let Patience { quiet, longest, .. } = self.patience;
        let has_waited = |since: Instant, wait| now.saturating_duration_since(since) >= wait;
        let due = self.traces.iter().filter(|(_, pending)| {
            has_waited(pending.last, quiet) || has_waited(pending.first, longest)
        });
        let due: Vec<_> = due.map(|(trace_id, _)| *trace_id).collect();
        self.take(due)
    }

    /// Returns all traces.
    pub(super) fn take_all(&mut self) -> TraceBatch {
        let all: Vec<_> = self.traces.keys().copied().collect();
        self.take(all)
    }

    fn take(&mut self, trace_ids: Vec<TraceId>) -> TraceBatch {
        let mut batch = TraceBatch::default();
        for trace_id in trace_ids {
            let Some(pending) = self.traces.remove(&trace_id) else {
                continue;
            };
            let (mut parts, mut bytes) = (pending.parts, pending.bytes);
            self.bytes -= bytes;
            let spans = parts.spans.len();
            if spans == 0 {
                // An event is written when a call starts, and its span comes when the call has ended.
                self.waiting_events
                    .add(pending.last, trace_id, parts.events);
                continue;
            }
            if let Some((earlier, earlier_bytes)) = self.waiting_events.take(trace_id) {
                parts.events.splice(..0, earlier);
                bytes += earlier_bytes;
            }
            self.in_flight.bytes += bytes;
            self.in_flight.spans += spans;
            let load = Load { bytes, spans };
            batch.traces.push(TakenTrace {
                trace_id,
                parts,
                load,
            });
        }
        batch
    }

    /// Notes that a trace taken earlier has been handed to the delivery.
    pub(super) fn release(&mut self, Load { bytes, spans }: Load) {
        self.in_flight.bytes -= bytes;
        self.in_flight.spans -= spans;
    }

    /// Returns the approximate number of bytes that wait, including traces that were taken but not yet handed over.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.in_flight.bytes + self.waiting_events.bytes()
    }

    /// Returns the number of events that no span came for.
    pub(super) fn events_without_span(&self) -> u64 {
        self.waiting_events.given_up()
    }

    /// Returns the number of spans that wait, including those that were taken but not yet handed over.
    pub(super) fn spans(&self) -> usize {
        let traces = self.traces.values();
        let waiting: usize = traces.map(|pending| pending.parts.spans.len()).sum();
        waiting + self.in_flight.spans
    }
}

/// Returns the approximate number of bytes that the contents of a request occupy while they wait.
pub(super) fn footprint(request: &Request) -> usize {
    match request {
        Request::Traces(spans) => spans.iter().map(span_footprint).sum(),
        Request::Events(events) => events.iter().map(event_footprint).sum(),
        Request::OtherSignal => 0,
    }
}

/// Returns what a span occupies, with its share of the resource.
fn span_footprint(ReceivedSpan { resource, span }: &ReceivedSpan) -> usize {
    let share = resource.footprint() / Arc::strong_count(resource);
    span.footprint() + span.scope.len() + share
}

#[cfg(test)]
mod tests {
    use sentry_genai_conventions::{Attributes, SourceEvent, SourceSpan, SpanId, Timestamp};

    use super::*;

    fn span(trace: u8, number: u8) -> ReceivedSpan {
        let trace_id = TraceId::from_bytes([trace; 16]).unwrap();
        let span_id = SpanId::from_bytes([number; 8]).unwrap();
        ReceivedSpan {
            resource: Arc::new(Attributes::default()),
            span: SourceSpan::new(trace_id, span_id, "work", Timestamp::default()),
        }
    }

    fn numbers(batch: &TraceBatch) -> Vec<Vec<u8>> {
        let traces = batch.traces.iter();
        traces.map(|it| numbers_of(&it.parts.spans)).collect()
    }

    fn release(gatherer: &mut Gatherer, batch: &TraceBatch) {
        for trace in &batch.traces {
            gatherer.release(trace.load);
        }
    }

    fn numbers_of(spans: &[ReceivedSpan]) -> Vec<u8> {
        let spans = spans.iter();
        spans.map(|it| it.span.span_id.to_bytes()[0]).collect()
    }

    #[test]
    fn a_trace_is_due_only_after_a_quiet_period() {
        let mut gatherer = Gatherer::new(Patience::default());
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        gatherer.add_spans(at(0), vec![span(1, 1)]);
        gatherer.add_spans(at(5), vec![span(1, 2), span(2, 3)]);
        assert!(gatherer.take_due(at(10)).traces.is_empty());
        gatherer.add_spans(at(10), vec![span(2, 4)]);
        assert_eq!(gatherer.spans(), 4);
        let first = gatherer.take_due(at(11));
        assert_eq!(numbers(&first), [[1, 2]]);
        let second = gatherer.take_due(at(16));
        assert_eq!(numbers(&second), [[3, 4]]);
        // They take up room until they have been handed over.
        let bytes = [&first, &second].map(|batch| batch.traces[0].load.bytes);
        assert_eq!(
            (gatherer.bytes(), gatherer.spans()),
            (bytes[0] + bytes[1], 4)
        );
        release(&mut gatherer, &first);
        assert_eq!((gatherer.bytes(), gatherer.spans()), (bytes[1], 2));
        release(&mut gatherer, &second);
        assert_eq!((gatherer.bytes(), gatherer.spans()), (0, 0));
    }

    #[test]
    fn a_trace_that_never_ends_is_sent_in_parts() {
        let mut gatherer = Gatherer::new(Patience::default());
        let start = Instant::now();
        for second in 0..30 {
            let now = start + Duration::from_secs(second);
            gatherer.add_spans(now, vec![span(1, second as u8 + 1)]);
            assert!(gatherer.take_due(now).traces.is_empty(), "{second}");
        }
        let parts = gatherer.take_due(start + Duration::from_secs(30));
        assert_eq!(numbers(&parts)[0].len(), 30);
    }

    #[test]
    fn repeated_spans_are_removed_and_events_are_attached_to_their_spans() {
        let mut gatherer = Gatherer::new(Patience::default());
        let now = Instant::now();
        let within = |number| {
            let span = span(1, number).span;
            Some((span.trace_id, span.span_id))
        };
        let event = |within| ReceivedEvent {
            within,
            scope: Arc::from(""),
            event: SourceEvent::new("gen_ai.choice"),
        };
        gatherer.add_events(now, vec![event(within(2)), event(None)]);
        gatherer.add_spans(now, vec![span(1, 1), span(1, 2), span(1, 1)]);
        let mut all = gatherer.take_all();
        release(&mut gatherer, &all);
        let (spans, other_events) = all.traces.remove(0).parts.assemble();
        assert_eq!(numbers_of(&spans), [2, 1]);
        assert_eq!(spans[0].span.events.len(), 1);
        assert_eq!((other_events.len(), gatherer.bytes()), (0, 0));
        // Events without spans are not a trace.
        gatherer.add_events(now, vec![event(within(3))]);
        assert!(gatherer.take_all().traces.is_empty());
        assert_eq!(gatherer.spans(), 0);
    }

    /// They are written when a model call starts, and its span comes when it has ended.
    #[test]
    fn events_wait_for_their_spans_longer_than_spans_for_one_another() {
        let mut gatherer = Gatherer::new(Patience::default());
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let event = |number, name: &'static str| {
            let span = span(1, number).span;
            ReceivedEvent {
                within: Some((span.trace_id, span.span_id)),
                scope: Arc::from(""),
                event: SourceEvent::new(name),
            }
        };
        gatherer.add_events(at(0), vec![event(1, "first"), event(2, "other")]);
        assert!(gatherer.take_due(at(30)).traces.is_empty());
        let waiting = gatherer.bytes();
        assert!(waiting > 0);
        gatherer.add_events(at(40), vec![event(1, "second")]);
        gatherer.add_spans(at(41), vec![span(1, 1)]);
        let mut due = gatherer.take_due(at(50));
        assert!(gatherer.bytes() > waiting);
        release(&mut gatherer, &due);
        assert_eq!(gatherer.bytes(), 0);
        let (spans, other_events) = due.traces.remove(0).parts.assemble();
        let names: Vec<_> = spans[0].span.events.iter().map(|it| &*it.name).collect();
        assert_eq!(names, ["first", "second"]);
        gatherer.wait_for_spans(at(50), span(1, 1).span.trace_id, other_events);
        gatherer.add_spans(at(300), vec![span(1, 2)]);
        let mut due = gatherer.take_due(at(310));
        let (spans, _) = due.traces.remove(0).parts.assemble();
        assert_eq!(spans[0].span.events[0].name, "other");
    }

    #[test]
    fn memory_is_bounded() {
        let mut patience = Patience::default();
        let each = span(1, 1).span.footprint();
        patience.max_bytes = 20 * each;
        let mut gatherer = Gatherer::new(patience);
        let start = Instant::now();
        let mut evicted = Vec::new();
        for number in 1..=50 {
            let now = start + Duration::from_millis(number.into());
            gatherer.add_spans(now, vec![span(number, number)]);
            let batch = gatherer.evict_oldest();
            release(&mut gatherer, &batch);
            evicted.extend(numbers(&batch).concat());
            assert!(gatherer.bytes() <= patience.max_bytes / 2);
            assert!(
                gatherer.bytes() > gatherer.spans() * each,
                "traces count, too"
            );
        }
        evicted.extend(numbers(&gatherer.take_all()).concat());
        assert!(
            evicted[..40].is_sorted(),
            "the oldest go first: {evicted:?}"
        );
        evicted.sort_unstable();
        assert_eq!(evicted, (1..=50).collect::<Vec<_>>());
    }

    #[test]
    fn spans_take_up_the_room_of_their_resource() {
        let mut resource = Attributes::default();
        resource.push("process.command_args", "x".repeat(100_000));
        let resource = Arc::new(resource);
        let spans = [1, 2, 3, 4].map(|number| {
            let mut span = span(number, number);
            span.resource = Arc::clone(&resource);
            span
        });
        drop(resource);
        let mut gatherer = Gatherer::new(Patience::default());
        gatherer.add_spans(Instant::now(), spans.into());
        assert!((100_000..120_000).contains(&gatherer.bytes()));
        let all = gatherer.take_all();
        release(&mut gatherer, &all);
        assert_eq!(gatherer.bytes(), 0);
    }
}
