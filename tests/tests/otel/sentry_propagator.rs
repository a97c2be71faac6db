//! Next to `sentry-opentelemetry`.

use std::collections::HashMap;

use sentry::ClientOptions;
use sentry_genai_tests::Receiver;
use sentry_opentelemetry::SentryPropagator;

use super::door::{
    SentryGenAiProcessor, SentryGenAiPropagator,
    opentelemetry::{
        Context,
        propagation::{TextMapCompositePropagator, TextMapPropagator},
        trace::{Span as _, TraceContextExt as _, Tracer as _, TracerProvider as _},
    },
    opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider},
};

const TRACE_ID: &str = "4c79f60c11214eb38604f4ae0781bfb2";

fn headers(flag: &str) -> HashMap<String, String> {
    HashMap::from([
        (
            "traceparent".to_owned(),
            format!("00-{TRACE_ID}-a1b2c3d4e5f60718-01"),
        ),
        (
            "sentry-trace".to_owned(),
            format!("{TRACE_ID}-a1b2c3d4e5f60718{flag}"),
        ),
    ])
}

/// Its propagator, together with one for `traceparent`, is enough to follow Sentry's decision.
#[test]
fn the_decision_that_sentrys_propagator_read_holds() {
    for (flag, arrives) in [("-1", 1), ("-0", 0)] {
        // The incoming decision counts, not the rate.
        let rate = if arrives == 1 { 0.0 } else { 1.0 };
        let receiver = Receiver::with(ClientOptions::new().traces_sample_rate(rate));
        let processor = SentryGenAiProcessor::new(&receiver.client);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor.clone())
            .build();
        let composite = TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(SentryPropagator::new()),
        ]);
        let context = composite.extract_with_context(&Context::new(), &headers(flag));
        provider
            .tracer("t")
            .start_with_context("work", &context)
            .end();
        provider.force_flush().unwrap();
        assert_eq!(receiver.spans().len(), arrives, "{flag}");
    }
}

#[test]
fn together_the_headers_agree() {
    let receiver = Receiver::start();
    let processor = SentryGenAiProcessor::new(&receiver.client);
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor.clone())
        .build();
    let composite = TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(SentryPropagator::new()),
        Box::new(SentryGenAiPropagator::new(&processor)),
    ]);
    let context = composite.extract_with_context(&Context::new(), &headers("-1"));
    let span = provider.tracer("t").start_with_context("work", &context);
    let context = context.with_span(span);
    let mut out = HashMap::new();
    composite.inject_context(&context, &mut out);
    let span_id = context.span().span_context().span_id();
    assert_eq!(out["sentry-trace"], format!("{TRACE_ID}-{span_id}-1"));
    assert_eq!(out["traceparent"], format!("00-{TRACE_ID}-{span_id}-01"));
}
