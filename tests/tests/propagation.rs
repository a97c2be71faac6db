//! Conversations that cross services in the headers of a request, through the `tracing` layer.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::env;

use http::{HeaderMap, HeaderValue};
use sentry::ClientOptions;
use sentry_genai::{
    Options,
    propagation::{IncomingContext, outgoing_env, outgoing_headers},
    remove_conversation_id,
};
use sentry_genai_tests::{Bridge, command};
use tracing::info_span;

fn chat() {
    info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        session.id = "session"
    )
    .in_scope(|| {});
}

fn call(conversation: &str) -> Vec<(&'static str, String)> {
    sentry_genai::conversation(conversation)
        .in_scope(|| info_span!("call").in_scope(outgoing_headers))
}

fn receive(headers: &[(&'static str, String)], handle: impl FnOnce()) {
    let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
    IncomingContext::from_headers(headers).in_scope(handle);
}

fn without_propagation() -> Bridge {
    Bridge::with(
        Options::new().with_conversation_propagation(false),
        ClientOptions::new().traces_sample_rate(1.0),
    )
}

#[test]
fn a_conversation_goes_with_the_request() {
    let (front, back) = (Bridge::start(), Bridge::start());
    let headers = front.run(|| call("conv 1"));
    let baggage = &headers
        .iter()
        .find(|(name, _)| *name == "baggage")
        .expect("a header")
        .1;
    assert!(
        baggage.contains("gen_ai.conversation.id=conv%201"),
        "{baggage}"
    );
    back.run(|| receive(&headers, chat));
    let span = back.span("chat");
    assert_eq!(span.conversation_id(), Some("conv 1"));
    assert_eq!(span.trace_id, front.span("call").trace_id);
}

#[test]
fn what_the_service_says_itself_counts_more() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let headers = call("theirs");
        receive(&headers, || {
            sentry_genai::conversation("ours").in_scope(chat);
        });
    });
    assert_eq!(bridge.span("chat").conversation_id(), Some("ours"));
}

/// A server may have one span for everything that it does.
#[test]
fn a_request_inside_an_open_span_has_its_conversation() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let headers = call("theirs");
        info_span!("server").in_scope(|| receive(&headers, chat));
    });
    assert_eq!(bridge.span("chat").conversation_id(), Some("theirs"));
}

/// As after a logout.
#[test]
fn it_can_be_removed_like_that_of_a_scope() {
    let bridge = Bridge::start();
    let removed = || {
        info_span!("handler").in_scope(|| {
            remove_conversation_id();
            chat();
        });
    };
    bridge.run(|| {
        let headers = call("theirs");
        receive(&headers, removed);
    });
    let span = bridge.span("chat");
    assert_eq!(span.conversation_id(), Some("session"));

    let bridge = Bridge::start();
    bridge.run(|| sentry_genai::conversation("ours").in_scope(removed));
    let span = bridge.span("chat");
    assert_eq!(span.conversation_id(), Some("session"));
}

#[test]
fn a_span_that_names_its_headers_itself_takes_the_conversation_from_them() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let headers = call("theirs");
        let header = |name: &str| {
            let found = headers.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.as_str())
        };
        let root = info_span!(
            parent: None,
            "root",
            sentry.trace = header("sentry-trace"),
            sentry.baggage = header("baggage"),
        );
        root.in_scope(chat);
    });
    assert_eq!(bridge.span("chat").conversation_id(), Some("theirs"));
}

#[test]
fn it_can_be_switched_off_in_both_directions() {
    let off = without_propagation();
    let headers = off.run(|| call("secret"));
    assert!(headers.iter().all(|(_, value)| !value.contains("secret")));

    let headers = Bridge::start().run(|| call("theirs"));
    off.run(|| receive(&headers, chat));
    assert_eq!(off.span("chat").conversation_id(), Some("session"));
}

#[test]
fn an_unsampled_trace_still_carries_the_conversation() {
    let bridge = Bridge::with(Options::new(), ClientOptions::new().traces_sample_rate(0.0));
    let carries = |headers: Vec<(&str, String)>, conversation: &str| {
        let baggage = headers.iter().find(|(name, _)| *name == "baggage");
        let member = format!("gen_ai.conversation.id={conversation}");
        assert!(
            baggage.is_some_and(|(_, value)| value.contains(&member)),
            "{headers:?}"
        );
    };
    bridge.run(|| {
        carries(call("conv_1"), "conv_1");
        let jobs = || info_span!("jobs").in_scope(|| call("job"));
        carries(sentry_genai::conversation("all").in_scope(jobs), "job");
        let root = info_span!("root", gen_ai.conversation.id = "root");
        carries(root.in_scope(|| call("job")), "root");
    });
}

#[test]
fn the_headers_of_a_server_are_taken_as_they_are() {
    let (front, back) = (Bridge::start(), Bridge::start());
    let mut headers = HeaderMap::new();
    headers.append("baggage", HeaderValue::from_bytes(b"tenant=\xFF").unwrap());
    for (name, value) in front.run(|| call("conv 1")) {
        headers.append(name, value.parse().unwrap());
    }
    back.run(|| IncomingContext::from_headers(&headers).in_scope(chat));
    let span = back.span("chat");
    assert_eq!(span.conversation_id(), Some("conv 1"));
    assert_eq!(span.trace_id, front.span("call").trace_id);
}

#[test]
fn traceparent_is_for_those_who_ask_for_it() {
    let options = || ClientOptions::new().traces_sample_rate(1.0);
    let traceparent = |headers: &[(&str, String)]| {
        let (_, value) = headers.iter().find(|(name, _)| *name == "traceparent")?;
        Some(value.clone())
    };
    let (quiet, asking) = (
        Bridge::start(),
        Bridge::with(Options::new().with_traceparent(true), options()),
    );
    assert_eq!(traceparent(&quiet.run(|| call("conv 1"))), None);
    let value = traceparent(&asking.run(|| call("conv 1"))).unwrap();
    let call = asking.span("call");
    assert_eq!(value, format!("00-{}-{}-01", call.trace_id, call.span_id));

    let headers = [("traceparent", value)];
    quiet.run(|| receive(&headers, chat));
    assert_eq!(quiet.span("chat").parent_span_id, None);
    asking.run(|| receive(&headers, chat));
    let chat = asking.span("chat");
    assert_eq!(chat.trace_id, call.trace_id);
    assert_eq!(chat.parent_span_id, Some(call.span_id));
}

/// Receivers read no more than that, so a longer one would cost all of it.
#[test]
fn a_conversation_for_which_there_is_no_room_is_left_out() {
    const TRACE: &str = "0123456789abcdef0123456789abcdef-0123456789abcdef-1";
    let members = format!("sentry-release={}", "x".repeat(8000));
    let incoming = [("sentry-trace", TRACE.to_owned()), ("baggage", members)];
    Bridge::start().run(|| {
        receive(&incoming, || {
            for (length, has_room) in [(100, true), (500, false)] {
                let headers = call(&"c".repeat(length));
                let (_, baggage) = headers.last().unwrap();
                assert!(baggage.starts_with("sentry-") && baggage.len() <= 8192);
                assert_eq!(baggage.contains("gen_ai.conversation.id"), has_room);
            }
        });
    });
}

#[test]
fn an_empty_context_starts_a_new_trace() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let headers = call("theirs");
        receive(&headers, || IncomingContext::new().in_scope(chat));
    });
    let span = bridge.span("chat");
    assert_ne!(span.trace_id, bridge.span("call").trace_id);
    assert_eq!(span.parent_span_id, None);
    assert_eq!(span.conversation_id(), Some("session"));
}

/// Runs the calling test, named `test`, in another process that `front` starts inside a span. Returns whether this is that
/// process.
fn is_child(test: &str, front: &Bridge, variables: &[(&str, &str)]) -> bool {
    const CHILD: &str = "SENTRY_GENAI_TEST_CHILD";
    if env::var_os(CHILD).is_some() {
        return true;
    }
    let environment = front.run(|| {
        sentry_genai::conversation("conv 1")
            .in_scope(|| info_span!("parent").in_scope(outgoing_env))
    });
    let parent = front.span("parent");
    let child = command(env::current_exe().unwrap())
        .args(["--exact", test])
        .envs(environment)
        .envs(variables.iter().copied())
        .env(CHILD, format!("{}-{}", parent.trace_id, parent.span_id))
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{output}");
    assert!(output.contains("1 passed"), "{output}");
    false
}

/// Returns the trace, the parent and the conversation of a span that `run` starts.
fn span_of(run: impl FnOnce(fn())) -> (String, Option<String>) {
    let bridge = Bridge::start();
    bridge.run(|| run(chat));
    let span = bridge.span("chat");
    let ids = format!(
        "{}-{}",
        span.trace_id,
        span.parent_span_id.as_deref().unwrap_or_default()
    );
    (ids, span.conversation_id().map(str::to_owned))
}

#[test]
fn a_child_process_continues_the_trace() {
    let front = Bridge::start();
    if !is_child("a_child_process_continues_the_trace", &front, &[]) {
        return;
    }
    let parent = env::var("SENTRY_GENAI_TEST_CHILD").unwrap();
    assert_eq!(
        span_of(|chat| chat()),
        (parent.clone(), Some("conv 1".to_owned()))
    );
    // A request has a trace of its own, whether it says so or not.
    let (ids, conversation) = span_of(|chat| receive(&[], chat));
    assert!(ids.ends_with('-') && !parent.starts_with(&ids), "{ids}");
    assert_eq!(conversation.as_deref(), Some("session"));
}

#[test]
fn a_child_process_can_ignore_its_environment() {
    let front = Bridge::start();
    let off = [("SENTRY_USE_ENVIRONMENT", "False")];
    if !is_child("a_child_process_can_ignore_its_environment", &front, &off) {
        return;
    }
    let (ids, conversation) = span_of(|chat| chat());
    assert!(ids.ends_with('-'), "{ids}");
    assert_eq!(conversation.as_deref(), Some("session"));
}

#[test]
fn no_span_has_no_environment() {
    let bridge = Bridge::start();
    assert_eq!(bridge.run(outgoing_env), []);
}
