//! Tests what makes a span an error, and what the span says about it.

use sentry_genai_tests::Bridge;
use tracing::{error, field::Empty, info_span, instrument};

#[instrument(err, fields(gen_ai.operation.name = "execute_tool", gen_ai.tool.name = "get_weather"))]
fn failing_tool() -> Result<(), std::io::Error> {
    Err(std::io::Error::other("upstream timed out"))
}

#[test]
fn instrument_err_marks_the_span_it_is_on_and_no_other() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let _agent = info_span!(
            "agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = "Bot"
        )
        .entered();
        failing_tool().unwrap_err();
    });
    let tool = bridge.span("execute_tool get_weather");
    assert!(tool.is_error());
    assert_eq!(
        tool.str("sentry.status.message"),
        Some("upstream timed out")
    );
    assert_eq!(tool.str("error.type"), Some("_OTHER"));
    assert_eq!(bridge.span("invoke_agent Bot").status, "ok");
}

/// A program's name may begin like ours.
#[test]
fn an_error_counts_whatever_its_target_is() {
    let bridge = Bridge::start();
    bridge.run(|| {
        info_span!("request").in_scope(|| error!(target: "sentry_genai_shop", "out of stock"));
    });
    assert!(bridge.span("request").is_error());
}

#[test]
fn a_panic_marks_the_spans_it_goes_through() {
    struct Cleanup(tracing::Span);
    impl Drop for Cleanup {
        fn drop(&mut self) {
            self.0.in_scope(|| info_span!("cleaning").in_scope(|| {}));
        }
    }
    let bridge = Bridge::start();
    bridge.run(|| {
        let _request = info_span!("request").entered();
        let caught = std::panic::catch_unwind(|| {
            let _tool = info_span!(
                "execute_tool",
                gen_ai.operation.name = "execute_tool",
                gen_ai.tool.name = "broken",
            )
            .entered();
            let _cleanup = Cleanup(info_span!("cancelled"));
            info_span!("done").in_scope(|| {});
            panic!("expected");
        });
        assert!(caught.is_err());
    });
    let tool = bridge.span("execute_tool broken");
    assert!(tool.is_error());
    assert_eq!(tool.str("error.type"), Some("panic"));
    for bystander in ["request", "cancelled", "cleaning", "done"] {
        assert_eq!(bridge.span(bystander).status, "ok", "{bystander}");
    }
}

#[test]
fn an_error_event_says_why() {
    let bridge = Bridge::start();
    bridge.run(|| {
        info_span!("call")
            .in_scope(|| error!(error.type = "timeout", error = "no answer", "request failed"));
    });
    let call = bridge.span("call");
    assert!(call.is_error());
    assert_eq!(call.str("error.type"), Some("timeout"));
    assert_eq!(
        call.str("sentry.status.message"),
        Some("request failed: no answer")
    );
}

#[test]
fn status_fields_of_opentelemetry() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let failed = info_span!("failed", otel.status_code = Empty, otel.status_description = Empty, error.type = Empty);
        failed.record("otel.status_code", "ERROR");
        failed.record("otel.status_description", "rate limited");
        failed.record("error.type", "429");
        let fine = info_span!("fine", otel.status_code = "ok", error.type = "handled");
        fine.in_scope(|| tracing::error!("an attempt that is repeated"));
        let _typed = info_span!("typed", error.type = "web_stream");
    });
    let failed = bridge.span("failed");
    assert!(failed.is_error());
    assert_eq!(failed.str("error.type"), Some("429"));
    assert_eq!(failed.str("sentry.status.message"), Some("rate limited"));
    assert_eq!(bridge.span("fine").status, "ok");
    assert!(bridge.span("typed").is_error());
}

#[test]
fn a_tool_that_says_so_in_its_outcome() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let _bad = info_span!(
            "execute_tool",
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = "bad",
            gen_ai.tool.call.outcome = "error",
            gen_ai.tool.error.type = "other",
        );
        let _good = info_span!(
            "execute_tool",
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = "good",
            gen_ai.tool.call.outcome = "success",
        );
    });
    let bad = bridge.span("execute_tool bad");
    assert!(bad.is_error());
    assert_eq!(bad.str("error.type"), Some("other"));
    let good = bridge.span("execute_tool good");
    assert_eq!(good.status, "ok");
    assert_eq!(good.attr("gen_ai.tool.call.outcome"), None);
}
