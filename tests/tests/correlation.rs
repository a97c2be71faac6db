//! Errors, logs and metrics captured inside a span carry its ids; a local root joins a span of another Sentry integration.

use sentry::{ClientOptions, Hub, TransactionContext};
use sentry_genai_tests::Bridge;
use serde_json::Value;
use tracing::{error, info_span, warn};

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

/// Captures one of everything inside a span, by hand and through Sentry's own layers.
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
fn a_client_without_it_finds_the_span_on_its_scope() {
    let bridge = Bridge::attached_only(options());
    capture_everything(&bridge);
    assert_correlated(&bridge);
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

#[test]
fn an_unsampled_span_still_names_its_trace() {
    let bridge = Bridge::with(
        sentry_genai::Options::new(),
        ClientOptions::new().traces_sample_rate(0.0),
    );
    bridge.run(|| {
        let _root = info_span!("root").entered();
        sentry::capture_message("first", sentry::Level::Error);
        let _child = info_span!("child").entered();
        sentry::capture_message("second", sentry::Level::Error);
    });
    assert!(bridge.spans().is_empty());
    let events = bridge.ingest.events();
    let trace = |index: usize| events[index]["contexts"]["trace"]["trace_id"].clone();
    assert_eq!(trace(0), trace(1));
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
