//! Traces that are kept for their AI spans, whatever the sample rate is.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use sentry_core::ClientOptions;
use sentry_genai_conventions::{SentrySpan, SourceSpan, SpanId, Timestamp};
use sentry_genai_delivery::{Delivery, IncomingTrace, LossReason, Options, Segment, new_span_id};
use sentry_genai_testkit::Ingest;

const PATIENCE: Duration = Duration::from_secs(10);

fn start(ingest: &Ingest) -> Delivery {
    start_with(ingest, Options::new())
}

fn start_with(ingest: &Ingest, options: Options) -> Delivery {
    let client = ClientOptions::new().dsn(&ingest.dsn());
    let delivery = options.with_keep_ai_traces(true);
    delivery.start(&client.traces_sample_rate(0.0)).unwrap()
}

fn segment(delivery: &Delivery, incoming: Option<&IncomingTrace>) -> Arc<Segment> {
    let trace = delivery.start_trace(incoming, "x", "y");
    Arc::new(Segment::new(trace, new_span_id(), "x"))
}

fn span(segment: &Segment, span_id: SpanId) -> SourceSpan {
    let start = Timestamp::from_nanos(1_795_132_800_100_000_000);
    let mut span = SourceSpan::new(segment.trace().trace_id(), span_id, "work", start);
    span.end = Timestamp::from_nanos(1_795_132_801_100_000_000);
    if span_id != segment.span_id() {
        span.parent_span_id = Some(segment.span_id());
    }
    span
}

fn send_child(delivery: &Delivery, segment: &Arc<Segment>) {
    delivery.send(span(segment, new_span_id()), segment);
}

fn send_chat(delivery: &Delivery, segment: &Arc<Segment>) {
    let mut chat = span(segment, new_span_id());
    chat.attributes.push("gen_ai.operation.name", "chat");
    delivery.send(chat, segment);
}

fn send_root(delivery: &Delivery, segment: &Arc<Segment>) {
    delivery.send(span(segment, segment.span_id()), segment);
}

#[test]
fn an_ai_span_recognised_at_its_end_keeps_its_trace() {
    let ingest = Ingest::start().unwrap();
    let delivery = start(&ingest);
    let (ai, other) = (segment(&delivery, None), segment(&delivery, None));
    send_child(&delivery, &ai);
    send_child(&delivery, &other);
    send_chat(&delivery, &ai);
    send_root(&delivery, &ai);
    send_root(&delivery, &other);
    assert!(delivery.close(PATIENCE));
    let stats = delivery.stats();
    assert_eq!((stats.accepted, stats.lost(LossReason::SampleRate)), (3, 2));
    let ids = ingest.spans().into_iter().map(|span| span.trace_id);
    let expected = ai.trace().trace_id().to_string();
    assert!(ids.into_iter().all(|id| id == expected));
}

/// A program may receive several requests of the same trace. Keeping one of them says nothing about the others.
#[test]
fn requests_of_one_trace_are_decided_separately() {
    let ingest = Ingest::start().unwrap();
    let delivery = start(&ingest);
    let sentry_trace = "4c79f60c11214eb38604f4ae0781bfb2-a1b2c3d4e5f60718-0";
    let incoming = IncomingTrace::parse(sentry_trace, None).unwrap();
    let [ai, other] = [(); 2].map(|()| segment(&delivery, Some(&incoming)));
    send_child(&delivery, &ai);
    send_child(&delivery, &other);
    send_root(&delivery, &other);
    // Long enough for the other request to be dropped.
    std::thread::sleep(Duration::from_millis(300));
    send_chat(&delivery, &ai);
    send_root(&delivery, &ai);
    assert!(delivery.close(PATIENCE));
    let stats = delivery.stats();
    assert_eq!((stats.accepted, stats.lost(LossReason::SampleRate)), (3, 2));
    let spans = ingest.spans();
    let roots: Vec<_> = spans.iter().filter(|span| span.is_segment).collect();
    assert_eq!(roots.len(), 1);
    assert_eq!(roots[0].span_id, ai.span_id().to_string());
}

/// An AI span is known when it starts, which may be long before anything else of the trace ends.
#[test]
fn a_flush_sends_traces_kept_by_then() {
    let ingest = Ingest::start().unwrap();
    let delivery = start(&ingest);
    let (ai, other) = (segment(&delivery, None), segment(&delivery, None));
    send_child(&delivery, &ai);
    send_child(&delivery, &other);
    assert!(delivery.flush(PATIENCE));
    assert_eq!(delivery.stats().accepted, 0);
    ai.trace().note_ai_span();
    assert!(delivery.flush(PATIENCE));
    assert_eq!(delivery.stats().accepted, 1);
    assert_eq!(delivery.stats().lost_total(), 0);
}

#[test]
fn the_memory_of_decided_traces_is_there_for_held_ones() {
    const LIMIT: usize = 64 * 1024;

    let ingest = Ingest::start().unwrap();
    let delivery = start_with(&ingest, Options::new().with_max_buffer_bytes(LIMIT));
    for _ in 0..10 {
        for _ in 0..LIMIT / 4096 {
            let other = segment(&delivery, None);
            send_child(&delivery, &other);
            send_root(&delivery, &other);
        }
        let begin = Instant::now();
        while delivery.stats().pending() > 0 {
            assert!(begin.elapsed() < PATIENCE, "{delivery:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let ai = segment(&delivery, None);
    send_child(&delivery, &ai);
    assert!(delivery.flush(PATIENCE));
    send_chat(&delivery, &ai);
    send_root(&delivery, &ai);
    assert!(delivery.close(PATIENCE));
    assert_eq!(delivery.stats().accepted, 3, "{delivery:?}");
}

/// The other half is for traces that are to be sent.
#[test]
fn held_traces_take_at_most_half_of_the_memory() {
    const LIMIT: usize = 256 * 1024;

    let ingest = Ingest::start().unwrap();
    let delivery = start_with(&ingest, Options::new().with_max_buffer_bytes(LIMIT));
    let mut held = 0;
    for _ in 0..100 {
        let other = segment(&delivery, None);
        let mut large = span(&other, new_span_id());
        large.attributes.push("app.text", "x".repeat(LIMIT / 50));
        delivery.send(large, &other);
        assert!(delivery.flush(PATIENCE));
        held = delivery.stats().buffered_bytes;
        assert!(held <= LIMIT as u64 / 2, "{delivery:?}");
    }
    assert!(held > LIMIT as u64 / 4, "{delivery:?}");
    let stats = delivery.stats();
    assert_eq!(stats.lost_total(), stats.lost(LossReason::SampleRate));
}

/// A door may notice an AI span on its own thread just before the delivery runs out of room for held traces.
#[test]
fn of_a_trace_for_which_there_is_no_room_the_kept_request_is_sent() {
    const LIMIT: usize = 64 * 1024;

    let ingest = Ingest::start().unwrap();
    let delivery = start_with(&ingest, Options::new().with_max_buffer_bytes(LIMIT));
    let sentry_trace = "4c79f60c11214eb38604f4ae0781bfb2-a1b2c3d4e5f60718-0";
    let incoming = IncomingTrace::parse(sentry_trace, None).unwrap();
    let [ai, other] = [(); 2].map(|()| segment(&delivery, Some(&incoming)));
    let send_large = |segment: &Arc<Segment>| {
        let mut large = span(segment, new_span_id());
        large.attributes.push("app.text", "x".repeat(LIMIT / 10));
        delivery.send(large, segment);
        assert!(delivery.flush(PATIENCE));
    };
    send_large(&other);
    send_large(&ai);
    ai.trace().note_ai_span();
    send_large(&segment(&delivery, None));
    let stats = delivery.stats();
    assert_eq!((stats.accepted, stats.lost_total()), (1, 1), "{stats:?}");
    assert_eq!(stats.lost(LossReason::SampleRate), 1);
    assert_eq!(
        ingest.spans()[0].trace_id,
        ai.trace().trace_id().to_string()
    );
}

/// Returns options with a hook that stops at a slow span until it is told to go on.
fn stopping_hook() -> (Options, mpsc::Sender<()>) {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let hook = move |span: SentrySpan| {
        if span.name == "slow" {
            let _ = wait.lock().unwrap().recv_timeout(PATIENCE);
        }
        Some(span)
    };
    (Options::new().with_before_send_span(hook), go)
}

/// Lets the worker wait in the hook, so that everything that follows arrives at once.
fn stop_worker(delivery: &Delivery) {
    let segment = segment(delivery, None);
    let mut slow = span(&segment, new_span_id());
    slow.name = "slow".into();
    delivery.send(slow, &segment);
    std::thread::sleep(Duration::from_millis(100));
}

#[test]
fn the_held_part_of_a_trace_that_overflows_is_dropped_with_the_rest() {
    const LIMIT: usize = 64 * 1024;

    let ingest = Ingest::start().unwrap();
    let (options, go) = stopping_hook();
    let delivery = start_with(&ingest, options.with_max_buffer_bytes(LIMIT));
    let long = segment(&delivery, None);
    send_child(&delivery, &long);
    assert!(delivery.flush(PATIENCE));
    stop_worker(&delivery);
    let mut large = span(&long, new_span_id());
    large.attributes.push("app.text", "x".repeat(LIMIT));
    delivery.send(large, &long);
    assert_eq!(delivery.stats().lost(LossReason::QueueOverflow), 1);
    go.send(()).unwrap();
    let begin = Instant::now();
    while delivery.stats().lost(LossReason::QueueOverflow) < 2 {
        assert!(begin.elapsed() < PATIENCE, "{delivery:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_flush_before_a_close_leaves_held_traces_undecided() {
    let ingest = Ingest::start().unwrap();
    let (options, go) = stopping_hook();
    let delivery = start_with(&ingest, options);
    let ai = segment(&delivery, None);
    stop_worker(&delivery);
    send_child(&delivery, &ai);
    delivery.flush(Duration::ZERO);
    send_chat(&delivery, &ai);
    send_root(&delivery, &ai);
    delivery.close(Duration::ZERO);
    go.send(()).unwrap();
    let end = Instant::now() + PATIENCE;
    while delivery.stats().pending() > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    let lost = delivery.stats().lost(LossReason::SampleRate);
    assert_eq!(lost, 1, "{:?}", delivery.stats());
}
