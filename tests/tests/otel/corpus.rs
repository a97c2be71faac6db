//! Replays captures of real libraries as spans of the SDK: Sentry receives the same as from the `tracing` layer for the same
//! runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use insta::glob;
use sentry_genai_testkit::{Capture, ReceivedSpan};
use sentry_genai_tests::{Bridge, Receiver, differences, save_envelopes};
use serde_json::Value as Json;

use super::door::{
    SentryGenAiExporter,
    opentelemetry::{
        Array, InstrumentationScope, KeyValue, StringValue, Value,
        trace::{
            Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
        },
    },
    opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks},
};

/// Attributes in which the two may differ, and why.
static DIFFERENCES: &[(&str, &str)] = &[
    ("code.file.path", SOURCE_LOCATION),
    ("code.line.number", SOURCE_LOCATION),
    ("code.module.name", SOURCE_LOCATION),
    ("sentry.sdk.integrations", INTEGRATIONS),
];

const INTEGRATIONS: &str = "`init` adds one to the client";

const SOURCE_LOCATION: &str = "tracing-opentelemetry adds where the span was made, by OpenTelemetry's conventions; the tracing \
                               layer could, and does not";

#[test]
fn both_doors_make_the_same_of_a_run() {
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    let mut pairs = 0;
    glob!("../../corpus/rust", "*.otlp.json", |path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let twin = path.with_file_name(name.replace(".otlp.", ".tracing."));
        let ours = replay_otlp(path);
        let theirs = replay_tracing(&twin);
        pairs += 1;
        for difference in differences(&theirs, &ours) {
            let (key, detail) = difference;
            found
                .entry(key)
                .or_default()
                .insert(format!("{name}: {detail}"));
        }
    });
    assert!(pairs >= 30, "{pairs} pairs");
    let unexpected: Vec<_> = found
        .iter()
        .filter(|(key, _)| DIFFERENCES.iter().all(|(known, _)| known != key))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    for (key, _) in DIFFERENCES {
        assert!(found.contains_key(*key), "{key} does not differ any more");
    }
}

fn replay_tracing(path: &Path) -> Vec<ReceivedSpan> {
    let capture = Capture::parse(&fs::read_to_string(path).unwrap()).unwrap();
    let bridge = Bridge::with_content();
    bridge.run(|| capture.replay());
    in_order(bridge.spans())
}

fn replay_otlp(path: &Path) -> Vec<ReceivedSpan> {
    let receiver = Receiver::with_content();
    let exporter = SentryGenAiExporter::new(&receiver.client);
    let spans = spans(&serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(exporter.export(spans)).unwrap();
    exporter.shutdown().unwrap();
    save_envelopes(&receiver.ingest, path);
    in_order(receiver.spans())
}

/// Sorts spans by their start within their traces.
fn in_order(mut spans: Vec<ReceivedSpan>) -> Vec<ReceivedSpan> {
    spans.sort_by(|a, b| a.start.total_cmp(&b.start));
    spans
}

/// Reads OTLP/JSON.
fn spans(file: &Json) -> Vec<SpanData> {
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    let mut spans = Vec::new();
    for resource in list(&file["resourceSpans"]) {
        for scope in list(&resource["scopeSpans"]) {
            let name = scope["scope"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            for span in list(&scope["spans"]) {
                spans.push(span_data(&span, &name));
            }
        }
    }
    spans
}

fn span_data(span: &Json, scope: &str) -> SpanData {
    let text = |key: &str| span[key].as_str().unwrap_or_default();
    let list = |key: &str| span[key].as_array().cloned().unwrap_or_default();
    let context = |object: &Json| {
        SpanContext::new(
            TraceId::from_hex(object["traceId"].as_str().unwrap()).unwrap(),
            SpanId::from_hex(object["spanId"].as_str().unwrap()).unwrap(),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        )
    };
    let mut events = SpanEvents::default();
    events.events = list("events")
        .iter()
        .map(|event| {
            let name = event["name"].as_str().unwrap().to_owned();
            Event::new(name, time(&event["timeUnixNano"]), attributes(event), 0)
        })
        .collect();
    let mut links = SpanLinks::default();
    links.links = list("links")
        .iter()
        .map(|link| Link::new(context(link), attributes(link), 0))
        .collect();
    SpanData {
        span_context: context(span),
        parent_span_id: SpanId::from_hex(text("parentSpanId")).unwrap_or(SpanId::INVALID),
        parent_span_is_remote: false,
        span_kind: match span["kind"].as_u64() {
            Some(2) => SpanKind::Server,
            Some(3) => SpanKind::Client,
            Some(4) => SpanKind::Producer,
            Some(5) => SpanKind::Consumer,
            _ => SpanKind::Internal,
        },
        name: text("name").to_owned().into(),
        start_time: time(&span["startTimeUnixNano"]),
        end_time: time(&span["endTimeUnixNano"]),
        attributes: attributes(span),
        dropped_attributes_count: 0,
        events,
        links,
        status: match span["status"]["code"].as_u64() {
            Some(1) => Status::Ok,
            Some(2) => Status::error(
                span["status"]["message"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            ),
            _ => Status::Unset,
        },
        instrumentation_scope: InstrumentationScope::builder(scope.to_owned()).build(),
    }
}

fn time(nanos: &Json) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos.as_str().unwrap().parse().unwrap())
}

fn attributes(object: &Json) -> Vec<KeyValue> {
    let pairs = object["attributes"].as_array().cloned().unwrap_or_default();
    pairs
        .iter()
        .map(|pair| {
            KeyValue::new(
                pair["key"].as_str().unwrap().to_owned(),
                value(&pair["value"]),
            )
        })
        .collect()
}

fn value(value: &Json) -> Value {
    if let Some(text) = value["stringValue"].as_str() {
        Value::from(text.to_owned())
    } else if let Some(flag) = value["boolValue"].as_bool() {
        flag.into()
    } else if let Some(number) = value["intValue"].as_str() {
        number.parse::<i64>().unwrap().into()
    } else if let Some(number) = value["doubleValue"].as_f64() {
        number.into()
    } else {
        let items = value["arrayValue"]["values"]
            .as_array()
            .expect("a value")
            .iter();
        let texts =
            items.map(|item| StringValue::from(item["stringValue"].as_str().unwrap().to_owned()));
        Value::Array(Array::String(texts.collect()))
    }
}
