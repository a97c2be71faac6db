//! Sends through the layer for `tracing`.

use std::collections::HashMap;

use sentry_genai_testkit::{Capture, ReceivedSpan};
use sentry_genai_tests::Bridge;
use serde_json::{Value as Json, json};

use super::told::{Step, Told, steps};

pub(crate) fn send(told: &[Told]) -> Vec<ReceivedSpan> {
    let bridge = Bridge::with_content();
    let capture = capture(told);
    bridge.run(|| capture.replay());
    bridge.spans()
}

/// Creates a capture of what a program would have told `tracing`. Steps are two microseconds apart, since captures have whole
/// microseconds.
fn capture(told: &[Told]) -> Capture {
    let steps = steps(told).into_iter().zip((0..).step_by(2));
    let moments: HashMap<Step, u64> = steps.collect();
    let numbers = told.iter().zip(1_u64..);
    let numbers: HashMap<_, _> = numbers.map(|(span, it)| (&*span.span_id, it)).collect();
    let spans = told.iter().enumerate().map(|(number, span)| {
        let start = moments[&Step::Start(number)];
        let end = moments[&Step::End(std::cmp::Reverse(number))];
        let parent = span.parent.as_deref().and_then(|it| numbers.get(it));
        let fields = fields(span);
        let declared: Vec<_> = fields.iter().map(|it| &it["field"]).collect();
        let events = span.events.iter().map(|event| {
            let fields = event
                .attributes
                .iter()
                .map(|(key, value)| field(key, value));
            json!({
                "name": event.name, "target": span.scope, "level": "INFO", "at_us": end - 1,
                "fields": fields.collect::<Vec<_>>(),
            })
        });
        json!({
            "span": numbers[&*span.span_id],
            "parent": parent,
            "parent_kind": if parent.is_some() { "explicit" } else { "explicit_root" },
            "name": span.name,
            "target": span.scope,
            "level": "INFO",
            "declared_fields": declared,
            "fields_at_new": fields,
            "events": events.collect::<Vec<_>>(),
            "new_us": start,
            "closed_us": end,
        })
    });
    let spans: Vec<_> = spans.collect();
    let capture = json!({"format": "tracing-capture-v1", "spans": spans});
    Capture::parse(&capture.to_string()).unwrap()
}

/// Returns the attributes of a span, and fields for the other properties that OpenTelemetry has.
fn fields(span: &Told) -> Vec<Json> {
    let kind = match span.kind {
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        _ => "",
    };
    let code = match span.status.0 {
        1 => "OK",
        2 => "ERROR",
        _ => "",
    };
    let reserved = [
        ("otel.kind", kind),
        ("otel.status_code", code),
        ("otel.status_description", &span.status.1),
    ];
    let reserved = reserved.iter().filter(|(_, text)| !text.is_empty());
    let reserved = reserved.map(|(key, text)| field(key, &json!({"stringValue": text})));
    let attributes = span.attributes.iter();
    attributes
        .map(|(key, value)| field(key, value))
        .chain(reserved)
        .collect()
}

fn field(key: &str, value: &Json) -> Json {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let (via, value) = match kind.as_str() {
        "stringValue" => ("str", value.clone()),
        "boolValue" => ("bool", value.clone()),
        "intValue" => (
            "i64",
            json!(value.as_str().unwrap().parse::<i64>().unwrap()),
        ),
        _ => ("f64", value.clone()),
    };
    json!({"field": key, "via": via, "value": value})
}
