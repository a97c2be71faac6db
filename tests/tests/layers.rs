//! Several layers in one subscriber: each span belongs to one of them.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use sentry_genai::GenAiLayer;
use sentry_genai_tests::Bridge;
use tracing::{Level, event, info_span};
use tracing_subscriber::{filter::filter_fn, prelude::*, reload};

fn layer(bridge: &Bridge) -> GenAiLayer {
    sentry_genai::layer().with_handle(bridge.guard().handle().unwrap().clone())
}

/// A call as rig recorded it, with the answer under the name of the question, and an event that describes another call.
fn calls() {
    let earlier = info_span!("earlier");
    let messages = |role: &str, text: &str| {
        format!(r#"[{{"role":"{role}","parts":[{{"type":"text","content":"{text}"}}]}}]"#)
    };
    let span = info_span!(
        target: "rig::completions",
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.request.model = "one",
        gen_ai.input.messages = messages("user", "Hi"),
    );
    span.record("gen_ai.input.messages", messages("assistant", "Yes?"));
    let _entered = span.enter();
    let span = info_span!(
        target: "rig::completions",
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.request.model = "two",
    );
    span.follows_from(&earlier);
    let _entered = span.enter();
    event!(name: "gen_ai.user.message", target: "rig::completions", Level::INFO, content = "Hi");
}

fn check(bridge: &Bridge) {
    let span = bridge.span("chat one");
    let said = |key| span.attr(key).map(ToString::to_string).unwrap_or_default();
    assert!(said("gen_ai.input.messages").contains("Hi"));
    assert!(said("gen_ai.output.messages").contains("Yes?"));

    let span = bridge.span("chat two");
    let question = span.attr("gen_ai.input.messages").unwrap().to_string();
    assert_eq!(question.matches("Hi").count(), 1, "{question}");
    assert_eq!(span.links.len(), 1);
}

/// The spans of one team go to their own project, all others to the usual one.
#[test]
fn what_happens_in_a_span_is_told_once() {
    let (team, usual) = (Bridge::with_content(), Bridge::with_content());
    let of_team = filter_fn(|metadata| metadata.target() == "rig::completions");
    let subscriber = tracing_subscriber::registry()
        .with(layer(&team).with_filter(of_team))
        .with(layer(&usual));
    tracing::subscriber::with_default(subscriber, calls);
    check(&team);
    assert_eq!(usual.span("earlier").name, "earlier");
}

#[test]
fn the_same_layer_twice_is_one() {
    let bridge = Bridge::with_content();
    let subscriber = tracing_subscriber::registry()
        .with(layer(&bridge))
        .with(layer(&bridge));
    tracing::subscriber::with_default(subscriber, calls);
    check(&bridge);
}

/// Spans that are open when a program replaces its layer, or adds one that moves the others.
#[test]
fn another_layer_in_the_place_of_one_goes_on_with_its_spans() {
    let bridge = Bridge::start();
    let (exchanged, handle) = reload::Layer::new(layer(&bridge));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(exchanged), || {
        let span = info_span!("work", done = tracing::field::Empty);
        handle.reload(layer(&bridge)).unwrap();
        span.record("done", true);
    });
    assert_eq!(bridge.span("work").attr("done"), Some(&true.into()));

    let bridge = Bridge::start();
    let (exchanged, handle) = reload::Layer::new(layer(&bridge).boxed());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(exchanged), || {
        let _span = info_span!("work").entered();
        handle.reload(layer(&bridge).boxed()).unwrap();
        tracing::error!("broken");
    });
    assert!(bridge.span("work").is_error());

    let bridge = Bridge::start();
    let (moved, handle) = reload::Layer::new(vec![layer(&bridge)]);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(moved), || {
        let span = info_span!("work", done = tracing::field::Empty);
        handle.modify(|layers| layers.push(layer(&bridge))).unwrap();
        span.record("done", true);
    });
    assert_eq!(bridge.span("work").attr("done"), Some(&true.into()));
}

struct Cleanup;

impl Drop for Cleanup {
    fn drop(&mut self) {
        info_span!("cleanup").in_scope(|| {});
    }
}

#[test]
fn a_panic_goes_through_a_span_and_not_through_its_destructors() {
    let bridge = Bridge::start();
    let subscriber = tracing_subscriber::registry()
        .with(layer(&bridge))
        .with(layer(&bridge));
    tracing::subscriber::with_default(subscriber, || {
        let caught = std::panic::catch_unwind(|| {
            let _span = info_span!("work").entered();
            let _cleanup = Cleanup;
            panic!("expected");
        });
        assert!(caught.is_err());
    });
    assert_eq!(bridge.span("work").str("error.type"), Some("panic"));
    assert_eq!(bridge.span("cleanup").str("error.type"), None);
}
