//! What the layer keeps of an open span, in the span's extensions.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicUsize, Ordering},
};

use sentry_genai_conventions::{Attributes, Signs, SourceSpan, SpanId, TraceId};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::{
    conversation::Frame,
    heritage::{AsOf, Node},
    local_trace::{LocalTrace, Said},
};

/// An open span that will be sent, or the local root of a trace that is not.
///
/// It is moved a few times, which up to 128 bytes the compiler does without a call.
pub(crate) struct SpanState {
    _open: Option<Open>,
    /// The place of the layer that saw it first.
    pub(crate) layer: u32,
    pub(crate) trace: Arc<LocalTrace>,
    /// What will be sent. It travels from the start of the span to the worker by its address.
    pub(crate) source: Option<Box<SourceSpan>>,
    pub(crate) node: Node,
}

/// How many spans are open that will be sent, so that there is nothing to look up where there is none.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// An open span that will be sent, counted.
struct Open;

impl Open {
    fn count() -> Self {
        OPEN.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns whether no open span will be sent. A span that this thread knows of is counted by then.
#[inline]
pub(crate) fn none_recorded() -> bool {
    OPEN.load(Ordering::Relaxed) == 0
}

/// An open span below a local root whose trace is not sent. That is all there is to know of it, so nothing is allocated.
pub(crate) struct Unrecorded;

impl SpanState {
    /// Creates the state of a span that starts with these attributes.
    pub(crate) fn new(
        layer: u32,
        trace: Arc<LocalTrace>,
        source: Option<Box<SourceSpan>>,
        frame: Option<Arc<Frame>>,
        above: AsOf,
    ) -> Self {
        Self {
            _open: source.is_some().then(Open::count),
            layer,
            trace,
            source,
            node: Node::new(frame, above),
        }
    }

    /// Takes note of what the span that will be sent says at its start; its keys announce so much.
    #[inline]
    pub(crate) fn note_first(&mut self, signs: Signs) {
        self.node.signs = signs;
        if (signs.are_gen_ai() || signs.tell_descendants())
            && let Some(source) = &self.source
        {
            let (node, trace) = (&mut self.node, &self.trace);
            node.notice(&source.attributes, 0, signs, trace, Said::AtStart);
        }
    }

    /// Looks for the user as an AI span starts: by then the program has mostly said who it is. No span may be locked.
    pub(crate) fn note_user(&self) {
        if self.node.gen_ai {
            let delivery = self.trace.handle.delivery();
            delivery.note_user(&self.trace.segment);
        }
    }

    /// Takes note of what a span that will not be sent says: its conversation may travel on.
    pub(crate) fn note(&mut self, attributes: &Attributes, signs: Signs) {
        let (node, trace) = (&mut self.node, &self.trace);
        node.notice(attributes, 0, signs, trace, Said::Late);
    }

    /// Takes note of the attributes from the one number `start` on, which the span got while it was open.
    pub(crate) fn note_late(&mut self, start: usize, signs: Signs) {
        self.node.signs.add(signs);
        let says_more = signs.tell_descendants() || signs.are_gen_ai() && !self.node.gen_ai;
        if says_more && let Some(source) = &self.source {
            let (node, trace) = (&mut self.node, &self.trace);
            node.notice(&source.attributes, start, signs, trace, Said::Late);
        }
    }

    /// Gives a segment the name that its root has got.
    pub(crate) fn name_segment(&self) {
        if let Some(source) = &self.source
            && source.span_id == self.trace.segment.local_root()
            && let Some(name) = given_name(&source.attributes)
        {
            self.trace.segment.set_name(name);
        }
    }

    pub(crate) fn ids(&self) -> SpanIds {
        match &self.source {
            Some(source) => SpanIds {
                trace_id: source.trace_id,
                span_id: source.span_id,
                parent_span_id: source.parent_span_id,
            },
            None => SpanIds {
                trace_id: self.trace.trace_id,
                span_id: self.trace.segment.local_root(),
                parent_span_id: self.trace.segment.trace().parent_span_id(),
            },
        }
    }
}

/// Returns the name that the span's fields give it.
pub(crate) fn given_name(attributes: &Attributes) -> Option<&str> {
    ["sentry.name", "otel.name"]
        .into_iter()
        .find_map(|key| attributes.text(key))
}

/// The ids of a span, for what is captured inside of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanIds {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent_span_id: Option<SpanId>,
}

/// Returns the ids of the innermost span that has any, from `span` outwards. In a trace that is not sent that is its local
/// root.
pub(crate) fn ids_of<'a, R: LookupSpan<'a>>(span: SpanRef<'a, R>) -> Option<SpanIds> {
    Some(ids_and_trace_of(span)?.0)
}

/// Returns the same, and the trace that lasts as long as any of its spans.
pub(crate) fn ids_and_trace_of<'a, R: LookupSpan<'a>>(
    span: SpanRef<'a, R>,
) -> Option<(SpanIds, Weak<LocalTrace>)> {
    span.scope().find_map(|span| {
        let extensions = span.extensions();
        let state = extensions.get::<SpanState>()?;
        Some((state.ids(), Arc::downgrade(&state.trace)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_small() {
        assert!(size_of::<SpanState>() <= 128, "{}", size_of::<SpanState>());
    }
}
