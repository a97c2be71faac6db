//! A subscriber that panics over the bridge's own messages, on the bridge's own threads.

use std::sync::atomic::{AtomicU64, Ordering};

use sentry::ClientOptions;
use sentry_genai::{LossReason, Options};
use sentry_genai_testkit::{Fault, Ingest};
use sentry_genai_tests::NO_PROXY;
use tracing::{Event, Subscriber, info_span};
use tracing_subscriber::{Layer, layer::Context, prelude::*};

static MESSAGES: AtomicU64 = AtomicU64::new(0);

struct Touchy;

impl<S: Subscriber> Layer<S> for Touchy {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sentry_genai" {
            MESSAGES.fetch_add(1, Ordering::Relaxed);
            panic!("expected");
        }
    }
}

#[test]
fn the_thread_goes_on() {
    let ingest = Ingest::start().unwrap();
    let patience = std::time::Duration::from_secs(20);
    // A failure to reach a developer's Spotlight would be a message, too.
    let guard = Options::new().with_spotlight(false).init(
        ClientOptions::new()
            .dsn(&ingest.dsn())
            .http_proxy(NO_PROXY)
            .shutdown_timeout(patience)
            .traces_sample_rate(1.0),
    );
    tracing_subscriber::registry()
        .with(sentry_genai::layer())
        .with(Touchy)
        .init();
    ingest.script([Fault::status(500)]);
    info_span!("refused").in_scope(|| {});
    assert!(guard.flush(patience));
    assert_eq!(MESSAGES.load(Ordering::Relaxed), 1);
    info_span!("accepted").in_scope(|| {});
    assert!(guard.flush(patience));
    let stats = guard.handle().unwrap().stats();
    assert_eq!((stats.accepted, stats.lost(LossReason::SendError)), (1, 1));
    assert_eq!(ingest.spans()[0].name, "accepted");
    let reported = ingest.client_reports();
    assert_eq!(reported[&("span".into(), "send_error".into())], 1);
}
