//! A process in which no thread can be started.

#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    env,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use sentry_core::ClientOptions;
use sentry_genai_conventions::{SourceSpan, Timestamp};
use sentry_genai_delivery::{LossReason, Options, Segment, new_span_id};

/// The size of the stack of new threads.
const STACK_SIZE: &str = "RUST_MIN_STACK";

/// More than there are addresses.
const TOO_LARGE: &str = "4611686018427387904";

/// A limit of the process or its container may be to blame, and nothing else shows that.
#[test]
fn the_latest_failure_says_that_no_thread_could_be_started() {
    if env::var(STACK_SIZE).is_ok_and(|size| size == TOO_LARGE) {
        return without_threads();
    }
    let mut without_threads = Command::new(env::current_exe().unwrap());
    let output = without_threads
        .arg("--test-threads=1")
        .env(STACK_SIZE, TOO_LARGE)
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn without_threads() {
    let options = ClientOptions::new().dsn("http://public@127.0.0.1:1/1");
    let delivery = Options::new().start(&options.traces_sample_rate(1.0));
    let delivery = delivery.unwrap();
    let trace = delivery.start_trace(None, "run", "");
    let segment = Arc::new(Segment::new(trace, new_span_id(), "run"));
    let trace_id = segment.trace().trace_id();
    let span = SourceSpan::new(trace_id, segment.span_id(), "run", Timestamp::default());
    delivery.send(span, &segment);

    let begin = Instant::now();
    assert!(!delivery.flush(Duration::from_secs(60)));
    assert!(begin.elapsed() < Duration::from_secs(10), "nobody waits");
    assert_eq!(delivery.stats().lost(LossReason::InternalSdkError), 1);
    let cause = delivery.last_failure().unwrap().cause;
    assert!(cause.starts_with("no thread could be started"), "{cause}");
}
