//! Reads log records that are events of spans: OpenTelemetry's conventions use separate records for what may be content.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Path, attributes, id,
    lenient::Object,
    raw::{self, OfResource, Record},
    take_text, take_time,
};
use crate::{any_value::AnyValue, received::ReceivedEvent};

/// Reads the GenAI events from the list that a request of logs consists of. Anything else in it is skipped.
pub(super) fn read(list: &RawValue) -> Vec<ReceivedEvent> {
    let path = &Path::Root;
    let list = raw::list::<Object<OfResource<'_>>>(list, path).unwrap_or_default();
    let logs = list.into_iter().filter_map(|logs| logs.fields(path).ok());
    let scopes = logs.flat_map(|logs| logs.scope_logs.items(path).unwrap_or_default());
    let mut events = Vec::new();
    for scope in scopes.filter_map(|scope| scope.fields(path).ok()) {
        let name = scope.name().into();
        for record in scope.logs.items(path).unwrap_or_default() {
            let record: Option<Object<Record>> = raw::parse(record, path).ok();
            if let Some(record) = record.and_then(Object::into_option) {
                events.extend(read_record(record, &name));
            }
        }
    }
    events
}

fn read_record(record: Record, scope: &Arc<str>) -> Option<ReceivedEvent> {
    let Record {
        attributes: list,
        mut fields,
        ..
    } = record;
    let trace_id = take_text(&mut fields, &["traceId", "trace_id"]).and_then(|id| id::trace(&id));
    let span_id = take_text(&mut fields, &["spanId", "span_id"]).and_then(|id| id::span(&id));
    let name = take_text(&mut fields, &["eventName", "event_name"]);
    let attributes = attributes(list, &Path::Root).ok()?;
    let time = take_time(&mut fields, &["timeUnixNano", "time_unix_nano"]).or_else(|| {
        take_time(
            &mut fields,
            &["observedTimeUnixNano", "observed_time_unix_nano"],
        )
    });
    let body = fields
        .remove("body")
        .and_then(|body| AnyValue::deserialize(body).ok());
    let body = body.unwrap_or_default();
    let within = trace_id.zip(span_id);
    let mut received = ReceivedEvent::of_record(within, scope, name, attributes, body)?;
    received.event.time = time;
    Some(received)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{otlp_json, read};

    const TRACE: &str = "4c79f60c11214eb38604f4ae0781bfb2";
    const SPAN: &str = "a0b2c3d4e5f60718";

    fn logs(records: &[Value]) -> String {
        json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).to_string()
    }

    fn spans() -> String {
        let span = json!({"traceId": TRACE, "spanId": SPAN, "startTimeUnixNano": "5"});
        json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string()
    }

    fn record(more: &Value) -> Value {
        let mut record = json!({"traceId": TRACE, "spanId": SPAN, "timeUnixNano": "7"});
        let fields = record.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        record
    }

    #[test]
    fn records_about_genai_become_events_of_their_spans() {
        let named = json!([{"key": "event.name", "value": {"stringValue": "gen_ai.choice"}}]);
        let body = json!({"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "Why?"}}]}});
        let records = [
            record(&json!({"eventName": "gen_ai.user.message", "body": body})),
            record(
                &json!({"attributes": named, "body": {"stringValue": "So."}, "timeUnixNano": "0", "observedTimeUnixNano": 8}),
            ),
            record(
                &json!({"eventName": "gen_ai.choice", "body": {"stringValue": "gen_ai.choice"}}),
            ),
        ];
        for text in [
            format!("{}\n{}", spans(), logs(&records)),
            format!("[{},{}]", logs(&records), spans()),
        ] {
            let received = otlp_json::parse(&text).unwrap();
            let events = &received[0].span.events;
            let actual = events.iter().map(|event| {
                let time = event.time.map(|time| time.as_nanos());
                (&*event.name, event.attributes.text("body"), time)
            });
            assert_eq!(
                actual.collect::<Vec<_>>(),
                [
                    (
                        "gen_ai.user.message",
                        Some(r#"{"content":"Why?"}"#),
                        Some(7)
                    ),
                    ("gen_ai.choice", Some("So."), Some(8)),
                    ("gen_ai.choice", None, Some(7)),
                ]
            );
        }
    }

    #[test]
    fn records_that_were_sent_again_count_once() {
        let said = |text: &str| {
            record(&json!({"eventName": "gen_ai.user.message", "body": {"stringValue": text}}))
        };
        let count = |requests: &[&str]| {
            let text = format!("{}\n{}", spans(), requests.join("\n"));
            let received = otlp_json::parse(&text).unwrap();
            received[0].span.events.len()
        };
        let several = &*logs(&[said("Hi"), said("Hi"), said("So?")]);
        let one = &*logs(&[said("Hi")]);
        assert_eq!(count(&[several]), 3);
        assert_eq!(count(&[several, several, several]), 3);
        assert_eq!(count(&[one, one]), 1);
        assert_eq!(count(&[several, one]), 4);
    }

    /// As protobuf's JSON mapping writes them when field names are preserved.
    #[test]
    fn times_are_read_in_either_spelling() {
        for names in [
            ["timeUnixNano", "observedTimeUnixNano"],
            ["time_unix_nano", "observed_time_unix_nano"],
        ] {
            for (time, observed, expected) in [(7, 8, 7), (0, 8, 8)] {
                let mut record =
                    json!({"trace_id": TRACE, "span_id": SPAN, "event_name": "gen_ai.choice"});
                record[names[0]] = time.into();
                record[names[1]] = observed.into();
                let text = format!("{}\n{}", spans(), logs(&[record]));
                let received = otlp_json::parse(&text).unwrap();
                let at = received[0].span.events[0].time;
                assert_eq!(at.map(|at| at.as_nanos()), Some(expected), "{names:?}");
            }
        }
    }

    #[test]
    fn other_records_are_ignored() {
        let records = [
            json!(7),
            record(&json!({})),
            record(&json!({"eventName": "user.clicked"})),
            record(&json!({"eventName": "gen_ai.choice", "attributes": 7})),
        ];
        let text = format!("{}\n{}", spans(), logs(&records));
        let input = read(text.into_bytes(), Default::default()).unwrap();
        assert!(input.spans[0].span.events.is_empty());
        assert_eq!((input.other_signals, input.events_without_span), (1, 0));
    }

    /// OpenLLMetry does this for streams and for Anthropic's messages.
    #[test]
    fn an_event_goes_to_the_span_of_its_own_instrumentation() {
        let span = |id: &str, parent: &str, scope: &str, times: [&str; 2]| {
            let [start, end] = times;
            json!({"scope": {"name": scope}, "spans": [{
                "traceId": TRACE, "spanId": id, "parentSpanId": parent, "startTimeUnixNano": start, "endTimeUnixNano": end,
            }]})
        };
        let other = "a0b2c3d4e5f60719";
        let events = |spans: &[Value], record: Value| {
            let scope = json!({"name": "openllmetry"});
            let logs = json!({"scopeLogs": [{"scope": scope, "logRecords": [record]}]});
            let spans = json!({"resourceSpans": [{"scopeSpans": spans}]});
            let text = format!("{spans}\n{}", json!({"resourceLogs": [logs]}));
            let input = read(text.into_bytes(), Default::default()).unwrap();
            let events = input
                .spans
                .iter()
                .map(|received| received.span.events.len());
            events.collect::<Vec<_>>()
        };
        let around = span(SPAN, "", "app", ["1", "20"]);
        let call = |times| span(other, SPAN, "openllmetry", times);
        let choice = |more: &Value| {
            let mut record = record(&json!({"eventName": "gen_ai.choice", "body": {}}));
            let fields = record.as_object_mut().unwrap();
            fields.extend(more.as_object().unwrap().clone());
            record
        };
        let within = choice(&json!({}));
        let both = [around.clone(), call(["5", "9"])];
        assert_eq!(events(&both, within.clone()), [0, 1]);
        // The span is of another instrumentation, or has already ended.
        let foreign = span(other, SPAN, "http", ["5", "9"]);
        assert_eq!(events(&[around.clone(), foreign], within.clone()), [1, 0]);
        let over = [around.clone(), call(["5", "6"])];
        assert_eq!(events(&over, within.clone()), [1, 0]);
        // Two spans may have emitted it.
        let second = span("a0b2c3d4e5f60720", SPAN, "openllmetry", ["6", "8"]);
        let calls = [around, call(["5", "9"]), second];
        assert_eq!(events(&calls, within), [1, 0, 0]);
        // No context at all: only a span without parent can have emitted it.
        let alone = choice(&json!({"spanId": "", "traceId": ""}));
        assert_eq!(events(&both, alone.clone()), [0, 0]);
        let root = span(other, "", "openllmetry", ["5", "9"]);
        assert_eq!(events(&[root], alone), [1]);
    }

    #[test]
    fn events_of_unknown_spans_are_counted() {
        let elsewhere =
            json!({"eventName": "gen_ai.choice", "spanId": "a0b2c3d4e5f60719", "body": {}});
        let here = json!({"event_name": "gen_ai.choice", "body": {"kvlistValue": {"values": []}}});
        let text = format!(
            "{}\n{}",
            logs(&[record(&elsewhere), record(&here)]),
            spans()
        );
        let input = read(text.into_bytes(), Default::default()).unwrap();
        let events = &input.spans[0].span.events;
        assert_eq!((events.len(), events[0].attributes.len()), (1, 0));
        assert_eq!((input.other_signals, input.events_without_span), (0, 1));
    }
}
