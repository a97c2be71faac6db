//! When memory runs short, whole traces are dropped, including their later spans. A large trace is not in memory twice.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    collections::HashMap,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use sentry_core::ClientOptions;
use sentry_genai_conventions::{SentrySpan, SourceSpan, SpanId, Timestamp};
use sentry_genai_delivery::{Delivery, LossReason, Options, Segment, new_span_id};
use sentry_genai_testkit::{Fault, Ingest};

const PATIENCE: Duration = Duration::from_secs(60);

fn deliver_to(ingest: &Ingest, max_buffer_bytes: usize) -> Delivery {
    let options = ClientOptions::new().dsn(&ingest.dsn());
    let options = options.traces_sample_rate(1.0);
    Options::new()
        .with_max_buffer_bytes(max_buffer_bytes)
        .with_max_connections(1)
        .start(&options)
        .unwrap()
}

fn segment(delivery: &Delivery) -> Arc<Segment> {
    let trace = delivery.start_trace(None, "work", "");
    Arc::new(Segment::new(trace, new_span_id(), "work"))
}

fn send(delivery: &Delivery, segment: &Arc<Segment>, span_id: SpanId, text: &str) {
    let start = Timestamp::from_nanos(1_795_132_800_100_000_000);
    let mut span = SourceSpan::new(segment.trace().trace_id(), span_id, "work", start);
    if span_id != segment.span_id() {
        span.parent_span_id = Some(segment.span_id());
    }
    span.attributes.push("app.text", text);
    delivery.send(span, segment);
}

/// Returns how many spans of each trace the server has accepted.
fn arrived(ingest: &Ingest) -> HashMap<String, usize> {
    assert_eq!(ingest.violations(), [""; 0]);
    let mut traces = HashMap::new();
    for span in ingest.spans() {
        *traces.entry(span.trace_id).or_default() += 1;
    }
    traces
}

#[test]
fn concurrent_traces_arrive_complete_or_not_at_all() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 6;
    const CONCURRENT: usize = 40;
    const SPANS: usize = 12;
    let ingest = Ingest::start().unwrap();
    ingest.always(Fault::none().with_delay(Duration::from_millis(3)));
    let delivery = deliver_to(&ingest, 512 * 1024);
    let send_side_by_side = || {
        let text = "x".repeat(1500);
        let open: Vec<_> = (0..CONCURRENT).map(|_| segment(&delivery)).collect();
        for _ in 1..SPANS {
            for segment in &open {
                send(&delivery, segment, new_span_id(), &text);
            }
            thread::sleep(Duration::from_millis(5));
        }
        for segment in &open {
            send(&delivery, segment, segment.span_id(), &text);
        }
    };
    let begin = Instant::now();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..ROUNDS).for_each(|_| send_side_by_side()));
        }
    });
    // Later, spans would be sent before their segment ends.
    assert!(begin.elapsed() < Duration::from_secs(5), "the test is void");
    assert!(delivery.flush(PATIENCE));
    let afterwards = segment(&delivery);
    for _ in 1..SPANS {
        send(&delivery, &afterwards, new_span_id(), "peace");
    }
    send(&delivery, &afterwards, afterwards.span_id(), "peace");
    assert!(delivery.flush(PATIENCE));
    let stats = delivery.stats();
    assert_eq!(
        stats.produced as usize,
        (THREADS * ROUNDS * CONCURRENT + 1) * SPANS
    );
    let lost = stats.lost(LossReason::QueueOverflow);
    assert_eq!(stats.accepted + lost, stats.produced, "{stats:?}");
    // How much of the burst gets through depends on the machine, but everything after it does.
    assert!(lost > 0 && stats.accepted as usize >= SPANS, "{stats:?}");
    let reported = ingest.client_reports();
    assert_eq!(reported[&("span".into(), "queue_overflow".into())], lost);
    let partial: Vec<_> = (arrived(&ingest).into_values())
        .filter(|spans| *spans != SPANS)
        .collect();
    assert!(partial.is_empty(), "{partial:?} of {SPANS}, {stats:?}");
}

/// If it were encoded in one piece, a large trace would be in memory twice.
#[test]
fn a_large_trace_arrives_in_parts() {
    const SPANS: usize = 120;
    let ingest = Ingest::start().unwrap();
    let delivery = deliver_to(&ingest, 32 * 1024 * 1024);
    let large = segment(&delivery);
    for _ in 0..SPANS {
        send(&delivery, &large, new_span_id(), &"x".repeat(30_000));
    }
    assert!(delivery.flush(PATIENCE));
    let trace_id = large.trace().trace_id().to_string();
    assert_eq!(arrived(&ingest)[&trace_id], SPANS);
    let envelopes = ingest.envelopes();
    let sizes: Vec<_> = envelopes.iter().map(|it| it.bytes.len()).collect();
    assert!(sizes.len() > 2, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size < 1_600_000), "{sizes:?}");
    assert_eq!(delivery.stats().buffered_bytes, 0);
}

#[test]
fn spans_after_a_drop_are_dropped_and_earlier_ones_stay() {
    let ingest = Ingest::start().unwrap();
    let delivery = deliver_to(&ingest, 64 * 1024);
    let long = segment(&delivery);
    send(&delivery, &long, new_span_id(), "early");
    assert!(delivery.flush(PATIENCE));

    // More than there is room for, while the server delays its answer.
    ingest.script([Fault::none().with_delay(Duration::from_secs(1))]);
    send(&delivery, &segment(&delivery), new_span_id(), "held up");
    let _ = delivery.flush(Duration::from_millis(200));
    send(&delivery, &long, new_span_id(), &"x".repeat(26_000));
    let _ = delivery.flush(Duration::from_millis(50));
    let other = segment(&delivery);
    send(&delivery, &other, other.span_id(), &"x".repeat(26_000));
    let _ = delivery.flush(Duration::from_millis(50));
    assert_eq!(delivery.stats().lost(LossReason::QueueOverflow), 1);
    send(&delivery, &long, new_span_id(), "late");
    send(&delivery, &long, long.span_id(), "last");
    assert!(delivery.flush(PATIENCE));
    let stats = delivery.stats();
    assert_eq!(stats.lost(LossReason::QueueOverflow), 3);
    assert_eq!(stats.accepted, 3, "{stats:?}");
    let trace_id = long.trace().trace_id().to_string();
    assert_eq!(arrived(&ingest)[&trace_id], 1);
}

/// Otherwise many small ones would take several times as much as is allowed.
#[test]
fn small_traces_count_with_what_each_needs_besides_its_spans() {
    const TRACES: u64 = 50;

    let ingest = Ingest::start().unwrap();
    ingest.always(Fault::none().with_delay(Duration::from_millis(500)));
    let delivery = deliver_to(&ingest, 1024 * 1024);
    for _ in 0..TRACES {
        let segment = segment(&delivery);
        send(&delivery, &segment, segment.span_id(), "");
    }
    let spans = TRACES * size_of::<SentrySpan>() as u64;
    let begin = Instant::now();
    while delivery.stats().buffered_bytes < 4 * spans {
        assert!(begin.elapsed() < PATIENCE, "{delivery:?}");
        thread::sleep(Duration::from_millis(1));
    }
    ingest.heal();
    assert!(delivery.close(PATIENCE));
    assert_eq!(delivery.stats().buffered_bytes, 0);
}
