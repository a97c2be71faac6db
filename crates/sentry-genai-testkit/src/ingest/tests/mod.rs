//! Tests of what the ingest accepts and rejects.

mod rules;
mod sent;

use std::{io::Write, thread, time::Duration};

use serde_json::{Value, json};

use self::sent::{PROTOCOL, Sent, TRACE, agent, post, post_body};
use super::Ingest;

#[test]
fn a_good_envelope_is_accepted_and_readable() {
    let ingest = Ingest::start().unwrap();
    let answer = post(&ingest, &Sent::default());
    assert_eq!(answer, (200, json!({"id": null})));
    assert_eq!(ingest.violations(), [""; 0]);

    let spans = ingest.wait_for_spans(2, Duration::from_secs(5));
    assert_eq!(spans.len(), 2);
    let chat = &spans[1];
    assert_eq!(chat.name, "chat gpt-5-mini");
    assert_eq!(chat.op(), "gen_ai.chat");
    assert_eq!(chat.parent_span_id.as_ref(), Some(&spans[0].span_id));
    assert_eq!(chat.conversation_id(), Some("conv_01J"));
    assert_eq!(chat.model(), Some("gpt-5-mini-2025-08-07"));
    assert_eq!(chat.int("gen_ai.usage.input_tokens"), Some(1200));
    assert_eq!(chat.attr_type("gen_ai.usage.input_tokens"), Some("integer"));
    assert!((chat.duration() - 0.5).abs() < 1e-6);
    assert_eq!(chat.input_messages().unwrap()[0]["role"], "user");

    let envelope = &ingest.envelopes()[0];
    assert_eq!(envelope.project, "1");
    assert_eq!(envelope.trace().unwrap()["public_key"], "public");
    assert_eq!(envelope.http_header("content-type"), Some(PROTOCOL));
    assert_eq!(envelope.items[0].header["item_count"], 2);
    assert_eq!(ingest.bytes(), Sent::default().body());

    ingest.clear();
    assert!(ingest.spans().is_empty());
}

#[test]
fn a_compressed_envelope_is_readable() {
    let ingest = Ingest::start().unwrap();
    let body = Sent::default().body();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&body).unwrap();
    let mut sent = Sent::default();
    sent.http.push(("Content-Encoding", "gzip"));
    assert_eq!(
        post_body(&ingest, &sent.http, &gzip.finish().unwrap()).0,
        200
    );
    assert_eq!(ingest.bytes(), body);
    assert_eq!(ingest.spans().len(), 2);
}

#[test]
fn invalid_bodies_are_rejected_and_kept() {
    let ingest = Ingest::start().unwrap();
    for junk in ["", "not json", "[]", "{}\n{}", " {}"] {
        let (status, _) = post_body(&ingest, &Sent::default().http, junk.as_bytes());
        assert_eq!(status, 400, "{junk:?}");
    }
    assert_eq!(ingest.envelopes().len(), 5);
}

#[test]
fn other_items_are_distinguished() {
    let ingest = Ingest::start().unwrap();
    let id = "0123456789abcdef0123456789abcdef";
    let report = r#"{"timestamp":1.0,"discarded_events":[{"reason":"queue_overflow","category":"span","quantity":37}]}"#;
    for body in [
        format!(
            "{{\"event_id\":\"{id}\"}}\n{{\"type\":\"event\",\"length\":15}}\n{{\"message\":\"x\"}}\n"
        ),
        format!(
            "{{\"event_id\":\"{id}\"}}\n{{\"type\":\"transaction\"}}\n{}",
            json!({"start_timestamp": 1.0, "timestamp": 2.0, "spans": [],
                "contexts": {"trace": {"trace_id": TRACE, "span_id": "a1b2c3d4e5f60718"}}})
        ),
        container("log", "log", json!({"body": "hello", "attributes": {}})),
        container("trace_metric", "trace-metric", json!({"name": "hits"})),
        format!("{{}}\n{{\"type\":\"client_report\"}}\n{report}"),
        format!("{{}}\n{{\"type\":\"client_report\"}}\n{report}\n"),
    ] {
        // As the official client does it: with an auth header, but no content type.
        let http = [(
            "X-Sentry-Auth",
            "Sentry sentry_key=public, sentry_version=7",
        )];
        assert_eq!(
            post_body(&ingest, &http, body.as_bytes()).0,
            200,
            "{:?}",
            ingest.violations()
        );
    }
    assert_eq!(ingest.events(), [json!({"message": "x"})]);
    assert_eq!(ingest.transactions().len(), 1);
    assert_eq!(ingest.logs()[0]["body"], "hello");
    assert_eq!(ingest.metrics()[0]["name"], "hits");
    let lost = ("span".to_owned(), "queue_overflow".to_owned());
    assert_eq!(ingest.client_reports()[&lost], 74);
}

/// A transaction of another client, or of another part of the trace, may arrive first.
#[test]
fn wait_for_spans_waits_for_streamed_spans() {
    let ingest = Ingest::start().unwrap();
    let root = json!({"trace_id": TRACE, "span_id": "c1b2c3d4e5f60718"});
    let transaction =
        json!({"start_timestamp": 1.0, "timestamp": 2.0, "spans": [], "contexts": {"trace": root}});
    let header = json!({"event_id": "0123456789abcdef0123456789abcdef"});
    let body = format!("{header}\n{{\"type\":\"transaction\"}}\n{transaction}\n");
    let http = Sent::default().http;
    assert_eq!(post_body(&ingest, &http, body.as_bytes()).0, 200);
    assert_eq!(ingest.figures().accepted_spans, 1);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(50));
            post(&ingest, &Sent::default())
        });
        assert_eq!(ingest.wait_for_spans(1, Duration::from_secs(5)).len(), 2);
    });
}

#[test]
fn wait_for_spans_returns_at_the_timeout() {
    let ingest = Ingest::start().unwrap();
    post(&ingest, &Sent::default());
    assert_eq!(ingest.wait_for_spans(3, Duration::from_millis(20)).len(), 2);
}

#[test]
fn the_port_closes_on_drop() {
    let ingest = Ingest::start().unwrap();
    let (url, agent) = (ingest.url(), agent());
    assert_eq!(agent.get(&url).call().unwrap().status(), 404);
    drop(ingest);
    assert!(agent.get(&url).call().is_err());
}

fn container(kind: &str, name: &str, entry: Value) -> String {
    let content_type = format!("application/vnd.sentry.items.{name}+json");
    let item = json!({"type": kind, "item_count": 1, "content_type": content_type});
    format!("{{}}\n{item}\n{}\n", json!({"items": [entry]}))
}
