//! Spans that are open for hours, and the spans below them.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    sync::Arc,
    time::{Duration, Instant, UNIX_EPOCH},
};

use sentry_core::ClientOptions;
use sentry_genai_conventions::{SourceSpan, SpanId, Timestamp};
use sentry_genai_delivery::{Clock, Delivery, Options, Segment, TraceLifecycle, new_span_id};
use sentry_genai_testkit::Ingest;

const PATIENCE: Duration = Duration::from_secs(20);
const MORNING: u64 = 1_795_132_800_000_000_000;
const HOUR: u64 = 3_600_000_000_000;

fn deliver_to(ingest: &Ingest, lifecycle: TraceLifecycle) -> Delivery {
    let options = ClientOptions::new().dsn(&ingest.dsn());
    let delivery = Options::new().with_trace_lifecycle(lifecycle);
    delivery.start(&options.traces_sample_rate(1.0)).unwrap()
}

/// Sends a span that lasted for `hours`, counted from the morning.
fn send(delivery: &Delivery, segment: &Arc<Segment>, span_id: SpanId, hours: std::ops::Range<u64>) {
    let start = Timestamp::from_nanos(MORNING + hours.start * HOUR);
    let trace_id = segment.trace().trace_id();
    let mut span = SourceSpan::new(trace_id, span_id, "work", start);
    span.end = Timestamp::from_nanos(MORNING + hours.end * HOUR);
    if span_id != segment.span_id() {
        span.parent_span_id = Some(segment.span_id());
    }
    delivery.send(span, segment);
}

#[test]
fn children_are_sent_while_their_root_is_open_and_the_dsc_stays_the_same() {
    let ingest = Ingest::start().unwrap();
    let delivery = deliver_to(&ingest, TraceLifecycle::Stream);
    let trace = delivery.start_trace(None, "run", "");
    let segment = Arc::new(Segment::new(trace, new_span_id(), "run"));
    send(&delivery, &segment, new_span_id(), 0..1);
    // Nobody calls `flush`, and the root does not end.
    let begin = Instant::now();
    assert_eq!(ingest.wait_for_spans(1, PATIENCE).len(), 1);
    let waited = begin.elapsed();
    assert!(waited < PATIENCE / 2, "{waited:?}");

    let header = segment.trace().baggage_header();
    segment.set_name("run of the day");
    send(&delivery, &segment, new_span_id(), 5..6);
    assert!(delivery.flush(PATIENCE));
    send(&delivery, &segment, segment.span_id(), 0..9);
    // A child that outlives its parent.
    send(&delivery, &segment, new_span_id(), 8..12);
    assert!(delivery.flush(PATIENCE));
    assert_eq!(segment.trace().baggage_header(), header);

    assert_eq!(ingest.violations(), [""; 0]);
    let envelopes = ingest.envelopes();
    assert_eq!(envelopes.len(), 3);
    let traces: Vec<_> = envelopes.iter().map(|it| it.trace().unwrap()).collect();
    assert!(
        traces.iter().all(|trace| *trace == traces[0]),
        "{traces:#?}"
    );
    assert_eq!(traces[0]["transaction"], "run");
    let spans = ingest.spans();
    assert_eq!(spans.len(), 4);
    let segment_id = segment.span_id().to_string();
    let is_below = |id: Option<&str>| id == Some(&*segment_id);
    assert!(
        spans
            .iter()
            .all(|span| is_below(span.str("sentry.segment.id")))
    );
    let roots: Vec<_> = spans.iter().filter(|span| span.is_segment).collect();
    assert_eq!(roots.len(), 1);
    assert_eq!(roots[0].duration(), 9.0 * 3600.0);
    // Spans that end after the renaming have the new name; those sent before have the old one.
    let names = |name| {
        let named = spans
            .iter()
            .filter(|it| it.str("sentry.segment.name") == Some(name));
        named.count()
    };
    assert_eq!(names("run"), 1);
    let stats = delivery.stats();
    assert_eq!((stats.accepted, stats.pending()), (4, 0));
}

#[test]
fn a_flush_sends_the_children_of_an_open_root_as_a_transaction_of_their_own() {
    let ingest = Ingest::start().unwrap();
    let delivery = deliver_to(&ingest, TraceLifecycle::Classic);
    let trace = delivery.start_trace(None, "run", "");
    let segment = Arc::new(Segment::new(trace, new_span_id(), "run"));
    send(&delivery, &segment, new_span_id(), 0..1);
    send(&delivery, &segment, new_span_id(), 1..2);
    assert!(delivery.flush(PATIENCE));
    assert_eq!(ingest.transactions().len(), 1);
    send(&delivery, &segment, segment.span_id(), 0..3);
    assert!(delivery.close(PATIENCE));
    assert_eq!(ingest.transactions().len(), 2);
    assert_eq!(ingest.violations(), [""; 0]);
    assert_eq!(delivery.stats().accepted, 3);
}

/// Sentry corrects the times of spans whose clock has stood still while the machine slept, or was corrected since.
#[test]
fn an_envelope_says_by_the_clock_of_its_spans_when_it_was_sent() {
    let ingest = Ingest::start().unwrap();
    let delivery = deliver_to(&ingest, TraceLifecycle::Stream);
    let trace = delivery.start_trace(None, "run", "");
    let morning = UNIX_EPOCH + Duration::from_nanos(MORNING);
    let segment = Segment::new(trace, new_span_id(), "run").with_clock(Clock::start_at(morning));
    let segment = Arc::new(segment);
    let began = segment.now().as_nanos();
    assert!((MORNING..MORNING + 60_000_000_000).contains(&began));
    send(&delivery, &segment, segment.span_id(), 0..1);
    assert!(delivery.flush(PATIENCE));
    let envelopes = ingest.envelopes();
    let sent_at = envelopes[0].header["sent_at"].as_str().unwrap();
    assert!(sent_at.starts_with("2026-11-20T00:0"), "{sent_at}");
}
