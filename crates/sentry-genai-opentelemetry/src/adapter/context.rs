//! Conversations and incoming traces in an OpenTelemetry context.

use std::sync::Arc;

use sentry_core::TracePropagationContext;
use sentry_genai_delivery::{IncomingTrace, read_conversation_id};

use super::super::opentelemetry::{Context, baggage::BaggageExt as _};
use crate::{
    conversation::{ConversationInContext, IncomingConversation},
    node::AmbientContext,
};

/// Makes a conversation part of a [`Context`].
///
/// This trait is sealed, so that methods can be added to it.
pub trait GenAiContextExt: sealed::Sealed {
    /// Returns a context in which AI spans belong to the conversation `id`, unless they or an ancestor name another one. An empty
    /// id has no effect.
    ///
    /// ```
    /// # #[cfg(feature = "otel-0-33")] {
    /// use sentry_genai_opentelemetry::{GenAiContextExt, opentelemetry::Context};
    ///
    /// let _entered = Context::current().with_conversation_id("conv_5j66").attach();
    /// // Spans that start here, and those below them, carry the id.
    /// # }
    /// ```
    #[must_use]
    fn with_conversation_id(&self, id: impl AsRef<str>) -> Self;
}

impl GenAiContextExt for Context {
    fn with_conversation_id(&self, id: impl AsRef<str>) -> Self {
        let id = id.as_ref();
        if id.is_empty() {
            return self.clone();
        }
        self.with_value(ConversationInContext(id.into()))
    }
}

/// ```compile_fail
/// #[derive(Clone)]
/// struct Mine;
///
/// impl sentry_genai_opentelemetry::GenAiContextExt for Mine {
///     fn with_conversation_id(&self, _: impl AsRef<str>) -> Self {
///         self.clone()
///     }
/// }
/// ```
mod sealed {
    #[expect(unnameable_types, reason = "nobody else is to implement it")]
    pub trait Sealed {}

    impl Sealed for super::Context {}
}

/// Reads what the spans started in `context` have in common.
pub(super) fn ambient_context(context: &Context) -> AmbientContext {
    let conversation = context.get::<ConversationInContext>();
    let incoming = context.get::<IncomingConversation>();
    let incoming_conversation = match incoming {
        Some(IncomingConversation(id)) => Some(Arc::clone(id)),
        // The SDK's own propagator has read the same header.
        None => Some(context.baggage())
            .filter(|baggage| !baggage.is_empty())
            .and_then(|baggage| baggage.get("gen_ai.conversation.id"))
            .and_then(|id| read_conversation_id(id.as_str()))
            .map(Arc::from),
    };
    AmbientContext {
        conversation: conversation.map(|ConversationInContext(id)| Arc::clone(id)),
        incoming_conversation,
        incoming_trace: incoming_trace(context),
    }
}

/// Finds the trace that came in by Sentry's headers, as this crate's propagator or that of `sentry-opentelemetry` stored it.
pub(super) fn incoming_trace(context: &Context) -> Option<Arc<IncomingTrace>> {
    if let Some(incoming) = context.get::<Arc<IncomingTrace>>() {
        return Some(Arc::clone(incoming));
    }
    let headers = context.get::<TracePropagationContext>()?;
    IncomingTrace::parse(&headers.sentry_trace_header(), None).map(Arc::new)
}
