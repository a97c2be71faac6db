//! Spans that have ended, on their way to the delivery.

use std::{mem, sync::Arc};

use sentry_genai_conventions::{SourceSpan, SpanId};
use sentry_genai_delivery::Unread;

use crate::{
    door::{Parent, SegmentNode},
    intake::Intake,
    open_spans::Key,
    scopes::ScopeNames,
};

/// A span that has ended, as it came in.
pub(crate) trait Ended: Send + 'static {
    fn ids(&self) -> Key;

    fn parent(&self) -> Parent;

    /// Returns the bytes it occupies in memory, or about that.
    fn footprint(&self) -> usize;

    /// Reads it into an empty span, once.
    fn read(&mut self, source: &mut SourceSpan, intake: Intake<'_>);
}

/// A span that has been read.
pub(crate) struct Received {
    pub(crate) source: SourceSpan,
    pub(crate) parent: Parent,
}

impl Ended for Received {
    fn ids(&self) -> Key {
        (self.source.trace_id, self.source.span_id)
    }

    fn parent(&self) -> Parent {
        self.parent
    }

    fn footprint(&self) -> usize {
        self.source.footprint()
    }

    fn read(&mut self, source: &mut SourceSpan, _: Intake<'_>) {
        mem::swap(&mut self.source, source);
    }
}

/// What is left to be done for a span that has ended, off the program's own threads.
///
/// Spans come to it in the order of their ends, so that what one says at its end is there for all that end later.
pub(crate) struct Remainder<E> {
    pub(crate) span: E,
    pub(crate) node: SegmentNode,
    pub(crate) room: usize,
    pub(crate) scopes: Arc<ScopeNames>,
}

impl<E: Ended> Unread for Remainder<E> {
    fn span_id(&self) -> SpanId {
        self.span.ids().1
    }

    fn read(mut self: Box<Self>, source: &mut SourceSpan) {
        let intake = Intake {
            room: self.room,
            scopes: &self.scopes,
        };
        self.span.read(source, intake);
        let node = &self.node;
        node.end(&source.attributes);
        if source.is_counted_model_call() {
            node.count_model_call();
        }
        source.inherited = node.inherited();
    }
}
