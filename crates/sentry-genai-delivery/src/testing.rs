//! Traces, segments and spans for the tests of this crate.

use std::{sync::Arc, time::Instant};

use sentry_core::ClientOptions;
use sentry_genai_conventions::{
    SentrySpan, SourceSpan, SpanId, Timestamp, TranslateOptions, Translator,
};

use crate::{
    buckets::{Bucket, Buckets, Purpose},
    config::Config,
    ids::new_span_id,
    segment::Segment,
    trace::Trace,
};

pub(crate) const DSN: &str = "http://0123456789abcdef0123456789abcdef@localhost:9/42";

pub(crate) fn options() -> ClientOptions {
    ClientOptions::new()
        .dsn(DSN)
        .release("shop@1.4.2")
        .org_id(1.into())
        .server_name("web-1")
        .traces_sample_rate(1.0)
}

pub(crate) fn config(options: &ClientOptions) -> Arc<Config> {
    Arc::new(Config::from_client_options(options).expect("there is a DSN"))
}

/// The same for a client that keeps traces with AI spans.
pub(crate) fn keeping(options: &ClientOptions) -> Arc<Config> {
    let mut config = config(options);
    Arc::make_mut(&mut config).settings.keep_ai_traces = true;
    config
}

pub(crate) fn segment() -> Arc<Segment> {
    let trace = Trace::start(&config(&options()), None, "POST /ask", "http.server");
    Arc::new(Segment::new(trace, new_span_id(), "POST /ask"))
}

/// A span of one second.
pub(crate) fn source(segment: &Segment, span_id: SpanId) -> SourceSpan {
    let start = Timestamp::from_nanos(1_795_132_800_100_000_999);
    let mut span = SourceSpan::new(segment.trace().trace_id(), span_id, "chat", start);
    span.end = Timestamp::from_nanos(1_795_132_801_100_001_000);
    if span_id != segment.span_id() {
        span.parent_span_id = Some(segment.span_id());
    }
    span
}

pub(crate) fn span(segment: &Segment, span_id: SpanId) -> SentrySpan {
    Translator::new(TranslateOptions::default()).translate(source(segment, span_id))
}

/// A bucket of `spans` spans, at least one.
pub(crate) fn bucket(segment: &Arc<Segment>, spans: usize) -> Bucket {
    let mut buckets = Buckets::new(Purpose::Sending);
    let mut spans = (0..spans).map(|_| span(segment, new_span_id())).collect();
    let full = buckets.add(Instant::now(), &mut spans, 100, segment);
    full.or_else(|| buckets.pop_oldest()).expect("a bucket")
}
