//! Spans that are handed over before they are read.

use std::{any::Any, fmt};

use sentry_genai_conventions::{SentrySpan, SourceSpan, SpanId};

use crate::recycle::Record;

/// A span that has ended and is still in the door's own form. A delivery thread reads it; see
/// [`Delivery::send_unread`](crate::Delivery::send_unread).
pub trait Unread: Send {
    /// Returns the id of the span.
    fn span_id(&self) -> SpanId;

    /// Reads the span into a record: one of its own, or the one that `blank` returns. That one is empty, and ids, name and
    /// times must be set, since their initial values are arbitrary.
    ///
    /// May also return the box, emptied, so that another span can [be put into it](crate::Delivery::spent_box).
    fn read(
        self: Box<Self>,
        blank: &mut dyn FnMut() -> Box<SourceSpan>,
    ) -> (Box<SourceSpan>, Option<SpentBox>);
}

/// The memory of a span that has been read.
pub type SpentBox = Box<dyn Any + Send>;

/// A span that has ended.
pub(crate) enum Ended {
    Read(Record),
    Unread(Box<dyn Unread>),
    Translated(Box<SentrySpan>),
}

impl Ended {
    pub(crate) fn span_id(&self) -> SpanId {
        match self {
            Self::Read(span) => span.span_id,
            Self::Unread(span) => span.span_id(),
            Self::Translated(span) => span.span_id,
        }
    }
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ended").field(&self.span_id()).finish()
    }
}
