use sentry_genai_conventions::TranslateOptions;

use super::*;
use crate::{ids::new_span_id, testing};

/// Nothing that a program does is known to cause it.
#[test]
fn after_a_panic_of_the_worker_nothing_is_lost_uncounted() {
    let shared = Arc::new(Shared::new(testing::config(&testing::options())));
    let translator = Translator::new(TranslateOptions::default());
    let mut worker = Worker::new(Arc::clone(&shared), translator, None, None);
    let segment = testing::segment();
    for _ in 0..3 {
        let span = testing::span(&segment, new_span_id());
        let span = Ended::Translated(Box::new(span));
        assert!(shared.enqueue(span, 100, Arc::clone(&segment)).is_ok());
    }
    assert_eq!(worker.run_once(), ControlFlow::Continue(()));
    assert!(shared.budget.reserved() > 0, "the trace may go on");
    // One more was on its way to its bucket.
    shared.accounting.count_produced(1);
    worker
        .translated
        .push(testing::span(&segment, new_span_id()));
    worker.discard_buckets();
    let stats = shared.accounting.stats();
    assert_eq!(stats.lost(LossReason::InternalSdkError), 4);
    assert_eq!((stats.pending(), shared.budget.reserved()), (0, 0));
    assert!(worker.translated.is_empty(), "counted once");
}
