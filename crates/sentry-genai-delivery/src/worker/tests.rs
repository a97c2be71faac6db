use std::sync::atomic::{AtomicU64, Ordering};

use sentry_genai_conventions::TranslateOptions;

use super::*;
use crate::{config::Config, ids::new_span_id, model_calls::Measure, testing};

fn worker(config: Arc<Config>) -> Worker {
    let translator = Translator::new(TranslateOptions::default());
    Worker::new(Arc::new(Shared::new(config)), translator, None, None)
}

/// Hands over a model call, and lets the worker put it into its bucket.
fn gather_call(worker: &mut Worker, segment: &Arc<Segment>) {
    let mut call = testing::source(segment, new_span_id());
    call.attributes.push("gen_ai.operation.name", "chat");
    let ended = Ended::Read(Box::new(call));
    let enqueued = worker.shared.enqueue(ended, 100, Arc::clone(segment));
    assert!(enqueued.is_ok());
    assert_eq!(worker.run_once(), ControlFlow::Continue(()));
    assert!(worker.shared.budget.reserved() > 0, "the trace may go on");
}

/// Nothing that a program does is known to cause it.
#[test]
fn after_a_panic_of_the_worker_nothing_is_lost_uncounted() {
    let mut worker = worker(testing::config(&testing::options()));
    let segment = testing::segment();
    for _ in 0..3 {
        gather_call(&mut worker, &segment);
    }
    // One more was on its way to its bucket.
    worker.shared.accounting.count_produced(1);
    let span = testing::span(&segment, new_span_id());
    worker.translated.push(span);
    worker.discard_buckets();
    let stats = worker.shared.accounting.stats();
    assert_eq!(stats.lost(LossReason::InternalSdkError), 4);
    assert_eq!((stats.pending(), worker.shared.budget.reserved()), (0, 0));
    assert!(worker.translated.is_empty(), "counted once");
}

#[derive(Debug, Default)]
struct Calls(AtomicU64);

impl Measure for Calls {
    fn record(&self, _: &SentrySpan) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_model_call_for_which_there_is_no_memory_is_measured() {
    let calls = Arc::new(Calls::default());
    let mut config = testing::config(&testing::options());
    Arc::make_mut(&mut config).settings.meter = Some(Arc::<Calls>::clone(&calls));
    let mut worker = worker(config);
    gather_call(&mut worker, &testing::segment());
    assert!(worker.drop_oldest_trace() && !worker.drop_oldest_trace());
    let stats = worker.shared.accounting.stats();
    assert_eq!(stats.lost(LossReason::QueueOverflow), 1);
    assert_eq!(calls.0.load(Ordering::Relaxed), 1);
    assert_eq!(worker.shared.budget.reserved(), 0);
}
