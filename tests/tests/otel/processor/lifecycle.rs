//! Sampling, suppression, flushing and shutdown.

use std::time::Duration;

use sentry::ClientOptions;
use sentry_genai_opentelemetry::{LossReason, Options};
use sentry_genai_tests::Receiver;

use super::super::door::{
    SentryGenAiProcessor,
    opentelemetry::{
        Context,
        trace::{
            Span as _, SpanContext, TraceContextExt as _, TraceState, Tracer as _,
            TracerProvider as _,
        },
    },
    opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanProcessor as _},
};
use super::{Program, ids, operation};

/// Without Sentry's headers, all services of a trace come to the same decision, whatever the names of their spans.
#[test]
fn half_of_the_traces_are_kept_as_a_whole_and_by_every_service() {
    let start = || {
        Program::with(
            Receiver::with(ClientOptions::new().traces_sample_rate(0.5)),
            Options::new(),
        )
    };
    let (front, back) = (start(), start());
    for _ in 0..200 {
        let root = front.span("front", &[], &Context::new());
        front.span("call", &[], &root).span().end();
        let remote = root.span().span_context().clone();
        let remote = SpanContext::new(
            remote.trace_id(),
            remote.span_id(),
            remote.trace_flags(),
            true,
            TraceState::default(),
        );
        let elsewhere = Context::new().with_remote_span_context(remote);
        back.span("back", &[], &elsewhere).span().end();
        root.span().end();
    }
    let traces = |program: &Program, name: &str| {
        let spans = program.flush().spans().into_iter();
        let mut ids: Vec<_> = spans
            .filter(|span| span.name == name)
            .map(|span| span.trace_id)
            .collect();
        ids.sort();
        ids
    };
    let kept = traces(&front, "front");
    assert!((50..150).contains(&kept.len()), "{}", kept.len());
    assert_eq!(traces(&front, "call"), kept);
    assert_eq!(traces(&back, "back"), kept);
    let stats = front.processor.stats();
    assert_eq!(
        stats.lost(LossReason::SampleRate),
        400 - 2 * kept.len() as u64
    );
}

#[test]
fn what_opentelemetry_does_not_sample_or_suppresses_does_not_arrive() {
    let receiver = Receiver::start();
    let processor = SentryGenAiProcessor::new(&receiver.client);
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOff)
        .with_span_processor(processor.clone())
        .build();
    provider.tracer("t").start("dropped").end();
    assert_eq!(processor.stats().produced, 0);

    let program = Program::start();
    let suppressed = Context::new().with_telemetry_suppressed();
    program.span("suppressed", &[], &suppressed).span().end();
    program.span("seen", &[], &Context::new()).span().end();
    assert_eq!(program.flush().spans().len(), 1);
}

#[test]
fn model_calls_are_measured_in_traces_that_are_not_sampled() {
    let receiver = Receiver::with(ClientOptions::new().traces_sample_rate(0.0));
    let options = Options::new().with_metrics(&receiver.client);
    let program = Program::with(receiver, options);
    let usage = ("gen_ai.usage.input_tokens", 42.into());
    let root = program.span("POST /ask", &[], &Context::new());
    let call = program.span("chat", &[operation("chat"), usage], &root);
    call.span().end();
    root.span().end();
    let received = program.flush();
    received.client.flush(Some(Duration::from_secs(10)));
    assert!(received.spans().is_empty());
    let metrics = received.ingest.metrics();
    assert_eq!(metrics.len(), 2, "{metrics:#?}");
    let (trace_id, span_id) = ids(&call);
    for metric in &metrics {
        assert_eq!(metric["trace_id"], *trace_id);
        assert_eq!(metric["span_id"], *span_id);
    }
    assert_eq!(metrics[0]["name"], "gen_ai.client.token.usage");
    assert_eq!(metrics[0]["value"], 42.0);
    assert_eq!(program.processor.stats().lost(LossReason::SampleRate), 2);
}

/// A hook that traces what it does would otherwise create spans for ever.
#[test]
fn what_a_hook_does_makes_no_spans() {
    let inner = std::sync::Arc::new(std::sync::OnceLock::<SdkTracer>::new());
    let tracer = std::sync::Arc::clone(&inner);
    let options = Options::new().with_before_send_span(move |span| {
        if let Some(tracer) = tracer.get() {
            tracer.start("from the hook").end();
        }
        Some(span)
    });
    let program = Program::with(Receiver::start(), options);
    inner.set(program.tracer.clone()).unwrap();
    program.span("work", &[], &Context::new()).span().end();
    program.flush();
    let received = program.flush();
    assert_eq!(received.spans().len(), 1);
    assert_eq!(program.processor.open_spans().open, 0);
}

#[test]
fn flush_and_shutdown_tell_the_truth_and_do_not_wait_longer_than_asked() {
    let program = Program::start();
    program.span("work", &[], &Context::new()).span().end();
    let _open = program.span("open", &[], &Context::new());
    program
        .provider
        .shutdown_with_timeout(Duration::from_secs(20))
        .unwrap();
    assert_eq!(program.receiver.spans().len(), 1);
    assert_eq!(program.processor.open_spans().open, 0, "all are let go");
    assert!(program.processor.force_flush().is_err(), "it is shut down");
    assert!(program.processor.shutdown().is_err());

    let hole = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dsn = format!(
        "http://key@127.0.0.1:{}/1",
        hole.local_addr().unwrap().port()
    );
    let client = sentry::Client::from(ClientOptions::new().dsn(&dsn).traces_sample_rate(1.0));
    let processor = SentryGenAiProcessor::new(&client);
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor.clone())
        .build();
    provider.tracer("t").start("work").end();
    let start = std::time::Instant::now();
    let result = processor.shutdown_with_timeout(Duration::from_millis(300));
    assert!(result.is_err(), "nobody answered");
    // The request itself may take 30 seconds.
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[test]
fn without_a_dsn_nothing_happens() {
    let client = sentry::Client::from(ClientOptions::new().traces_sample_rate(1.0));
    let options = Options::new().with_spotlight(false);
    let processor = SentryGenAiProcessor::with_options(&client, options);
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor.clone())
        .build();
    provider.tracer("t").start("work").end();
    assert_eq!(processor.open_spans().open, 0);
    provider.shutdown().unwrap();
    assert_eq!(processor.stats().produced, 0);
}
