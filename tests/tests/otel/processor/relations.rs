//! Ids, segments, conversations and agents of related spans, in any order of starts and ends.

use sentry::ClientOptions;
use sentry_genai_opentelemetry::Options;
use sentry_genai_tests::Receiver;

use super::super::door::{
    GenAiContextExt,
    opentelemetry::{
        Context, KeyValue, Value,
        baggage::BaggageExt as _,
        trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
    },
};
use super::{Program, ids, operation};

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

/// A trace that starts here says so in its sampling context. 41 of 41 spans arrive, although most end after the root.
#[test]
fn what_leaves_before_the_end_of_a_request_has_its_name() {
    let program = Program::start();
    let attributes = [
        ("http.request.method", "POST".into()),
        ("http.route", "/ask".into()),
    ];
    let request = program.span("request", &attributes, &Context::new());
    program.span("done", &[], &request).span().end();
    let done = program.flush().span("done");
    assert_eq!(done.str("sentry.segment.name"), Some("POST /ask"));
    request.span().end();
    assert_eq!(program.flush().span("POST /ask").span_id, ids(&request).1);

    let named = [operation("invoke_agent"), ("agent_name", "Bot".into())];
    let agent = program.span("agent", &named, &Context::new());
    program.span("asked", &[], &agent).span().end();
    let asked = program.flush().span("asked");
    assert_eq!(asked.str("sentry.segment.name"), Some("invoke_agent Bot"));
}

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

/// What a server did in the meantime, here two thousand requests, does not detach a late child.
#[test]
fn a_child_that_starts_long_after_its_parents_end_is_still_its_child() {
    // The other spans are remembered like any span, but not sent, which would take long.
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

    // The parent is remembered for a while, not for ever.
    others(20_000);
    program.span("orphan", &[], &agent).span().end();
    assert_eq!(program.processor.open_spans().orphaned, 1);

    let received = program.flush();
    let late = received.span("chat");
    assert_eq!(late.str("sentry.segment.id"), Some(&*ids(&agent).1));
    assert_eq!(late.conversation_id(), Some("c"));
    assert!(received.span("orphan").is_segment);
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
    let id = "scope".to_owned();
    let scope = baggage.with_conversation_id(&id);
    chat("b", &scope, &[]);
    let outer = program.span("work", &[conversation("ancestor")], &scope);
    let inner = program.span("more work", &[], &outer);
    chat("c", &inner, &[]);
    chat("d", &inner, &[conversation("own")]);
    inner.span().end();
    outer.span().end();
    chat("e", &Context::new(), &[("session.id", "session".into())]);
    chat("f", &scope.with_conversation_id(""), &[]);
    let received = program.flush();
    for (model, expected) in [
        ("a", "baggage"),
        ("b", "scope"),
        ("c", "ancestor"),
        ("d", "own"),
        ("e", "session"),
        ("f", "scope"),
    ] {
        let span = received.span(&format!("chat {model}"));
        assert_eq!(span.conversation_id(), Some(expected), "{model}");
    }
    assert_eq!(received.span("more work").conversation_id(), None);
}

/// The SDK does not let open spans be read, so what an agent says after its start is passed on when its children are sent.
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

#[test]
fn what_is_inherited_comes_from_the_nearest_span_that_says_it() {
    let program = Program::start();
    let id = |id: &'static str| ("gen_ai.conversation.id", id.into());
    let agent = ("gen_ai.agent.name", "Bot".into());
    let agent = [operation("invoke_agent"), agent, id("far")];
    let agent = program.span("agent", &agent, &Context::new());
    let session = ("session.id", "s-1".into());
    let tool = [operation("execute_tool"), session, id("near")];
    let tool = program.span("tool", &tool, &agent);
    let call = program.span("chat", &[operation("chat")], &tool);
    // It leaves before the others, so that nothing is compared with them.
    call.span().end();
    let call = program.flush().span("chat");
    assert_eq!(call.conversation_id(), Some("near"));
    assert_eq!(call.agent_name(), Some("Bot"));
}

#[test]
fn a_number_may_identify_a_conversation() {
    let program = Program::start();
    let agent = [
        operation("invoke_agent"),
        ("gen_ai.conversation.id", 42.into()),
    ];
    let agent = program.span("agent", &agent, &Context::new());
    // It leaves before the agent, so that nothing is compared with that.
    let call = program.span("chat", &[operation("chat")], &agent);
    call.span().end();
    let call = program.flush().span("chat");
    assert_eq!(call.conversation_id(), Some("42"));
}

#[test]
fn the_session_of_an_agent_stands_in_for_the_conversation_of_its_calls() {
    let program = Program::start();
    let session = ("session.id", "s-1".into());
    let agent = [operation("invoke_agent"), session];
    let agent = program.span("agent", &agent, &Context::new());
    let work = program.span("work", &[], &agent);
    // It leaves before the others, so that nothing is compared with them.
    let call = program.span("chat", &[operation("chat")], &work);
    call.span().end();
    let call = program.flush().span("chat");
    assert_eq!(call.conversation_id(), Some("s-1"));
}

/// Some libraries say only later what a span is about.
#[test]
fn a_session_counts_as_soon_as_its_span_is_about_ai() {
    let program = Program::start();
    let session = [("session.id", "s-1".into())];
    let agent = program.span("agent", &session, &Context::new());
    let open = program.span("chat", &[operation("chat")], &agent);
    let operation = KeyValue::new("gen_ai.operation.name", "invoke_agent");
    agent.span().set_attribute(operation);
    agent.span().end();
    program.flush();
    open.span().end();
    let call = program.flush().span("chat");
    assert_eq!(call.conversation_id(), Some("s-1"));
}

#[test]
fn an_agent_without_model_calls_keeps_its_tokens() {
    let program = Program::start();
    let usage = ("gen_ai.usage.input_tokens", 42.into());
    let agent = [operation("invoke_agent"), usage];
    let agent = program.span("agent", &agent, &Context::new());
    let tool = program.span("tool", &[operation("execute_tool")], &agent);
    tool.span().end();
    agent.span().end();
    let agent = program.flush().span("invoke_agent");
    assert_eq!(agent.int("gen_ai.usage.input_tokens"), Some(42));
}

#[test]
fn spans_learn_from_relatives_that_have_left_before() {
    let program = Program::start();
    let usage = ("gen_ai.usage.input_tokens", 42.into());
    let call = [operation("chat"), usage.clone()];
    let agent = [operation("invoke_agent"), usage];
    let agent = program.span("agent", &agent, &Context::new());
    let work = program.span("work", &[], &agent);
    let open = program.span("execute_tool", &[operation("execute_tool")], &work);
    program.span("chat", &call, &work).span().end();
    program.flush();
    let late = KeyValue::new("gen_ai.conversation.id", "late");
    agent.span().set_attribute(late);
    agent.span().end();
    program.flush();
    open.span().end();
    let received = program.flush();
    let agent = received.span("invoke_agent");
    assert_eq!(agent.int("gen_ai.usage.input_tokens"), None);
    let open = received.span("execute_tool");
    assert_eq!(open.conversation_id(), Some("late"));
}

/// Some libraries name the conversation only on the model calls.
#[test]
fn what_only_the_calls_say_holds_for_their_agent_if_they_agree() {
    let program = Program::start();
    let root = program.span("work", &[], &Context::new());
    for (agent, ids) in [("one", ["a", "a"]), ("two", ["a", "b"])] {
        let name = ("gen_ai.agent.name", agent.into());
        let agent = program.span("x", &[operation("invoke_agent"), name], &root);
        for id in ids {
            let id = ("gen_ai.conversation.id", id.into());
            let chat = program.span("x", &[operation("chat"), id], &agent);
            chat.span().end();
        }
        let tool = [operation("execute_tool"), ("gen_ai.tool.name", "t".into())];
        program.span("x", &tool, &agent).span().end();
        agent.span().end();
    }
    root.span().end();
    let received = program.flush();
    for (agent, expected) in [("one", Some("a")), ("two", None)] {
        let span = received.span(&format!("invoke_agent {agent}"));
        assert_eq!(span.conversation_id(), expected, "{agent}");
        let spans = received.spans();
        let mut below = spans
            .iter()
            .filter(|it| it.parent_span_id.as_ref() == Some(&span.span_id));
        let tool = below.find(|it| it.name == "execute_tool t").unwrap();
        assert_eq!(tool.conversation_id(), expected, "{agent}");
    }
    assert_eq!(received.span("work").conversation_id(), None);
}

/// Short spans are read later than long ones, but must not be overtaken by them.
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

/// A loop may make every span the child of the previous one; values are inherited all the way.
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

/// A program that forgets to end its spans does not grow for ever, and the forgotten spans still arrive.
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
