//! Reads captures of `tracing` programs (`tracing-capture-v1`) as the layer of `sentry-genai` would have seen the spans.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use sentry_genai_conventions::{
    Attributes, Link, LoggedError, SourceEvent, SourceSpan, SpanId, Timestamp, TraceId,
};
use sentry_genai_testkit::capture::{CaptureFile, CapturedEvent, CapturedField, CapturedSpan, Via};

use crate::ReceivedSpan;

/// Reads the spans of a capture.
///
/// The times in a capture are microseconds since it began. The spans are dated so that the last thing that happened, happened at
/// `ended`. Ids are derived from `seed`, such as the text of the capture, so that the same file always has the same ids. Each
/// root starts a trace, as in the layer. A span that was left open ends with the capture.
#[must_use]
pub fn spans(file: &CaptureFile, seed: &str, ended: Timestamp) -> Vec<ReceivedSpan> {
    let mut resource = Attributes::default();
    resource.push("telemetry.sdk.language", "rust");
    let resource = Arc::new(resource);
    let ids = Ids::new(seed);
    let parents: HashMap<u64, Option<u64>> = file
        .spans
        .iter()
        .map(|span| (span.span, span.parent))
        .collect();
    let last = file.spans.iter().map(last_micros).max().unwrap_or_default();
    let start_nanos = ended.as_nanos().saturating_sub(last.saturating_mul(1000));
    let at = |micros: u64| {
        Timestamp::from_nanos(start_nanos.saturating_add(micros.saturating_mul(1000)))
    };

    let mut roots = HashMap::new();
    file.spans
        .iter()
        .filter_map(|captured| {
            let trace_id = ids.trace(root(captured.span, &parents, &mut roots))?;
            let id = ids.span(captured.span)?;
            let mut span =
                SourceSpan::new(trace_id, id, captured.name.clone(), at(captured.new_us));
            span.end = at(captured.closed_us.unwrap_or(last));
            span.parent_span_id = captured.parent.and_then(|parent| ids.span(parent));
            span.scope = captured.target.clone().into();
            for field in captured.fields_at_new.iter().chain(&captured.records) {
                push(&mut span.attributes, field);
            }
            let events = captured.events.iter().filter_map(|event| {
                let mut source = source_event(event)?;
                source.time = Some(at(event.at_us));
                Some(source)
            });
            span.events = events.collect();
            for earlier in &captured.follows_from {
                let trace_id = ids.trace(root(*earlier, &parents, &mut roots))?;
                span.links
                    .push(Link::new(trace_id, ids.span(*earlier)?, true));
            }
            Some(ReceivedSpan {
                resource: Arc::clone(&resource),
                span,
            })
        })
        .collect()
}

fn last_micros(span: &CapturedSpan) -> u64 {
    let records = span.records.iter().map(|record| record.at_us);
    let events = span.events.iter().map(|event| event.at_us);
    let last = records.chain(events).max().unwrap_or_default();
    last.max(span.closed_us.unwrap_or(span.new_us))
}

/// Finds the outermost span around `span`, and caches it for all spans on the path.
fn root(span: u64, parents: &HashMap<u64, Option<u64>>, roots: &mut HashMap<u64, u64>) -> u64 {
    let mut path = vec![span];
    let mut seen = HashSet::from([span]);
    let found = loop {
        let last = path[path.len() - 1];
        if let Some(known) = roots.get(&last) {
            break *known;
        }
        match parents.get(&last).copied().flatten() {
            Some(parent) if seen.insert(parent) => path.push(parent),
            _ => break last,
        }
    };
    roots.extend(path.into_iter().map(|span| (span, found)));
    found
}

/// Appends a field with the type that the visitor received.
fn push(attributes: &mut Attributes, field: &CapturedField) {
    let (key, text) = (&*field.field, field.text());
    match field.via {
        Via::I64 | Via::U64 | Via::I128 => {
            if let Ok(number) = text.parse::<i128>() {
                return attributes.push_owned_key(key, number);
            }
        }
        Via::F64 => {
            if let Some(number) = field.value.as_f64() {
                return attributes.push_owned_key(key, number);
            }
        }
        Via::Bool => {
            if let Some(value) = field.value.as_bool() {
                return attributes.push_owned_key(key, value);
            }
        }
        _ => {}
    }
    attributes.push_owned_key(key, text);
}

/// Returns what an event adds to its span, if anything: an error, or content as defined by the conventions.
fn source_event(event: &CapturedEvent) -> Option<SourceEvent> {
    if event.level == "ERROR" {
        let mut error = LoggedError::default();
        for field in &event.fields {
            error.field(&field.field, field.text());
        }
        return Some(error.into_event());
    }
    let mut source = SourceEvent::new(event.name.clone());
    for field in &event.fields {
        push(&mut source.attributes, field);
    }
    source.gen_ai_name().is_some().then_some(source)
}

/// Generates ids that depend on nothing but the file.
struct Ids(DefaultHasher);

impl Ids {
    fn new(seed: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        seed.hash(&mut hasher);
        Self(hasher)
    }

    fn hash(&self, what: &str, number: u64) -> u64 {
        let mut hasher = self.0.clone();
        what.hash(&mut hasher);
        // Numbers are hashed in the byte order of the machine.
        hasher.write(&number.to_le_bytes());
        hasher.finish()
    }

    fn trace(&self, root: u64) -> Option<TraceId> {
        let halves = [self.hash("high", root), self.hash("low", root)];
        let number = u128::from(halves[0]) << 64 | u128::from(halves[1]);
        TraceId::from_bytes(number.to_be_bytes())
    }

    fn span(&self, number: u64) -> Option<SpanId> {
        SpanId::from_bytes(self.hash("span", number).to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use sentry_genai_conventions::Value;
    use serde_json::{Value as Json, json};

    use super::*;

    fn span(number: u64, parent: Option<u64>, more: &Json) -> Json {
        let mut span = json!({
            "span": number, "parent": parent, "parent_kind": "contextual", "name": "work", "target": "shop", "level": "INFO",
            "declared_fields": [], "fields_at_new": [], "new_us": 0, "closed_us": 1,
        });
        let fields = span.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        span
    }

    fn read(captured: &[Json], ended: Timestamp) -> Vec<ReceivedSpan> {
        let file = json!({"format": "tracing-capture-v1", "spans": captured}).to_string();
        spans(&CaptureFile::parse(&file).unwrap(), &file, ended)
    }

    #[test]
    fn a_field_keeps_the_type_that_the_visitor_received() {
        let beyond_64_bits = "170141183460469231731687303715884105727";
        let fields = [
            ("i64", json!(-7)),
            ("u64", json!(7)),
            ("i128", json!("7")),
            ("i128", json!(beyond_64_bits)),
            ("f64", json!(0.5)),
            ("f64", json!(2)),
            ("f64", json!("NaN")),
            ("bool", json!(true)),
            ("bool", json!(false)),
            ("str", json!("7")),
            ("debug", json!("true")),
        ];
        let captured = fields.iter().enumerate().map(|(number, (via, value))| {
            json!({"field": format!("f{number:02}"), "via": via, "value": value})
        });
        let more = json!({"fields_at_new": captured.collect::<Vec<_>>()});
        let received = read(&[span(1, None, &more)], Timestamp::default());
        let attributes = &received[0].span.attributes;
        let values: Vec<_> = attributes.iter().map(|(_, value)| value).collect();
        let expected = [
            Value::Integer(-7),
            Value::Integer(7),
            Value::Integer(7),
            Value::Str(beyond_64_bits),
            Value::Double(0.5),
            Value::Double(2.0),
            Value::Str("NaN"),
            Value::Bool(true),
            Value::Bool(false),
            Value::Str("7"),
            Value::Str("true"),
        ];
        assert_eq!(values, expected);
    }

    #[test]
    fn the_last_thing_that_happened_happened_at_the_given_time() {
        let event = json!({"name": "e", "target": "t", "level": "ERROR", "at_us": 5, "fields": []});
        let record = json!({"field": "f", "via": "str", "value": "", "at_us": 9});
        for (more, last) in [
            (json!({"closed_us": 4}), 4),
            (json!({"closed_us": null, "new_us": 3}), 3),
            (json!({"closed_us": null, "events": [event]}), 5),
            (json!({"records": [record]}), 9),
        ] {
            let ended = Timestamp::from_nanos(1_000_000);
            let received = read(&[span(1, None, &more), span(2, None, &json!({}))], ended);
            let other = &received[1].span;
            assert_eq!(other.start.as_nanos(), 1_000_000 - last * 1000, "{more}");
            if more.get("closed_us") == Some(&Json::Null) {
                assert_eq!(received[0].span.end, ended, "it was left open: {more}");
            }
        }
    }

    #[test]
    fn each_root_starts_a_trace_even_if_parents_form_a_cycle() {
        let captured = [
            span(1, None, &json!({})),
            span(2, Some(1), &json!({})),
            span(3, None, &json!({"follows_from": [2]})),
            span(4, Some(5), &json!({})),
            span(5, Some(4), &json!({})),
        ];
        let received = read(&captured, Timestamp::default());
        let traces: Vec<_> = received.iter().map(|it| it.span.trace_id).collect();
        assert_eq!(traces[0], traces[1]);
        assert_eq!(traces[3], traces[4]);
        assert!(traces[0] != traces[2] && traces[0] != traces[3] && traces[2] != traces[3]);
        let link = &received[2].span.links[0];
        assert_eq!(
            (link.trace_id, link.span_id),
            (traces[1], received[1].span.span_id)
        );
    }
}
