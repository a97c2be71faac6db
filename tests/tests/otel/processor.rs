//! Stories of single spans through the processor.

use std::time::Duration;

use sentry::ClientOptions;
use sentry_genai_opentelemetry::{ContentLimits, LossReason, Options};
use sentry_genai_tests::Receiver;
use serde_json::json;

use super::door::{
    GenAiContextExt, SentryGenAiProcessor,
    opentelemetry::{
        Context, InstrumentationScope, KeyValue, StringValue, Value,
        baggage::BaggageExt as _,
        trace::{
            Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags,
            TraceId, TraceState, Tracer as _, TracerProvider as _,
        },
    },
    opentelemetry_sdk::{
        Resource,
        trace::{Sampler, SdkTracer, SdkTracerProvider, SpanProcessor},
    },
};

struct Program {
    receiver: Receiver,
    processor: SentryGenAiProcessor,
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Program {
    fn start() -> Self {
        Self::with(Receiver::start(), Options::new())
    }

    fn with(receiver: Receiver, options: Options) -> Self {
        let processor = SentryGenAiProcessor::with_options(&receiver.client, options);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor.clone())
            .build();
        Self {
            tracer: provider.tracer("stories"),
            receiver,
            processor,
            provider,
        }
    }

    /// Starts a span below `parent`.
    fn span(
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

    fn flush(&self) -> &Receiver {
        self.provider.force_flush().unwrap();
        &self.receiver
    }
}

fn operation(name: &'static str) -> (&'static str, Value) {
    ("gen_ai.operation.name", name.into())
}

fn ids(context: &Context) -> (String, String) {
    let span = context.span();
    let context = span.span_context();
    (
        context.trace_id().to_string(),
        context.span_id().to_string(),
    )
}

#[test]
fn an_agent_run_is_one_segment_with_the_ids_of_opentelemetry() {
    let program = Program::start();
    let root = program.span(
        "POST /ask",
        &[
            ("http.request.method", "POST".into()),
            ("http.route", "/ask".into()),
        ],
        &Context::new(),
    );
    let agent = program.span(
        "agent",
        &[
            operation("invoke_agent"),
            ("gen_ai.agent.name", "Tea Expert".into()),
        ],
        &root,
    );
    let chat = program.span(
        "x",
        &[
            operation("chat"),
            ("gen_ai.request.model", "gpt-5-mini".into()),
            ("gen_ai.usage.input_tokens", 42.into()),
            ("gen_ai.usage.output_tokens", 17.into()),
        ],
        &agent,
    );
    for span in [&chat, &agent, &root] {
        span.span().end();
    }
    let received = program.flush();
    let chat_span = received.span("chat gpt-5-mini");
    assert_eq!(chat_span.op(), "gen_ai.chat");
    assert_eq!(
        (chat_span.trace_id.clone(), chat_span.span_id.clone()),
        ids(&chat)
    );
    assert_eq!(chat_span.parent_span_id.as_deref(), Some(&*ids(&agent).1));
    assert_eq!(chat_span.agent_name(), Some("Tea Expert"));
    assert_eq!(chat_span.str("sentry.kind"), Some("client"));
    assert_eq!(chat_span.str("sentry.segment.id"), Some(&*ids(&root).1));
    let root_span = received.span("POST /ask");
    assert!(root_span.is_segment);
    assert_eq!(chat_span.str("sentry.segment.name"), Some("POST /ask"));
    assert!(!received.span("invoke_agent Tea Expert").is_segment);
    assert_eq!(program.processor.open_spans().open, 0);
}

/// A trace that starts here says so in its sampling context; 41 of 41 spans arrive where most end after the root.
#[test]
fn children_that_end_after_the_root_arrive() {
    let program = Program::start();
    let root = program.span("root", &[], &Context::new());
    let chats: Vec<_> = (0..20)
        .map(|_| program.span("chat", &[operation("chat")], &root))
        .collect();
    root.span().end();
    for chat in &chats {
        program.span("GET", &[], chat).span().end();
        chat.span().end();
    }
    drop((root, chats));
    let spans = program.flush().spans();
    assert_eq!(spans.len(), 41);
    let root = spans.iter().find(|span| span.name == "root").unwrap();
    assert!(
        spans
            .iter()
            .all(|span| span.str("sentry.segment.id") == Some(&*root.span_id))
    );
    assert_eq!(spans.iter().filter(|span| span.is_segment).count(), 1);
    assert_eq!(program.processor.stats().lost_total(), 0);
}

#[test]
fn a_child_that_starts_after_its_parent_has_ended_is_still_its_child() {
    let program = Program::start();
    let root = program.span(
        "root",
        &[("gen_ai.conversation.id", "c".into())],
        &Context::new(),
    );
    root.span().end();
    let late = program.span("chat", &[operation("chat")], &root);
    late.span().end();
    let received = program.flush();
    let span = received.span("chat");
    assert_eq!(span.parent_span_id.as_deref(), Some(&*ids(&root).1));
    assert_eq!(span.str("sentry.segment.id"), Some(&*ids(&root).1));
    assert_eq!(span.conversation_id(), Some("c"));
}

#[test]
fn a_conversation_comes_from_the_span_its_ancestors_the_context_and_baggage_in_this_order() {
    let program = Program::start();
    let conversation = |id: &'static str| ("gen_ai.conversation.id", Value::from(id));
    let chat = |name: &'static str, parent: &Context, own: &[(&'static str, Value)]| {
        let mut attributes = vec![operation("chat"), ("gen_ai.request.model", name.into())];
        attributes.extend(own.iter().cloned());
        program.span("chat", &attributes, parent).span().end();
    };
    let baggage =
        Context::new().with_baggage(vec![KeyValue::new("gen_ai.conversation.id", "baggage")]);
    chat("a", &baggage, &[("session.id", "session".into())]);
    let scope = baggage.with_conversation_id("scope");
    chat("b", &scope, &[]);
    let outer = program.span("work", &[conversation("ancestor")], &scope);
    let inner = program.span("more work", &[], &outer);
    chat("c", &inner, &[]);
    chat("d", &inner, &[conversation("own")]);
    inner.span().end();
    outer.span().end();
    chat("e", &Context::new(), &[("session.id", "session".into())]);
    let received = program.flush();
    for (model, expected) in [
        ("a", "baggage"),
        ("b", "scope"),
        ("c", "ancestor"),
        ("d", "own"),
        ("e", "session"),
    ] {
        let span = received.span(&format!("chat {model}"));
        assert_eq!(span.conversation_id(), Some(expected), "{model}");
    }
    assert_eq!(received.span("more work").conversation_id(), None);
}

/// The SDK lets nobody read an open span, so what an agent says after its start reaches its children as they are sent.
#[test]
fn what_an_agent_says_late_reaches_the_spans_below_it() {
    let program = Program::start();
    let agent = program.span("agent", &[operation("invoke_agent")], &Context::new());
    let work = program.span("work", &[], &agent);
    let chat = program.span("chat", &[operation("chat")], &work);
    let open = program.span("execute_tool", &[operation("execute_tool")], &agent);
    agent
        .span()
        .set_attribute(KeyValue::new("gen_ai.conversation.id", "late"));
    agent
        .span()
        .set_attribute(KeyValue::new("gen_ai.agent.name", "Late Bot"));
    for span in [&chat, &work, &agent, &open] {
        span.span().end();
    }
    let received = program.flush();
    for name in ["chat", "execute_tool", "invoke_agent Late Bot"] {
        let span = received.span(name);
        assert_eq!(span.conversation_id(), Some("late"), "{name}");
        assert_eq!(span.agent_name(), Some("Late Bot"), "{name}");
    }
    assert_eq!(received.span("work").conversation_id(), None);
}

/// A list of messages of more than two megabytes, the last of which asks something.
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

/// A delivery that is shared says how long content may be.
#[test]
fn a_text_is_as_long_as_a_shared_delivery_allows() {
    let receiver = Receiver::with_content();
    let mut limits = ContentLimits::default();
    limits.text_bytes = 600_000;
    limits.attribute_bytes = 600_000;
    let options = Options::new().with_content_limits(limits);
    let delivery = options.start(receiver.client.options()).unwrap();
    assert_eq!(delivery.content_limits(), limits);
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
fn a_list_of_long_texts_has_the_room_of_one_text() {
    let program = Program::with(Receiver::with_content(), Options::new());
    let long = StringValue::from("x".repeat(2_000_000));
    let texts = Value::Array(vec!["short".into(), long.clone(), long, "last".into()].into());
    let root = program.span("root", &[("texts", texts)], &Context::new());
    root.span().end();
    let received = program.flush();
    assert_eq!(program.processor.stats().lost_total(), 0);
    let span = received.span("root");
    let texts = span.attr("texts").unwrap();
    assert_eq!(texts[0], "short");
    assert!(texts.to_string().len() < 500_000);
}

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
fn status_events_links_kind_and_a_late_name() {
    let program = Program::start();
    let other = program.span("earlier", &[], &Context::new());
    other.span().end();
    let mut span = program
        .tracer
        .span_builder("x")
        .with_kind(SpanKind::Server)
        .with_links(vec![Link::new(
            other.span().span_context().clone(),
            Vec::new(),
            0,
        )])
        .start_with_context(&program.tracer, &Context::new());
    span.update_name("POST /ask");
    let error = std::io::Error::other("the kettle is empty");
    span.record_error(&error);
    span.end();
    let mut span = program.tracer.start_with_context("fails", &Context::new());
    span.set_status(Status::error("no tea"));
    span.end();

    let received = program.flush();
    let span = received.span("POST /ask");
    assert_eq!(span.str("sentry.kind"), Some("server"));
    assert_eq!(span.str("sentry.segment.name"), Some("POST /ask"));
    assert_eq!(span.links[0]["span_id"], ids(&other).1);
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
fn a_remote_parent_makes_a_local_segment_of_the_same_trace() {
    let program = Program::start();
    let remote = SpanContext::new(
        TraceId::from_hex("4c79f60c11214eb38604f4ae0781bfb2").unwrap(),
        SpanId::from_hex("a1b2c3d4e5f60718").unwrap(),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    );
    let parent = Context::new().with_remote_span_context(remote);
    let root = program.span("consume", &[], &parent);
    program.span("step", &[], &root).span().end();
    root.span().end();
    let received = program.flush();
    let root = received.span("consume");
    assert!(root.is_segment);
    assert_eq!(root.trace_id, "4c79f60c11214eb38604f4ae0781bfb2");
    assert_eq!(root.parent_span_id.as_deref(), Some("a1b2c3d4e5f60718"));
    let step = received.span("step");
    assert_eq!(step.str("sentry.segment.id"), Some(&*root.span_id));
}

/// Without a word from Sentry's headers all services of a trace come to the same decision, whatever they call their spans.
#[test]
fn half_of_the_traces_are_kept_as_a_whole_and_by_every_service() {
    let start = || {
        Program::with(
            Receiver::with(ClientOptions::new().traces_sample_rate(0.5)),
            Options::new(),
        )
    };
    let (front, back) = (start(), start());
    for _ in 0..200 {
        let root = front.span("front", &[], &Context::new());
        front.span("call", &[], &root).span().end();
        let remote = root.span().span_context().clone();
        let remote = SpanContext::new(
            remote.trace_id(),
            remote.span_id(),
            remote.trace_flags(),
            true,
            TraceState::default(),
        );
        let elsewhere = Context::new().with_remote_span_context(remote);
        back.span("back", &[], &elsewhere).span().end();
        root.span().end();
    }
    let traces = |program: &Program, name: &str| {
        let spans = program.flush().spans().into_iter();
        let mut ids: Vec<_> = spans
            .filter(|span| span.name == name)
            .map(|span| span.trace_id)
            .collect();
        ids.sort();
        ids
    };
    let kept = traces(&front, "front");
    assert!((50..150).contains(&kept.len()), "{}", kept.len());
    assert_eq!(traces(&front, "call"), kept);
    assert_eq!(traces(&back, "back"), kept);
    let stats = front.processor.stats();
    assert_eq!(
        stats.lost(LossReason::SampleRate),
        400 - 2 * kept.len() as u64
    );
}

#[test]
fn what_opentelemetry_does_not_sample_or_suppresses_does_not_arrive() {
    let receiver = Receiver::start();
    let processor = SentryGenAiProcessor::new(&receiver.client);
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOff)
        .with_span_processor(processor.clone())
        .build();
    provider.tracer("t").start("dropped").end();
    assert_eq!(processor.stats().produced, 0);

    let program = Program::start();
    let suppressed = Context::new().with_telemetry_suppressed();
    program.span("suppressed", &[], &suppressed).span().end();
    program.span("seen", &[], &Context::new()).span().end();
    assert_eq!(program.flush().spans().len(), 1);
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
        let receiver = Receiver::with(options);
        let provider = SdkTracerProvider::builder()
            .with_resource(resource())
            .with_span_processor(SentryGenAiProcessor::new(&receiver.client))
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

#[test]
fn content_stays_at_home_unless_it_may_leave() {
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

/// A hook that traces what it does would otherwise make spans for ever.
#[test]
fn what_a_hook_does_makes_no_spans() {
    let inner = std::sync::Arc::new(std::sync::OnceLock::<SdkTracer>::new());
    let tracer = std::sync::Arc::clone(&inner);
    let options = Options::new().with_before_send_span(move |span| {
        if let Some(tracer) = tracer.get() {
            tracer.start("from the hook").end();
        }
        Some(span)
    });
    let program = Program::with(Receiver::start(), options);
    inner.set(program.tracer.clone()).unwrap();
    program.span("work", &[], &Context::new()).span().end();
    program.flush();
    let received = program.flush();
    assert_eq!(received.spans().len(), 1);
}

#[test]
fn flush_and_shutdown_tell_the_truth_and_do_not_wait_longer_than_asked() {
    let program = Program::start();
    program.span("work", &[], &Context::new()).span().end();
    program
        .provider
        .shutdown_with_timeout(Duration::from_secs(20))
        .unwrap();
    assert_eq!(program.receiver.spans().len(), 1);
    assert!(program.processor.force_flush().is_err(), "it is shut down");
    assert!(program.processor.shutdown().is_err());

    let hole = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dsn = format!(
        "http://key@127.0.0.1:{}/1",
        hole.local_addr().unwrap().port()
    );
    let client = sentry::Client::from(ClientOptions::new().dsn(&dsn).traces_sample_rate(1.0));
    let processor = SentryGenAiProcessor::new(&client);
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor.clone())
        .build();
    provider.tracer("t").start("work").end();
    let start = std::time::Instant::now();
    let result = processor.shutdown_with_timeout(Duration::from_millis(300));
    assert!(result.is_err(), "nobody answered");
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn without_a_dsn_nothing_happens() {
    let client = sentry::Client::from(ClientOptions::new().traces_sample_rate(1.0));
    let processor = SentryGenAiProcessor::new(&client);
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor.clone())
        .build();
    provider.tracer("t").start("work").end();
    assert_eq!(processor.open_spans().open, 0);
    provider.shutdown().unwrap();
    assert_eq!(processor.stats().produced, 0);
}

/// A loop may make every span the child of the one before; what is inherited goes all the way.
#[test]
fn a_long_line_of_descendants_inherits_and_is_let_go() {
    let program = Program::start();
    let conversation = [("gen_ai.conversation.id", "c".into())];
    let mut line = program.span("first", &conversation, &Context::new());
    for _ in 0..1000 {
        let next = program.span("chat", &[operation("chat")], &line);
        line.span().end();
        line = next;
    }
    line.span().end();
    let spans = program.flush().spans();
    let chats: Vec<_> = spans.iter().filter(|span| span.name == "chat").collect();
    assert_eq!(chats.len(), 1000);
    assert!(chats.iter().all(|span| span.conversation_id() == Some("c")));
    let segments: std::collections::HashSet<_> = spans
        .iter()
        .map(|span| span.str("sentry.segment.id"))
        .collect();
    assert_eq!(segments.len(), 1);
    assert_eq!(program.processor.open_spans().open, 0);
}

/// A program that forgets to end its spans does not grow for ever, and the spans that are forgotten still arrive.
#[test]
fn open_spans_are_bounded() {
    let program = Program::start();
    let oldest = program.span("oldest", &[], &Context::new());
    let kept: Vec<_> = (0..70_000)
        .map(|_| program.span("open", &[], &Context::new()))
        .collect();
    let spans = program.processor.open_spans();
    assert!(spans.open <= 65_536, "{spans:?}");
    assert_eq!(spans.open as u64 + spans.forgotten, 70_001);
    oldest.span().end();
    program.flush().span("oldest");
    drop(kept);
}

/// What a server did in the meantime, here two thousand requests, does not cut a late child off.
#[test]
fn a_child_that_starts_long_after_its_parents_end_is_still_its_child() {
    // Others are remembered like any span, and not sent: they take long.
    let options = ClientOptions::new().traces_sampler(|context| match context.name() {
        "other" => 0.0,
        _ => 1.0,
    });
    let program = Program::with(Receiver::with(options), Options::new());
    let others = |count: usize| {
        for _ in 0..count {
            let other = program.span("other", &[], &Context::new());
            other.span().end();
        }
    };
    let id = ("gen_ai.conversation.id", "c".into());
    let agent = program.span("agent", &[operation("invoke_agent"), id], &Context::new());
    agent.span().end();
    others(2000);
    let late = program.span("chat", &[operation("chat")], &agent);
    late.span().end();
    assert_eq!(program.processor.open_spans().orphaned, 0);

    // It is remembered for a while, not for ever.
    others(20_000);
    program.span("orphan", &[], &agent).span().end();
    assert_eq!(program.processor.open_spans().orphaned, 1);

    let received = program.flush();
    let late = received.span("chat");
    assert_eq!(late.str("sentry.segment.id"), Some(&*ids(&agent).1));
    assert_eq!(late.conversation_id(), Some("c"));
    assert!(received.span("orphan").is_segment);
}

/// Short spans are read later than long ones, and none of them may be overtaken.
#[test]
fn an_agent_hears_of_the_calls_below_it_however_long_the_spans_are() {
    let usage = ("gen_ai.usage.input_tokens", 42.into());
    for (call_bytes, agent_bytes) in [(10, 10), (10, 1_000_000), (1_000_000, 10)] {
        let program = Program::start();
        let agent = program.span(
            "agent",
            &[operation("invoke_agent"), usage.clone()],
            &Context::new(),
        );
        let call = program.span("chat", &[operation("chat"), usage.clone()], &agent);
        for (span, bytes) in [(&call, call_bytes), (&agent, agent_bytes)] {
            let text = KeyValue::new("app.note", "x".repeat(bytes));
            span.span().set_attribute(text);
            let id = KeyValue::new("gen_ai.conversation.id", "said late");
            span.span().set_attribute(id);
            span.span().end();
        }
        let late = program.span("chat", &[operation("chat")], &agent);
        late.span().end();
        let received = program.flush();
        let tokens = |id: &Context| {
            let (_, id) = ids(id);
            let spans = received.spans();
            let span = spans.iter().find(|span| span.span_id == id).unwrap();
            assert_eq!(span.str("gen_ai.conversation.id"), Some("said late"));
            span.int("gen_ai.usage.input_tokens")
        };
        assert_eq!(tokens(&call), Some(42));
        assert_eq!(tokens(&agent), None, "{call_bytes} {agent_bytes}");
        assert_eq!(tokens(&late), None);
    }
}

#[test]
fn model_calls_are_measured_in_traces_that_are_not_sampled() {
    let receiver = Receiver::with(ClientOptions::new().traces_sample_rate(0.0));
    let options = Options::new().with_metrics(&receiver.client);
    let program = Program::with(receiver, options);
    let usage = ("gen_ai.usage.input_tokens", 42.into());
    let root = program.span("POST /ask", &[], &Context::new());
    let call = program.span("chat", &[operation("chat"), usage], &root);
    call.span().end();
    root.span().end();
    let received = program.flush();
    received.client.flush(Some(Duration::from_secs(10)));
    assert!(received.spans().is_empty());
    let metrics = received.ingest.metrics();
    assert_eq!(metrics.len(), 2, "{metrics:#?}");
    let (trace_id, span_id) = ids(&call);
    for metric in &metrics {
        assert_eq!(metric["trace_id"], *trace_id);
        assert_eq!(metric["span_id"], *span_id);
    }
    assert_eq!(metrics[0]["name"], "gen_ai.client.token.usage");
    assert_eq!(metrics[0]["value"], 42.0);
    assert_eq!(program.processor.stats().lost(LossReason::SampleRate), 2);
}
