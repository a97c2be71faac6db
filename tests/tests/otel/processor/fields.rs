//! What a single span says about itself.

use std::time::{Duration, UNIX_EPOCH};

use sentry::ClientOptions;
use sentry_genai_tests::Receiver;
use serde_json::json;

use super::super::door::{
    SentryGenAiExporter, SentryGenAiProcessor,
    opentelemetry::{
        Context, InstrumentationScope, KeyValue, StringValue, Value,
        trace::{
            Link, Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _,
            TracerProvider as _,
        },
    },
    opentelemetry_sdk::{Resource, trace::SdkTracerProvider},
};
use super::{Program, ids};

#[test]
fn values_are_right_or_dropped() {
    let program = Program::start();
    let root = Context::new();
    let mut span = program
        .tracer
        .span_builder("chat")
        .with_attributes([
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.request.model", "first"),
            KeyValue::new("gen_ai.request.temperature", f64::NAN),
            KeyValue::new("gen_ai.request.top_p", f64::INFINITY),
            KeyValue::new("gen_ai.usage.input_tokens", "42"),
            KeyValue::new("gen_ai.usage.output_tokens", "many"),
            KeyValue::new("gen_ai.response.id", ""),
            KeyValue::new(
                "gen_ai.request.stop_sequences",
                Value::Array(vec![StringValue::from("a"), "b".into()].into()),
            ),
        ])
        .start_with_context(&program.tracer, &root);
    span.set_attribute(KeyValue::new("gen_ai.request.model", "gpt-5-mini"));
    span.end();
    let span = program.flush().span("chat gpt-5-mini");
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(42));
    assert_eq!(span.attr_type("gen_ai.usage.input_tokens"), Some("integer"));
    assert_eq!(
        span.attr("gen_ai.request.stop_sequences"),
        Some(&json!(["a", "b"]))
    );
    for key in [
        "gen_ai.request.temperature",
        "gen_ai.request.top_p",
        "gen_ai.usage.output_tokens",
        "gen_ai.response.id",
    ] {
        assert_eq!(span.attr(key), None, "{key}");
    }
}

#[test]
fn times_status_events_links_kind_and_a_late_name() {
    let program = Program::start();
    let start = UNIX_EPOCH + Duration::from_millis(1_795_132_800_250);
    let other = program.span("earlier", &[], &Context::new());
    other.span().end();
    let mut span = program
        .tracer
        .span_builder("x")
        .with_start_time(start)
        .with_kind(SpanKind::Server)
        .with_links(vec![Link::new(
            other.span().span_context().clone(),
            vec![
                KeyValue::new("note", "free text"),
                KeyValue::new("sentry.link.type", "previous_trace"),
            ],
            0,
        )])
        .start_with_context(&program.tracer, &Context::new());
    span.update_name("POST /ask");
    let error = std::io::Error::other("the kettle is empty");
    span.record_error(&error);
    span.end_with_timestamp(start + Duration::from_millis(1500));
    let mut span = program.tracer.start_with_context("fails", &Context::new());
    span.set_status(Status::error("no tea"));
    span.end();

    let received = program.flush();
    let span = received.span("POST /ask");
    let times = (span.start, span.end);
    assert_eq!(times, (1_795_132_800.25, 1_795_132_801.75));
    assert_eq!(span.str("sentry.kind"), Some("server"));
    assert_eq!(span.str("sentry.segment.name"), Some("POST /ask"));
    assert_eq!(span.links[0]["span_id"], ids(&other).1);
    assert_eq!(
        span.links[0]["attributes"],
        json!({"sentry.link.type": {"type": "string", "value": "previous_trace"}})
    );
    assert!(span.is_error());
    assert_eq!(
        span.str("sentry.status.message"),
        Some("the kettle is empty")
    );
    let span = received.span("fails");
    assert!(span.is_error());
    assert_eq!(span.str("sentry.status.message"), Some("no tea"));
}

#[test]
fn the_time_of_an_event_tells_when_a_model_began_to_answer() {
    let program = Program::start();
    let start = UNIX_EPOCH + Duration::from_millis(1_795_132_800_250);
    let attributes = [
        KeyValue::new("openinference.span.kind", "LLM"),
        KeyValue::new("llm.model_name", "gpt-5-mini"),
    ];
    let builder = program.tracer.span_builder("call");
    let builder = builder.with_start_time(start).with_attributes(attributes);
    let mut span = builder.start_with_context(&program.tracer, &Context::new());
    let first = start + Duration::from_millis(250);
    span.add_event_with_timestamp("First Token Stream Event", first, Vec::new());
    span.end_with_timestamp(start + Duration::from_millis(1500));
    let span = program.flush().span("chat gpt-5-mini");
    let seconds = span.attr("gen_ai.response.time_to_first_chunk");
    assert_eq!(seconds, Some(&json!(0.25)));
}

/// They are set on Sentry's scope, while the spans are OpenTelemetry's.
#[test]
fn the_scope_of_sentry_tells_the_user_and_tags() {
    let program = Program::start();
    let hub = sentry::Hub::new(Some(program.receiver.client.clone()), Default::default());
    let user = sentry::User {
        id: Some("u-17".to_owned()),
        ..Default::default()
    };
    sentry::Hub::run(hub.into(), || {
        let root = program.span("POST /ask", &[], &Context::new());
        program.span("SELECT", &[], &root).span().end();
        sentry::Hub::current().configure_scope(|scope| {
            scope.set_user(Some(user));
            scope.set_tag("tenant", "acme");
        });
        let said = [("gen_ai.operation.name", "chat".into())];
        program.span("chat", &said, &root).span().end();
        root.span().end();
    });
    let received = program.flush();
    for name in ["POST /ask", "SELECT", "chat"] {
        let span = received.span(name);
        assert_eq!(span.str("user.id"), Some("u-17"), "{name}");
        assert_eq!(span.str("tenant"), Some("acme"), "{name}");
    }
}

#[test]
fn the_scope_tells_the_library() {
    let program = Program::start();
    let scope = InstrumentationScope::builder("genai")
        .with_version("0.7.2")
        .build();
    let tracer = program.provider.tracer_with_scope(scope);
    let builder = tracer
        .span_builder("chat")
        .with_attributes([KeyValue::new("gen_ai.operation.name", "chat")]);
    builder.start_with_context(&tracer, &Context::new()).end();
    let span = program.flush().span("chat");
    assert_eq!(span.str("sentry.origin"), Some("auto.ai.rust.genai"));
}

#[test]
fn the_resource_names_release_and_environment_where_the_client_does_not() {
    let resource = || {
        Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.version", "shop@2"),
                KeyValue::new("deployment.environment.name", "staging"),
            ])
            .build()
    };
    let options = || ClientOptions::new().traces_sample_rate(1.0);
    let said = options().release("shop@1").environment("production");
    for (options, release, environment) in [
        (options(), "shop@2", "staging"),
        (said, "shop@1", "production"),
    ] {
        for is_exporter in [false, true] {
            let receiver = Receiver::with(options.clone());
            let builder = SdkTracerProvider::builder().with_resource(resource());
            let provider = if is_exporter {
                builder.with_simple_exporter(SentryGenAiExporter::new(&receiver.client))
            } else {
                builder.with_span_processor(SentryGenAiProcessor::new(&receiver.client))
            }
            .build();
            provider.tracer("t").start("work").end();
            provider.shutdown().unwrap();
            let span = receiver.span("work");
            assert_eq!(span.str("sentry.release"), Some(release));
            assert_eq!(span.str("sentry.environment"), Some(environment));
            let header = receiver.ingest.envelopes()[0].header.clone();
            assert_eq!(header["trace"]["release"], release);
        }
    }
}

/// The SDK counts each time that an attribute is set, and keeps what was set first. Limits of the environment do not apply here.
#[test]
fn what_the_sdk_has_dropped_is_counted_on_the_span() {
    let receiver = Receiver::start();
    let processor = SentryGenAiProcessor::new(&receiver.client);
    let provider = SdkTracerProvider::builder()
        .with_max_attributes_per_span(2)
        .with_max_events_per_span(1)
        .with_span_processor(processor)
        .build();
    let tracer = provider.tracer("stories");
    for calls in [1, 4] {
        let mut span = tracer.start(format!("{calls} calls"));
        for call in 0..calls {
            span.set_attribute(KeyValue::new("call", call));
            span.add_event("called", Vec::new());
        }
    }
    provider.force_flush().unwrap();

    let dropped = |name: &str| {
        let span = receiver.span(name);
        let count = |of: &str| span.int(&format!("otel.dropped_{of}_count"));
        ["attributes", "events", "links"].map(count)
    };
    assert_eq!(dropped("1 calls"), [None; 3]);
    assert_eq!(dropped("4 calls"), [Some(2), Some(3), None]);
}
