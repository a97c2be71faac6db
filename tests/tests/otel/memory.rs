//! The memory that waiting spans occupy, whatever they hold.

use std::{
    sync::{Mutex, mpsc},
    time::Duration,
};

use sentry::ClientOptions;
use sentry_genai_opentelemetry::{LossReason, Options};
use sentry_genai_tests::Receiver;

use super::door::{
    SentryGenAiProcessor,
    opentelemetry::{
        Array, KeyValue, StringValue, Value,
        trace::{Span as _, Status, Tracer as _, TracerProvider as _},
    },
    opentelemetry_sdk::trace::{SdkTracerProvider, Span},
};

const LIMIT: usize = 1024 * 1024;

#[test]
fn lists_reasons_and_events_count_as_texts_do() {
    let text = "x".repeat(100_000);
    let texts: Vec<StringValue> = vec![text.clone().into()];
    let list = |list: Array| KeyValue::new("list", Value::Array(list));
    let with_list = |list: KeyValue| move |span: &mut Span| span.set_attribute(list.clone());
    let fills: [&dyn Fn(&mut Span); 6] = [
        &with_list(list(texts.into())),
        &with_list(list(vec![0.5; 12_500].into())),
        &with_list(list(vec![7; 12_500].into())),
        &with_list(list(vec![true; 100_000].into())),
        &|span| span.set_status(Status::error(text.clone())),
        &|span| span.add_event("event", vec![KeyValue::new("text", text.clone())]),
    ];
    for fill in fills {
        let (go, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let options = Options::new()
            .with_max_buffer_bytes(LIMIT)
            .with_before_send_span(move |span| {
                let _ = wait
                    .lock()
                    .map(|wait| wait.recv_timeout(Duration::from_secs(10)));
                Some(span)
            });
        let receiver = Receiver::with(ClientOptions::new().traces_sample_rate(1.0));
        let processor = SentryGenAiProcessor::with_options(&receiver.client, options);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor.clone())
            .build();
        let tracer = provider.tracer("stories");
        for _ in 0..40 {
            let mut span = tracer.start("work");
            fill(&mut span);
            span.end();
        }
        let stats = processor.stats();
        assert!(stats.lost(LossReason::QueueOverflow) >= 25, "{stats:?}");
        assert!(stats.buffered_bytes <= LIMIT as u64, "{stats:?}");
        drop(go);
    }
}
