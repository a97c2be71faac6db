//! Content: its length, and whether it is sent.

use sentry_genai_opentelemetry::{ContentLimits, Options};
use sentry_genai_tests::{Receiver, ran_apart};
use serde_json::json;

use super::super::door::{
    SentryGenAiProcessor,
    opentelemetry::{
        Context, KeyValue, StringValue, Value,
        trace::{Span as _, TraceContextExt as _, Tracer as _, TracerProvider as _},
    },
    opentelemetry_sdk::trace::SdkTracerProvider,
};
use super::{Program, operation};

/// A list of messages of more than two megabytes, the last of which is a question.
fn long_conversation() -> String {
    let message = |content: &str| {
        json!({"role": "user", "parts": [{"type": "text", "content": content}]}).to_string()
    };
    let old = message(&"tea ".repeat(250));
    let mut messages = vec![old; 2000];
    messages.push(message("how much tea is in the pot?"));
    format!("[{}]", messages.join(","))
}

fn asks(span: &sentry_genai_testkit::ReceivedSpan) -> bool {
    let messages = span.str("gen_ai.input.messages");
    messages.is_some_and(|messages| messages.contains("how much tea is in the pot?"))
}

#[test]
fn twenty_chats_with_prompts_of_two_megabytes_arrive_with_the_default_buffer() {
    let program = Program::with(Receiver::with_content(), Options::new());
    let prompt = long_conversation();
    let root = program.span("root", &[], &Context::new());
    for _ in 0..20 {
        let said = [
            operation("chat"),
            ("gen_ai.input.messages", prompt.clone().into()),
        ];
        program.span("chat", &said, &root).span().end();
    }
    root.span().end();
    let spans = program.flush().spans();
    assert_eq!(program.processor.stats().lost_total(), 0);
    assert_eq!(spans.iter().filter(|span| asks(span)).count(), 20);
    assert_eq!(spans.len(), 21);
}

#[test]
fn twenty_prompts_of_two_megabytes_in_events_arrive_with_the_default_buffer() {
    let program = Program::with(Receiver::with_content(), Options::new());
    let prompt = long_conversation();
    let root = program.span("root", &[], &Context::new());
    for _ in 0..20 {
        let chat = program.span("chat", &[operation("chat")], &root);
        let said = vec![KeyValue::new("gen_ai.input.messages", prompt.clone())];
        chat.span()
            .add_event("gen_ai.client.inference.operation.details", said);
        chat.span().end();
    }
    root.span().end();
    let spans = program.flush().spans();
    assert_eq!(program.processor.stats().lost_total(), 0);
    assert_eq!(spans.iter().filter(|span| asks(span)).count(), 20);
}

/// A shared delivery determines how long content may be.
#[test]
fn a_text_is_as_long_as_a_shared_delivery_allows() {
    let receiver = Receiver::with_content();
    let mut limits = ContentLimits::default();
    limits.text_bytes = 600_000;
    limits.attribute_bytes = 600_000;
    let options = Options::new().with_content_limits(limits);
    let delivery = options.start(receiver.client.options()).unwrap();
    assert!(delivery.text_room().bytes() > limits.text_bytes);
    let provider = SdkTracerProvider::builder()
        .with_span_processor(SentryGenAiProcessor::with_delivery(delivery))
        .build();
    let text = "tea ".repeat(125_000);
    let mut span = provider.tracer("t").start("root");
    span.set_attribute(KeyValue::new("text", text.clone()));
    span.end();
    provider.force_flush().unwrap();
    assert_eq!(receiver.span("root").str("text"), Some(&*text));
}

#[test]
fn a_list_has_the_room_of_one_text() {
    let program = Program::with(Receiver::with_content(), Options::new());
    let long = StringValue::from("x".repeat(2_000_000));
    let few = vec!["first".into(), long.clone(), long, "last".into()];
    let mut many = vec![StringValue::from("word"); 1_000_000];
    many[0] = "first".into();
    let list = |texts: Vec<StringValue>| Value::Array(texts.into());
    let numbers = Value::Array(vec![7_i64; 2_000_000].into());
    let lists = [
        ("few", list(few)),
        ("many", list(many)),
        ("numbers", numbers),
    ];
    let root = program.span("root", &lists, &Context::new());
    root.span().end();
    let received = program.flush();
    assert_eq!(program.processor.stats().lost_total(), 0);
    let span = received.span("root");
    for key in ["few", "many"] {
        let texts = span.attr(key).unwrap();
        assert_eq!(texts[0], "first");
        assert!(texts.to_string().len() < 700_000, "{key}");
    }
    let numbers = span.attr("numbers").unwrap();
    assert_eq!(numbers[10_000], 7);
    assert!(numbers.to_string().len() < 700_000);
}

#[test]
fn content_stays_at_home_unless_it_may_leave() {
    if ran_apart(content_stays_at_home_unless_it_may_leave) {
        return;
    }
    for (options, leaves) in [
        (Options::new(), false),
        (Options::new().with_capture_outputs(true), true),
    ] {
        let program = Program::with(Receiver::start(), options);
        let answer = r#"[{"role":"assistant","parts":[{"type":"text","content":"Darjeeling."}]}]"#;
        program
            .span(
                "chat",
                &[operation("chat"), ("gen_ai.output.messages", answer.into())],
                &Context::new(),
            )
            .span()
            .end();
        let received = program.flush();
        let bytes = String::from_utf8(received.ingest.bytes()).unwrap();
        assert_eq!(bytes.contains("Darjeeling"), leaves);
    }
}
