//! Spans that have ended, on their way to the delivery.

use std::{mem, sync::Arc};

use sentry_genai_conventions::{SourceSpan, SpanId};
use sentry_genai_delivery::Unread;

use crate::{
    door::{Parent, SegmentNode},
    open_spans::Key,
    read_settings::ReadSettings,
    scopes::ScopeNames,
};

/// A span that has ended, in the form it came in.
pub(crate) trait Ended: Send + 'static {
    fn ids(&self) -> Key;

    fn parent(&self) -> Parent;

    /// Returns the approximate number of bytes it occupies in memory.
    fn footprint(&self) -> usize;

    /// Reads the span into an empty source span. Called once.
    fn read(&mut self, source: &mut SourceSpan, settings: ReadSettings<'_>);
}

/// A span that has already been read.
pub(crate) struct ReadSpan {
    pub(crate) source: SourceSpan,
    pub(crate) parent: Parent,
}

impl Ended for ReadSpan {
    fn ids(&self) -> Key {
        (self.source.trace_id, self.source.span_id)
    }

    fn parent(&self) -> Parent {
        self.parent
    }

    fn footprint(&self) -> usize {
        self.source.footprint()
    }

    fn read(&mut self, source: &mut SourceSpan, _: ReadSettings<'_>) {
        mem::swap(&mut self.source, source);
    }
}

/// The remaining work for a span that has ended, done off the program's own threads.
///
/// Spans are processed in the order in which they end, so that what a span says when it ends is known to all spans that end
/// later.
pub(crate) struct DeferredSpan<E> {
    pub(crate) span: E,
    pub(crate) node: SegmentNode,
    pub(crate) max_text_bytes: usize,
    pub(crate) scopes: Arc<ScopeNames>,
}

impl<E: Ended> Unread for DeferredSpan<E> {
    fn span_id(&self) -> SpanId {
        self.span.ids().1
    }

    fn read(mut self: Box<Self>, source: &mut SourceSpan) {
        let settings = ReadSettings {
            max_text_bytes: self.max_text_bytes,
            scopes: &self.scopes,
        };
        self.span.read(source, settings);
        self.node.end(source);
    }
}
