//! A sampler that logs, with a global subscriber: while the subscriber creates a span, the sampler is called.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sentry::ClientOptions;
use sentry_genai::Options;
use sentry_genai_testkit::{Ingest, render_tree};
use sentry_genai_tests::NO_PROXY;
use tracing::{Event, Id, Subscriber, info_span, span::Attributes};
use tracing_subscriber::{
    Layer, filter::LevelFilter, layer::Context, prelude::*, registry::LookupSpan,
};

/// Like `tracing_subscriber::fmt`'s layer, this one relies on the filter that it was added with.
struct Strict(Arc<AtomicUsize>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Strict {
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        assert!(context.span(id).is_some(), "a span that the filter hides");
    }

    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_sampler_may_log() {
    let ingest = Ingest::start().unwrap();
    let logged = Arc::new(AtomicUsize::new(0));
    tracing_subscriber::registry()
        .with(sentry_genai::layer().with_filter(LevelFilter::INFO))
        .with(Strict(Arc::clone(&logged)).with_filter(LevelFilter::WARN))
        .init();
    // A developer's Spotlight may be running.
    let guard = Options::new().with_spotlight(false).init(
        ClientOptions::new()
            .dsn(&ingest.dsn())
            .http_proxy(NO_PROXY)
            .shutdown_timeout(Duration::from_secs(20))
            .traces_sampler(|_: &sentry::TransactionContext| {
                info_span!("decide").in_scope(|| tracing::warn!("no configuration"));
                1.0
            }),
    );
    info_span!("work").in_scope(|| tracing::warn!("in the span"));
    tracing::warn!("outside");
    drop(guard);
    let spans = ingest.spans();
    assert_eq!(spans.len(), 1, "{}", render_tree(&spans));
    assert_eq!(logged.load(Ordering::Relaxed), 2);
}
