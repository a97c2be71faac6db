//! Tests the processor with programs that create spans.

mod content;
mod fields;
mod lifecycle;
mod relations;

use sentry_genai_opentelemetry::Options;
use sentry_genai_tests::Receiver;

use super::door::{
    SentryGenAiProcessor,
    opentelemetry::{
        Context, KeyValue, Value,
        trace::{TraceContextExt as _, Tracer as _, TracerProvider as _},
    },
    opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider},
};

pub(super) struct Program {
    // Dropped first, as the provider sends what is left.
    tracer: SdkTracer,
    pub(super) provider: SdkTracerProvider,
    processor: SentryGenAiProcessor,
    pub(super) receiver: Receiver,
}

impl Program {
    fn start() -> Self {
        Self::with(Receiver::start(), Options::new())
    }

    pub(super) fn with(receiver: Receiver, options: Options) -> Self {
        let processor = SentryGenAiProcessor::with_options(&receiver.client, options);
        let provider = processor.provider_builder().build();
        Self {
            tracer: provider.tracer("stories"),
            receiver,
            processor,
            provider,
        }
    }

    /// Starts a span below `parent`.
    pub(super) fn span(
        &self,
        name: &'static str,
        attributes: &[(&'static str, Value)],
        parent: &Context,
    ) -> Context {
        let attributes = attributes
            .iter()
            .map(|(key, value)| KeyValue::new(*key, value.clone()));
        let builder = self.tracer.span_builder(name).with_attributes(attributes);
        let span = self.tracer.build_with_context(builder, parent);
        parent.with_span(span)
    }

    pub(super) fn flush(&self) -> &Receiver {
        self.provider.force_flush().unwrap();
        &self.receiver
    }
}

fn operation(name: &'static str) -> (&'static str, Value) {
    ("gen_ai.operation.name", name.into())
}

pub(super) fn ids(context: &Context) -> (String, String) {
    let span = context.span();
    let context = span.span_context();
    (
        context.trace_id().to_string(),
        context.span_id().to_string(),
    )
}
