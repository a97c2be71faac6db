//! Remembers segments, for spans of them that come later.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use sentry_genai_conventions::{Attributes, SentrySpan, TraceId};
use sentry_genai_delivery::{Config, Segment};

use crate::TranslatedTrace;

/// How many traces are remembered.
const MAX_TRACES: usize = 10_000;

/// The segments of the latest traces, by the name of their service.
#[derive(Debug, Default)]
pub(super) struct Segments {
    traces: HashMap<TraceId, HashMap<String, Arc<Segment>>>,
    order: VecDeque<TraceId>,
}

impl Segments {
    /// Finds the segment of every span: the one that earlier spans of the same trace and service are in, unless the span belongs
    /// to the segment of a span that starts a new one.
    pub(super) fn assign(
        &mut self,
        trace: TranslatedTrace,
        config: &Arc<Config>,
    ) -> Vec<(SentrySpan, Arc<Attributes>, Arc<Segment>)> {
        let known = self.known(trace.trace_id());
        trace.into_segments(config, |root, resource, new| {
            let service = resource.text("service.name").unwrap_or_default();
            // A span with a parent may only be the outermost of this batch, not the root of its segment.
            let earlier = root.parent_span_id.and_then(|_| known.get(service));
            if let Some(segment) = earlier {
                return Arc::clone(segment);
            }
            let segment = Arc::new(new);
            known.insert(service.to_owned(), Arc::clone(&segment));
            segment
        })
    }

    fn known(&mut self, trace_id: TraceId) -> &mut HashMap<String, Arc<Segment>> {
        if !self.traces.contains_key(&trace_id) {
            if self.order.len() >= MAX_TRACES
                && let Some(oldest) = self.order.pop_front()
            {
                self.traces.remove(&oldest);
            }
            self.order.push_back(trace_id);
        }
        self.traces.entry(trace_id).or_default()
    }
}

#[cfg(test)]
mod tests {
    use sentry_genai_conventions::{SourceSpan, SpanId, Timestamp, TranslateOptions, Translator};

    use super::*;
    use crate::{Client, ReceivedSpan, trace::ReleaseInfo, translate_batch};

    /// Returns the segments of spans that come together, each with an id, a parent and a service.
    fn assign(segments: &mut Segments, spans: &[(u8, Option<u8>, &str)]) -> Vec<SpanId> {
        let received = spans.iter().map(|(number, parent, service)| {
            let trace_id = TraceId::from_bytes([7; 16]).unwrap();
            let mut span = SourceSpan::new(trace_id, id(*number), "work", Timestamp::default());
            span.parent_span_id = parent.map(id);
            let mut resource = Attributes::default();
            resource.push("service.name", *service);
            ReceivedSpan {
                resource: Arc::new(resource),
                span,
            }
        });
        let translator = Translator::new(TranslateOptions::default());
        let mut traces = translate_batch(&translator, received.collect());
        let client = Client::new("https://public@localhost/1".parse().unwrap());
        let config = client.config(&ReleaseInfo::default()).unwrap();
        let assigned = segments.assign(traces.remove(0), &config).into_iter();
        assigned.map(|(_, _, segment)| segment.span_id()).collect()
    }

    fn id(number: u8) -> SpanId {
        SpanId::from_bytes([number; 8]).unwrap()
    }

    #[test]
    fn later_spans_join_the_segment_of_their_service() {
        let mut segments = Segments::default();
        let first = [(3, Some(2), "shop"), (2, Some(1), "shop"), (1, None, "web")];
        assert_eq!(assign(&mut segments, &first), [2, 2, 1].map(id));
        let later = [
            (4, Some(9), "shop"),
            (5, Some(9), "web"),
            (6, Some(9), "bank"),
        ];
        assert_eq!(assign(&mut segments, &later), [2, 1, 6].map(id));
        let again = [(7, Some(9), "bank"), (8, None, "shop")];
        assert_eq!(
            assign(&mut segments, &again),
            [6, 8].map(id),
            "8 starts a segment"
        );
    }

    #[test]
    fn only_the_latest_traces_are_remembered() {
        let mut segments = Segments::default();
        let trace_id =
            |number: usize| TraceId::from_bytes((number as u128 + 1).to_be_bytes()).unwrap();
        for number in 0..=MAX_TRACES {
            segments.known(trace_id(number));
        }
        // Once more, which does not count.
        segments.known(trace_id(MAX_TRACES));
        let remembers = |number| segments.traces.contains_key(&trace_id(number));
        assert!(!remembers(0) && remembers(1) && remembers(MAX_TRACES));
        assert_eq!(
            (segments.traces.len(), segments.order.len()),
            (MAX_TRACES, MAX_TRACES)
        );
    }
}
