//! What a program says about its spans, independent of the API.

use std::cmp::Reverse;

use serde_json::{Value as Json, json};

/// The attribute that identifies a span.
pub(crate) const NUMBER: &str = "app.number";

/// Which values a door accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    /// Scalars and lists of texts.
    All,
    /// Those that `tracing` supports: no lists, no links to arbitrary spans, no events of arbitrary names.
    Scalars,
}

/// A key, and a value as OTLP/JSON writes it.
pub(crate) type Pair = (String, Json);

#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent: Option<String>,
    pub(crate) name: String,
    pub(crate) scope: String,
    pub(crate) kind: u64,
    /// In nanoseconds since 1970.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) attributes: Vec<Pair>,
    pub(crate) events: Vec<Happened>,
    /// Trace and span.
    pub(crate) links: Vec<(String, String)>,
    /// OTLP's status code, and the message.
    pub(crate) status: (u64, String),
}

#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) name: String,
    pub(crate) at: u64,
    pub(crate) attributes: Vec<Pair>,
}

/// What happens to the span with this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    Start(usize),
    End(Reverse<usize>),
}

/// Reads the spans of a file, in the order of their starts.
pub(crate) fn read(file: &Json, values: Values) -> Vec<Told> {
    let mut spans = Vec::new();
    for resource in list(&file["resourceSpans"]) {
        for scope in list(&resource["scopeSpans"]) {
            let name = text(&scope["scope"]["name"]);
            let read = list(&scope["spans"]).iter();
            spans.extend(read.map(|span| read_span(span, &name, values)));
        }
    }
    spans.sort_by_key(|span| (span.start, Reverse(span.end)));
    for (number, span) in spans.iter_mut().enumerate() {
        let number = json!({"intValue": number.to_string()});
        span.attributes.push((NUMBER.to_owned(), number));
    }
    spans
}

fn read_span(span: &Json, scope: &str, values: Values) -> Told {
    let has_all = values == Values::All;
    let events = list(&span["events"]).iter().map(|event| Happened {
        name: text(&event["name"]),
        at: time(&event["timeUnixNano"]),
        attributes: pairs(&event["attributes"], values),
    });
    let links = list(&span["links"]).iter();
    Told {
        trace_id: text(&span["traceId"]).to_lowercase(),
        span_id: text(&span["spanId"]).to_lowercase(),
        parent: Some(text(&span["parentSpanId"]).to_lowercase()).filter(|id| !id.is_empty()),
        name: text(&span["name"]),
        scope: scope.to_owned(),
        kind: span["kind"].as_u64().unwrap_or(0),
        start: time(&span["startTimeUnixNano"]),
        end: time(&span["endTimeUnixNano"]),
        attributes: pairs(&span["attributes"], values),
        events: events
            .filter(|event| has_all || event.name.starts_with("gen_ai."))
            .collect(),
        links: links
            .map(|link| (text(&link["traceId"]), text(&link["spanId"])))
            .filter(|_| has_all)
            .collect(),
        status: (
            span["status"]["code"].as_u64().unwrap_or(0),
            text(&span["status"]["message"]),
        ),
    }
}

fn list(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Reads a time, in the steps of the coarsest clock, which is that of Windows.
fn time(value: &Json) -> u64 {
    let nanos: u64 = text(value).parse().unwrap();
    nanos / 100 * 100
}

/// Reads attributes; of attributes with the same key, the last.
fn pairs(value: &Json, values: Values) -> Vec<Pair> {
    let mut found = Vec::<Pair>::new();
    for pair in list(value) {
        let Some((kind, value)) = pair["value"].as_object().and_then(|it| it.iter().next()) else {
            continue;
        };
        let mut items = list(&value["values"]).iter();
        let is_told = match kind.as_str() {
            "stringValue" | "boolValue" | "intValue" | "doubleValue" => !value.is_null(),
            "arrayValue" => {
                let is_list = items.len() > 0 && items.all(|item| item["stringValue"].is_string());
                values == Values::All && is_list
            }
            _ => false,
        };
        if is_told {
            let key = text(&pair["key"]);
            found.retain(|(known, _)| *known != key);
            found.push((key, with_texts_for_integers(kind, value)));
        }
    }
    found
}

/// Converts integers to strings: some exporters write them as numbers.
fn with_texts_for_integers(kind: &str, value: &Json) -> Json {
    match value {
        Json::Number(number) if kind == "intValue" => json!({"intValue": number.to_string()}),
        value => json!({kind: value}),
    }
}

/// Returns what happens to the spans, in order.
pub(crate) fn steps(told: &[Told]) -> Vec<Step> {
    let mut steps: Vec<_> = (told.iter().enumerate())
        .flat_map(|(number, span)| {
            let end = Step::End(Reverse(number));
            [
                (span.start, Step::Start(number)),
                (span.end.max(span.start), end),
            ]
        })
        .collect();
    steps.sort();
    steps.into_iter().map(|(_, step)| step).collect()
}

/// Writes the spans as a file from which they could have been read.
pub(crate) fn request(told: &[Told]) -> Json {
    let scopes = told.iter().map(|span| {
        let events = span.events.iter().map(|event| {
            let attributes = written(&event.attributes);
            json!({"name": event.name, "timeUnixNano": event.at.to_string(), "attributes": attributes})
        });
        let links = span.links.iter();
        let links = links.map(|(trace, span)| json!({"traceId": trace, "spanId": span}));
        json!({"scope": {"name": span.scope}, "spans": [{
            "traceId": span.trace_id,
            "spanId": span.span_id,
            "parentSpanId": span.parent,
            "name": span.name,
            "kind": span.kind,
            "startTimeUnixNano": span.start.to_string(),
            "endTimeUnixNano": span.end.to_string(),
            "attributes": written(&span.attributes),
            "events": events.collect::<Vec<_>>(),
            "links": links.collect::<Vec<_>>(),
            "status": {"code": span.status.0, "message": span.status.1},
        }]})
    });
    json!({"resourceSpans": [{"resource": {}, "scopeSpans": scopes.collect::<Vec<_>>()}]})
}

fn written(pairs: &[Pair]) -> Vec<Json> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}
