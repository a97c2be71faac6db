//! Tests the two lines that users add, in a separate process.

use std::time::Duration;

use sentry::ClientOptions;
use sentry_genai_testkit::{Ingest, render_tree};
use sentry_genai_tests::{NO_PROXY, command, ran_apart};
use tracing::{Instrument, info_span};
use tracing_subscriber::prelude::*;

#[test]
fn init_and_layer_are_enough() {
    if ran_apart(init_and_layer_are_enough) {
        return;
    }
    let ingest = Ingest::start().unwrap();
    assert!(
        !sentry_genai::init(ClientOptions::new()).is_enabled(),
        "without a DSN nothing is sent"
    );

    tracing_subscriber::registry()
        .with(sentry_genai::layer())
        .init();
    info_span!("before init").in_scope(|| {});

    let guard = sentry_genai::init(
        ClientOptions::new()
            .dsn(&ingest.dsn())
            .http_proxy(NO_PROXY)
            .traces_sample_rate(1.0)
            .shutdown_timeout(Duration::from_secs(20)),
    );
    assert!(guard.is_enabled());
    // A bridge that is attached and dropped leaves the previous one in place.
    let other = sentry::Client::from(ClientOptions::new().dsn(&ingest.dsn()));
    drop(sentry_genai::attach(&other));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let answer = async {
            sentry::capture_message("inside", sentry::Level::Error);
        };
        let chat = info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m"
        );
        sentry_genai::conversation("conv_1")
            .scope(answer.instrument(chat))
            .await;
    });
    assert!(sentry_genai::flush(Duration::from_secs(20)));
    info_span!("sent by the guard").in_scope(|| {});
    drop(guard);
    info_span!("after the guard").in_scope(|| {});

    let spans = ingest.spans();
    assert_eq!(ingest.violations(), Vec::<String>::new());
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(
        names,
        ["chat m", "sent by the guard"],
        "{}",
        render_tree(&spans)
    );
    assert_eq!(spans[0].conversation_id(), Some("conv_1"));
    assert_eq!(
        ingest.events()[0]["contexts"]["trace"]["span_id"],
        spans[0].span_id
    );
}

/// The switch of OpenTelemetry's instrumentations applies where the program sets nothing.
#[test]
fn the_environment_can_switch_content_on() {
    const SWITCH: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
    const CHILD: &str = "SENTRY_GENAI_TEST_CHILD";
    if std::env::var_os(CHILD).is_none() {
        for (value, inputs) in [
            ("true", "true"),
            ("SPAN_ONLY", "true"),
            ("EVENT_ONLY", "false"),
            ("", "false"),
        ] {
            let child = command(std::env::current_exe().unwrap())
                .args(["--exact", "the_environment_can_switch_content_on"])
                .env(CHILD, inputs)
                .env(SWITCH, value)
                .output()
                .unwrap();
            assert!(
                child.status.success(),
                "{value}: {}",
                String::from_utf8_lossy(&child.stdout)
            );
        }
        return;
    }
    let expected = std::env::var(CHILD).unwrap() == "true";
    let options = || ClientOptions::new().traces_sample_rate(1.0);
    let has_input = |bridge: sentry_genai_tests::Bridge| {
        bridge.run(|| {
            drop(info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.prompt = "Hello"
            ));
        });
        bridge.span("chat").input_messages().is_some()
    };
    let bridge = sentry_genai_tests::Bridge::with(sentry_genai::Options::new(), options());
    assert_eq!(has_input(bridge), expected);
    let code = sentry_genai::Options::new().with_capture_inputs(false);
    assert!(
        !has_input(sentry_genai_tests::Bridge::with(code, options())),
        "code wins"
    );
}
