use std::sync::Arc;

use sentry_core::{
    ClientOptions, Integration,
    protocol::{Context, DeviceContext, Event, OsContext, RuntimeContext},
};
use sentry_genai_conventions::{
    Attributes, Input, Scalar, SpanId, SpanKind, Status, Timestamp, TraceId,
};
use serde_json::{Value as Json, json};

use super::*;
use crate::{ids::new_span_id, testing};

fn encoder() -> SpanEncoder {
    SpanEncoder::new(&testing::config(&testing::options()))
}

/// A span that has been translated.
fn span(segment: &Segment, span_id: SpanId) -> SentrySpan {
    let mut span = testing::span(segment, span_id);
    span.name = "chat \"gpt\"".into();
    span.op = "gen_ai.chat".into();
    span.origin = "auto.ai.rust.tracing".into();
    span.attributes = Attributes::default();
    span
}

fn encode(span: &SentrySpan, segment: &Segment) -> (String, Json) {
    let mut buffer = Vec::new();
    let mut encoder = encoder();
    let mut frame = encoder.frame_of(segment);
    encoder.write(&mut buffer, span, &mut frame);
    let text = String::from_utf8(buffer).unwrap();
    let json = serde_json::from_str(&text).unwrap();
    (text, json)
}

fn string(value: &str) -> Json {
    json!({"type": "string", "value": value})
}

#[test]
fn a_child_span() {
    let segment = testing::segment();
    let span_id = new_span_id();
    let mut span = span(&segment, span_id);
    span.status = Status::Error;
    let (trace_id, linked) = (segment.trace().trace_id(), new_span_id());
    let link = Link::new(trace_id, linked, true);
    span.links.push(link.clone().with_type("previous_trace"));
    span.links.push(link.with_type("too long ".repeat(8)));
    let (text, json) = encode(&span, &segment);

    assert_eq!(
        json,
        json!({
            "trace_id": trace_id.to_string(),
            "span_id": span_id.to_string(),
            "parent_span_id": segment.span_id().to_string(),
            "name": "chat \"gpt\"",
            "status": "error",
            "is_segment": false,
            "start_timestamp": 1_795_132_800.1,
            "end_timestamp": 1_795_132_801.100_001,
            "links": [{
                "trace_id": trace_id.to_string(),
                "span_id": linked.to_string(),
                "sampled": true,
                "attributes": {"sentry.link.type": string("previous_trace")},
            }, {
                "trace_id": trace_id.to_string(),
                "span_id": linked.to_string(),
                "sampled": true,
            }],
            "attributes": {
                "sentry.op": string("gen_ai.chat"),
                "sentry.origin": string("auto.ai.rust.tracing"),
                "sentry.kind": string("internal"),
                "sentry.segment.id": string(&segment.span_id().to_string()),
                "sentry.segment.name": string("POST /ask"),
                "sentry.release": string("shop@1.4.2"),
                "sentry.environment": string("production"),
                "sentry.sdk.name": string("sentry.rust.genai"),
                "sentry.sdk.version": string(env!("CARGO_PKG_VERSION")),
                "sentry.platform": string("rust"),
                "sentry.trace_lifecycle": string("stream"),
                "server.address": string("web-1"),
            },
        })
    );
    assert!(
        text.contains(r#""start_timestamp":1795132800.100000,"end_timestamp":1795132801.100001,"#),
        "{text}"
    );
}

#[test]
fn attribute_types_are_preserved() {
    let segment = testing::segment();
    let mut span = span(&segment, new_span_id());
    let attributes = &mut span.attributes;
    attributes.push("bool", true);
    attributes.push("integer", i64::MIN);
    attributes.push("double", 2.0);
    attributes.push("text", "line\n\u{1}\"ä\u{2028}😀");
    attributes.push(
        "array",
        vec![
            Scalar::Double(1.0),
            Scalar::Double(f64::NAN),
            Scalar::Double(2.5),
            Scalar::Bool(true),
            Scalar::Integer(3),
        ],
    );
    attributes.push("empty", Vec::<Scalar>::new());
    let (text, json) = encode(&span, &segment);

    let attributes = &json["attributes"];
    assert_eq!(
        attributes["bool"],
        json!({"type": "boolean", "value": true})
    );
    assert_eq!(
        attributes["integer"],
        json!({"type": "integer", "value": i64::MIN})
    );
    assert_eq!(
        attributes["double"],
        json!({"type": "double", "value": 2.0})
    );
    assert_eq!(attributes["text"], string("line\n\u{1}\"ä\u{2028}😀"));
    assert_eq!(
        attributes["array"],
        json!({"type": "array", "value": [1.0, 2.5, true, 3]})
    );
    assert_eq!(attributes["empty"], json!({"type": "array", "value": []}));
    assert!(text.contains(r#"{"type":"double","value":2.0}"#), "{text}");
    assert!(!text.contains('\n'));
}

#[test]
fn the_segment_span_has_more_attributes() {
    let segment = testing::segment();
    let mut span = span(&segment, segment.span_id());
    let (_, json) = encode(&span, &segment);
    assert_eq!(json["is_segment"], true);
    assert_eq!(json["trace_id"], segment.trace().trace_id().to_string());
    assert_eq!(json["span_id"], segment.span_id().to_string());
    assert_eq!(json.get("parent_span_id"), None);
    let attributes = &json["attributes"];
    assert_eq!(attributes["process.runtime.name"], string("rust"));
    for (op, has_route, source) in [
        ("http.server", false, "custom"),
        ("http.server", true, "route"),
        ("http.client", true, "custom"),
    ] {
        span.op = op.into();
        span.attributes.remove("http.route");
        if has_route {
            span.attributes.push("http.route", "/ask");
        }
        let (_, json) = encode(&span, &segment);
        let found = &json["attributes"]["sentry.segment.name.source"];
        assert_eq!(*found, string(source), "{op}");
    }
}

#[test]
fn attributes_set_by_the_span_are_not_overwritten() {
    let segment = testing::segment();
    let mut span = span(&segment, segment.span_id());
    let own = [
        "sentry.op",
        "sentry.release",
        "server.address",
        "sentry.segment.name",
        "sentry.segment.name.source",
        "process.runtime.name",
    ];
    for key in own {
        span.attributes.push(key, "own");
    }
    let (text, json) = encode(&span, &segment);
    let kind = string(span.kind.as_str());
    assert_eq!(json["attributes"]["sentry.kind"], kind);
    let id = string(&segment.span_id().to_string());
    assert_eq!(json["attributes"]["sentry.segment.id"], id);
    for key in own {
        assert_eq!(json["attributes"][key], string("own"), "{key}");
        let written = text.matches(&format!("{key:?}")).count();
        assert_eq!(written, 1, "{key}");
    }
    assert_eq!(
        json["attributes"]["sentry.environment"],
        string("production")
    );
}

/// The usual span is written from a template, which says that it is fine.
#[test]
fn a_failed_span_without_links_says_that_it_failed() {
    let segment = testing::segment();
    let mut span = span(&segment, new_span_id());
    assert_eq!(encode(&span, &segment).1["status"], "ok");
    span.status = Status::Error;
    assert_eq!(encode(&span, &segment).1["status"], "error");
}

#[test]
fn a_span_never_ends_before_it_starts() {
    let segment = testing::segment();
    let mut span = span(&segment, new_span_id());
    span.end = Timestamp::from_nanos(7);
    let (_, json) = encode(&span, &segment);
    assert_eq!(json["end_timestamp"], json["start_timestamp"]);
}

#[test]
fn times_of_spans_that_follow_one_another() {
    let segment = testing::segment();
    let mut encoder = encoder();
    let mut frame = encoder.frame_of(&segment);
    let times = [
        (0, 5, 0, 6),
        (1_795_132_800, 0, 1_795_132_800, 5),
        (1_795_132_800, 999_999, 1_795_132_801, 0),
        (1_795_132_801, 1, 1_795_132_801, 999_999),
        (1_795_132_800, 1, 1_795_132_801, 2),
        (7, 1, 1_795_132_801, 3),
        (1_795_132_801, 4, 18_000_000_000, 5),
        (1_795_132_801, 6, 1_795_132_801, 7),
    ];
    for (start, start_micros, end, end_micros) in times {
        let mut span = span(&segment, new_span_id());
        let at = |second: u64, micros: u64| {
            Timestamp::from_nanos(second * 1_000_000_000 + micros * 1000)
        };
        (span.start, span.end) = (at(start, start_micros), at(end, end_micros));
        let mut buffer = Vec::new();
        encoder.write(&mut buffer, &span, &mut frame);
        let text = String::from_utf8(buffer).unwrap();
        let expected = format!(
            r#""start_timestamp":{start}.{start_micros:06},"end_timestamp":{end}.{end_micros:06},"#
        );
        assert!(text.contains(&expected), "{text}");
    }
}

/// Also with more descriptions than are cached, and with one that is too long for the cache.
#[test]
fn every_span_keeps_its_own_description() {
    let segment = testing::segment();
    let mut encoder = encoder();
    let mut frame = encoder.frame_of(&segment);
    let ops: Vec<_> = (0..50).map(|op| format!("op.{op}")).collect();
    let long = "x".repeat(1000);
    for op in ops.iter().chain([&long]).chain(&ops).chain(&ops[..3]) {
        for (kind, origin) in [
            (SpanKind::Client, "auto.ai.rust.tracing"),
            (SpanKind::Server, "auto.ai.rust.tracing"),
            (SpanKind::Server, "manual"),
        ] {
            let mut span = span(&segment, new_span_id());
            (span.op, span.kind) = (op.clone().into(), kind);
            span.origin = origin.into();
            let mut buffer = Vec::new();
            encoder.write(&mut buffer, &span, &mut frame);
            let json: Json = serde_json::from_slice(&buffer).unwrap();
            let attribute = |key: &str| &json["attributes"][key];
            assert_eq!(*attribute("sentry.op"), string(op));
            assert_eq!(*attribute("sentry.kind"), string(kind.as_str()));
            assert_eq!(*attribute("sentry.origin"), string(origin));
        }
    }
}

#[test]
fn the_ids_of_the_trace_and_a_late_name_of_the_segment_win() {
    let segment = testing::segment();
    let mut span = span(&segment, new_span_id());
    span.trace_id = TraceId::parse("4c79f60c11214eb38604f4ae0781bfb2").unwrap();
    segment.set_name("POST /late");
    let (_, json) = encode(&span, &segment);
    assert_eq!(json["trace_id"], segment.trace().trace_id().to_string());
    assert_eq!(
        json["attributes"]["sentry.segment.name"],
        string("POST /late")
    );
}

#[test]
fn a_segment_that_another_client_sends_has_no_root_here() {
    let root = new_span_id();
    let incoming = crate::IncomingTrace::adopted(crate::new_trace_id(), new_span_id(), Some(true));
    let config = testing::config(&testing::options());
    let trace = crate::Trace::start(&config, Some(&incoming), "a", "b");
    let outer = incoming.parent_span_id();
    let segment = Segment::within(trace, outer, root, "a");
    let (_, json) = encode(&span(&segment, root), &segment);
    assert_eq!(json["is_segment"], false);
    let attributes = json["attributes"].as_object().unwrap();
    assert!(!attributes.contains_key("process.runtime.name"));
}

#[test]
fn integrations_of_the_client_go_with_the_segment() {
    struct Named(&'static str);

    impl Integration for Named {
        fn name(&self) -> &'static str {
            self.0
        }
    }

    let mut options = testing::options();
    options.integrations = vec![Arc::new(Named("panic")), Arc::new(Named("contexts"))];
    let mut encoder = SpanEncoder::new(&testing::config(&options));
    let segment = testing::segment();
    let mut buffer = Vec::new();
    let span = span(&segment, segment.span_id());
    let mut frame = encoder.frame_of(&segment);
    encoder.write(&mut buffer, &span, &mut frame);
    let json: Json = serde_json::from_slice(&buffer).unwrap();
    assert_eq!(
        json["attributes"]["sentry.sdk.integrations"],
        json!({"type": "array", "value": ["panic", "contexts"]})
    );
}

/// What Sentry's integration of that name does.
struct Contexts;

impl Integration for Contexts {
    fn name(&self) -> &'static str {
        "contexts"
    }

    fn process_event(
        &self,
        mut event: Event<'static>,
        _: &ClientOptions,
    ) -> Option<Event<'static>> {
        let os = OsContext {
            name: Some("Linux".to_owned()),
            version: Some("6.18".to_owned()),
            ..OsContext::default()
        };
        let rust = RuntimeContext {
            version: Some("1.95.0".to_owned()),
            ..RuntimeContext::default()
        };
        let device = DeviceContext {
            arch: Some("x86_64".to_owned()),
            ..DeviceContext::default()
        };
        let contexts: [(&str, Context); 3] = [
            ("os", os.into()),
            ("rust", rust.into()),
            ("device", device.into()),
        ];
        let contexts = contexts.map(|(key, context)| (key.to_owned(), context));
        event.contexts.extend(contexts);
        Some(event)
    }
}

#[test]
fn the_machine_goes_with_a_segment_that_does_not_describe_another() {
    let mut options = testing::options();
    options.integrations = vec![Arc::new(Contexts)];
    let mut encoder = SpanEncoder::new(&testing::config(&options));
    let segment = testing::segment();
    let mut attributes_of = |span: &SentrySpan| {
        let mut buffer = Vec::new();
        let mut frame = encoder.frame_of(&segment);
        encoder.write(&mut buffer, span, &mut frame);
        let mut json: Json = serde_json::from_slice(&buffer).unwrap();
        json["attributes"].take()
    };
    let root = span(&segment, segment.span_id());
    let attributes = attributes_of(&root);
    assert_eq!(attributes["os.name"], string("Linux"));
    assert_eq!(attributes["os.version"], string("6.18"));
    assert_eq!(attributes["process.runtime.version"], string("1.95.0"));
    let archs = json!({"type": "array", "value": ["x86_64"]});
    assert_eq!(attributes["device.archs"], archs);

    let child = span(&segment, new_span_id());
    assert_eq!(attributes_of(&child).get("os.name"), None);

    let mut elsewhere = root;
    elsewhere.attributes.push("os.name", "Windows");
    let attributes = attributes_of(&elsewhere);
    assert_eq!(attributes["os.name"], string("Windows"));
    assert_eq!(attributes.get("os.version"), None);
}

#[test]
fn attributes_in_any_order_and_of_any_type_are_written_as_they_are() {
    const KEYS: [&str; 3] = ["app.one", "app.two", "sentry.release"];
    let values = || {
        let array = Scalar::Str("a\"b".to_owned());
        [
            Input::from("plain"),
            Input::from("to \"escape\""),
            Input::from(7_i64),
            Input::from(0.5),
            Input::from(true),
            Input::from(vec![array]),
        ]
    };
    let expected = [
        string("plain"),
        string("to \"escape\""),
        json!({"type": "integer", "value": 7}),
        json!({"type": "double", "value": 0.5}),
        json!({"type": "boolean", "value": true}),
        json!({"type": "array", "value": ["a\"b"]}),
    ];
    let segment = testing::segment();
    let mut encoder = encoder();
    let mut frame = encoder.frame_of(&segment);
    for first in 0..values().len() {
        for second in 0..values().len() {
            for is_static in [true, false] {
                let mut span = span(&segment, new_span_id());
                for (key, index) in KEYS.into_iter().zip([first, second, first]) {
                    let value = values().into_iter().nth(index).unwrap();
                    if is_static {
                        span.attributes.push(key, value);
                    } else {
                        span.attributes.push_owned_key(key, value);
                    }
                }
                let mut buffer = Vec::new();
                encoder.write(&mut buffer, &span, &mut frame);
                let json: Json = serde_json::from_slice(&buffer).unwrap();
                for (key, index) in KEYS.into_iter().zip([first, second, first]) {
                    assert_eq!(json["attributes"][key], expected[index], "{json}");
                }
                let text = String::from_utf8(buffer).unwrap();
                assert_eq!(text.matches("\"sentry.release\"").count(), 1, "{text}");
            }
        }
    }
}
