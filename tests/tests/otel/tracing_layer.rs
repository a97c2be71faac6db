//! Next to the layer of `tracing-opentelemetry`.

use sentry_genai_tests::Receiver;
use tracing::{field::Empty, info_span};
use tracing_subscriber::prelude::*;

use super::{
    door::{
        SentryGenAiProcessor, opentelemetry::trace::TracerProvider as _,
        opentelemetry_sdk::trace::SdkTracerProvider,
    },
    tracing_opentelemetry,
};

/// The layer writes unsigned numbers as texts, repeats keys, and names the library in an attribute.
#[test]
fn tracing_spans_arrive_as_they_were_meant() {
    let receiver = Receiver::start();
    let processor = SentryGenAiProcessor::new(&receiver.client);
    arrive_as_they_were_meant(&receiver, &processor.provider_builder().build());
}

#[test]
fn tracing_spans_of_a_provider_of_the_programs_own_do_so_too() {
    let receiver = Receiver::start();
    let processor = SentryGenAiProcessor::new(&receiver.client);
    let builder = SdkTracerProvider::builder().with_span_processor(processor);
    arrive_as_they_were_meant(&receiver, &builder.build());
}

fn arrive_as_they_were_meant(receiver: &Receiver, provider: &SdkTracerProvider) {
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("app"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let agent = info_span!(
            "agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = "Tea Expert",
            gen_ai.conversation.id = Empty,
        );
        let _agent = agent.enter();
        agent.record("gen_ai.conversation.id", "conv_1");
        let chat = info_span!(
            target: "genai::otel",
            "chat",
            otel.kind = "client",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "first",
            gen_ai.usage.input_tokens = 42_u64,
            gen_ai.usage.output_tokens = Empty,
        );
        let _chat = chat.enter();
        chat.record("gen_ai.request.model", "gpt-5-mini");
        chat.record("gen_ai.usage.output_tokens", 17_u64);
        tracing::error!("the kettle is empty");
    });
    provider.force_flush().unwrap();
    let chat = receiver.span("chat gpt-5-mini");
    assert_eq!(chat.int("gen_ai.usage.input_tokens"), Some(42));
    assert_eq!(chat.int("gen_ai.usage.output_tokens"), Some(17));
    assert_eq!(chat.str("sentry.origin"), Some("auto.ai.rust.genai"));
    assert_eq!(chat.agent_name(), Some("Tea Expert"));
    assert_eq!(chat.conversation_id(), Some("conv_1"));
    assert!(chat.is_error());
    for noise in ["busy_ns", "idle_ns", "target"] {
        assert_eq!(chat.attr(noise), None);
    }
}
