//! Marks spans as failed when a panic unwinds through them.
//!
//! A guard that keeps a span entered during a call or a poll exits it while the panic unwinds the stack. Destructors run at that
//! time, too, and some of them enter and exit spans of their own: an instrumented future is dropped inside its span. Such spans
//! must not be marked.

use tracing::{Id, Subscriber};
use tracing_subscriber::{
    layer::Context,
    registry::{ExtensionsMut, LookupSpan},
};

use crate::state::{LayerId, SpanState};

/// Marks, in a span's extensions, that a destructor has entered the span.
struct EnteredByDestructor;

/// Notes that a span of this layer is entered while the thread panics.
#[cold]
pub(crate) fn on_enter_while_panicking<S>(id: &Id, context: &Context<'_, S>, layer_id: &LayerId)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(span) = context.span(id) else {
        return;
    };
    let mut extensions = span.extensions_mut();
    if belongs_to(layer_id, &mut extensions) {
        extensions.replace(EnteredByDestructor);
    }
}

/// Marks a span of this layer as failed when it is exited while the thread panics, unless a destructor had entered it.
#[cold]
pub(crate) fn on_exit_while_panicking<S>(id: &Id, context: &Context<'_, S>, layer_id: &LayerId)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(span) = context.span(id) else {
        return;
    };
    let mut extensions = span.extensions_mut();
    if !belongs_to(layer_id, &mut extensions)
        || extensions.remove::<EnteredByDestructor>().is_some()
    {
        return;
    }
    if let Some(state) = extensions.get_mut::<SpanState>()
        && let Some(source) = &mut state.source
        && !source.attributes.contains("error.type")
    {
        source.attributes.push("error.type", "panic");
    }
}

fn belongs_to(layer_id: &LayerId, extensions: &mut ExtensionsMut<'_>) -> bool {
    let state = extensions.get_mut::<SpanState>();
    state.is_some_and(|state| state.belongs_to(layer_id))
}
