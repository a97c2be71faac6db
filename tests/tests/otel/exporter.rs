//! Spans that come in batches, after their end.

use sentry_genai_opentelemetry::Options;
use sentry_genai_tests::Receiver;

use super::door::{
    SentryGenAiExporter,
    opentelemetry::{
        Context, KeyValue,
        trace::{TraceContextExt as _, Tracer as _, TracerProvider as _},
    },
    opentelemetry_sdk::trace::SdkTracerProvider,
};

/// Children come in an earlier batch than their root, which takes no more than an agent that runs for a while.
#[test]
fn a_root_that_comes_in_a_later_batch_is_the_segment() {
    let receiver = Receiver::start();
    let exporter = SentryGenAiExporter::with_options(&receiver.client, Options::new());
    // Every span is a batch.
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let tracer = provider.tracer("t");
    let start = |name: &'static str, parent: &Context| {
        let attributes = [KeyValue::new("gen_ai.operation.name", name)];
        let builder = tracer.span_builder(name).with_attributes(attributes);
        parent.with_span(builder.start_with_context(&tracer, parent))
    };
    let root = Context::new().with_span(tracer.start_with_context("root", &Context::new()));
    let attributes = [KeyValue::new("gen_ai.conversation.id", "c")];
    root.span().set_attributes(attributes);
    let chat = start("chat", &root);
    let tool = start("execute_tool", &root);
    for span in [&chat, &tool, &root] {
        span.span().end();
    }
    provider.shutdown().unwrap();
    let root = receiver.span("root");
    assert!(root.is_segment);
    for name in ["chat", "execute_tool"] {
        let span = receiver.span(name);
        assert_eq!(span.str("sentry.segment.id"), Some(&*root.span_id));
        assert!(!span.is_segment);
        assert_eq!(span.conversation_id(), Some("c"));
    }
    assert_eq!(exporter.stats().produced, 3);
}
