//! Spans that the sampler reads for the processor.

use std::{
    env,
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use sentry::ClientOptions;
use sentry_genai_tests::{Receiver, command};

use super::door::{
    SentryGenAiProcessor,
    opentelemetry::{
        Context, KeyValue,
        trace::{
            Link, Span as _, SpanKind, TraceContextExt as _, TraceId, TraceState, Tracer as _,
            TracerProvider as _,
        },
    },
    opentelemetry_sdk::{
        error::OTelSdkResult,
        trace::{
            Sampler, SamplingDecision, SamplingResult, SdkTracer, SdkTracerProvider, ShouldSample,
            Span, SpanData, SpanProcessor,
        },
    },
};

fn provider(receiver: &Receiver, next: impl ShouldSample + Clone + 'static) -> SdkTracerProvider {
    let processor = SentryGenAiProcessor::new(&receiver.client);
    SdkTracerProvider::builder()
        .with_sampler(processor.sampler(next))
        .with_span_processor(processor)
        .build()
}

fn span(
    tracer: &SdkTracer,
    name: &'static str,
    attributes: &[(&'static str, &'static str)],
    parent: &Context,
) -> Context {
    let attributes = attributes
        .iter()
        .map(|(key, value)| KeyValue::new(*key, *value));
    let builder = tracer.span_builder(name).with_attributes(attributes);
    parent.with_span(builder.start_with_context(tracer, parent))
}

/// The agent is still open when the chat is sent.
#[test]
fn what_a_span_says_at_its_start_reaches_those_below_it() {
    let receiver = Receiver::start();
    let provider = provider(&receiver, Sampler::AlwaysOn);
    let tracer = provider.tracer("t");
    let root = span(&tracer, "POST /ask", &[], &Context::new());
    let said = [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.agent.name", "Tea Expert"),
        ("gen_ai.conversation.id", "conv_1"),
    ];
    let agent = span(&tracer, "agent", &said, &root);
    let step = span(&tracer, "step", &[], &agent);
    let said = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "gpt-5-mini"),
    ];
    span(&tracer, "chat", &said, &step).span().end();
    provider.force_flush().unwrap();
    let chat = receiver.span("chat gpt-5-mini");
    assert_eq!(chat.agent_name(), Some("Tea Expert"));
    assert_eq!(chat.conversation_id(), Some("conv_1"));
    assert_eq!(chat.str("sentry.segment.name"), Some("POST /ask"));
    for context in [step, agent, root] {
        context.span().end();
    }
    provider.force_flush().unwrap();
    assert_eq!(receiver.spans().len(), 4);
    assert!(receiver.span("POST /ask").is_segment);
}

/// Spans keep one attribute here, so only the sampler can have seen the other.
#[test]
fn the_provider_that_a_processor_builds_has_its_sampler() {
    let receiver = Receiver::start();
    let builder = SentryGenAiProcessor::new(&receiver.client).provider_builder();
    let provider = builder.with_max_attributes_per_span(1).build();
    let tracer = provider.tracer("t");
    let said = [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.conversation.id", "conv_1"),
    ];
    let agent = span(&tracer, "agent", &said, &Context::new());
    let said = [("gen_ai.operation.name", "chat")];
    span(&tracer, "chat", &said, &agent).span().end();
    provider.force_flush().unwrap();
    assert_eq!(receiver.span("chat").conversation_id(), Some("conv_1"));
}

/// `OTEL_TRACES_SAMPLER` is set for a separate process.
#[test]
fn the_provider_that_a_processor_builds_samples_as_the_environment_says() {
    const EXPECTED: &str = "SENTRY_GENAI_TEST_SPANS";
    let Ok(expected) = env::var(EXPECTED) else {
        let thread = thread::current();
        for (sampler, expected) in [("always_off", "0"), ("parentbased_always_on", "1")] {
            let child = command(env::current_exe().unwrap())
                .args(["--exact", thread.name().unwrap()])
                .env("OTEL_TRACES_SAMPLER", sampler)
                .env(EXPECTED, expected)
                .output()
                .unwrap();
            let printed = String::from_utf8_lossy(&child.stdout);
            assert!(child.status.success(), "{sampler}: {printed}");
            assert!(printed.contains("1 passed"), "{sampler}: {printed}");
        }
        return;
    };
    let receiver = Receiver::start();
    let processor = SentryGenAiProcessor::new(&receiver.client);
    let provider = processor.provider_builder().build();
    provider.tracer("t").start("root").end();
    assert_eq!(processor.stats().produced.to_string(), expected);
}

#[test]
fn sentry_samples_by_what_the_root_says() {
    let options = ClientOptions::new().traces_sampler(|context| {
        let wanted = context.name() == "agent" && context.operation() == "gen_ai.invoke_agent";
        f32::from(u8::from(wanted))
    });
    let receiver = Receiver::with(options);
    let provider = provider(&receiver, Sampler::AlwaysOn);
    let tracer = provider.tracer("t");
    for (name, said) in [
        ("agent", [("gen_ai.operation.name", "invoke_agent")]),
        ("agent", [("sentry.op", "gen_ai.invoke_agent")]),
        ("other", [("gen_ai.operation.name", "invoke_agent")]),
    ] {
        let root = span(&tracer, name, &said, &Context::new());
        let below = span(&tracer, "below", &[], &root);
        span(&tracer, "deeper", &[], &below).span().end();
        below.span().end();
        root.span().end();
    }
    provider.force_flush().unwrap();
    assert_eq!(receiver.spans().len(), 6);
}

#[test]
fn spans_of_sentrys_sampler_itself_start_no_traces() {
    static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();
    let options = ClientOptions::new().traces_sampler(|context| {
        // Once is enough for the test.
        if context.name() != "look up flag"
            && let Some(provider) = PROVIDER.get()
        {
            let tracer = provider.tracer("flags");
            span(&tracer, "look up flag", &[], &Context::new())
                .span()
                .end();
        }
        1.0
    });
    let receiver = Receiver::with(options);
    let provider = PROVIDER.get_or_init(|| provider(&receiver, Sampler::AlwaysOn));
    let tracer = provider.tracer("t");
    let root = span(&tracer, "root", &[], &Context::new());
    span(&tracer, "below", &[], &root).span().end();
    root.span().end();
    provider.force_flush().unwrap();
    let spans = receiver.spans();
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["below", "root"]);
}

/// A sampler that sets the conversation of every span, and drops some.
#[derive(Clone, Debug)]
struct Decides;

impl ShouldSample for Decides {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        name: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let decision = match name {
            "dropped" => SamplingDecision::Drop,
            "recorded" => SamplingDecision::RecordOnly,
            _ => SamplingDecision::RecordAndSample,
        };
        let id = if name == "root" { "added" } else { "" };
        SamplingResult {
            decision,
            attributes: vec![KeyValue::new("gen_ai.conversation.id", id)],
            trace_state: TraceState::default(),
        }
    }
}

#[test]
fn the_sampler_behind_it_decides_and_adds() {
    let receiver = Receiver::start();
    let processor = SentryGenAiProcessor::new(&receiver.client);
    let provider = SdkTracerProvider::builder()
        .with_sampler(processor.sampler(Decides))
        .with_span_processor(processor.clone())
        .build();
    let tracer = provider.tracer("t");
    let root = span(&tracer, "root", &[], &Context::new());
    for name in ["dropped", "recorded", "chat"] {
        let said = [("gen_ai.operation.name", "chat")];
        span(&tracer, name, &said, &root).span().end();
    }
    assert_eq!(processor.open_spans().open, 1, "the root");
    provider.force_flush().unwrap();
    assert_eq!(receiver.spans().len(), 1);
    assert_eq!(receiver.span("chat").conversation_id(), Some("added"));
}

/// A processor that starts a sibling span of its own before the next processor sees the first.
#[derive(Debug)]
struct Meddler(Arc<std::sync::OnceLock<SdkTracer>>);

impl SpanProcessor for Meddler {
    fn on_start(&self, span: &mut Span, context: &Context) {
        let is_its_own = span.exported_data().is_some_and(|data| data.name == "own");
        if let Some(tracer) = self.0.get().filter(|_| !is_its_own) {
            let said = [KeyValue::new("gen_ai.conversation.id", "wrong")];
            let builder = tracer.span_builder("own").with_attributes(said);
            builder.start_with_context(tracer, context).end();
        }
    }

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[test]
fn a_span_that_comes_between_is_not_mistaken_for_the_one_that_starts() {
    let receiver = Receiver::start();
    let tracer = Arc::default();
    let processor = SentryGenAiProcessor::new(&receiver.client);
    let provider = SdkTracerProvider::builder()
        .with_sampler(processor.sampler(Sampler::AlwaysOn))
        .with_span_processor(Meddler(Arc::clone(&tracer)))
        .with_span_processor(processor)
        .build();
    tracer.set(provider.tracer("t")).unwrap();
    let tracer = provider.tracer("t");
    let said = [("gen_ai.conversation.id", "right")];
    let root = span(&tracer, "root", &said, &Context::new());
    let outer = span(&tracer, "outer", &said, &root);
    let said = [("gen_ai.operation.name", "chat")];
    span(&tracer, "chat", &said, &outer).span().end();
    provider.force_flush().unwrap();
    assert_eq!(receiver.span("chat").conversation_id(), Some("right"));
    outer.span().end();
    root.span().end();
    provider.force_flush().unwrap();
    // The three spans, and one of the meddler's for each.
    assert_eq!(receiver.spans().len(), 6);
}
