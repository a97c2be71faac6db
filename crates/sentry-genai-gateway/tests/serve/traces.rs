//! Traces that arrive in parts.

use std::net::TcpListener;

use crate::*;

const CHAT: &str = "chat";

#[test]
fn parts_of_a_trace_are_translated_together_in_any_order() {
    let ingest = Ingest::start().unwrap();
    let running = Running::start(&ingest, &["--gather", "1"]);
    let chat = json!({
        "gen_ai.operation.name": CHAT, "gen_ai.request.model": "gpt-5",
        "gen_ai.usage.input_tokens": 42, "gen_ai.usage.output_tokens": 17,
    });
    let agent = json!({
        "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "Bot", "gen_ai.conversation.id": "conv_1",
        "gen_ai.usage.input_tokens": 42, "gen_ai.usage.output_tokens": 17,
    });
    for (service, spans) in [
        ("models", vec![span(1, 3, Some(2), CHAT, &chat)]),
        ("shop", vec![span(1, 2, Some(1), "agent", &agent)]),
        ("shop", vec![span(1, 1, None, "POST /ask", &json!({}))]),
    ] {
        let (status, _) = running.post_json("/v1/traces", &request(service, &spans));
        assert_eq!(status, 200);
    }
    let spans = ingest.wait_for_spans(3, PATIENCE);
    let find = |name: &str| spans.iter().find(|span| *span.name == *name).unwrap();
    let chat = find("chat gpt-5");
    assert_eq!(chat.conversation_id(), Some("conv_1"));
    assert_eq!(chat.agent_name(), Some("Bot"));
    assert_eq!(chat.str("sentry.release"), Some("models@1"));
    assert_eq!(chat.str("sentry.environment"), Some("staging"));
    // Another service forms a segment of its own.
    assert_eq!(chat.str("sentry.segment.name"), Some("chat gpt-5"));
    let agent = find("invoke_agent Bot");
    assert_eq!(
        agent.int("gen_ai.usage.total_tokens"),
        None,
        "counted by the call"
    );
    assert_eq!(agent.str("sentry.release"), Some("shop@1"));
    assert_eq!(agent.str("sentry.segment.name"), Some("POST /ask"));
    assert_eq!(ingest.envelopes().len(), 1);
    assert_eq!(ingest.violations(), [""; 0]);
}

#[test]
fn late_spans_belong_to_the_known_segment() {
    let ingest = Ingest::start().unwrap();
    let arguments = [
        "--gather",
        "0.1",
        "--release",
        "all@2",
        "--environment",
        "test",
    ];
    let running = Running::start(&ingest, &arguments);
    let plain = json!({});
    let post = |spans: &[Value]| running.post_json("/v1/traces", &request("shop", spans)).0;
    assert_eq!(
        post(&[
            span(1, 1, None, "POST /ask", &plain),
            span(1, 2, Some(1), "early", &plain)
        ]),
        200
    );
    assert_eq!(ingest.wait_for_spans(2, PATIENCE).len(), 2);
    assert_eq!(post(&[span(1, 3, Some(2), "late", &plain)]), 200);
    let spans = ingest.wait_for_spans(3, PATIENCE);
    let late = spans.iter().find(|span| *span.name == *"late").unwrap();
    assert_eq!(late.str("sentry.segment.name"), Some("POST /ask"));
    assert_eq!(late.str("sentry.segment.id"), Some(&*"01".repeat(8)));
    // The operator's settings take precedence.
    assert_eq!(late.str("sentry.release"), Some("all@2"));
    assert_eq!(late.str("sentry.environment"), Some("test"));
}

#[test]
fn a_service_with_its_own_project_is_routed_there() {
    let (shop, stock) = (Ingest::start().unwrap(), Ingest::start().unwrap());
    let route = format!("stock={}", stock.dsn());
    let running = Running::start(&shop, &["--gather", "0.3", "--route", &route]);
    let agent = json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "Clerk",
        "gen_ai.conversation.id": "conv_1"});
    let front = [
        span(1, 1, None, "GET /", &json!({})),
        span(1, 2, Some(1), "invoke_agent Clerk", &agent),
    ];
    let tool = json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "count"});
    let back = [
        span(1, 3, Some(2), "GET /count", &json!({})),
        span(1, 4, Some(3), "execute_tool count", &tool),
    ];
    for (service, spans) in [("stock", &back), ("shop", &front)] {
        let (status, _) = running.post_json("/v1/traces", &request(service, spans));
        assert_eq!(status, 200);
    }
    let names = |spans: &[ReceivedSpan]| -> BTreeSet<String> {
        spans.iter().map(|span| span.name.clone()).collect()
    };
    let here = shop.wait_for_spans(2, PATIENCE);
    assert_eq!(
        names(&here),
        ["GET /", "invoke_agent Clerk"].map(String::from).into()
    );
    let there = stock.wait_for_spans(2, PATIENCE);
    assert_eq!(
        names(&there),
        ["GET /count", "execute_tool count"]
            .map(String::from)
            .into()
    );
    // They are translated together all the same, and each service has its own segment.
    let tool = there
        .iter()
        .find(|span| span.name == "execute_tool count")
        .unwrap();
    assert_eq!(tool.conversation_id(), Some("conv_1"));
    assert_eq!(tool.str("sentry.segment.name"), Some("GET /count"));
    let health = running.wait_for(|health| health["accepted"] == 4);
    assert_eq!(health["lost"], json!({}));
}

#[test]
fn a_rejection_by_sentry_is_reported_and_the_service_continues() {
    let ingest = Ingest::start().unwrap();
    ingest.always(Fault::status(403));
    let running = Running::start(&ingest, &["--gather", "0.1"]);
    let post = |number| {
        let spans = [span(number, 1, None, "work", &json!({}))];
        running.post_json("/v1/traces", &request("shop", &spans)).0
    };
    assert_eq!(post(1), 200);
    running.wait_for(|health| !health["last_failure"].is_null());
    ingest.heal();
    assert_eq!(post(2), 200);
    let health = running.wait_for(|health| health["accepted"] == 1);
    assert_eq!(health["received"], 2);
    assert_eq!(health["lost"], json!({"send_error": 1}));
}

#[test]
fn routes_that_fail_in_the_same_way_are_named_together() {
    let ingest = Ingest::start().unwrap();
    ingest.always(Fault::status(403));
    let route = |service: &str| format!("{service}={}", ingest.dsn());
    let (shop, stock) = (route("shop"), route("stock"));
    let arguments = ["--gather", "0.1", "--route", &stock, "--route", &shop];
    let running = Running::start(&ingest, &arguments);
    for (number, service) in (1..).zip(["stock", "shop", "till"]) {
        let spans = [span(number, 1, None, "work", &json!({}))];
        running.post_json("/v1/traces", &request(service, &spans));
    }
    let health = running.wait_for(|health| health["lost"]["send_error"] == 3);
    assert_eq!(
        health["last_failure"],
        "others, shop, stock: HTTP status 403"
    );
    assert!(health["last_failure_at"].is_string());
}

#[test]
fn a_full_service_rejects_requests_and_loses_no_accepted_span() {
    let ingest = Ingest::start().unwrap();
    ingest.always(Fault::none().with_delay(Duration::from_millis(300)));
    let running = Running::start(&ingest, &["--gather", "0.1", "--max-memory", "1"]);
    let text = "word ".repeat(6_000);
    let accepted = (1..=u8::MAX).find(|number| {
        let spans = [span(*number, 1, None, "work", &json!({"app.note": text}))];
        let (status, answer) = running.post_json("/v1/traces", &request("shop", &spans));
        assert!(status == 200 || status == 503, "{status} {answer}");
        status == 503
    });
    let accepted = accepted.expect("it is full") - 1;
    assert!(accepted > 5, "{accepted}");
    let health = running.wait_for(|health| health["accepted"] == accepted);
    assert_eq!(health["lost"], json!({}));
}

#[test]
fn a_full_service_says_so() {
    let ingest = Ingest::start().unwrap();
    ingest.always(Fault::none().with_delay(PATIENCE));
    let running = Running::start(&ingest, &["--max-memory", "1"]);
    let text = "word ".repeat(6_000);
    let is_full = (1..=u8::MAX).any(|number| {
        let spans = [span(number, 1, None, "work", &json!({"app.note": text}))];
        running.post_json("/v1/traces", &request("shop", &spans)).0 == 503
    });
    assert!(is_full);
    let health = running.health();
    // What is refused because of that is sent again.
    assert_eq!(
        (&health["full"], &health["refused_requests"]),
        (&json!(true), &json!(0))
    );
    let mut metrics = agent().get(running.url("/metrics")).call().unwrap();
    let metrics = metrics.body_mut().read_to_string().unwrap();
    assert!(metrics.contains("sentry_genai_full 1\n"), "{metrics}");
}

/// Proxies that are configured must not be bypassed.
#[test]
fn sentry_is_reached_through_the_proxy_of_the_environment() {
    let ingest = Ingest::start().unwrap();
    let mut program = program();
    // Nobody listens there.
    program.env("HTTP_PROXY", "http://127.0.0.1:1");
    let running = Running::start_program(program, &ingest, &["--gather", "0.1"]);
    let spans = [span(1, 1, None, "work", &json!({}))];
    running.post_json("/v1/traces", &request("shop", &spans));
    let health =
        running.wait_for(|health| health["accepted"] == 1 || health["last_failure"].is_string());
    let failure = health["last_failure"].as_str().unwrap_or_default();
    assert!(failure.ends_with("(proxy 127.0.0.1:1)"), "{health}");
}

#[test]
fn a_slow_server_gets_no_more_connections_than_allowed() {
    let ingest = Ingest::start().unwrap();
    ingest.always(Fault::none().with_delay(Duration::from_millis(20)));
    let running = Running::start(&ingest, &["--gather", "0.1", "--connections", "1"]);
    for number in 1..=60 {
        let spans = [span(number, 1, None, "work", &json!({}))];
        running.post_json("/v1/traces", &request("shop", &spans));
    }
    running.wait_for(|health| health["accepted"] == 60);
    assert_eq!(ingest.figures().connections, 1);
}

#[test]
fn many_large_concurrent_requests_lose_no_accepted_span() {
    let ingest = Ingest::start().unwrap();
    let running = Running::start(&ingest, &["--gather", "0.1", "--max-memory", "1"]);
    let text = "word ".repeat(60_000);
    let post = |number, text: &str| {
        let spans = [span(number, 1, None, "work", &json!({"app.note": text}))];
        running.post_json("/v1/traces", &request("shop", &spans)).0
    };
    let too_much = text.repeat(4);
    assert_eq!(
        post(u8::MAX, &too_much),
        413,
        "larger than the whole buffer"
    );
    thread::scope(|scope| {
        for number in 1..=24 {
            let (post, text) = (&post, &*text);
            scope.spawn(move || {
                let begin = Instant::now();
                loop {
                    match post(number, text) {
                        200 => break,
                        status => assert_eq!(status, 503),
                    }
                    assert!(begin.elapsed() < PATIENCE);
                    thread::sleep(Duration::from_millis(20));
                }
            });
        }
    });
    let health = running.wait_for(|health| health["accepted"] == 24);
    assert_eq!(
        (&health["received"], &health["lost"]),
        (&json!(24), &json!({}))
    );
}

/// The service can keep spans for longer than a program that sends its own: when it has no room, exporters wait.
#[test]
fn an_outage_that_takes_more_attempts_than_a_program_makes_costs_no_span() {
    let ingest = Ingest::start().unwrap();
    ingest.script(vec![Fault::status(503).with_retry_after("1"); 6]);
    let running = Running::start(&ingest, &["--gather", "0.1"]);
    let spans = [span(1, 1, None, "work", &json!({}))];
    running.post_json("/v1/traces", &request("shop", &spans));
    let health = running.wait_for(|health| health["accepted"] == 1 || health["lost"] != json!({}));
    assert_eq!(health["lost"], json!({}));
    assert_eq!(ingest.figures().requests, 7);
}

/// Whatever waits is sent when the program is asked to stop.
#[cfg(unix)]
#[test]
fn shutdown_sends_all_buffered_spans() {
    let ingest = Ingest::start().unwrap();
    let mut running = Running::start(&ingest, &["--gather", "600"]);
    let spans = [span(1, 1, None, "work", &json!({}))];
    assert_eq!(
        running.post_json("/v1/traces", &request("shop", &spans)).0,
        200
    );
    assert_eq!(running.health()["gathered"], 1);
    // It does not wait for a request that never ends.
    let mut hanging = std::net::TcpStream::connect(&running.address).unwrap();
    hanging
        .write_all(b"POST /v1/traces HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{")
        .unwrap();
    assert_eq!(running.terminate(), "");
    assert_eq!(ingest.spans().len(), 1);
}

/// As when its terminal is closed, unless it was started with `nohup`.
#[cfg(target_os = "linux")]
#[test]
fn a_hangup_ends_the_service_like_any_other_signal_unless_it_is_ignored() {
    let ingest = Ingest::start().unwrap();
    let spans = [span(1, 1, None, "work", &json!({}))];
    let mut ignoring = without_proxies(Command::new("sh"));
    let script = "trap '' HUP; exec \"$0\" \"$@\"";
    ignoring.args(["-c", script]).arg(program().get_program());
    // Whoever runs the tests may have used `nohup`.
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = u64::from_str_radix(ignored.unwrap().trim(), 16).unwrap();
    for (program, is_ignored) in [(program(), ignored & 1 != 0), (ignoring, true)] {
        let mut running = Running::start_program(program, &ingest, &["--gather", "600"]);
        running.post_json("/v1/traces", &request("shop", &spans));
        running.signal("-HUP");
        if is_ignored {
            thread::sleep(Duration::from_millis(500));
            assert_eq!(running.health()["gathered"], 1);
        } else {
            assert!(running.child.wait().unwrap().success());
            assert_eq!(ingest.spans().len(), 1);
        }
    }
}

/// Whoever learns that spans were lost at the end wants to know how many.
#[cfg(unix)]
#[test]
fn an_end_without_an_answer_says_how_many_spans_are_lost() {
    let ingest = Ingest::start().unwrap();
    ingest.always(Fault::hang(Duration::from_secs(60)));
    let mut running = Running::start(&ingest, &["--gather", "600"]);
    let spans = [1, 2].map(|number| span(1, number, None, "work", &json!({})));
    running.post_json("/v1/traces", &request("shop", &spans));
    running.signal("-TERM");
    assert_eq!(running.child.wait().unwrap().code(), Some(2));
    let report = running.log.take().unwrap().join().unwrap();
    assert!(report.ends_with("; spans lost so far: 2\n"), "{report}");
}

/// Without the key, which is a secret.
#[test]
fn the_log_says_where_spans_are_sent() {
    let ingest = Ingest::start().unwrap();
    let routes = ["--route", "shop=https://key@o1.ingest.sentry.io/7"];
    let running = Running::start(&ingest, &routes);
    let host = ingest.dsn().rsplit(['@', '/']).nth(1).unwrap().to_owned();
    let project = ingest.dsn().rsplit('/').next().unwrap().to_owned();
    assert_eq!(
        running.destinations,
        [
            format!("sentry-genai: sending to http://{host}/api/{project}/envelope/"),
            "sentry-genai: sending shop to https://o1.ingest.sentry.io/api/7/envelope/".to_owned(),
        ]
    );
}

/// Whoever reads the log learns of trouble before the end.
#[test]
fn trouble_is_reported_while_the_service_runs() {
    let ingest = Ingest::start().unwrap();
    ingest.always(Fault::status(403));
    let mut running = Running::start(&ingest, &["--gather", "0.1"]);
    for number in 1..=2 {
        let spans = [span(number, 1, None, "work", &json!({}))];
        running.post_json("/v1/traces", &request("shop", &spans));
        running.wait_for(|health| health["lost"]["send_error"] == number);
        thread::sleep(Duration::from_secs(1));
    }
    let report = running.kill();
    assert!(
        report.starts_with("sentry-genai: HTTP status 403"),
        "{report}"
    );
    assert_eq!(
        report.lines().count(),
        1,
        "no more than once a minute: {report}"
    );
}

/// Reports come once a minute, so those of the last minute would be missing.
#[cfg(unix)]
#[test]
fn shutdown_reports_all_losses() {
    let ingest = Ingest::start().unwrap();
    ingest.always(Fault::status(403));
    let mut running = Running::start(&ingest, &["--gather", "600"]);
    let spans = [span(1, 1, None, "work", &json!({}))];
    running.post_json("/v1/traces", &request("shop", &spans));
    let report = running.terminate();
    assert!(report.starts_with("sentry-genai: HTTP status 403 (20"));
    assert!(report.ends_with("Z); spans lost so far: 1\n"), "{report}");
}

#[test]
fn arguments_that_cannot_be_followed_are_errors() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let dsn = "http://key@127.0.0.1:1/1";
    let route = format!("shop={dsn}");
    let nameless = format!("={dsn}");
    for (arguments, expected) in [
        (&["--listen", &*taken][..], "cannot listen on"),
        (
            &["--route", &route, "--route", &route],
            "shop is given twice",
        ),
        (&["--route", &nameless], "SERVICE=DSN"),
        (&["--gather=-1"], "--gather"),
        (&["--max-memory", "0"], "a whole number of at least 1"),
        (&["--connections", "many"], "a whole number of at least 1"),
    ] {
        let mut program = program();
        let program = program.args(["serve", "--dsn", dsn]).args(arguments);
        let output = program.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn without_a_dsn_the_error_names_the_option() {
    let output = program()
        .arg("serve")
        .env_remove("SENTRY_DSN")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("--dsn") && stderr.contains("SENTRY_DSN"),
        "{stderr}"
    );
}
