//! Endpoints that are not quite right, and requests that are refused.

use crate::*;

/// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is used as it is, so it often lacks the path. `OTEL_EXPORTER_OTLP_ENDPOINT` often has it
/// already. Exporters would log no more than "Not Found".
#[test]
fn an_endpoint_that_is_not_quite_right_works() {
    let ingest = Ingest::start().unwrap();
    let running = Running::start(&ingest, &["--gather", "0.1"]);
    let paths = [
        "/",
        "/v1/traces/",
        "/v1/traces/v1/traces",
        "/otlp/v1/traces",
    ];
    for (number, path) in (1..).zip(paths) {
        let spans = [span(number, 1, None, "work", &json!({}))];
        let answer = running.post_json(path, &request("shop", &spans));
        assert_eq!(answer, (200, json!({})), "{path}");
    }
    for path in ["/", "/otlp/v1/metrics"] {
        let metrics = json!({"resourceMetrics": [{}]});
        assert_eq!(running.post_json(path, &metrics), (200, json!({})));
    }
    assert_eq!(ingest.wait_for_spans(paths.len(), PATIENCE).len(), 4);
    assert_eq!(running.health()["refused_requests"], 0);
}

/// Many exporters log no more of an answer than its status.
#[cfg(unix)]
#[test]
fn the_service_says_what_it_refuses_and_why() {
    use std::net::{Shutdown, TcpStream};

    const AS_JSON: (&str, &str) = ("content-type", "application/json");

    let ingest = Ingest::start().unwrap();
    let mut running = Running::start(&ingest, &[]);
    assert_eq!(running.health()["last_refusal"], Value::Null);
    let mut refused = 0;
    let mut check = |path, headers: &[_], body: &[u8], status, refusal: &str| {
        assert_eq!(running.post(path, headers, body).0, status, "{refusal}");
        refused += 1;
        let health = running.health();
        assert_eq!(health["refused_requests"], refused, "{refusal}");
        let last = health["last_refusal"].as_str().unwrap();
        assert!(last.starts_with(refusal), "{last} is not {refusal}");
    };
    let elsewhere = "POST /api/v2/spans: 404: OTLP is received at POST /v1/traces and /v1/logs";
    check("/api/v2/spans", &[AS_JSON], b"[]", 404, elsewhere);
    let unreadable = "POST /v1/traces: 400: ";
    check("/v1/traces", &[AS_JSON], b"[1, 2", 400, unreadable);
    let good = span(1, 1, None, "work", &json!({}));
    let partly = request("shop", &[good, json!({"traceId": "zz"})]).to_string();
    let in_part = "POST /v1/traces: 200: 1 could not be read, the first because: resourceSpans[0]";
    check("/v1/traces", &[AS_JSON], partly.as_bytes(), 200, in_part);
    let text = [("content-type", "text/plain")];
    let media_type = "POST /: 415: expected the content type application/x-protobuf or";
    check("/", &text, b"{}", 415, media_type);
    let metrics = "POST /v1/metrics: 415: expected the content type";
    check("/v1/metrics", &text, b"{}", 415, metrics);
    let brotli = [AS_JSON, ("content-encoding", "br")];
    let encoding = "POST /v1/traces: 415: expected no content encoding, gzip or deflate";
    check("/v1/traces", &brotli, b"{}", 415, encoding);
    let rpc = [("content-type", "application/grpc")];
    let unknown = "POST /grpc.health.v1.Health/Check: Unimplemented: OTLP is";
    check("/grpc.health.v1.Health/Check", &rpc, b"", 200, unknown);
    let invalid = "POST /opentelemetry.proto.collector.trace.v1.TraceService/Export: ";
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    check(path, &rpc, b"\0\0\0\0\x04\x0a\xffno", 200, invalid);

    let readable = fs::read(corpus("otlp-protobuf/google-adk/agent-tool.latest.pb")).unwrap();
    let message = [&readable, &b"\x0a\x03\x12\x01\xff"[..]].concat();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let call = [&b"\0"[..], &length, &message].concat();
    let in_part = "POST /opentelemetry.proto.collector.trace.v1.TraceService/Export: 200: 1 could";
    check(path, &rpc, &call, 200, in_part);

    // A request that is broken off was not refused.
    let mut client = TcpStream::connect(&running.address).unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    client.write_all(head.as_bytes()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    // Whoever looks around is no exporter.
    assert_eq!(agent().get(running.url("/")).call().unwrap().status(), 404);
    assert_eq!(running.health()["refused_requests"], refused);
    let mut response = agent().get(running.url("/metrics")).call().unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    let line = format!("\nsentry_genai_refused_requests_total {refused}\n");
    assert!(text.contains(&line), "{text}");

    // The first is reported at once, and all by the end.
    thread::sleep(Duration::from_millis(500));
    running.post("/nowhere", &[AS_JSON], b"{}");
    let log = running.terminate();
    let reports: Vec<_> = log.lines().collect();
    assert_eq!(reports.len(), 2, "{log}");
    assert!(reports[0].starts_with("sentry-genai: refused POST "));
    let all = format!(
        "sentry-genai: refused POST /nowhere: 404: OTLP is received at POST /v1/traces and /v1/logs; requests refused so far: {}",
        refused + 1
    );
    assert_eq!(reports[1], all);
}

/// Exporters see only that nobody answers.
#[cfg(target_os = "linux")]
#[test]
fn connections_that_cannot_be_accepted_are_reported() {
    let ingest = Ingest::start().unwrap();
    let mut limited = without_proxies(Command::new("sh"));
    let script = "ulimit -n 30; exec \"$0\" \"$@\"";
    limited.args(["-c", script]).arg(program().get_program());
    let mut running = Running::start_program(limited, &ingest, &[]);
    let connect = || std::net::TcpStream::connect(&running.address).unwrap();
    let connections: Vec<_> = std::iter::repeat_with(connect).take(30).collect();
    thread::sleep(Duration::from_millis(500));
    drop(connections);
    assert_eq!(running.health()["received"], 0);
    let log = running.terminate();
    assert_eq!(
        log,
        "sentry-genai: cannot accept connections: Too many open files (os error 24)\n"
    );
}
