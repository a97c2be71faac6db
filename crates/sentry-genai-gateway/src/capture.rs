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
    let (key, value) = (&*field.field, &field.value);
    let number = match field.via {
        Via::I64 => value.as_i64().map(i128::from),
        Via::U64 => value.as_u64().map(i128::from),
        Via::I128 => field.text().parse().ok(),
        _ => None,
    };
    match (field.via, number) {
        (_, Some(number)) => attributes.push_owned_key(key, number),
        (Via::F64, _) if value.is_f64() || value.is_i64() => {
            attributes.push_owned_key(key, value.as_f64().unwrap_or_default());
        }
        (Via::Bool, _) if value.is_boolean() => {
            attributes.push_owned_key(key, value.as_bool() == Some(true));
        }
        _ => attributes.push_owned_key(key, field.text()),
    }
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

    fn number(&self, what: impl Hash) -> u64 {
        let mut hasher = self.0.clone();
        what.hash(&mut hasher);
        hasher.finish()
    }

    fn trace(&self, root: u64) -> Option<TraceId> {
        let halves = [self.number(("high", root)), self.number(("low", root))];
        let number = u128::from(halves[0]) << 64 | u128::from(halves[1]);
        TraceId::from_bytes(number.to_be_bytes())
    }

    fn span(&self, number: u64) -> Option<SpanId> {
        SpanId::from_bytes(self.number(("span", number)).to_be_bytes())
    }
}
