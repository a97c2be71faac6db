//! Translates the spans of a batch into Sentry's spans, trace by trace.

use std::{collections::HashMap, sync::Arc};

use sentry_genai_conventions::{Attributes, SentrySpan, SourceSpan, SpanId, TraceId, Translator};

use crate::{ReceivedSpan, inherit_batch, resource, trace::TranslatedTrace};

/// Translates a batch of spans, which may belong to any number of traces and come in any order.
///
/// What depends on related spans is resolved within the batch. The traces are in the order of their first spans, as are the spans
/// of each trace. This takes time in proportion to the number of spans.
#[must_use]
pub fn translate_batch(
    translator: &Translator,
    received: Vec<ReceivedSpan>,
) -> Vec<TranslatedTrace> {
    let (resources, mut sources): (Vec<_>, Vec<_>) = received
        .into_iter()
        .map(|received| (received.resource, received.span))
        .unzip();
    inherit_batch(translator, &mut sources);

    let mut index = HashMap::new();
    let mut traces: Vec<TraceBuilder> = Vec::new();
    for (source, resource) in sources.into_iter().zip(resources) {
        let number = *index.entry(source.trace_id).or_insert_with(|| {
            traces.push(TraceBuilder::of(source.trace_id));
            traces.len() - 1
        });
        traces[number].add(translator, source, resource);
    }
    let traces = traces.into_iter();
    traces
        .map(|builder| builder.into_trace(translator))
        .collect()
}

/// The spans of one trace.
struct TraceBuilder {
    trace_id: TraceId,
    spans: Vec<SentrySpan>,
    resources: Vec<Arc<Attributes>>,
}

impl TraceBuilder {
    fn of(trace_id: TraceId) -> Self {
        Self {
            trace_id,
            spans: Vec::new(),
            resources: Vec::new(),
        }
    }

    fn add(&mut self, translator: &Translator, source: SourceSpan, resource: Arc<Attributes>) {
        let mut span = translator.translate(source);
        resource::add_attributes(&mut span, &resource);
        self.spans.push(span);
        self.resources.push(resource);
    }

    fn into_trace(mut self, translator: &Translator) -> TranslatedTrace {
        translator.reconcile(&mut self.spans);
        TranslatedTrace {
            trace_id: self.trace_id,
            release_info: resource::release_info(&self.resources),
            segments: segment_roots(&self.spans, &self.resources),
            spans: self.spans,
            resources: self.resources,
        }
    }
}

/// The state of the search for the segment span of a span.
#[derive(Clone, Copy)]
enum Visit {
    Unvisited,
    /// The span is on the path that is being searched.
    InProgress,
    Root(usize),
}

/// Returns for every span the index of its segment span: the outermost span around it in the batch that is of the same service.
fn segment_roots(spans: &[SentrySpan], resources: &[Arc<Attributes>]) -> Vec<usize> {
    let index: HashMap<SpanId, usize> = spans
        .iter()
        .enumerate()
        .map(|(position, span)| (span.span_id, position))
        .collect();
    let is_same_service = |a: usize, b: usize| {
        Arc::ptr_eq(&resources[a], &resources[b])
            || resources[a].text("service.name") == resources[b].text("service.name")
    };
    let parent = |position: usize| {
        let parent = *index.get(&spans[position].parent_span_id?)?;
        (parent != position && is_same_service(parent, position)).then_some(parent)
    };
    let mut visits = vec![Visit::Unvisited; spans.len()];
    let mut path = Vec::new();
    for start in 0..spans.len() {
        let mut position = start;
        let root = loop {
            match visits[position] {
                Visit::Root(root) => break root,
                // The parents form a cycle: one of its spans has to be the outermost.
                Visit::InProgress => break position,
                Visit::Unvisited => {}
            }
            visits[position] = Visit::InProgress;
            path.push(position);
            match parent(position) {
                Some(next) => position = next,
                None => break position,
            }
        };
        for position in path.drain(..) {
            visits[position] = Visit::Root(root);
        }
    }
    let roots = visits.into_iter().enumerate();
    roots
        .map(|(position, visit)| match visit {
            Visit::Root(root) => root,
            Visit::Unvisited | Visit::InProgress => position,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use sentry_genai_conventions::{Timestamp, TranslateOptions};
    use serde_json::Value;

    use super::*;
    use crate::Client;

    fn received(number: u8, parent: Option<u8>, service: &str) -> ReceivedSpan {
        let id = |number: u8| SpanId::from_bytes([number; 8]).unwrap();
        let trace_id = TraceId::from_bytes([7; 16]).unwrap();
        let name = format!("work {number}");
        let mut span = SourceSpan::new(trace_id, id(number), name, Timestamp::default());
        span.parent_span_id = parent.map(id);
        let mut resource = Attributes::default();
        resource.push("service.name", service);
        resource.push(
            "service.version",
            if service == "shop" { "1.4.2" } else { "7" },
        );
        resource.push("deployment.environment.name", "staging");
        resource.push("telemetry.sdk.language", "nodejs");
        ReceivedSpan {
            resource: Arc::new(resource),
            span,
        }
    }

    /// Returns the encoded spans of the only trace in a batch, and its envelope header.
    fn encoded(spans: Vec<ReceivedSpan>) -> (Vec<Value>, Value) {
        let translator = Translator::new(TranslateOptions::default());
        let traces = translate_batch(&translator, spans);
        assert_eq!(traces.len(), 1);
        let client = Client::new("https://public@localhost/1".parse().unwrap());
        let json = traces[0].json(&client).into_iter();
        let envelopes = traces[0].envelopes(&client, SystemTime::now()).envelopes;
        let end = envelopes[0].iter().position(|byte| *byte == b'\n').unwrap();
        (
            json.map(|json| serde_json::from_slice(&json).unwrap())
                .collect(),
            serde_json::from_slice(&envelopes[0][..end]).unwrap(),
        )
    }

    /// Returns for each span whether it is a segment, and the segment it is in.
    fn segments(spans: &[Value]) -> Vec<(bool, &str)> {
        let spans = spans.iter();
        spans
            .map(|span| {
                let segment = &span["attributes"]["sentry.segment.name"]["value"];
                (span["is_segment"] == true, segment.as_str().unwrap())
            })
            .collect()
    }

    #[test]
    fn each_service_has_a_segment_whatever_the_order() {
        let (spans, header) = encoded(vec![
            received(4, Some(3), "shop"),
            received(3, Some(2), "shop"),
            received(2, Some(1), "web"),
            received(1, Some(9), "web"),
        ]);
        assert_eq!(
            segments(&spans),
            [
                (false, "work 3"),
                (true, "work 3"),
                (false, "work 1"),
                (true, "work 1"),
            ]
        );
        // The parent id is kept, although the parent is missing.
        assert_eq!(spans[3]["parent_span_id"], "0909090909090909");
        let text = |key: &str| &spans[0]["attributes"][key]["value"];
        assert_eq!(text("service.name"), "shop");
        assert_eq!(text("sentry.platform"), "node");
        assert_eq!(text("sentry.environment"), "staging");
        assert_eq!(header["trace"]["environment"], "staging");
        // Each service has its own version.
        assert!(header["trace"].get("release").is_none(), "{header}");
        assert_eq!(header["trace"]["trace_id"], "07".repeat(16));
    }

    #[test]
    fn a_cycle_of_parents_still_has_a_segment() {
        let (spans, header) = encoded(vec![
            received(1, Some(2), "shop"),
            received(2, Some(1), "shop"),
            received(3, Some(3), "shop"),
        ]);
        assert_eq!(
            segments(&spans),
            [(true, "work 1"), (false, "work 1"), (true, "work 3")]
        );
        let release = &spans[0]["attributes"]["sentry.release"]["value"];
        assert_eq!(
            (release, &header["trace"]["release"]),
            (&"1.4.2".into(), &"1.4.2".into())
        );
    }
}
