//! Model calls as metrics, whether their traces are sampled or not.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::time::{Duration, Instant};

use sentry::{Client, ClientOptions};
use sentry_genai::{LossReason, Options};
use sentry_genai_testkit::Ingest;
use sentry_genai_tests::{Bridge, save_envelopes};
use serde_json::{Value, json};
use tracing::info_span;
use tracing_subscriber::prelude::*;

const DURATION: &str = "gen_ai.client.operation.duration";
const USAGE: &str = "gen_ai.client.token.usage";

fn bridge(client_options: ClientOptions) -> Bridge {
    Bridge::with(Options::new().with_metrics(true), client_options)
}

/// An agent that calls a model through a wrapper, which describes the same call once more.
fn run_agent() {
    let agent = info_span!(
        "agent",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = "Bot"
    )
    .entered();
    let wrapper = info_span!(
        "wrapper",
        gen_ai.operation.name = "chat",
        gen_ai.request.model = "gpt-5-mini"
    )
    .entered();
    let call = info_span!(
        "call",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-5-mini",
        gen_ai.response.model = "gpt-5-mini-2025-08-07",
        gen_ai.usage.input_tokens = 100,
        gen_ai.usage.output_tokens = 20,
    );
    call.in_scope(|| std::thread::sleep(Duration::from_millis(20)));
    drop((call, wrapper));
    info_span!("query", db.system.name = "sqlite").in_scope(|| {});
    drop(agent);
}

/// Waits until the metrics have arrived, and returns those with a given name.
fn metrics(bridge: &Bridge, name: &str) -> Vec<Value> {
    let spans = bridge.spans();
    let begin = Instant::now();
    while bridge.ingest.metrics().is_empty() && begin.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(bridge.ingest.violations(), [""; 0], "{spans:?}");
    let url = bridge.ingest.url();
    let port = url.rsplit(':').next().unwrap();
    save_envelopes(&bridge.ingest, format!("metrics-{port}"));
    let metrics = bridge.ingest.metrics().into_iter();
    metrics.filter(|metric| metric["name"] == name).collect()
}

fn attribute<'a>(metric: &'a Value, key: &str) -> &'a Value {
    &metric["attributes"][key]["value"]
}

#[test]
fn a_call_is_measured_once_with_what_the_conventions_ask_for() {
    let bridge = bridge(ClientOptions::new().traces_sample_rate(1.0));
    bridge.run(run_agent);
    let durations = metrics(&bridge, DURATION);
    let [duration] = &durations[..] else {
        panic!("{durations:#?}");
    };
    assert_eq!(duration["type"], "distribution");
    assert_eq!(duration["unit"], "second");
    let seconds = duration["value"].as_f64().unwrap();
    assert!((0.02..5.0).contains(&seconds), "{seconds}");

    let usage = metrics(&bridge, USAGE);
    let tokens = |kind| {
        let mut found = usage
            .iter()
            .filter(|metric| attribute(metric, "gen_ai.token.type") == kind);
        let value = found.next().map(|metric| metric["value"].clone());
        assert!(found.next().is_none(), "{usage:#?}");
        value
    };
    assert_eq!(tokens("input"), Some(json!(100.0)));
    assert_eq!(tokens("output"), Some(json!(20.0)));

    let call = bridge
        .spans()
        .into_iter()
        .find(|span| span.op() == "gen_ai.chat")
        .unwrap();
    for metric in usage.iter().chain([duration]) {
        assert_eq!(metric["trace_id"], call.trace_id, "{metric:#}");
        assert_eq!(metric["span_id"], call.span_id, "{metric:#}");
        for (key, value) in [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.provider.name", "openai"),
            ("gen_ai.request.model", "gpt-5-mini"),
            ("gen_ai.response.model", "gpt-5-mini-2025-08-07"),
            ("sentry.release", "tests@1.0.0"),
        ] {
            assert_eq!(attribute(metric, key), value, "{key} of {metric:#}");
        }
        assert!(attribute(metric, "error.type").is_null());
    }
    assert!(usage.iter().all(|metric| metric["unit"] == "token"));
}

#[test]
fn calls_of_traces_that_are_not_sent_are_measured_all_the_same() {
    let unsampled = ClientOptions::new().traces_sample_rate(0.0);
    for (options, tracing) in [(unsampled, true), (ClientOptions::new(), false)] {
        let bridge = bridge(options);
        bridge.run(|| {
            for _ in 0..50 {
                run_agent();
            }
            info_span!("no call").in_scope(|| {});
        });
        assert!(bridge.spans().is_empty());
        let durations = metrics(&bridge, DURATION);
        assert_eq!(durations.len(), 50);
        assert_eq!(metrics(&bridge, USAGE).len(), 100);
        let stats = bridge.guard().handle().unwrap().stats();
        assert_eq!(stats.produced, 201);
        assert_eq!(stats.lost(LossReason::SampleRate), 201, "{tracing}");
    }
}

#[test]
fn a_trace_that_is_not_sent_is_measured_without_a_flush() {
    let bridge = bridge(ClientOptions::new().traces_sample_rate(0.0));
    bridge.run(run_agent);
    let handle = bridge.guard().handle().unwrap();
    let begin = Instant::now();
    while handle.stats().pending() > 0 {
        assert!(begin.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(metrics(&bridge, DURATION).len(), 1);
}

#[test]
fn a_call_that_failed_says_why() {
    for rate in [0.0, 1.0] {
        let bridge = bridge(ClientOptions::new().traces_sample_rate(rate));
        bridge.run(|| {
            let failed = |error: Option<&str>| {
                let call = info_span!(
                    "call",
                    gen_ai.operation.name = "chat",
                    otel.status_code = "error",
                    error.type = error,
                );
                call.in_scope(|| {});
            };
            failed(Some("rate_limit_exceeded"));
            failed(None);
        });
        let mut errors: Vec<_> = metrics(&bridge, DURATION)
            .iter()
            .map(|metric| attribute(metric, "error.type").clone())
            .collect();
        errors.sort_by_key(Value::to_string);
        assert_eq!(errors, ["_OTHER", "rate_limit_exceeded"]);
        assert!(metrics(&bridge, USAGE).is_empty());
    }
}

#[test]
fn nothing_is_measured_unless_asked_for() {
    let bridge = Bridge::start();
    bridge.run(run_agent);
    assert_eq!(bridge.spans().len(), 4);
    assert!(bridge.ingest.metrics().is_empty());
}

#[test]
fn the_hooks_of_spans_and_of_metrics_have_their_say() {
    let options = Options::new().with_metrics(true);
    let options = options.with_before_send_span(|mut span| {
        span.attributes.remove("gen_ai.response.model");
        (span.name != "chat hidden").then_some(span)
    });
    let client_options = ClientOptions::new()
        .traces_sample_rate(0.0)
        .before_send_metric(|mut metric| {
            let kind = metric.attributes.get("gen_ai.token.type");
            if kind.is_some_and(|kind| kind.0 == "output") {
                panic!("expected");
            }
            metric.attributes.insert("team".into(), "search".into());
            Some(metric)
        });
    let bridge = Bridge::with(options, client_options);
    bridge.run(|| {
        run_agent();
        info_span!(
            "x",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "hidden"
        )
        .in_scope(|| {});
        info_span!("x", gen_ai.operation.name = "embeddings").in_scope(|| {});
    });
    let durations = metrics(&bridge, DURATION);
    // The hook for metrics panicked at the call's output tokens, and the call's further metrics are lost.
    let operations: Vec<_> = durations
        .iter()
        .map(|metric| attribute(metric, "gen_ai.operation.name"))
        .collect();
    assert_eq!(operations, ["embeddings"]);
    let usage = metrics(&bridge, USAGE);
    assert_eq!(usage.len(), 1);
    assert_eq!(attribute(&usage[0], "team"), "search");
    assert!(attribute(&usage[0], "gen_ai.response.model").is_null());
    assert_eq!(bridge.guard().handle().unwrap().stats().pending(), 0);
}

#[test]
fn a_trace_that_is_kept_for_its_ai_spans_is_measured_once() {
    let options = Options::new().with_metrics(true).with_keep_ai_traces(true);
    let bridge = Bridge::with(options, ClientOptions::new().traces_sample_rate(0.0));
    bridge.run(|| {
        let _root = info_span!("root").entered();
        run_agent();
    });
    assert_eq!(bridge.spans().len(), 5);
    assert_eq!(metrics(&bridge, DURATION).len(), 1);
}

#[test]
fn a_client_that_is_bound_nowhere_sends_its_metrics_when_the_bridge_goes() {
    let ingest = Ingest::start().unwrap();
    let client = Client::from(
        ClientOptions::new()
            .dsn(&ingest.dsn())
            .traces_sample_rate(0.0)
            .transport(sentry::transports::DefaultTransportFactory),
    );
    let guard = Options::new().with_metrics(true).attach(&client);
    let layer = sentry_genai::layer().with_handle(guard.handle().unwrap().clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), run_agent);
    drop(guard);
    client.close(Some(Duration::from_secs(5)));
    assert_eq!(ingest.metrics().len(), 3);
    assert_eq!(ingest.violations(), [""; 0]);
}
