//! Remembers segments, for spans of them that come later.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use sentry_genai_conventions::{Attributes, SentrySpan, TraceId};
use sentry_genai_delivery::Segment;

use crate::{Client, TranslatedTrace};

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
        client: &Client,
    ) -> Vec<(SentrySpan, Arc<Attributes>, Arc<Segment>)> {
        let known = self.known(trace.trace_id());
        trace.into_segments(client, |root, resource, new| {
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
