//! Servers and networks at their worst. Every span is accepted once or counted as lost, and nobody waits longer than
//! asked.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "faults/answers.rs"]
mod answers;
#[path = "faults/connections.rs"]
mod connections;
#[path = "faults/limits.rs"]
mod limits;
#[path = "faults/load.rs"]
mod load;

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use sentry_core::ClientOptions;
use sentry_genai_conventions::{SourceSpan, SpanId, Timestamp};
use sentry_genai_delivery::{Delivery, LossReason, Options, RetryPolicy, Segment, new_span_id};
use sentry_genai_testkit::Ingest;

const PATIENCE: Duration = Duration::from_secs(20);

/// A delivery and the server it sends to.
struct Pair {
    ingest: Ingest,
    delivery: Delivery,
}

impl Pair {
    fn new() -> Self {
        Self::with(|options| options)
    }

    /// Starts a pair that retries without long pauses.
    fn with(configure: impl FnOnce(Options) -> Options) -> Self {
        let ingest = Ingest::start().unwrap();
        let delivery = deliver_to(&ingest.dsn(), configure);
        Self { ingest, delivery }
    }

    /// Sends a trace of `spans` spans.
    fn send_trace(&self, spans: usize) {
        send_trace(&self.delivery, spans, "");
    }

    fn flush(&self) {
        assert!(self.delivery.flush(PATIENCE), "{:?}", self.delivery);
    }

    /// Waits until everything sent has been decided, without the report that a flush would send.
    fn wait(&self) {
        let begin = Instant::now();
        while self.delivery.stats().pending() > 0 {
            assert!(begin.elapsed() < PATIENCE, "{:?}", self.delivery);
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Checks the invariants that hold whatever happened. Returns the lost spans.
    fn verified_losses(&self) -> Vec<(LossReason, u64)> {
        let stats = self.delivery.stats();
        assert_eq!(stats.pending(), 0, "{stats:?}");
        assert_eq!(stats.produced, stats.accepted + stats.lost_total());
        let figures = self.ingest.figures();
        assert_eq!(figures.duplicate_spans, 0, "{figures:?}");
        assert_eq!(figures.breaches, 0, "{figures:?}");
        assert_eq!(self.ingest.violations(), [""; 0]);
        assert!(
            figures.accepted_spans >= stats.accepted,
            "{figures:?} {stats:?}"
        );
        stats.losses().collect()
    }

    fn reported(&self) -> Vec<(String, u64)> {
        let reports = self.ingest.client_reports().into_iter();
        reports
            .map(|((_, reason), spans)| (reason, spans))
            .collect()
    }
}

fn deliver_to(dsn: &str, configure: impl FnOnce(Options) -> Options) -> Delivery {
    deliver_for(&ClientOptions::new().dsn(dsn), configure)
}

fn deliver_for(options: &ClientOptions, configure: impl FnOnce(Options) -> Options) -> Delivery {
    let options = options.clone().traces_sample_rate(1.0);
    let retries =
        RetryPolicy::default().with_pauses(Duration::from_millis(20), Duration::from_millis(100));
    let delivery = configure(Options::new().with_retries(retries));
    delivery.start(&options).unwrap()
}

fn send_trace(delivery: &Delivery, spans: usize, text: &str) {
    let trace = delivery.start_trace(None, "POST /ask", "http.server");
    let segment = Arc::new(Segment::new(trace, new_span_id(), "POST /ask"));
    for _ in 1..spans {
        delivery.send(span(&segment, new_span_id(), text), &segment);
    }
    delivery.send(span(&segment, segment.span_id(), text), &segment);
}

fn span(segment: &Segment, span_id: SpanId, text: &str) -> SourceSpan {
    let start = Timestamp::from_nanos(1_795_132_800_100_000_000);
    let mut span = SourceSpan::new(segment.trace().trace_id(), span_id, "work", start);
    span.end = Timestamp::from_nanos(1_795_132_801_100_000_000);
    if span_id != segment.span_id() {
        span.parent_span_id = Some(segment.span_id());
    }
    if !text.is_empty() {
        span.attributes.push("text", text);
    }
    span
}
