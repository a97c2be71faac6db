//! What a span reads from its ancestors, and what it tells them.

use std::sync::Arc;

use sentry_genai_conventions::{Link, SpanId};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::{
    conversation::SharedConversation,
    inheritance::{self, CachedInheritance},
    local_trace::LocalTrace,
    state::{SpanState, Unrecorded},
};

/// The closest ancestor that the layer has seen.
pub(super) enum Nearest {
    Recorded {
        trace: Arc<LocalTrace>,
        span_id: SpanId,
        scope_conversation: Option<Arc<SharedConversation>>,
        inherited: CachedInheritance,
    },
    Unrecorded,
}

/// Finds the closest ancestor that the layer has seen, from `span` outwards.
#[inline]
pub(super) fn nearest<'a, R: LookupSpan<'a>>(mut span: SpanRef<'a, R>) -> Option<Nearest> {
    loop {
        let extensions = span.extensions();
        if let Some(state) = extensions.get::<SpanState>() {
            let Some(source) = &state.source else {
                return Some(Nearest::Unrecorded);
            };
            let trace = Arc::clone(&state.trace);
            let span_id = source.span_id;
            let scope_conversation = state.node.scope_conversation.clone();
            let known = state.node.for_children();
            drop(extensions);
            return Some(Nearest::Recorded {
                inherited: inheritance::inherited_by_child(span, known, &trace),
                trace,
                span_id,
                scope_conversation,
            });
        }
        if extensions.get::<Unrecorded>().is_some() {
            return Some(Nearest::Unrecorded);
        }
        drop(extensions);
        span = span.parent()?;
    }
}

/// Creates a link to a span, or to its local root if the trace is not recorded.
pub(super) fn link_to<'a, R: LookupSpan<'a>>(span: SpanRef<'a, R>) -> Option<Link> {
    span.scope().find_map(|span| {
        let extensions = span.extensions();
        let state = extensions.get::<SpanState>()?;
        let sampled = state.source.is_some() && state.trace.segment.trace().sampled();
        let ids = state.ids();
        Some(Link::new(ids.trace_id, ids.span_id, sampled))
    })
}

/// Tells all ancestors that a model call below them has reported how many tokens it used.
pub(super) fn mark_model_call_below<'a, R: LookupSpan<'a>>(mut parent: Option<SpanRef<'a, R>>) {
    while let Some(ancestor) = parent {
        if let Some(SpanState { node, .. }) = ancestor.extensions_mut().get_mut()
            && std::mem::replace(&mut node.model_calls_below, true)
        {
            // All spans above have been told before.
            return;
        }
        parent = ancestor.parent();
    }
}

/// Tells the ancestors that belong to no conversation which one a span below them belongs to.
pub(super) fn tell_conversation<'a, R: LookupSpan<'a>>(
    mut parent: Option<SpanRef<'a, R>>,
    id: &Arc<str>,
) {
    while let Some(ancestor) = parent {
        if let Some(SpanState { node, .. }) = ancestor.extensions_mut().get_mut()
            && !node.hear_of_conversation(id)
        {
            // It belongs to a conversation, or all spans above have been told before.
            return;
        }
        parent = ancestor.parent();
    }
}
