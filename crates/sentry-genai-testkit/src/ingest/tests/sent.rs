//! Sends requests to the ingest.

use serde_json::{Value, json};

use crate::{Ingest, ingest::span_container::CONTENT_TYPE};

pub(super) const TRACE: &str = "4c79f60c11214eb38604f4ae0781bfb2";
pub(super) const PROTOCOL: &str = "application/x-sentry-envelope";

/// A request in parts that a test can break one by one.
pub(super) struct Sent {
    pub(super) http: Vec<(&'static str, &'static str)>,
    pub(super) header: Value,
    pub(super) item: Value,
    pub(super) version: Value,
    pub(super) spans: Vec<Value>,
    pub(super) copies: usize,
    pub(super) tail: &'static str,
}

impl Default for Sent {
    fn default() -> Self {
        Self {
            http: vec![
                ("Content-Type", PROTOCOL),
                (
                    "X-Sentry-Auth",
                    "Sentry sentry_key=public, sentry_version=7",
                ),
            ],
            header: json!({
                "sent_at": "2026-11-20T00:00:05.000000Z",
                "trace": {"trace_id": TRACE, "public_key": "public", "sample_rate": "1"},
            }),
            item: json!({"type": "span", "item_count": 2, "content_type": CONTENT_TYPE}),
            version: json!(2),
            spans: vec![
                span(
                    "a1b2c3d4e5f60718",
                    "POST /ask",
                    "http.server",
                    json!({"is_segment": true}),
                ),
                span(
                    "b2c3d4e5f6071829",
                    "chat gpt-5-mini",
                    "gen_ai.chat",
                    json!({"is_segment": false, "parent_span_id": "a1b2c3d4e5f60718"}),
                ),
            ],
            copies: 1,
            tail: "",
        }
    }
}

impl Sent {
    pub(super) fn body(&self) -> Vec<u8> {
        let payload = json!({"version": self.version, "items": self.spans});
        let item = format!("{}\n{payload}\n", self.item).repeat(self.copies);
        format!("{}\n{item}{}", self.header, self.tail).into_bytes()
    }
}

fn span(id: &str, name: &str, op: &str, more: Value) -> Value {
    let mut span = json!({
        "trace_id": TRACE, "span_id": id, "name": name, "status": "ok",
        "start_timestamp": 1_795_132_800.1, "end_timestamp": 1_795_132_800.6,
        "attributes": {
            "gen_ai.usage.input_tokens": {"type": "integer", "value": 1200},
            "gen_ai.request.stop_sequences": {"type": "array", "value": ["a", "b"]},
            "gen_ai.request.temperature": {"type": "double", "value": 1},
            "gen_ai.response.streaming": {"type": "boolean", "value": true},
        },
    });
    for (key, value) in [
        ("sentry.op", op),
        ("sentry.origin", "auto.ai.test"),
        ("sentry.kind", "client"),
        ("sentry.segment.id", "a1b2c3d4e5f60718"),
        ("sentry.segment.name", "POST /ask"),
        ("sentry.environment", "test"),
        ("sentry.platform", "rust"),
        ("sentry.sdk.name", "sentry.rust.test"),
        ("sentry.sdk.version", "0.1.0"),
        ("sentry.trace_lifecycle", "stream"),
        ("gen_ai.conversation.id", "conv_01J"),
        ("gen_ai.response.model", "gpt-5-mini-2025-08-07"),
        ("gen_ai.input.messages", r#"[{"role":"user","parts":[]}]"#),
    ] {
        span["attributes"][key] = json!({"type": "string", "value": value});
    }
    for (key, value) in more.as_object().unwrap() {
        span[key] = value.clone();
    }
    span
}

pub(super) fn post(ingest: &Ingest, sent: &Sent) -> (u16, Value) {
    post_body(ingest, &sent.http, &sent.body())
}

pub(super) fn post_body(ingest: &Ingest, http: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
    let mut request = agent().post(format!("{}/api/1/envelope/", ingest.url()));
    for (name, value) in http {
        request = request.header(*name, *value);
    }
    let mut response = request.send(body).unwrap();
    let answer = response.body_mut().read_to_string().unwrap();
    (
        response.status().as_u16(),
        serde_json::from_str(&answer).unwrap(),
    )
}

/// The agent talks to loopback, so it ignores the environment's proxy settings.
pub(super) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .new_agent()
}
