//! Errors, logs and metrics captured inside a span carry its ids. A local root joins a span of another Sentry integration.

use std::{
    sync::{Arc, Mutex},
    thread,
};

use sentry::{ClientOptions, Hub, TransactionContext};
use sentry_genai_tests::{Bridge, Receiver};
use serde_json::Value;
use tracing::{error, info_span, warn};
use tracing_subscriber::prelude::*;

fn options() -> ClientOptions {
    #[expect(
        deprecated,
        reason = "logs and metrics are off by default in this version"
    )]
    let options = ClientOptions::new()
        .traces_sample_rate(1.0)
        .enable_logs(true)
        .enable_metrics(true);
    options
}

/// Captures one item of each kind inside a span, by hand and through Sentry's own layers.
fn capture_everything(bridge: &Bridge) {
    bridge.run(|| {
        let _outer = info_span!("outer").entered();
        let inner = info_span!("inner").entered();
        sentry::capture_message("by hand", sentry::Level::Error);
        error!("through the error layer");
        warn!("through the log layer");
        sentry::logger_warn!("a log by hand");
        Hub::current().capture_metric(sentry::metrics::counter("calls", 1.0));
        drop(inner);
        sentry::capture_message("in outer", sentry::Level::Error);
        drop(_outer);
        sentry::capture_message("outside", sentry::Level::Error);
    });
}

fn assert_correlated(bridge: &Bridge) {
    let (inner, outer) = (bridge.span("inner"), bridge.span("outer"));
    let events = bridge.ingest.events();
    let event = |message: &str| {
        let of = |event: &&Value| {
            event["message"] == message || event["logentry"]["formatted"] == message
        };
        let found = events.iter().find(of);
        found.unwrap_or_else(|| panic!("no event {message:?} in {events:#?}"))
    };
    for message in ["by hand", "through the error layer"] {
        let trace = &event(message)["contexts"]["trace"];
        assert_eq!(trace["span_id"], inner.span_id, "{message}");
        assert_eq!(trace["trace_id"], inner.trace_id, "{message}");
        assert_eq!(trace["parent_span_id"], outer.span_id, "{message}");
    }
    assert_eq!(
        event("in outer")["contexts"]["trace"]["span_id"],
        outer.span_id
    );
    assert_ne!(
        event("outside")["contexts"]["trace"]["trace_id"],
        outer.trace_id
    );

    let logs = bridge.ingest.logs();
    assert_eq!(logs.len(), 3, "{logs:#?}");
    for log in logs {
        assert_eq!(log["trace_id"], inner.trace_id, "{log:#?}");
        let span = ["sentry.trace.parent_span_id", "parent_span_id"]
            .into_iter()
            .find_map(|key| log["attributes"][key]["value"].as_str());
        assert_eq!(span, Some(&*inner.span_id), "{log:#?}");
    }
    let metrics = bridge.ingest.metrics();
    assert_eq!(metrics.len(), 1, "{metrics:#?}");
    assert_eq!(metrics[0]["trace_id"], inner.trace_id);
    assert_eq!(metrics[0]["span_id"], inner.span_id);
}

#[test]
fn a_client_with_the_integration_asks_when_it_captures() {
    let bridge = Bridge::with(sentry_genai::Options::new(), options());
    capture_everything(&bridge);
    assert_correlated(&bridge);
}

#[test]
fn hooks_of_the_client_see_the_ids_and_have_the_last_word() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let [logged, measured] = [(); 2].map(|()| Arc::clone(&seen));
    let options = options()
        .before_send_log(move |log| {
            logged.lock().unwrap().push(log.trace_id?.to_string());
            None
        })
        .before_send_metric(move |metric| {
            measured.lock().unwrap().push(metric.trace_id.to_string());
            None
        });
    let bridge = Bridge::with(sentry_genai::Options::new(), options);
    bridge.run(|| {
        let _span = info_span!("work").entered();
        sentry::logger_warn!("a log by hand");
        Hub::current().capture_metric(sentry::metrics::counter("calls", 1.0));
    });
    let trace_id = bridge.span("work").trace_id;
    assert_eq!(*seen.lock().unwrap(), [trace_id.clone(), trace_id]);
    assert!(bridge.ingest.logs().is_empty() && bridge.ingest.metrics().is_empty());
}

#[test]
fn a_client_without_it_finds_the_span_on_its_scope() {
    let bridge = Bridge::attached_only(options());
    capture_everything(&bridge);
    assert_correlated(&bridge);
}

#[test]
fn what_is_captured_when_the_trace_is_over_belongs_to_none() {
    let bridge = Bridge::with(sentry_genai::Options::new(), options());
    bridge.run(|| info_span!("over").in_scope(|| warn!("inside")));
    // No dispatcher is available here, as inside a scoped one.
    Hub::run(bridge.hub(), || {
        sentry::capture_message("later", sentry::Level::Error);
    });
    let over = bridge.span("over");
    let events = bridge.ingest.events();
    let later = events.iter().find(|event| event["message"] == "later");
    let trace = &later.expect("it was captured")["contexts"]["trace"];
    assert_ne!(trace["trace_id"], over.trace_id);
}

/// As when a thread goes on with another task, which has no subscriber.
#[test]
fn what_is_captured_without_a_subscriber_belongs_to_no_span() {
    let bridge = Bridge::with(sentry_genai::Options::new(), options());
    let span = bridge.run(|| {
        let span = info_span!("work");
        span.in_scope(|| tracing::error!("inside"));
        span
    });
    Hub::run(bridge.hub(), || {
        sentry::capture_message("elsewhere", sentry::Level::Error);
    });
    drop(span);
    let work = bridge.span("work");
    let events = bridge.ingest.events();
    let trace_id = |index: usize| &events[index]["contexts"]["trace"]["trace_id"];
    assert_eq!(*trace_id(0), work.trace_id);
    assert_ne!(*trace_id(1), work.trace_id);
}

#[test]
fn guards_dropped_out_of_order_leave_the_span_that_is_still_entered() {
    let bridge = Bridge::attached_only(options());
    bridge.run(|| {
        let (first, second) = (info_span!("first"), info_span!("second"));
        let first_entered = first.enter();
        let second_entered = second.enter();
        drop(first_entered);
        sentry::capture_message("in second", sentry::Level::Error);
        drop(second_entered);
        sentry::capture_message("in none", sentry::Level::Error);
    });
    let second = bridge.span("second");
    let events = bridge.ingest.events();
    assert_eq!(events[0]["contexts"]["trace"]["span_id"], second.span_id);
    assert_ne!(events[1]["contexts"]["trace"]["trace_id"], second.trace_id);
}

/// Captures an error whose message is `place`.
fn capture(place: &str) {
    sentry::capture_message(place, sentry::Level::Error);
}

/// Returns the trace context of the error captured at `place`.
fn context_of(bridge: &Bridge, place: &str) -> Value {
    let events = bridge.ingest.events();
    let event = events.iter().find(|event| event["message"] == place);
    let event = event.unwrap_or_else(|| panic!("no event {place:?} in {events:#?}"));
    event["contexts"]["trace"].clone()
}

#[test]
fn a_span_entered_again_is_on_the_scope_as_long_as_it_was_entered_first() {
    let bridge = Bridge::attached_only(options());
    bridge.run(|| {
        let (outer, inner) = (info_span!("outer"), info_span!("inner"));
        for _ in 0..3 {
            outer.in_scope(|| {
                inner.in_scope(|| outer.in_scope(|| capture("outer again")));
                inner.in_scope(|| capture("inner"));
                capture("outer");
            });
            capture("none");
        }
    });
    let (outer, inner) = (bridge.span("outer"), bridge.span("inner"));
    for (place, span) in [
        ("outer again", &outer),
        ("inner", &inner),
        ("outer", &outer),
    ] {
        let context = context_of(&bridge, place);
        assert_eq!(context["span_id"], span.span_id, "{place}");
        assert_eq!(context["trace_id"], span.trace_id, "{place}");
    }
    let of_none = bridge.ingest.events().into_iter();
    let mut of_none = of_none.filter(|event| event["message"] == "none");
    assert!(of_none.all(|event| event["contexts"]["trace"]["trace_id"] != outer.trace_id));
}

#[test]
fn a_span_entered_on_two_threads_is_on_the_scope_of_each() {
    let bridge = Bridge::attached_only(options());
    bridge.run(|| {
        let (here, shared) = (info_span!("here"), info_span!("shared"));
        let _here = here.enter();
        shared.in_scope(|| {});
        thread::scope(|scope| {
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            let (hub, shared) = (bridge.hub(), shared.clone());
            scope.spawn(move || {
                Hub::run(hub, || {
                    tracing::dispatcher::with_default(&dispatch, || {
                        shared.in_scope(|| capture("there"));
                        capture("there, outside");
                    });
                });
            });
        });
        capture("here");
    });
    let (here, shared) = (bridge.span("here"), bridge.span("shared"));
    assert_eq!(context_of(&bridge, "there")["span_id"], shared.span_id);
    assert_eq!(context_of(&bridge, "here")["span_id"], here.span_id);
    assert_ne!(
        context_of(&bridge, "there, outside")["trace_id"],
        here.trace_id
    );
}

#[test]
fn a_span_that_is_exited_under_another_hub_leaves_that_one_alone() {
    let bridge = Bridge::attached_only(options());
    bridge.run(|| {
        let (first, second) = (info_span!("first"), info_span!("second"));
        let first_entered = first.enter();
        let other = Arc::new(Hub::new_from_top(Hub::current()));
        other.configure_scope(|scope| scope.set_span(None));
        let second_entered = Hub::run(Arc::clone(&other), || {
            let second_entered = second.enter();
            drop(first_entered);
            capture("second, other hub");
            second_entered
        });
        capture("none, first hub");
        drop(second_entered);
        Hub::run(other, || capture("none, other hub"));
    });
    let (first, second) = (bridge.span("first"), bridge.span("second"));
    let context = context_of(&bridge, "second, other hub");
    assert_eq!(context["span_id"], second.span_id);
    for place in ["none, first hub", "none, other hub"] {
        let context = context_of(&bridge, place);
        assert_ne!(context["trace_id"], first.trace_id, "{place}");
        assert_ne!(context["trace_id"], second.trace_id, "{place}");
    }
}

/// For example the user, set by a middleware, or breadcrumbs.
#[test]
fn what_is_put_on_the_scope_inside_a_span_stays_there() {
    let bridge = Bridge::attached_only(options());
    bridge.run(|| {
        let span = info_span!("middleware");
        span.in_scope(|| sentry::configure_scope(|scope| scope.set_tag("tenant", "tea house")));
        sentry::configure_scope(|scope| scope.set_tag("later", "yes"));
        span.in_scope(|| capture("inside"));
        capture("outside");
    });
    assert_eq!(bridge.spans().len(), 1);
    let events = bridge.ingest.events();
    assert_eq!(events.len(), 2);
    for event in events {
        assert_eq!(event["tags"]["tenant"], "tea house", "{event:#}");
        assert_eq!(event["tags"]["later"], "yes", "{event:#}");
    }
}

#[test]
fn an_unsampled_span_still_names_its_trace() {
    let unsampled = || ClientOptions::new().traces_sample_rate(0.0);
    for bridge in [
        Bridge::with(sentry_genai::Options::new(), unsampled()),
        Bridge::attached_only(unsampled()),
    ] {
        bridge.run(|| {
            let _root = info_span!("root").entered();
            capture("first");
            let child = info_span!("child").entered();
            capture("second");
            drop((child, _root));
            capture("outside");
        });
        assert!(bridge.spans().is_empty());
        let trace = |place| context_of(&bridge, place)["trace_id"].clone();
        assert_eq!(trace("first"), trace("second"));
        assert_ne!(trace("first"), trace("outside"));
    }
}

/// A trace that was not sampled is kept once an AI span appears in it, and the next service has to learn of it.
#[test]
fn the_scope_says_that_a_trace_is_kept_from_then_on() {
    let receiver = Receiver::with(ClientOptions::new().traces_sample_rate(0.0));
    let hub = Arc::new(Hub::new(Some(Arc::clone(&receiver.client)), Arc::default()));
    let options = sentry_genai::Options::new().with_keep_ai_traces(true);
    let guard = options.attach(&receiver.client);
    let layer = sentry_genai::layer().with_handle(guard.handle().unwrap().clone());
    let header = || {
        let headers = Hub::current().configure_scope(|scope| {
            let headers = scope.iter_trace_propagation_headers();
            headers.map(|(_, value)| value).collect::<Vec<_>>()
        });
        headers.concat()
    };
    Hub::run(hub, || {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let root = info_span!("root");
            assert!(!root.in_scope(header).ends_with("-1"));
            root.in_scope(|| info_span!("chat", gen_ai.operation.name = "chat").in_scope(|| {}));
            assert!(root.in_scope(header).ends_with("-1"));
        });
    });
}

/// The first hub of a worker thread is such a copy, and lives as long as the thread.
#[test]
fn a_copy_of_a_hub_does_not_continue_the_span_that_was_on_it() {
    let bridge = Bridge::attached_only(options());
    bridge.run(|| {
        let copy = info_span!("startup").in_scope(|| Arc::new(Hub::new_from_top(Hub::current())));
        Hub::run(copy, || {
            info_span!("request").in_scope(|| capture("in the request"));
            capture("in none");
        });
    });
    let (startup, request) = (bridge.span("startup"), bridge.span("request"));
    assert_ne!(request.trace_id, startup.trace_id);
    assert!(request.is_segment);
    let context = context_of(&bridge, "in the request");
    assert_eq!(context["trace_id"], request.trace_id);
    let context = context_of(&bridge, "in none");
    assert_ne!(context["trace_id"], startup.trace_id);
    assert_ne!(context["trace_id"], request.trace_id);
}

/// As `bind_hub` creates it for a future.
#[test]
fn a_copy_of_a_hub_keeps_the_span_that_is_still_entered() {
    let bridge = Bridge::attached_only(options());
    bridge.run(|| {
        let outer = info_span!("outer").entered();
        let copy = Arc::new(Hub::new_from_top(Hub::current()));
        Hub::run(copy, || {
            capture("before");
            info_span!("inner").in_scope(|| capture("inside"));
            capture("after");
        });
        capture("outside of the copy");
        drop(outer);
    });
    let (outer, inner) = (bridge.span("outer"), bridge.span("inner"));
    for (place, span) in [
        ("before", &outer),
        ("inside", &inner),
        ("after", &outer),
        ("outside of the copy", &outer),
    ] {
        let context = context_of(&bridge, place);
        assert_eq!(context["span_id"], span.span_id, "{place}");
    }
}

/// `sentry-tower` and `sentry-actix` put a transaction on the scope of the request.
#[test]
fn a_local_root_joins_the_transaction_on_the_scope() {
    for bridge in [
        Bridge::with(sentry_genai::Options::new(), options()),
        Bridge::attached_only(options()),
    ] {
        let (trace_id, span_id) = bridge.run(|| {
            let context = TransactionContext::new("GET /ask", "http.server");
            let transaction = sentry::start_transaction(context);
            let ids = transaction.get_trace_context();
            sentry::configure_scope(|scope| scope.set_span(Some(transaction.clone().into())));
            info_span!("handler").in_scope(|| {
                drop(info_span!(parent: None, "explicit root"));
                info_span!("child").in_scope(|| {});
            });
            transaction.finish();
            (ids.trace_id.to_string(), ids.span_id.to_string())
        });
        let handler = bridge.span("handler");
        assert_eq!(handler.trace_id, trace_id);
        assert_eq!(handler.parent_span_id.as_ref(), Some(&span_id));
        assert_eq!(
            bridge.span("child").parent_span_id.as_ref(),
            Some(&handler.span_id)
        );
        assert_ne!(
            bridge.span("explicit root").parent_span_id.as_ref(),
            Some(&handler.span_id)
        );
        assert_eq!(bridge.ingest.transactions().len(), 1);
    }
}
