//! By default no content leaves, wherever OpenTelemetry's SDK has room for it, and credentials never do.

use std::{error::Error, fmt, io};

use sentry_genai_tests::{Receiver, ran_apart};

use super::door::{
    GenAiContextExt, SentryGenAiProcessor,
    opentelemetry::{
        Context, InstrumentationScope, KeyValue, StringValue, Value,
        baggage::BaggageExt as _,
        trace::{
            Link, Span as _, SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags,
            TraceId, TraceState, Tracer as _, TracerProvider as _,
        },
    },
    opentelemetry_sdk::Resource,
};

const SECRET: &str = "hunter2";
const KEY: &str = "sk-4242";

/// What a span starts with, apart from a name and its attributes.
static SPANS: &[(&str, &[(&str, &str)])] = &[
    ("work", &[]),
    (
        "ask",
        &[("http.request.method", "POST"), ("http.route", "/ask")],
    ),
    (
        "query",
        &[
            ("db.system.name", "postgresql"),
            ("db.operation.name", "SELECT"),
        ],
    ),
    (
        "chat",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m"),
        ],
    ),
    (
        "agent",
        &[
            ("gen_ai.operation.name", "invoke_agent"),
            ("gen_ai.agent.name", "a"),
        ],
    ),
    (
        "tool",
        &[
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", "t"),
        ],
    ),
    (
        "mcp",
        &[("mcp.method.name", "tools/call"), ("gen_ai.tool.name", "t")],
    ),
    ("step", &[("openinference.span.kind", "CHAIN")]),
    ("run", &[("langfuse.observation.type", "span")]),
];

/// Attributes for content in one dialect or another, or in none.
static CONTENT: &[&str] = &[
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.prompt",
    "gen_ai.prompt.0.content",
    "gen_ai.system",
    "gen_ai.system_instructions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.tool.definitions",
    "gen_ai.something",
    "input.value",
    "llm.input_messages.0.message.content",
    "traceloop.entity.input",
    "langfuse.observation.output",
    "ai.prompt.messages",
    "mlflow.spanInputs",
    "mcp.request.argument.city",
    "mcp.resource.uri",
    "db.query.parameter.name",
    "http.request.body",
    "question",
    "error",
    "error.message",
];

#[derive(Debug)]
struct Failure(io::Error);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer: \"my cat is {SECRET}\"")
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn said() -> String {
    format!("my cat is {SECRET}")
}

fn texts(texts: [String; 2]) -> Value {
    Value::Array(texts.map(StringValue::from).to_vec().into())
}

/// Puts content and keys into every place where a program, knowingly or not, may put them.
fn plant(receiver: &Receiver) {
    let processor = SentryGenAiProcessor::new(&receiver.client);
    let resource = Resource::builder_empty()
        .with_attribute(KeyValue::new("process.command_line", said()))
        .with_attribute(KeyValue::new(
            "process.command_args",
            texts([said(), KEY.into()]),
        ))
        .build();
    let provider = processor.provider_builder().with_resource(resource).build();
    let scope = InstrumentationScope::builder("shop")
        .with_version(KEY)
        .with_attributes([KeyValue::new("note", said())])
        .build();
    let tracer = provider.tracer_with_scope(scope);
    let state = TraceState::from_key_value([("vendor", SECRET)]).unwrap();
    let remote = |span: u64| {
        let (trace, span) = (TraceId::from(7_u128), SpanId::from(span));
        SpanContext::new(trace, span, TraceFlags::SAMPLED, true, state.clone())
    };
    let root = Context::new()
        .with_remote_span_context(remote(1))
        .with_baggage([KeyValue::new("note", said())])
        .with_conversation_id("c");
    let url = format!("https://me:{KEY}@h.example/v1?api_key={KEY}");
    for (name, attributes) in SPANS {
        let attributes = attributes
            .iter()
            .map(|(key, value)| KeyValue::new(*key, *value));
        let link = vec![KeyValue::new("gen_ai.input.messages", said())];
        let builder = tracer
            .span_builder(*name)
            .with_attributes(attributes)
            .with_links(vec![Link::new(remote(2), link, 0)]);
        let mut span = tracer.build_with_context(builder, &root);
        for key in CONTENT {
            span.set_attribute(KeyValue::new(*key, said()));
        }
        span.set_attribute(KeyValue::new("app.notes", texts([said(), SECRET.into()])));
        for key in [
            "url.full",
            "gen_ai.openai.api_base",
            "server.address",
            "app.endpoint",
        ] {
            span.set_attribute(KeyValue::new(key, url.clone()));
        }
        let header = "http.request.header.referer";
        span.set_attribute(KeyValue::new(header, texts([url.clone(), url.clone()])));
        for key in [
            "http.request.header.authorization",
            "http.request.headers",
            "headers",
        ] {
            span.set_attribute(KeyValue::new(key, format!("Bearer {KEY}")));
        }
        for event in ["note", "log", "gen_ai.user.message", "gen_ai.choice"] {
            let attributes = ["content", "message", "body", "note"];
            let attributes = attributes.map(|key| KeyValue::new(key, said()));
            span.add_event(event, attributes.to_vec());
        }
        span.add_event(said(), Vec::new());
        let exception = vec![
            KeyValue::new("exception.type", "Timeout"),
            KeyValue::new(
                "exception.message",
                format!("no answer of {url} to '{}'", said()),
            ),
            KeyValue::new(
                "exception.stacktrace",
                format!("Timeout: {}\n at {KEY}", said()),
            ),
        ];
        span.add_event("exception", exception);
        span.record_error(&Failure(io::Error::other(said())));
        span.set_status(Status::error(format!(
            "no answer of {url} to \"{}\"",
            said()
        )));
        span.end();
    }
    provider.shutdown().unwrap();
    assert_eq!(receiver.spans().len(), SPANS.len());
}

#[test]
fn by_default_nothing_that_was_said_is_sent() {
    if ran_apart(by_default_nothing_that_was_said_is_sent) {
        return;
    }
    let receiver = Receiver::start();
    plant(&receiver);
    let bytes = String::from_utf8(receiver.ingest.bytes()).unwrap();
    for planted in [SECRET, KEY, "my cat"] {
        assert!(!bytes.contains(planted), "{planted} in {bytes}");
    }
    assert_eq!(receiver.span("chat m").conversation_id(), Some("c"));
    assert!(bytes.contains("no answer of https://REDACTED:REDACTED@h.example/v1"));
}

#[test]
fn keys_are_not_sent_whatever_else_may_be() {
    let receiver = Receiver::with_content();
    plant(&receiver);
    let bytes = String::from_utf8(receiver.ingest.bytes()).unwrap();
    assert!(bytes.contains(SECRET));
    assert!(!bytes.contains(KEY), "{bytes}");
}
