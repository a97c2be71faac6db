//! Conversations that cross services in the headers of a request, through the `tracing` layer.

use sentry::ClientOptions;
use sentry_genai::{
    Options,
    propagation::{IncomingContext, outgoing_headers},
};
use sentry_genai_tests::Bridge;
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
    let headers = bridge.run(|| call("conv_1"));
    let baggage = headers
        .iter()
        .find(|(name, _)| *name == "baggage")
        .expect("a header");
    assert!(baggage.1.contains("gen_ai.conversation.id=conv_1"));
}
