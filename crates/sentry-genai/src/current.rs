//! The span that is current where code runs.

use std::sync::Arc;

use sentry_genai_conventions::SpanId;
use sentry_genai_delivery::SpanIds;
use tracing::{Dispatch, Id, dispatcher};
use tracing_subscriber::{
    Registry,
    registry::{LookupSpan, SpanRef},
};

use crate::{
    inheritance::{self, ConversationSetting},
    local_trace::{LocalTrace, UpdateTiming},
    scoped::AmbientContext,
    state::{SpanState, ids_and_trace_of},
};

/// Returns the trace of the current span, and the span's id.
pub(crate) fn trace() -> Option<(Arc<LocalTrace>, SpanId)> {
    with_current_span(|span| {
        span.scope().find_map(|span| {
            let extensions = span.extensions();
            let state = extensions.get::<SpanState>()?;
            Some((Arc::clone(&state.trace), state.ids().span_id))
        })
    })
}

/// Returns the conversation that the current span belongs to.
pub(crate) fn conversation() -> Option<Arc<str>> {
    with_current_span(|span| {
        span.scope().find_map(|span| {
            let extensions = span.extensions();
            let state = extensions.get::<SpanState>()?;
            // The local root of an unrecorded trace also stands for spans that have started in a scope below it.
            let scope = AmbientContext::conversation()
                .filter(|_| state.source.is_none() && state.node.conversation.is_inherited());
            let scoped = scope.and_then(|scope| scope.id());
            let inherited =
                || inheritance::inherit(&state.node, &state.trace, &span).conversation_id;
            Some(scoped.or_else(inherited))
        })?
    })
}

/// Returns the ids of the current span.
pub(crate) fn ids() -> Option<SpanIds> {
    with_current_span(|span| Some(ids_and_trace_of(span)?.0))
}

/// Sets the conversation of the current span's subtree. Returns false if no span is open.
pub(crate) fn set_conversation(setting: ConversationSetting) -> bool {
    let set = with_current_span(|span| {
        span.scope().find_map(|span| {
            let mut extensions = span.extensions_mut();
            let state = extensions.get_mut::<SpanState>()?;
            let Some(source) = &mut state.source else {
                // This local root represents every span of an unrecorded trace, so the current span may be in any of its tasks.
                return Some(());
            };
            if let ConversationSetting::Id(id) = &setting
                && source.attributes.contains("gen_ai.conversation.id")
            {
                source.attributes.push("gen_ai.conversation.id", &**id);
            }
            state.node.conversation = setting.clone();
            state.trace.bump_inheritance_version(UpdateTiming::Late);
            Some(())
        })
    });
    set.is_some()
}

fn with_current_span<T>(read: impl FnOnce(SpanRef<'_, Registry>) -> Option<T>) -> Option<T> {
    let mut read = Some(read);
    dispatcher::get_default(|dispatch: &Dispatch| {
        let read = read.take()?;
        let registry = dispatch.downcast_ref::<Registry>()?;
        let current: Id = dispatch.current_span().id()?.clone();
        read(registry.span(&current)?)
    })
}
