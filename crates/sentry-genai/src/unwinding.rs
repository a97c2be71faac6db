//! Marks spans as failed when a panic unwinds through them.
//!
//! A guard that keeps a span entered during a call or a poll exits it while the panic unwinds the stack. Destructors run at that
//! time, too, and some of them enter and exit spans of their own: an instrumented future is dropped inside its span. Such spans
//! must not be marked.

use tracing_core::span::Id;
use tracing_subscriber::{
    layer::Context,
    registry::{ExtensionsMut, LookupSpan},
};

use crate::state::SpanState;

/// Marks, in a span's extensions, that a destructor has entered the span.
struct OfDestructor;

/// Notes that a span of this layer is entered while the thread panics.
#[cold]
pub(crate) fn note_enter<S>(id: &Id, context: &Context<'_, S>, layer: u32)
where
    S: for<'a> LookupSpan<'a> + tracing_core::Subscriber,
{
    let Some(span) = context.span(id) else {
        return;
    };
    let mut extensions = span.extensions_mut();
    if is_of(layer, &mut extensions) {
        extensions.replace(OfDestructor);
    }
}

/// Marks a span of this layer as failed when it is exited while the thread panics, unless a destructor had entered it.
#[cold]
pub(crate) fn note_exit<S>(id: &Id, context: &Context<'_, S>, layer: u32)
where
    S: for<'a> LookupSpan<'a> + tracing_core::Subscriber,
{
    let Some(span) = context.span(id) else {
        return;
    };
    let mut extensions = span.extensions_mut();
    if !is_of(layer, &mut extensions) || extensions.remove::<OfDestructor>().is_some() {
        return;
    }
    if let Some(state) = extensions.get_mut::<SpanState>()
        && let Some(source) = &mut state.source
        && !source.attributes.contains("error.type")
    {
        source.attributes.push("error.type", "panic");
    }
}

fn is_of(layer: u32, extensions: &mut ExtensionsMut<'_>) -> bool {
    let state = extensions.get_mut::<SpanState>();
    state.is_some_and(|state| state.layer == layer)
}
