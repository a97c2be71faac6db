//! Many threads, and every kind of runtime.

use std::{collections::HashSet, thread};

use sentry_genai_opentelemetry::Options;
use sentry_genai_tests::Receiver;

use super::door::{
    SentryGenAiExporter, SentryGenAiProcessor,
    opentelemetry::{
        Context, KeyValue,
        trace::{
            FutureExt as _, Span as _, TraceContextExt as _, Tracer as _, TracerProvider as _,
        },
    },
    opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider},
};

const THREADS: usize = 8;
const TRACES: usize = 100;

/// Each of 8 threads starts traces, hands the children to the next thread, and ends the root meanwhile.
#[test]
fn eight_threads_lose_nothing() {
    let receiver = Receiver::start();
    let processor = SentryGenAiProcessor::new(&receiver.client);
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor.clone())
        .build();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let tracer = provider.tracer(format!("thread {number}"));
            scope.spawn(move || {
                for _ in 0..TRACES {
                    run_trace(&tracer, number);
                }
            });
        }
    });
    provider.force_flush().unwrap();
    let spans = receiver.spans();
    let ids: HashSet<_> = spans.iter().map(|span| &span.span_id).collect();
    assert_eq!(ids.len(), THREADS * TRACES * 5);
    for span in &spans {
        if let Some(model) = span.model() {
            let number = model.trim_start_matches('m');
            assert_eq!(span.conversation_id(), Some(&*format!("conv_{number}")));
        }
    }
    assert_eq!(processor.open_spans().open, 0);
    assert_eq!(processor.stats().lost_total(), 0);
}

/// Ends the root of a trace while another thread makes its children.
fn run_trace(tracer: &SdkTracer, number: usize) {
    let conversation = KeyValue::new("gen_ai.conversation.id", format!("conv_{number}"));
    let root = tracer.span_builder("root").with_attributes([conversation]);
    let root = Context::new().with_span(root.start_with_context(tracer, &Context::new()));
    let chat = || {
        let operation = KeyValue::new("gen_ai.operation.name", "chat");
        let chat = tracer.span_builder("chat").with_attributes([operation]);
        let mut chat = chat.start_with_context(tracer, &root);
        chat.set_attribute(KeyValue::new("gen_ai.request.model", format!("m{number}")));
        chat.end();
    };
    thread::scope(|scope| {
        scope.spawn(|| (0..4).for_each(|_| chat()));
        root.span().end();
    });
}

/// Creates a trace of two spans, with an await in between.
async fn work(provider: &SdkTracerProvider) {
    let tracer = provider.tracer("t");
    let root = Context::new().with_span(tracer.start_with_context("root", &Context::new()));
    let inner = async {
        tokio::task::yield_now().await;
        tracer.start("child").end();
    };
    inner.with_context(root.clone()).await;
    root.span().end();
}

fn each_kind_of_provider(run: impl Fn(SdkTracerProvider)) {
    for kind in ["processor", "simple exporter", "batch exporter"] {
        let receiver = Receiver::start();
        let builder = SdkTracerProvider::builder();
        let exporter = SentryGenAiExporter::with_options(&receiver.client, Options::new());
        let provider = match kind {
            "processor" => builder.with_span_processor(SentryGenAiProcessor::new(&receiver.client)),
            "simple exporter" => builder.with_simple_exporter(exporter),
            _ => builder.with_batch_exporter(exporter),
        }
        .build();
        run(provider.clone());
        provider.shutdown().unwrap();
        let spans = receiver.spans();
        assert_eq!(spans.len(), 2, "{kind}");
        let root = receiver.span("root");
        let child = receiver.span("child");
        assert_eq!(child.parent_span_id.as_ref(), Some(&root.span_id), "{kind}");
        assert_eq!(
            child.str("sentry.segment.id"),
            Some(&*root.span_id),
            "{kind}"
        );
        assert!(root.is_segment && !child.is_segment, "{kind}");
    }
}

#[test]
fn on_a_current_thread_runtime() {
    each_kind_of_provider(|provider| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(work(&provider));
    });
}

#[test]
fn on_a_multi_thread_runtime() {
    each_kind_of_provider(|provider| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        let task = async move { work(&provider).await };
        runtime.block_on(async { tokio::spawn(task).await.unwrap() });
    });
}

#[test]
fn without_a_runtime() {
    each_kind_of_provider(|provider| {
        let tracer = provider.tracer("t");
        let root = Context::new().with_span(tracer.start_with_context("root", &Context::new()));
        tracer.start_with_context("child", &root).end();
        root.span().end();
    });
}
