//! Each rule of the protocol, broken once.

use serde_json::{Value, json};

use super::sent::{Sent, TRACE, post};
use crate::Ingest;

#[test]
fn every_rule_is_checked() {
    type Break = fn(&mut Sent);
    let cases: &[(&str, Break)] = &[
        ("no X-Sentry-Auth", |it| {
            it.http.retain(|(name, _)| *name != "X-Sentry-Auth");
        }),
        ("without sentry_key", |it| {
            it.http[1].1 = "Sentry sentry_version=7";
        }),
        ("content-type is missing", |it| {
            it.http.retain(|(name, _)| *name != "Content-Type");
        }),
        ("content-encoding br", |it| {
            it.http.push(("Content-Encoding", "br"));
        }),
        ("does not decode as gzip", |it| {
            it.http.push(("Content-Encoding", "gzip"));
        }),
        ("does not decode as zstd", |it| {
            it.http.push(("Content-Encoding", "zstd"));
        }),
        ("no trace header", |it| remove(&mut it.header, "trace")),
        ("public_key is missing", |it| {
            remove(&mut it.header["trace"], "public_key");
        }),
        ("sample_rate is 1.0, not a string", |it| {
            it.header["trace"]["sample_rate"] = json!(1.0);
        }),
        ("sent_at", |it| it.header["sent_at"] = json!("yesterday")),
        ("not that of the trace header", |it| {
            it.spans[1]["trace_id"] = json!("5".repeat(32));
        }),
        ("item_count 3 but 2 items", |it| {
            it.item["item_count"] = json!(3);
        }),
        ("item_count null", |it| remove(&mut it.item, "item_count")),
        ("content_type \"application/json\"", |it| {
            it.item["content_type"] = json!("application/json");
        }),
        ("no type", |it| remove(&mut it.item, "type")),
        ("unknown type \"spam\"", |it| {
            it.item["type"] = json!("spam");
        }),
        ("length 3 is not followed by a newline", |it| {
            it.item["length"] = json!(3);
        }),
        ("bytes are left", |it| it.item["length"] = json!(1_000_000)),
        ("length \"x\" is not a number", |it| {
            it.item["length"] = json!("x");
        }),
        ("version 1", |it| it.version = json!(1)),
        ("version null", |it| it.version = Value::Null),
        ("no items", |it| it.spans.clear()),
        ("items are more than 1000", |it| {
            it.spans = vec![it.spans[0].clone(); 1001];
        }),
        ("more than one span item", |it| it.copies = 2),
        ("duplicate key", |it| {
            it.tail = r#"{"type":"event","type":"event"}"#;
        }),
        ("header does not parse", |it| it.tail = "oops"),
        ("event payload is not JSON", |it| {
            it.tail = "{\"type\":\"event\"}\n{";
        }),
        ("event_id is required", |it| {
            it.tail = "{\"type\":\"event\"}\n{}";
        }),
        ("no discarded_events", |it| {
            it.tail = "{\"type\":\"client_report\"}\n{}";
        }),
        ("bad trace_id", |it| {
            it.spans[0]["trace_id"] = json!(TRACE.to_uppercase());
        }),
        ("bad span_id", |it| {
            it.spans[0]["span_id"] = json!("0000000000000000");
        }),
        ("bad parent_span_id", |it| {
            it.spans[1]["parent_span_id"] = json!("abc");
        }),
        ("span_id occurs twice", |it| {
            it.spans[1]["span_id"] = it.spans[0]["span_id"].clone();
        }),
        ("ends before it starts", |it| {
            it.spans[0]["end_timestamp"] = json!(1.0);
        }),
        ("start_timestamp null", |it| {
            remove(&mut it.spans[0], "start_timestamp");
        }),
        ("name \"\"", |it| it.spans[0]["name"] = json!("")),
        ("status \"unset\"", |it| {
            it.spans[0]["status"] = json!("unset");
        }),
        ("is_segment null", |it| {
            remove(&mut it.spans[0], "is_segment");
        }),
        ("unknown field \"op\"", |it| it.spans[0]["op"] = json!("x")),
        ("\"sentry.op\" is required", |it| {
            remove(&mut it.spans[0]["attributes"], "sentry.op");
        }),
        ("but it is no segment", |it| {
            it.spans[0]["is_segment"] = json!(false);
        }),
        ("another span's", |it| {
            it.spans[1]["is_segment"] = json!(true);
        }),
        ("bad sentry.segment.id", |it| {
            attribute(it, "sentry.segment.id", "string", json!("x"));
        }),
        ("says \"integer\" but is 18446744073709551615", |it| {
            attribute(it, "a", "integer", json!(u64::MAX));
        }),
        ("says \"integer\" but is \"42\"", |it| {
            attribute(it, "a", "integer", json!("42"));
        }),
        ("says \"string\" but is null", |it| {
            attribute(it, "a", "string", Value::Null);
        }),
        ("says \"array\"", |it| {
            attribute(it, "a", "array", json!(["x", 1]));
        }),
        ("unknown type \"string[]\"", |it| {
            attribute(it, "a", "string[]", json!(["x"]));
        }),
        ("is not {type, value}", |it| {
            it.spans[1]["attributes"]["a"] = json!("x");
        }),
        ("links is not an array", |it| {
            it.spans[0]["links"] = json!({});
        }),
        ("links[0]: bad trace_id", |it| {
            it.spans[0]["links"] = json!([{"span_id": "a1b2c3d4e5f60718"}]);
        }),
    ];
    let ingest = Ingest::start().unwrap();
    for (expected, break_it) in cases {
        ingest.clear();
        let mut sent = Sent::default();
        break_it(&mut sent);
        let (status, answer) = post(&ingest, &sent);
        assert_eq!(status, 400, "{expected}");
        let violations = ingest.violations();
        assert!(
            violations.iter().any(|line| line.contains(expected)),
            "{expected:?} is not among {violations:#?}"
        );
        assert_eq!(answer["causes"], json!(violations));
        assert!(ingest.spans().is_empty(), "{expected}");
        assert_eq!(ingest.envelopes().len(), 1);
    }
}

fn attribute(sent: &mut Sent, key: &str, kind: &str, value: Value) {
    sent.spans[1]["attributes"][key] = json!({"type": kind, "value": value});
}

fn remove(owner: &mut Value, key: &str) {
    owner.as_object_mut().unwrap().remove(key);
}
