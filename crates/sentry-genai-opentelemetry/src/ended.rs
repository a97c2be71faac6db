//! Spans that have ended, on their way to the delivery.

use std::sync::Arc;

use sentry_genai_conventions::{SourceSpan, SpanId, TextRoom};
use sentry_genai_delivery::{Segment, SpentBox, Unread};

use crate::{
    door::{Parent, SegmentNode},
    open_spans::Key,
    recently_ended::Evicted,
};

/// A span that has ended, in the form it came in.
pub(crate) trait Ended: Send + 'static {
    fn parent(&self) -> Parent;

    /// Returns whether it may say more about itself than its first `settled` attributes do.
    fn says_more(&self, settled: usize) -> bool;

    /// Returns the approximate number of bytes it occupies in memory.
    fn footprint(&self) -> usize;

    /// Reads the span, except for its ids, into an empty source span. Texts are copied as far as there is room. Called once.
    fn read(&mut self, source: &mut SourceSpan, room: TextRoom);
}

/// A span that has ended and is read off the program's own threads.
///
/// Spans are processed in the order in which they end, so that what a span says when it ends is known to all spans that end
/// later.
pub(crate) struct DeferredSpan<E> {
    ids: Key,
    room: TextRoom,
    /// `None` if the span has been read.
    content: Option<Content<E>>,
}

struct Content<E> {
    span: E,
    node: SegmentNode,
    /// Freed along with the span.
    _evicted: Evicted<Arc<Segment>>,
}

impl<E: Ended> DeferredSpan<E> {
    /// Puts a span into a box, which may be that of an earlier one.
    #[inline]
    pub(crate) fn boxed(
        spent: Option<Box<Self>>,
        ids: Key,
        room: TextRoom,
        span: E,
        node: SegmentNode,
        evicted: Evicted<Arc<Segment>>,
    ) -> Box<Self> {
        let mut deferred = spent.unwrap_or_else(|| {
            Box::new(Self {
                ids,
                room,
                content: None,
            })
        });
        deferred.ids = ids;
        deferred.room = room;
        deferred.content = Some(Content {
            span,
            node,
            _evicted: evicted,
        });
        deferred
    }
}

impl<E: Ended> Unread for DeferredSpan<E> {
    fn span_id(&self) -> SpanId {
        self.ids.1
    }

    fn read(
        mut self: Box<Self>,
        blank: &mut dyn FnMut() -> Box<SourceSpan>,
    ) -> (Box<SourceSpan>, Option<SpentBox>) {
        let mut source = blank();
        (source.trace_id, source.span_id) = self.ids;
        if let Some(content) = &mut self.content {
            let says_more = content.span.says_more(content.node.settled_attributes());
            content.span.read(&mut source, self.room);
            content.node.end(&mut source, says_more);
        }
        self.content = None;
        (source, Some(self))
    }
}

/// A span that has been read, but does not yet have what it inherits.
pub(crate) struct ReadSpan {
    pub(crate) source: Box<SourceSpan>,
    pub(crate) node: SegmentNode,
    /// Whether it may say more about itself than when it started.
    pub(crate) says_more: bool,
}

impl Unread for ReadSpan {
    fn span_id(&self) -> SpanId {
        self.source.span_id
    }

    fn read(
        mut self: Box<Self>,
        _: &mut dyn FnMut() -> Box<SourceSpan>,
    ) -> (Box<SourceSpan>, Option<SpentBox>) {
        self.node.end(&mut self.source, self.says_more);
        (self.source, None)
    }
}
