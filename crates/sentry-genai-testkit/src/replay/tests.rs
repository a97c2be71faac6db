//! Tests of what a layer sees of a replayed capture.

use std::{
    collections::HashMap,
    error::Error,
    fmt,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tracing::{
    Event, Id, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Record},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

use super::{Capture, ReplayError};

const CAPTURES: &[&str] = &[
    include_str!("../../tests/captures/rig-core-0.33.0-agent-tools.tracing.json"),
    include_str!("../../tests/captures/rig-0.44.0-agent-tools.tracing.json"),
    include_str!("../../tests/captures/genai-0.7.2-stream.tracing.json"),
];

#[test]
fn a_replay_equals_the_capture() {
    for json in CAPTURES {
        let capture = Capture::parse(json).unwrap();
        let captured: Value = serde_json::from_str(json).unwrap();
        assert_eq!(
            capture.span_count(),
            captured["spans"].as_array().unwrap().len()
        );
        let seen = record(|| capture.replay());
        let expected = expected_spans(&captured);
        assert_eq!(seen.spans, expected, "{}", capture.scenario());
        assert_eq!(seen.closed.len(), expected.len());
        assert_eq!(seen.closed, expected_closes(&captured));
        let outside = captured["events_outside_spans"].as_array().unwrap();
        assert_eq!(seen.events_outside.len(), outside.len());
    }
}

#[test]
fn every_visitor_method_is_called() {
    let typed = [
        ("str", json!("text")),
        ("i64", json!(-1)),
        ("u64", json!(u64::MAX)),
        ("f64", json!(0.5)),
        ("bool", json!(true)),
        ("i128", json!("170141183460469231731687303715884105727")),
        ("debug", json!("Some(\"x\")")),
        ("error", json!("out of luck")),
    ];
    let names: Vec<_> = typed.iter().map(|(via, _)| *via).collect();
    let fields: Vec<_> = typed
        .iter()
        .map(|(via, value)| json!({"field": via, "via": via, "value": value, "at_us": 5}))
        .collect();
    let mut span = json!({
        "span": 1, "parent": null, "parent_kind": "contextual", "name": "s", "target": "t", "level": "INFO",
        "module_path": null, "file": null, "declared_fields": names, "fields_at_new": fields, "records": fields,
        "events": [{"name": "e", "target": "t", "level": "WARN", "at_us": 6, "fields": fields}],
        "follows_from": [], "enters": 0, "new_us": 1, "closed_us": 9,
    });
    let document =
        |span: &Value| json!({"format": "tracing-capture-v1", "spans": [span]}).to_string();
    let seen = record(|| Capture::parse(&document(&span)).unwrap().replay());
    let visited: Vec<_> = typed
        .iter()
        .map(|(via, value)| json!([via, via, value]))
        .collect();
    assert_eq!(seen.spans[0]["at_new"], json!(visited));
    assert_eq!(seen.spans[0]["records"], json!(visited));
    assert_eq!(seen.spans[0]["events"][0]["fields"], json!(visited));

    span["declared_fields"] = json!(["str"]);
    let seen = record(|| Capture::parse(&document(&span)).unwrap().replay());
    assert_eq!(seen.spans[0]["records"], json!([["str", "str", "text"]]));
}

#[test]
fn a_filter_is_respected() {
    let capture = Capture::parse(CAPTURES[0]).unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let subscriber = tracing_subscriber::registry()
        .with(Recorder(Arc::clone(&seen)).with_filter(LevelFilter::ERROR));
    tracing::subscriber::with_default(subscriber, || capture.replay());
    assert!(seen.lock().unwrap().spans.is_empty());
}

#[test]
fn invalid_captures_are_rejected() {
    assert!(matches!(Capture::parse("{}"), Err(ReplayError::Json(_))));
    let other = r#"{"format":"other","spans":[]}"#;
    assert!(matches!(Capture::parse(other), Err(ReplayError::Format(_))));
    let orphan = CAPTURES[0].replacen("\"parent\": null", "\"parent\": 99", 1);
    let error = Capture::parse(&orphan).unwrap_err();
    assert_eq!(error.to_string(), "inconsistent capture: no span 99");
}

fn expected_spans(captured: &Value) -> Vec<Value> {
    let mut spans: Vec<&Value> = captured["spans"].as_array().unwrap().iter().collect();
    spans.sort_by_key(|span| span["new_us"].as_u64());
    let index: HashMap<_, _> = spans
        .iter()
        .enumerate()
        .map(|(index, span)| (span["span"].as_u64(), index))
        .collect();
    let fields = |fields: &Value| -> Value {
        let fields = fields.as_array().unwrap().iter();
        fields
            .map(|it| json!([it["field"], it["via"], it["value"]]))
            .collect()
    };
    // Values set at creation come in the order of declaration.
    let at_new = |span: &Value| -> Value {
        let declared = span["declared_fields"].as_array().unwrap().iter();
        let given = span["fields_at_new"].as_array().unwrap();
        declared
            .filter_map(|name| given.iter().find(|it| it["field"] == *name))
            .map(|it| json!([it["field"], it["via"], it["value"]]))
            .collect()
    };
    spans
        .iter()
        .map(|span| {
            let events = span["events"].as_array().unwrap().iter();
            let follows = span["follows_from"].as_array().unwrap().iter();
            json!({
                "name": span["name"],
                "target": span["target"],
                "level": span["level"],
                "declared": span["declared_fields"],
                "parent": index.get(&span["parent"].as_u64()),
                "is_root": span["parent_kind"] == "explicit_root",
                "is_contextual": span["parent_kind"] == "contextual",
                "at_new": at_new(span),
                "records": fields(&span["records"]),
                "events": events.map(|event| json!({
                    "target": event["target"], "level": event["level"], "fields": fields(&event["fields"]),
                })).collect::<Vec<_>>(),
                "follows": follows.map(|it| index[&it.as_u64()]).collect::<Vec<_>>(),
            })
        })
        .collect()
}

fn expected_closes(captured: &Value) -> Vec<String> {
    let mut spans: Vec<&Value> = captured["spans"].as_array().unwrap().iter().collect();
    spans.sort_by_key(|span| span["closed_us"].as_u64());
    let names = spans.iter().map(|span| span["name"].as_str().unwrap());
    names.map(str::to_owned).collect()
}

fn record(play: impl FnOnce()) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let subscriber = tracing_subscriber::registry().with(Recorder(Arc::clone(&seen)));
    tracing::subscriber::with_default(subscriber, play);
    std::mem::take(&mut *seen.lock().unwrap())
}

#[derive(Default)]
struct Seen {
    spans: Vec<Value>,
    closed: Vec<String>,
    events_outside: Vec<Value>,
    index: HashMap<Id, usize>,
}

impl Seen {
    fn push(&mut self, span: &Id, key: &str, value: Value) {
        let span = &mut self.spans[self.index[span]];
        span[key].as_array_mut().unwrap().push(value);
    }
}

/// Records what a layer is told.
struct Recorder(Arc<Mutex<Seen>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut seen = self.0.lock().unwrap();
        let parent = context
            .span(id)
            .unwrap()
            .parent()
            .map(|it| seen.index[&it.id()]);
        let mut at_new = Visited::default();
        attributes.record(&mut at_new);
        let metadata = attributes.metadata();
        let declared: Vec<_> = metadata.fields().iter().map(|it| it.name()).collect();
        let index = seen.spans.len();
        seen.index.insert(id.clone(), index);
        seen.spans.push(json!({
            "name": metadata.name(), "target": metadata.target(), "level": metadata.level().as_str(),
            "declared": declared, "parent": parent, "is_root": attributes.is_root(),
            "is_contextual": attributes.is_contextual(), "at_new": at_new.0,
            "records": [], "events": [], "follows": [],
        }));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut visited = Visited::default();
        values.record(&mut visited);
        for value in visited.0 {
            self.0.lock().unwrap().push(id, "records", value);
        }
    }

    fn on_follows_from(&self, id: &Id, earlier: &Id, _: Context<'_, S>) {
        let mut seen = self.0.lock().unwrap();
        let earlier = seen.index[earlier];
        seen.push(id, "follows", json!(earlier));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut visited = Visited::default();
        event.record(&mut visited);
        let metadata = event.metadata();
        let event = json!({
            "target": metadata.target(), "level": metadata.level().as_str(), "fields": visited.0,
        });
        let mut seen = self.0.lock().unwrap();
        match context.lookup_current() {
            Some(span) => seen.push(&span.id(), "events", event),
            None => seen.events_outside.push(event),
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let name = context.span(&id).unwrap().name().to_owned();
        self.0.lock().unwrap().closed.push(name);
    }
}

#[derive(Default)]
struct Visited(Vec<Value>);

impl Visited {
    fn push(&mut self, field: &Field, via: &str, value: Value) {
        self.0.push(json!([field.name(), via, value]));
    }
}

impl Visit for Visited {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, "str", value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, "i64", value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, "u64", value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, "f64", value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, "bool", value.into());
    }
    fn record_i128(&mut self, field: &Field, value: i128) {
        self.push(field, "i128", value.to_string().into());
    }
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.push(field, "error", value.to_string().into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, "debug", format!("{value:?}").into());
    }
}
