//! OTLP over HTTP.

use std::net::TcpStream;

use crate::*;

#[test]
fn sentry_receives_what_translate_writes() {
    let json_gz = corpus("otlp/google-adk/agent-tool.latest.json.gz");
    let protobuf = corpus("otlp-protobuf/google-adk/agent-tool.latest.pb");
    let expected = translated(&json_gz);
    let gzipped = fs::read(&json_gz).unwrap();
    let mut plain = Vec::new();
    GzDecoder::new(&*gzipped).read_to_end(&mut plain).unwrap();
    for (headers, body) in [
        (
            &[
                ("content-type", "application/json"),
                ("content-encoding", "gzip"),
            ][..],
            gzipped,
        ),
        (
            &[
                ("content-type", "application/json"),
                ("content-encoding", "deflate"),
            ],
            deflate(&plain),
        ),
        (
            &[("content-type", "application/json; charset=utf-8")],
            plain,
        ),
        (
            &[("content-type", "application/x-protobuf")],
            fs::read(protobuf).unwrap(),
        ),
    ] {
        let ingest = Ingest::start().unwrap();
        let running = Running::start(&ingest, &["--pii", "--gather", "0.3"]);
        let (status, answer) = running.post("/v1/traces", headers, &body);
        let is_json = headers[0].1.contains("json");
        assert_eq!(
            (status, answer),
            (200, if is_json { b"{}".to_vec() } else { Vec::new() })
        );
        let spans = ingest.wait_for_spans(expected.len(), PATIENCE);
        assert_eq!(spans.iter().map(summary).collect::<BTreeSet<_>>(), expected);
        assert_eq!(ingest.violations(), [""; 0]);
    }
}

#[test]
fn content_is_sent_only_with_pii() {
    let ingest = Ingest::start().unwrap();
    let running = Running::start(&ingest, &["--gather", "0.1"]);
    let chat = json!({
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5",
        "gen_ai.input.messages": r#"[{"role":"user","parts":[{"type":"text","content":"xyzzy"}]}]"#,
    });
    let (status, _) = running.post_json(
        "/v1/traces",
        &request("shop", &[span(1, 1, None, "chat", &chat)]),
    );
    assert_eq!(status, 200);
    let spans = ingest.wait_for_spans(1, PATIENCE);
    assert_eq!(&*spans[0].name, "chat gpt-5");
    assert!(!String::from_utf8_lossy(&ingest.bytes()).contains("xyzzy"));
}

#[test]
fn unreadable_requests_are_rejected_and_lose_no_other_spans() {
    let ingest = Ingest::start().unwrap();
    let running = Running::start(&ingest, &["--gather", "0.1"]);
    let plain = json!({});
    let good = span(1, 1, None, "work", &plain);
    let mut bad = span(1, 2, None, "work", &plain);
    bad["traceId"] = "zz".into();

    let (status, answer) = running.post_json("/v1/traces", &request("shop", &[bad.clone()]));
    assert_eq!(status, 400);
    assert!(
        answer["message"].as_str().unwrap().contains("traceId"),
        "{answer}"
    );
    let (status, answer) = running.post_json("/v1/traces", &request("shop", &[bad, good]));
    assert_eq!(status, 200);
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1", "{answer}");

    let as_json = ("content-type", "application/json");
    let status =
        |headers: &[(&str, &str)], body: &[u8]| running.post("/v1/traces", headers, body).0;
    assert_eq!(status(&[("content-type", "text/plain")], b"{}"), 415);
    assert_eq!(status(&[as_json, ("content-encoding", "br")], b"{}"), 415);
    for encoding in ["gzip", "deflate"] {
        let headers = [as_json, ("content-encoding", encoding)];
        assert_eq!(status(&headers, b"{}"), 400);
    }
    let gzipped = gzip(b"{}");
    assert_eq!(
        status(&[as_json, ("content-encoding", "GZIP")], &gzipped),
        200
    );
    assert_eq!(status(&[as_json], b"[1, 2"), 400);
    let bomb = gzip(&vec![b' '; 65 * 1024 * 1024]);
    assert_eq!(status(&[as_json, ("content-encoding", "gzip")], &bomb), 413);
    assert_eq!(status(&[as_json], &vec![b' '; 17 * 1024 * 1024]), 413);

    let spans = ingest.wait_for_spans(1, PATIENCE);
    assert_eq!((spans.len(), &*spans[0].name), (1, "work"));
    assert_eq!(running.health()["received"], 1);

    // What exceeds the memory is not decompressed.
    let small = Running::start(&ingest, &["--max-memory", "1"]);
    let headers = [as_json, ("content-encoding", "gzip")];
    let padded = gzip(&[b"{}", &*vec![b' '; 1024 * 1024]].concat());
    assert_eq!(small.post("/v1/traces", &headers, &padded).0, 413);
}

#[test]
fn metrics_are_accepted_and_ignored() {
    let ingest = Ingest::start().unwrap();
    let running = Running::start(&ingest, &[]);
    let metrics = json!({"resourceMetrics": [{}]});
    assert_eq!(running.post_json("/v1/metrics", &metrics), (200, json!({})));
    let logs = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "hi"}}]}]}]});
    assert_eq!(running.post_json("/v1/logs", &logs), (200, json!({})));
}

#[test]
fn log_events_are_attached_to_their_spans() {
    let file = corpus("otlp-logs/otel-openai-v2.tools-roundtrip.v1-content.jsonl.gz");
    let expected = translated(&file);
    let ingest = Ingest::start().unwrap();
    let running = Running::start(&ingest, &["--pii", "--gather", "0.5"]);
    let mut text = String::new();
    let bytes = fs::read(&file).unwrap();
    GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let path = if line.contains("resourceLogs") {
            "/v1/logs"
        } else {
            "/v1/traces"
        };
        let headers = [("content-type", "application/json")];
        assert_eq!(
            running.post(path, &headers, line.as_bytes()).0,
            200,
            "{line}"
        );
    }
    let spans = ingest.wait_for_spans(expected.len(), PATIENCE);
    assert_eq!(spans.iter().map(summary).collect::<BTreeSet<_>>(), expected);
}

/// Protobuf is decoded piece by piece: as a whole, small messages take thirty times as much memory as their bytes.
#[cfg(target_os = "linux")]
#[test]
fn a_request_takes_little_more_memory_than_its_bytes() {
    let ingest = Ingest::start().unwrap();
    let running = Running::start(&ingest, &[]);
    // A resource with empty scopes, and empty messages, each after its length.
    let scopes = b"\x12\0".repeat(4_000_000);
    let scopes = [b"\x0a\x80\xa4\xe8\x03", &*scopes].concat();
    let messages = vec![0; 4 * 4_000_000];
    let headers = [("content-type", "application/x-protobuf")];
    for body in [&*scopes, &messages] {
        assert_eq!(running.post("/v1/traces", &headers, body), (200, vec![]));
    }
    let status = fs::read_to_string(format!("/proc/{}/status", running.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    assert!(peak.unwrap() < 100_000, "{peak:?} kB");
}

/// Instrumentations write prompts when a call starts. Its span comes when it has ended, with others of its trace in between.
#[test]
fn prompts_in_log_records_wait_for_the_end_of_their_call() {
    let ingest = Ingest::start().unwrap();
    let running = Running::start(&ingest, &["--pii", "--gather", "0.1"]);
    let prompt = |trace: u8, number: u8, text: &str| {
        let record = json!({
            "timeUnixNano": "1790000000000000000", "eventName": "gen_ai.user.message",
            "traceId": format!("{trace:02x}").repeat(16), "spanId": format!("{number:02x}").repeat(8),
            "body": {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": text}}]}},
        });
        json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})
    };
    let chat = json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"});
    let call = |trace, number| request("shop", &[span(trace, number, None, "chat", &chat)]);
    let post = |path, body: &Value| assert_eq!(running.post_json(path, body).0, 200);

    post("/v1/logs", &prompt(1, 1, "first"));
    post("/v1/logs", &prompt(2, 2, "second"));
    post("/v1/traces", &call(2, 1));
    let _ = ingest.wait_for_spans(1, PATIENCE);
    thread::sleep(Duration::from_millis(500));
    post("/v1/traces", &call(1, 1));
    post("/v1/traces", &call(2, 2));
    let spans = ingest.wait_for_spans(3, PATIENCE);
    let messages = spans
        .iter()
        .filter_map(|it| it.str("gen_ai.input.messages"));
    let mut messages: Vec<_> = messages.collect();
    messages.sort_unstable();
    let prompts = ["first", "second"];
    assert_eq!(messages.len(), 2);
    assert!((messages.iter().zip(prompts)).all(|(message, prompt)| message.contains(prompt)));
}

#[test]
fn prometheus_reads_the_figures() {
    let ingest = Ingest::start().unwrap();
    let running = Running::start(&ingest, &["--gather", "0.1"]);
    let file = corpus("otlp-protobuf/google-adk/agent-tool.latest.pb");
    let headers = [("content-type", "application/x-protobuf")];
    running.post("/v1/traces", &headers, &fs::read(file).unwrap());
    let health = running.wait_for(|health| {
        health["accepted"].as_u64() > Some(0) && health["accepted"] == health["received"]
    });
    let mut response = agent().get(running.url("/metrics")).call().unwrap();
    let content_type = response.headers()["content-type"].to_str().unwrap();
    assert_eq!(content_type, "text/plain; version=0.0.4");
    let text = response.body_mut().read_to_string().unwrap();
    let accepted = format!("sentry_genai_accepted_spans_total {}\n", health["accepted"]);
    assert!(text.contains(&accepted), "{text}");
    for name in [
        "received_spans_total",
        "gathered_spans",
        "buffered_bytes",
        "full",
        "events_without_span_total",
    ] {
        assert!(text.contains(&format!("\nsentry_genai_{name} ")), "{name}");
    }
    let lost = "sentry_genai_lost_spans_total{reason=\"network_error\"} 0\n";
    assert!(text.contains(lost), "{text}");
}

/// Exporters that compress while they send do not say how much that will be.
#[test]
fn a_request_of_unknown_length_takes_the_room_that_it_needs() {
    let ingest = Ingest::start().unwrap();
    let running = Running::start(&ingest, &["--gather", "0.1", "--max-memory", "16"]);
    let head = "POST /v1/traces HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{";
    let hanging: Vec<_> = std::iter::repeat_with(|| {
        let mut client = TcpStream::connect(&running.address).unwrap();
        client.write_all(head.as_bytes()).unwrap();
        client
    })
    .take(8)
    .collect();

    let chunked = |body: String| {
        let body = ureq::SendBody::from_owned_reader(std::io::Cursor::new(body));
        let request = agent().post(running.url("/v1/traces"));
        let answer = request
            .header("content-type", "application/json")
            .send(body)
            .unwrap();
        answer.status().as_u16()
    };
    let spans = [span(1, 1, None, "work", &json!({}))];
    let body = request("shop", &spans).to_string();
    let padded = |bytes| format!("{body}{}", " ".repeat(bytes));
    assert_eq!(chunked(padded(3 * 1024 * 1024)), 200);
    drop(hanging);
    assert_eq!(chunked(padded(17 * 1024 * 1024)), 413);
    assert_eq!(ingest.wait_for_spans(1, PATIENCE).len(), 1);
}
