//! Traces and conversations that cross services in the headers of a request.

use std::collections::HashMap;

use sentry::{Client, ClientOptions};
use sentry_genai_opentelemetry::Options;
use sentry_genai_tests::Receiver;

use super::door::{
    GenAiContextExt as _, SentryGenAiProcessor, SentryGenAiPropagator,
    opentelemetry::{
        Context, KeyValue,
        baggage::BaggageExt as _,
        propagation::{TextMapCompositePropagator, TextMapPropagator},
        trace::{
            Span as _, SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
            Tracer as _, TracerProvider as _,
        },
    },
    opentelemetry_sdk::{
        propagation::{BaggagePropagator, TraceContextPropagator},
        trace::{SdkTracer, SdkTracerProvider},
    },
};

type Headers = HashMap<String, String>;

struct Service {
    // Dropped first, as the provider sends what is left.
    tracer: SdkTracer,
    provider: SdkTracerProvider,
    processor: SentryGenAiProcessor,
    receiver: Receiver,
}

impl Service {
    fn start() -> Self {
        Self::with(ClientOptions::new().traces_sample_rate(1.0))
    }

    fn with(client_options: ClientOptions) -> Self {
        Self::with_options(client_options, Options::new())
    }

    fn with_options(client_options: ClientOptions, options: Options) -> Self {
        let receiver = Receiver::with(client_options);
        let processor = SentryGenAiProcessor::with_options(&receiver.client, options);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor.clone())
            .build();
        Self {
            tracer: provider.tracer("service"),
            receiver,
            processor,
            provider,
        }
    }

    fn propagator(&self) -> SentryGenAiPropagator {
        SentryGenAiPropagator::new(&self.processor)
    }

    /// Returns a composite propagator, as a program would build it.
    fn composite(&self) -> TextMapCompositePropagator {
        TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
            Box::new(self.propagator()),
        ])
    }

    fn chat(&self, context: &Context) {
        let attributes = [KeyValue::new("gen_ai.operation.name", "chat")];
        let builder = self.tracer.span_builder("chat").with_attributes(attributes);
        builder.start_with_context(&self.tracer, context).end();
    }

    fn spans(&self) -> &Receiver {
        self.provider.force_flush().unwrap();
        &self.receiver
    }
}

fn inject(propagator: &dyn TextMapPropagator, context: &Context) -> Headers {
    let mut headers = Headers::new();
    propagator.inject_context(context, &mut headers);
    headers
}

#[test]
fn one_trace_one_conversation_two_services() {
    let (front, back) = (Service::start(), Service::start());
    let root = front
        .tracer
        .start_with_context("POST /ask", &Context::new());
    let scope = Context::new()
        .with_conversation_id("conv 1,ü")
        .with_baggage(vec![KeyValue::new("tenant", "a b")])
        .with_span(root);
    let headers = inject(&front.composite(), &scope);
    assert!(headers["baggage"].is_ascii());

    let incoming = back
        .composite()
        .extract_with_context(&Context::new(), &headers);
    assert_eq!(
        incoming.baggage().get("tenant").map(|it| it.as_str()),
        Some("a b")
    );
    back.chat(&incoming);
    // What came in goes out again, once.
    let onwards = inject(&back.composite(), &incoming);
    assert_eq!(
        onwards["baggage"].matches("gen_ai.conversation.id").count(),
        1
    );
    assert_eq!(onwards["baggage"].matches("sentry-trace_id").count(), 1);
    assert_eq!(onwards["sentry-trace"], headers["sentry-trace"]);
    scope.span().end();

    let root = front.spans().span("POST /ask");
    let chat = back.spans().span("chat");
    assert_eq!(chat.trace_id, root.trace_id);
    assert_eq!(chat.parent_span_id.as_ref(), Some(&root.span_id));
    assert!(chat.is_segment);
    assert_eq!(chat.conversation_id(), Some("conv 1,ü"));
    let sampling =
        |service: &Service| service.receiver.ingest.envelopes()[0].header["trace"].clone();
    assert_eq!(sampling(&back), sampling(&front));
    assert_eq!(sampling(&back)["transaction"], "POST /ask");
}

/// A browser or another Sentry SDK sends no `traceparent`.
#[test]
fn a_trace_of_sentry_alone_is_continued_with_its_decision() {
    let trace = "4c79f60c11214eb38604f4ae0781bfb2-a1b2c3d4e5f60718";
    let receive = |flag: &str, baggage: &str| {
        let service = Service::with(
            ClientOptions::new()
                .traces_sample_rate(1.0)
                .org_id("1".parse().unwrap()),
        );
        let headers = Headers::from([
            ("sentry-trace".to_owned(), format!("{trace}{flag}")),
            ("baggage".to_owned(), baggage.to_owned()),
        ]);
        let context = service
            .propagator()
            .extract_with_context(&Context::new(), &headers);
        service.chat(&context);
        assert_eq!(service.processor.open_spans().orphaned, 0);
        service
            .spans()
            .spans()
            .into_iter()
            .map(|span| span.trace_id)
            .next()
    };
    let same = Some("4c79f60c11214eb38604f4ae0781bfb2".to_owned());
    assert_eq!(receive("-1", "sentry-org_id=1"), same);
    assert_eq!(receive("", ""), same);
    assert_eq!(receive("-0", ""), None);
    let foreign = receive("-1", "sentry-org_id=2");
    assert!(foreign.is_some() && foreign != same, "{foreign:?}");
}

#[test]
fn an_unsampled_trace_says_so() {
    let service = Service::with(ClientOptions::new().traces_sample_rate(0.0));
    let root = service.tracer.start_with_context("root", &Context::new());
    let headers = inject(&service.propagator(), &Context::new().with_span(root));
    assert!(headers["sentry-trace"].ends_with("-0"), "{headers:?}");
    assert!(headers["baggage"].contains("sentry-sampled=false"));
}

/// What OpenTelemetry does not sample cannot reach Sentry from here. Without a DSN nothing can, which says nothing of others.
#[test]
fn a_span_that_opentelemetry_does_not_sample_says_so() {
    let here = Service::start();
    let nowhere = SentryGenAiProcessor::new(&Client::from(ClientOptions::new()));
    let flag_of = |propagator: &SentryGenAiPropagator, flags| {
        let (trace_id, span_id) = (TraceId::from(1), SpanId::from(2));
        let span = SpanContext::new(trace_id, span_id, flags, false, TraceState::default());
        let context = Context::new().with_remote_span_context(span);
        let header = inject(propagator, &context).remove("sentry-trace").unwrap();
        let flag = header.strip_prefix(&format!("{trace_id}-{span_id}"));
        flag.unwrap().to_owned()
    };
    let nowhere = SentryGenAiPropagator::new(&nowhere);
    for (propagator, flags, expected) in [
        (&here.propagator(), TraceFlags::default(), "-0"),
        (&here.propagator(), TraceFlags::SAMPLED, ""),
        (&nowhere, TraceFlags::default(), ""),
    ] {
        assert_eq!(flag_of(propagator, flags), expected);
    }
}

/// A request that came in says nothing of a span that starts a trace of its own.
#[test]
fn another_trace_than_the_incoming_one_does_not_pass_on_its_headers() {
    let service = Service::start();
    let headers = Headers::from([
        (
            "sentry-trace".to_owned(),
            "4c79f60c11214eb38604f4ae0781bfb2-a1b2c3d4e5f60718-1".to_owned(),
        ),
        ("baggage".to_owned(), "sentry-release=theirs".to_owned()),
    ]);
    let propagator = service.propagator();
    let context = propagator.extract_with_context(&Context::new(), &headers);
    assert_eq!(inject(&propagator, &context), headers);
    let (trace_id, span_id) = (TraceId::from(1), SpanId::from(2));
    let flags = TraceFlags::SAMPLED;
    let span = SpanContext::new(trace_id, span_id, flags, false, TraceState::default());
    let context = context.with_remote_span_context(span);
    let headers = inject(&propagator, &context);
    let expected = ("sentry-trace".to_owned(), format!("{trace_id}-{span_id}"));
    assert_eq!(headers, Headers::from([expected]));

    // The other trace did not begin here either, so that nothing names it.
    service.chat(&context);
    let chat = service.spans().span("chat");
    assert_eq!(chat.parent_span_id, Some(span_id.to_string()));
    let envelopes = service.receiver.ingest.envelopes();
    let dsc = envelopes.iter().find_map(|envelope| envelope.trace());
    let dsc = dsc.unwrap();
    assert_eq!(dsc["trace_id"], trace_id.to_string());
    assert_eq!(dsc.get("transaction"), None);
}

#[test]
fn a_trace_that_is_kept_says_so_while_its_first_ai_span_is_open() {
    let options = Options::new().with_keep_ai_traces(true);
    let service = Service::with_options(ClientOptions::new().traces_sample_rate(0.0), options);
    let start = |operation: Option<&'static str>, parent: &Context| {
        let said = operation.map(|name| KeyValue::new("gen_ai.operation.name", name));
        let builder = service.tracer.span_builder("step").with_attributes(said);
        parent.with_span(builder.start_with_context(&service.tracer, parent))
    };
    let sampled = |context: &Context| {
        let headers = inject(&service.propagator(), context);
        headers["sentry-trace"].ends_with("-1")
    };
    let root = start(None, &Context::new());
    assert!(!sampled(&start(None, &root)));
    let agent = start(Some("invoke_agent"), &root);
    assert!(sampled(&agent) && sampled(&root));
    assert!(sampled(&start(Some("invoke_agent"), &Context::new())));
}

#[test]
fn a_conversation_crosses_without_the_propagator_of_the_sdk() {
    let (front, back) = (Service::start(), Service::start());
    let scope = Context::new().with_conversation_id("theirs");
    let root = front.tracer.start_with_context("root", &scope);
    let headers = inject(&front.propagator(), &scope.with_span(root));
    let propagator = back.propagator();
    back.chat(&propagator.extract_with_context(&Context::new(), &headers));
    let chat = back.spans().span("chat");
    assert_eq!(chat.conversation_id(), Some("theirs"));
}

#[test]
fn a_conversation_that_must_not_or_cannot_cross_does_not() {
    let service = Service::start();
    let root = service.tracer.start_with_context("root", &Context::new());
    let scope = Context::new()
        .with_conversation_id("secret")
        .with_span(root);
    let off = service.propagator().with_conversation_propagation(false);
    assert!(!inject(&off, &scope)["baggage"].contains("secret"));
    // What a span says of itself comes before what its context says.
    let said = [KeyValue::new("gen_ai.conversation.id", "said")];
    let builder = service.tracer.span_builder("step").with_attributes(said);
    let span = builder.start_with_context(&service.tracer, &scope);
    let headers = inject(&service.propagator(), &scope.with_span(span));
    assert!(headers["baggage"].contains("gen_ai.conversation.id=said"));
    let long = scope.with_conversation_id("x".repeat(513));
    assert!(!inject(&service.propagator(), &long)["baggage"].contains("xxx"));

    let headers = Headers::from([(
        "baggage".to_owned(),
        "gen_ai.conversation.id=theirs".to_owned(),
    )]);
    let composite =
        TextMapCompositePropagator::new(vec![Box::new(BaggagePropagator::new()), Box::new(off)]);
    service.chat(&composite.extract_with_context(&Context::new(), &headers));
    assert_eq!(service.spans().span("chat").conversation_id(), None);
}
