//! State that the spans below one local root share.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use sentry_genai_conventions::{SourceSpan, Timestamp, TraceId};
use sentry_genai_delivery::Segment;

use crate::{handle::Handle, scoped::AmbientContext};

/// State that all spans below one local root share. The thread that ends the root usually drops it, so it owns little.
pub(crate) struct LocalTrace {
    /// Whether its spans are recorded: they are sent, may yet be kept, or are measured.
    pub(crate) is_recorded: bool,
    pub(crate) handle: Handle,
    pub(crate) segment: Arc<Segment>,
    pub(crate) trace_id: TraceId,
    /// The conversation that came in with the trace.
    conversation: Option<Arc<str>>,
    /// How often an open span has set something that the spans below it inherit; zero if none ever has.
    inheritance_version: AtomicU32,
}

impl LocalTrace {
    pub(crate) fn new(
        handle: Handle,
        segment: Arc<Segment>,
        conversation: Option<Arc<str>>,
    ) -> Self {
        let conversation = conversation.filter(|_| handle.propagates_conversations());
        Self {
            is_recorded: segment.trace().recorded(),
            trace_id: segment.trace().trace_id(),
            handle,
            segment,
            conversation,
            inheritance_version: AtomicU32::new(0),
        }
    }

    /// Hands over a span that has ended, with the reference to the segment if that is not needed any more. Once nothing else refers
    /// to the segment, the trace leaves.
    #[inline]
    pub(crate) fn send(self: Arc<Self>, source: Box<SourceSpan>) {
        match Arc::try_unwrap(self) {
            Ok(Self {
                handle, segment, ..
            }) => handle.delivery().send_record(source, segment),
            Err(trace) => {
                let segment = Arc::clone(&trace.segment);
                trace.handle.delivery().send_record(source, segment);
            }
        }
    }

    /// Returns the time by which the delivery also says when it sends the trace.
    pub(crate) fn now(&self) -> Timestamp {
        self.segment.now()
    }

    pub(crate) fn inheritance_version(&self) -> u32 {
        self.inheritance_version.load(Ordering::Relaxed)
    }

    /// Notes that an open span has set something that the spans below it inherit.
    pub(crate) fn bump_inheritance_version(&self, timing: UpdateTiming) {
        match timing {
            UpdateTiming::Late => self.inheritance_version.fetch_add(1, Ordering::Relaxed),
            UpdateTiming::AtStart => self.inheritance_version.fetch_max(1, Ordering::Relaxed),
        };
    }

    /// Returns the conversation around the running code: that of a scope, of the trace, or of the request that is being handled.
    pub(crate) fn ambient_conversation(&self) -> Option<Arc<str>> {
        let scoped = AmbientContext::read(|context| {
            let scoped = context
                .conversation
                .as_ref()
                .and_then(|conversation| conversation.id());
            scoped.or_else(|| self.incoming_conversation_in(context))
        });
        scoped.unwrap_or_else(|| self.conversation.clone())
    }

    /// Returns the conversation that came in with the trace, or with the request that is being handled.
    pub(crate) fn incoming_conversation(&self) -> Option<Arc<str>> {
        let incoming = AmbientContext::read(|context| self.incoming_conversation_in(context));
        incoming.unwrap_or_else(|| self.conversation.clone())
    }

    fn incoming_conversation_in(&self, context: &AmbientContext) -> Option<Arc<str>> {
        let from_request = || {
            let conversation = context.request.as_ref()?.conversation()?;
            let propagated = self.handle.propagates_conversations();
            propagated.then(|| Arc::clone(conversation))
        };
        self.conversation.clone().or_else(from_request)
    }
}

/// When a span sets something that the spans below it inherit.
#[derive(Clone, Copy)]
pub(crate) enum UpdateTiming {
    /// Before the span has children.
    AtStart,
    /// When the span may have children.
    Late,
}
