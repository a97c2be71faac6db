//! The decision at the local root, and traces that come from elsewhere.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use sentry::ClientOptions;
use sentry_genai::{
    Options,
    propagation::{IncomingContext, outgoing_headers},
};
use sentry_genai_tests::Bridge;
use tracing::info_span;

const TRACE: &str = "4c79f60c11214eb38604f4ae0781bfb2";
const PARENT: &str = "a1b2c3d4e5f60718";

fn one_trace(bridge: &Bridge) {
    bridge.run(|| {
        let root = info_span!("root").entered();
        info_span!("child").in_scope(|| {});
        drop(root);
    });
}

#[test]
fn a_rate_of_zero_sends_nothing_and_says_so() {
    let bridge = Bridge::with(Options::new(), ClientOptions::new().traces_sample_rate(0.0));
    one_trace(&bridge);
    assert!(bridge.spans().is_empty());
    let lost = bridge.guard().handle().unwrap().stats();
    assert_eq!(
        lost.lost(sentry_genai::LossReason::SampleRate),
        2,
        "{lost:?}"
    );
    let reported = bridge.ingest.client_reports();
    assert_eq!(
        reported.get(&("span".to_owned(), "sample_rate".to_owned())),
        Some(&2),
        "{reported:?}"
    );
}

#[test]
fn without_a_rate_tracing_is_off() {
    let bridge = Bridge::with(Options::new(), ClientOptions::new());
    one_trace(&bridge);
    assert!(bridge.spans().is_empty());
    assert!(bridge.ingest.client_reports().is_empty());
    let client_options = ClientOptions::new()
        .dsn(&bridge.ingest.dsn())
        .add_integration(sentry_genai::Correlation::new());
    let client = sentry::Client::from(client_options);
    let shown = format!("{:?}", sentry_genai::attach(&client));
    assert!(shown.contains("is_tracing: false"), "{shown}");
}

#[test]
fn the_sampler_sees_name_and_op_and_decides_per_trace() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let calls = Arc::new(AtomicUsize::new(0));
    let options = ClientOptions::new().traces_sampler({
        let (seen, calls) = (Arc::clone(&seen), Arc::clone(&calls));
        move |context: &sentry::TransactionContext| {
            calls.fetch_add(1, Ordering::Relaxed);
            seen.lock()
                .unwrap()
                .push((context.name().to_owned(), context.operation().to_owned()));
            f32::from(u8::from(context.operation().starts_with("gen_ai.")))
        }
    });
    let bridge = Bridge::with(Options::new(), options);
    bridge.run(|| {
        let agent = info_span!(
            "agent",
            otel.name = "invoke_agent Bot",
            gen_ai.operation.name = "invoke_agent"
        )
        .entered();
        info_span!("child").in_scope(|| {});
        drop(agent);
        info_span!("health check").in_scope(|| {});
    });
    assert_eq!(bridge.spans().len(), 2);
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    let expected = [
        (
            "invoke_agent Bot".to_owned(),
            "gen_ai.invoke_agent".to_owned(),
        ),
        ("health check".to_owned(), String::new()),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

/// With a process-wide subscriber, as programs have it, spans can be created while one is being created.
#[test]
fn spans_of_the_sampler_itself_start_no_traces() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let options = ClientOptions::new().traces_sampler({
        let asked = Arc::clone(&asked);
        move |context: &sentry::TransactionContext| {
            let name = context.name().to_owned();
            let is_own = name == "look up flag";
            asked.lock().unwrap().push(name);
            if !is_own {
                let _look_up = info_span!("look up flag").entered();
                info_span!("request").in_scope(|| {});
            }
            1.0
        }
    });
    let bridge = Bridge::with(Options::new(), options);
    tracing::dispatcher::set_global_default(bridge.subscriber()).unwrap();
    info_span!("handler").in_scope(|| info_span!("child").in_scope(|| {}));
    info_span!("next").in_scope(|| {});
    let spans = bridge.spans();
    let mut names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["child", "handler", "next"]);
    assert_eq!(*asked.lock().unwrap(), ["handler", "next"]);
}

#[test]
fn an_incoming_decision_is_followed() {
    for (flag, rate, sent) in [("-1", 0.0, 1), ("-0", 1.0, 0), ("", 1.0, 1)] {
        let bridge = Bridge::with(
            Options::new(),
            ClientOptions::new().traces_sample_rate(rate),
        );
        let header = format!("{TRACE}-{PARENT}{flag}");
        bridge.run(|| {
            IncomingContext::from_headers([("Sentry-Trace", &*header)]).in_scope(|| {
                info_span!("handler").in_scope(|| {});
            });
        });
        let spans = bridge.spans();
        assert_eq!(spans.len(), sent, "{header}");
        for span in spans {
            assert_eq!(span.trace_id, TRACE);
            assert_eq!(span.parent_span_id.as_deref(), Some(PARENT));
            assert!(span.is_segment, "a remote parent makes a local segment");
        }
    }
}

#[test]
fn headers_as_fields_of_the_root() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let root = info_span!(
            "handler",
            sentry.trace = %format!("{TRACE}-{PARENT}-1"),
            sentry.baggage = "other=1,sentry-environment=elsewhere,sentry-sample_rate=0.25,sentry-trace_id=4c79f60c11214eb38604f4ae0781bfb2",
        );
        drop(root);
    });
    let handler = bridge.span("handler");
    assert_eq!(handler.trace_id, TRACE);
    let envelopes = bridge.ingest.envelopes();
    let head = envelopes
        .iter()
        .find_map(|envelope| envelope.trace())
        .unwrap();
    assert_eq!(head["sample_rate"], "0.25");
    assert_eq!(head["environment"], "elsewhere");
    assert!(
        handler
            .attributes
            .keys()
            .all(|key| key != "sentry.trace" && key != "sentry.baggage")
    );
}

#[test]
fn headers_for_the_next_service() {
    let bridge = Bridge::start();
    let headers = bridge.run(|| {
        assert!(outgoing_headers().is_empty(), "no span, no headers");
        let _root = info_span!("POST /ask").entered();
        let _call = info_span!("call").entered();
        outgoing_headers()
    });
    let call = bridge.span("call");
    assert_eq!(
        headers[0],
        (
            "sentry-trace",
            format!("{}-{}-1", call.trace_id, call.span_id)
        )
    );
    let baggage = &headers[1].1;
    assert!(
        baggage.contains(&format!("sentry-trace_id={}", call.trace_id)),
        "{baggage}"
    );
    assert!(baggage.contains("sentry-sampled=true"), "{baggage}");
}

#[test]
fn the_head_of_the_trace_is_complete() {
    let bridge = Bridge::start();
    one_trace(&bridge);
    let spans = bridge.spans();
    let envelopes = bridge.ingest.envelopes();
    let head = envelopes
        .iter()
        .find_map(|envelope| envelope.trace())
        .unwrap();
    assert_eq!(head["trace_id"], *spans[0].trace_id);
    assert_eq!(head["public_key"], "public");
    assert_eq!(head["release"], "tests@1.0.0");
    assert_eq!(head["environment"], "production");
    assert_eq!(head["transaction"], "root");
    assert_eq!(head["sampled"], "true");
    assert_eq!(head["sample_rate"], "1");
    assert!(
        head["sample_rand"].as_str().unwrap().starts_with("0."),
        "{head}"
    );
}

fn keeping(rate: f32) -> Bridge {
    let client_options = ClientOptions::new().traces_sample_rate(rate);
    Bridge::with(Options::new().with_keep_ai_traces(true), client_options)
}

#[test]
fn ai_traces_are_kept_with_everything_around_them() {
    let bridge = keeping(0.0);
    let headers = bridge.run(|| {
        let _root = info_span!("POST /ask").entered();
        info_span!("load session").in_scope(|| {});
        let before = outgoing_headers();
        let agent = info_span!("agent", gen_ai.operation.name = "invoke_agent").entered();
        info_span!("chat", gen_ai.operation.name = "chat").in_scope(|| {});
        drop(agent);
        info_span!("store").in_scope(|| {});
        [before, outgoing_headers()]
    });
    bridge.run(|| info_span!("health check").in_scope(|| info_span!("ping").in_scope(|| {})));
    let spans = bridge.spans();
    assert_eq!(
        spans.len(),
        5,
        "{}",
        sentry_genai_testkit::render_tree(&spans)
    );
    for span in &spans {
        let rate = span.attr("sentry.client_sample_rate");
        assert_eq!(
            rate.and_then(serde_json::Value::as_f64),
            Some(1.0),
            "{span:?}"
        );
    }
    // The head of the trace said no before it could know better; later calls say yes.
    let [before, after] = headers;
    assert!(before[0].1.ends_with("-0"), "{before:?}");
    assert!(before[1].1.contains("sentry-sampled=false"), "{before:?}");
    assert!(after[0].1.ends_with("-1"), "{after:?}");
    assert_eq!(
        before[1], after[1],
        "a baggage that went out stays as it was"
    );
    for envelope in bridge.ingest.envelopes() {
        if let Some(trace) = envelope.trace() {
            assert_eq!(trace["sampled"], "true");
            assert_eq!(trace["sample_rate"], "1");
        }
    }
}

#[test]
fn other_traces_follow_the_rate() {
    let bridge = keeping(0.0);
    for _ in 0..10 {
        one_trace(&bridge);
    }
    let handle = bridge.guard().handle().unwrap().clone();
    let begin = std::time::Instant::now();
    while handle.stats().pending() > 0 {
        assert!(begin.elapsed() < std::time::Duration::from_secs(20));
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(bridge.spans().is_empty());
    let stats = handle.stats();
    assert_eq!(stats.lost(sentry_genai::LossReason::SampleRate), 20);
    assert_eq!(stats.buffered_bytes, 0);

    let bridge = keeping(1.0);
    one_trace(&bridge);
    let spans = bridge.spans();
    assert_eq!(spans.len(), 2);
    assert!(
        spans
            .iter()
            .all(|span| span.attr("sentry.client_sample_rate").is_none())
    );
}

#[test]
fn a_link_says_whether_its_trace_is_kept() {
    let bridge = keeping(0.0);
    bridge.run(|| {
        let held = info_span!("health check");
        let kept = info_span!("POST /ask");
        kept.in_scope(|| drop(info_span!("chat", gen_ai.operation.name = "chat")));
        let effect = info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m"
        );
        effect.follows_from(&held);
        effect.follows_from(&kept);
    });
    let links = bridge.span("chat m").links;
    let sampled: Vec<_> = links.iter().map(|link| &link["sampled"]).collect();
    assert_eq!(sampled, [false, true]);
}

#[test]
fn an_ai_span_that_starts_late_keeps_what_came_before() {
    let bridge = keeping(0.0);
    bridge.run(|| {
        let root = info_span!("POST /ask").entered();
        for _ in 0..1500 {
            info_span!("row").in_scope(|| {});
        }
        info_span!("chat", gen_ai.operation.name = "chat").in_scope(|| {});
        drop(root);
    });
    assert_eq!(bridge.spans().len(), 1502);
}

#[test]
fn what_is_held_is_bounded() {
    let limit = 256 * 1024;
    let options = Options::new()
        .with_keep_ai_traces(true)
        .with_max_buffer_bytes(limit);
    let bridge = Bridge::with(options, ClientOptions::new().traces_sample_rate(0.0));
    let handle = bridge.guard().handle().unwrap().clone();
    bridge.run(|| {
        // The roots stay open, so that nothing is decided.
        let roots: Vec<_> = (0..200).map(|_| info_span!("root")).collect();
        for root in &roots {
            for _ in 0..20 {
                info_span!(parent: root, "child").in_scope(|| {});
            }
            // Spans that wait for the worker count as well, but are the concern of another test.
            bridge.guard().flush(std::time::Duration::from_secs(5));
        }
        let held = handle.stats().buffered_bytes;
        assert!(held > 0 && held <= limit as u64, "{held}");
        // The most recent trace is still held when its AI span starts.
        let last = &roots[199];
        info_span!(parent: last, "chat", gen_ai.operation.name = "chat").in_scope(|| {});
    });
    assert_eq!(bridge.spans().len(), 22);
    let lost = handle.stats().lost(sentry_genai::LossReason::SampleRate);
    assert!(lost > 0);
}
