//! Errors, logs and metrics belong to the span that they are captured in.

use std::sync::Arc;

use sentry::{ClientOptions, Hub, Level, integrations::panic::PanicIntegration};
use sentry_genai_opentelemetry::Options;
use sentry_genai_tests::Receiver;
use tracing::{error, info_span};
use tracing_subscriber::{filter::LevelFilter, prelude::*};

use super::{
    door::{
        Correlation,
        opentelemetry::{
            Context,
            trace::{TraceContextExt as _, TracerProvider as _},
        },
    },
    processor::{Program, ids},
    tracing_opentelemetry,
};

fn program() -> Program {
    #[expect(
        deprecated,
        reason = "logs and metrics are off by default in this version"
    )]
    let options = ClientOptions::new()
        .traces_sample_rate(1.0)
        .enable_logs(true)
        .enable_metrics(true)
        .add_integration(Correlation::new());
    Program::with(Receiver::with(options), Options::new())
}

/// Runs `work` where the program's client captures, and waits until what it captured has arrived.
fn capture(program: &Program, work: impl FnOnce()) {
    let client = Arc::clone(&program.receiver.client);
    Hub::run(Arc::new(Hub::new(Some(client), Arc::default())), work);
    program.flush().client.flush(None);
}

#[test]
fn what_is_captured_in_a_span_carries_its_ids() {
    let program = program();
    let span = program.span("work", &[], &Context::new());
    capture(&program, || {
        let entered = span.clone().attach();
        sentry::capture_message("inside", Level::Error);
        sentry::logger_warn!("a log");
        Hub::current().capture_metric(sentry::metrics::counter("calls", 1.0));
        drop(entered);
        sentry::capture_message("outside", Level::Error);
        span.span().end();
    });
    let (trace_id, span_id) = ids(&span);

    let ingest = &program.receiver.ingest;
    let events = ingest.events();
    let event = |message| events.iter().find(|event| event["message"] == message);
    let inside = &event("inside").unwrap()["contexts"]["trace"];
    assert_eq!(inside["trace_id"], trace_id);
    assert_eq!(inside["span_id"], span_id);
    let outside = &event("outside").unwrap()["contexts"]["trace"];
    assert_ne!(outside["trace_id"], trace_id);

    let log = &ingest.logs()[0];
    assert_eq!(log["trace_id"], trace_id);
    let parent = &log["attributes"]["sentry.trace.parent_span_id"];
    assert_eq!(parent["value"], span_id);

    let metric = &ingest.metrics()[0];
    assert_eq!(metric["trace_id"], trace_id);
    assert_eq!(metric["span_id"], span_id);
}

#[test]
fn an_error_event_belongs_to_the_span_of_tracing_that_is_entered() {
    let program = program();
    let spans = tracing_opentelemetry::layer().with_tracer(program.provider.tracer("app"));
    let errors = sentry::integrations::tracing::ErrorLayer::new().with_filter(LevelFilter::ERROR);
    let subscriber = tracing_subscriber::registry().with(spans).with(errors);
    tracing::subscriber::with_default(subscriber, || {
        capture(&program, || {
            info_span!("outer").in_scope(|| info_span!("inner").in_scope(|| error!("broken")));
        });
    });
    let inner = program.flush().span("inner");
    let events = program.receiver.ingest.events();
    let context = &events[0]["contexts"]["trace"];
    assert_eq!(context["trace_id"], inner.trace_id);
    assert_eq!(context["span_id"], inner.span_id);
}

#[test]
fn a_panic_marks_the_spans_it_goes_through() {
    let options = ClientOptions::new()
        .traces_sample_rate(1.0)
        .add_integration(Correlation::new())
        .add_integration(PanicIntegration::new());
    let program = Program::with(Receiver::with(options), Options::new());
    let spans = tracing_opentelemetry::layer().with_tracer(program.provider.tracer("app"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(spans), || {
        capture(&program, || {
            let _outside = info_span!("outside").entered();
            let caught = std::panic::catch_unwind(|| {
                let _agent = info_span!("agent").entered();
                let _sibling = info_span!("sibling");
                let _step = info_span!("step", error.r#type = "Timeout").entered();
                let _tool = info_span!("tool").entered();
                panic!("expected");
            });
            assert!(caught.is_err());
        });
    });
    let receiver = program.flush();
    for name in ["tool", "agent"] {
        assert_eq!(receiver.span(name).str("error.type"), Some("panic"));
        assert!(receiver.span(name).is_error());
    }
    let step = receiver.span("step");
    assert_eq!(step.str("error.type"), Some("Timeout"), "the span's own");
    for name in ["sibling", "outside"] {
        assert!(!receiver.span(name).is_error());
    }
}
