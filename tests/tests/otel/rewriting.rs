//! Spans rewritten for another exporter.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use sentry::ClientOptions;
use sentry_genai_opentelemetry::Options;
use sentry_genai_tests::ran_apart;

use super::door::{
    RewritingExporter,
    opentelemetry::{
        Context, Key, KeyValue, StringValue, Value,
        trace::{
            Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
        },
    },
    opentelemetry_sdk::{
        Resource,
        error::OTelSdkResult,
        trace::{InMemorySpanExporter, SdkTracerProvider, SpanData, SpanExporter},
    },
};

const QUESTION: &str = "Which tea goes with cake?";

/// An agent that asks a model, in one batch, with the question in an event, as in older libraries.
fn run(client_options: &ClientOptions, options: Options) -> Vec<SpanData> {
    let memory = InMemorySpanExporter::default();
    let exporter = RewritingExporter::with_options(memory.clone(), client_options, options);
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.version", "shop@2"),
            KeyValue::new("deployment.environment.name", "production"),
        ])
        .build();
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build();
    let tracer = provider.tracer("t");
    let root = tracer.start_with_context("root", &Context::new());
    let root = Context::new().with_span(root);
    let start = |name: &'static str, attributes: Vec<KeyValue>, parent: &Context| {
        let builder = tracer.span_builder(name).with_attributes(attributes);
        builder.start_with_context(&tracer, parent)
    };
    let agent = start(
        "agent",
        vec![
            KeyValue::new("gen_ai.operation.name", "invoke_agent"),
            KeyValue::new("gen_ai.agent.name", "Tea Expert"),
            KeyValue::new("gen_ai.conversation.id", "conv_1"),
        ],
        &root,
    );
    let agent = root.with_span(agent);
    let messages = format!(r#"[{{"role":"user","content":"{QUESTION}"}}]"#);
    let mut chat = start(
        "chat",
        vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.request.model", "gpt-5-mini"),
            KeyValue::new("gen_ai.usage.prompt_tokens", "42"),
            KeyValue::new("gen_ai.input.messages", messages),
        ],
        &agent,
    );
    let attributes = vec![
        KeyValue::new("note", QUESTION),
        KeyValue::new("sentry.link.type", "previous_trace"),
    ];
    chat.add_link(root.span().span_context().clone(), attributes);
    chat.add_event(
        "exception",
        vec![KeyValue::new("exception.message", "no answer")],
    );
    chat.end();
    agent.span().end();
    root.span().end();
    provider.force_flush().unwrap();
    memory.get_finished_spans().unwrap()
}

fn attribute(span: &SpanData, key: &str) -> Option<Value> {
    let mut pairs = span.attributes.iter();
    pairs
        .find(|pair| pair.key.as_str() == key)
        .map(|pair| pair.value.clone())
}

#[test]
fn what_otlp_would_lose_becomes_an_attribute() {
    let options = ClientOptions::new()
        .environment("staging")
        .send_default_pii(true);
    let spans = run(&options, Options::new());
    assert_eq!(spans.len(), 3);
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let root = named("root");
    let chat = named("chat gpt-5-mini");
    let text = |key: &str| attribute(chat, key).map(|value| value.to_string());
    for (key, value) in [
        ("sentry.op", "gen_ai.chat"),
        ("sentry.origin", "auto.ai.rust"),
        ("sentry.release", "shop@2"),
        ("sentry.environment", "staging"),
        ("sentry.segment.name", "root"),
        ("sentry.status.message", "no answer"),
        ("gen_ai.conversation.id", "conv_1"),
        ("gen_ai.agent.name", "Tea Expert"),
    ] {
        assert_eq!(text(key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(
        text("sentry.segment.id"),
        Some(root.span_context.span_id().to_string())
    );
    assert_eq!(
        attribute(chat, "gen_ai.usage.input_tokens"),
        Some(42.into())
    );
    assert!(
        matches!(attribute(chat, "gen_ai.input.messages"), Some(Value::String(it)) if it.as_str().contains(QUESTION))
    );
    assert!(matches!(&chat.status, Status::Error { description } if description == "no answer"));
    assert!(chat.events.is_empty());
    assert_eq!(chat.links.links[0].attributes.len(), 2);
    assert_eq!(root.status, Status::Unset);
    let unnamed = run(&ClientOptions::new(), Options::new());
    let environment = attribute(&unnamed[0], "sentry.environment");
    assert_eq!(environment, Some("production".into()), "of the resource");
}

/// An exporter that notes which service it exports for.
#[derive(Clone, Debug, Default)]
struct NotesService(Arc<Mutex<Option<Value>>>);

impl SpanExporter for NotesService {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        *self.0.lock().unwrap() = resource.get(&Key::new("service.name"));
    }
}

#[test]
fn the_next_exporter_knows_the_service() {
    let noted = NotesService::default();
    let exporter = RewritingExporter::new(noted.clone(), &ClientOptions::new());
    let resource = Resource::builder_empty().with_service_name("shop").build();
    let _provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_simple_exporter(exporter)
        .build();
    assert_eq!(*noted.0.lock().unwrap(), Some("shop".into()));
}

#[test]
fn values_and_kinds_stay_as_they_are() {
    let memory = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(RewritingExporter::new(
            memory.clone(),
            &ClientOptions::new(),
        ))
        .build();
    let tracer = provider.tracer("t");
    let values = [
        true.into(),
        7.into(),
        0.5.into(),
        "text".into(),
        Value::Array(vec![true, false].into()),
        Value::Array(vec![7, 8].into()),
        Value::Array(vec![0.5, 1.5].into()),
        Value::Array(vec![StringValue::from("a"), "b".into()].into()),
    ];
    for kind in [
        SpanKind::Client,
        SpanKind::Consumer,
        SpanKind::Internal,
        SpanKind::Producer,
        SpanKind::Server,
    ] {
        let builder = tracer.span_builder("values").with_kind(kind.clone());
        let attributes = (values.iter().enumerate())
            .map(|(index, value)| KeyValue::new(format!("app.{index}"), value.clone()));
        let own = KeyValue::new("sentry.platform", "python");
        let builder = builder.with_attributes(attributes.chain([own]));
        builder.start_with_context(&tracer, &Context::new()).end();
        let spans = memory.get_finished_spans().unwrap();
        let attributes = spans[0].attributes.iter();
        let platforms: Vec<_> = attributes
            .filter(|pair| pair.key.as_str() == "sentry.platform")
            .map(|pair| pair.value.as_str())
            .collect();
        assert_eq!(platforms, ["python"]);
        memory.reset();
        assert_eq!(spans[0].span_kind, kind);
        for (index, value) in values.iter().enumerate() {
            assert_eq!(
                attribute(&spans[0], &format!("app.{index}")).as_ref(),
                Some(value)
            );
        }
    }
}

#[test]
fn content_that_may_not_leave_does_not_and_the_hook_has_the_last_word() {
    if ran_apart(content_that_may_not_leave_does_not_and_the_hook_has_the_last_word) {
        return;
    }
    let options =
        Options::new().with_before_send_span(|span| (span.name != "root").then_some(span));
    let spans = run(&ClientOptions::new(), options);
    assert_eq!(spans.len(), 2);
    for span in &spans {
        assert!(!format!("{span:?}").contains(QUESTION));
    }
    let mut links = spans.iter().flat_map(|span| &*span.links.links);
    assert_eq!(links.next().unwrap().attributes.len(), 1);
}

#[test]
fn what_the_hook_adds_replaces_what_was_there() {
    if ran_apart(what_the_hook_adds_replaces_what_was_there) {
        return;
    }
    let options = Options::new().with_before_send_span(|mut span| {
        span.attributes.push("gen_ai.request.model", "a model");
        Some(span)
    });
    let spans = run(&ClientOptions::new(), options);
    let chat = spans.iter().find(|span| span.name.starts_with("chat"));
    let attributes = chat.unwrap().attributes.iter();
    let models: Vec<_> = attributes
        .filter(|pair| pair.key.as_str() == "gen_ai.request.model")
        .map(|pair| pair.value.as_str())
        .collect();
    assert_eq!(models, ["a model"]);
}

#[test]
fn a_span_that_comes_twice_leaves_once() {
    let spans = run(&ClientOptions::new(), Options::new());
    let memory = InMemorySpanExporter::default();
    let exporter =
        RewritingExporter::with_options(memory.clone(), &ClientOptions::new(), Options::new());
    let batch = [&spans[..1], &spans[..]].concat();
    exporter.export(batch).now_or_never().unwrap().unwrap();
    let ids = |spans: &[SpanData]| -> Vec<_> {
        let ids = spans.iter().map(|span| span.span_context.span_id());
        ids.zip(spans.iter().map(|span| span.name.to_string()))
            .collect()
    };
    assert_eq!(ids(&memory.get_finished_spans().unwrap()), ids(&spans));
}

/// A batch holds spans in the order in which they ended, whatever their traces.
#[test]
fn relatives_know_of_each_other_though_spans_of_other_traces_end_in_between() {
    let memory = InMemorySpanExporter::default();
    let exporter = RewritingExporter::new(memory.clone(), &ClientOptions::new());
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .build();
    let tracer = provider.tracer("t");
    let start = |parent: &Context| {
        let chat = KeyValue::new("gen_ai.operation.name", "chat");
        let builder = tracer.span_builder("chat").with_attributes([chat]);
        parent.with_span(builder.start_with_context(&tracer, parent))
    };
    // Each call is described twice.
    let wrappers = [(); 3].map(|()| start(&Context::new()));
    let calls = wrappers.each_ref().map(start);
    for ended in calls.iter().chain(&wrappers) {
        ended.span().end();
    }
    provider.force_flush().unwrap();
    let spans = memory.get_finished_spans().unwrap();
    let ops = spans.iter().map(|span| attribute(span, "sentry.op"));
    let calls = ops.filter(|op| *op == Some("gen_ai.chat".into()));
    assert_eq!((spans.len(), calls.count()), (6, 3));
}

#[test]
fn a_request_to_a_server_is_of_that_kind_if_its_library_says_none() {
    let memory = InMemorySpanExporter::default();
    let exporter = RewritingExporter::new(memory.clone(), &ClientOptions::new());
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter)
        .build();
    let tracer = provider.tracer("warp::filters::trace");
    let method = KeyValue::new("method", "GET");
    let builder = tracer.span_builder("request").with_attributes([method]);
    builder.start_with_context(&tracer, &Context::new()).end();
    let spans = memory.get_finished_spans().unwrap();
    assert_eq!(spans[0].span_kind, SpanKind::Server);
}

/// Nobody looks into a link for what is an input and what an output.
#[test]
fn links_keep_their_attributes_if_all_content_may_leave() {
    for (inputs, outputs, kept) in [(true, true, 2), (true, false, 1), (false, true, 1)] {
        let options = Options::new()
            .with_capture_inputs(inputs)
            .with_capture_outputs(outputs);
        let spans = run(&ClientOptions::new(), options);
        let links = spans.iter().find_map(|span| span.links.links.first());
        let attributes = &links.unwrap().attributes;
        assert_eq!(attributes.len(), kept, "{inputs} {outputs}");
    }
}
