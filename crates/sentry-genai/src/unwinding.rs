//! Spans that a panic leaves.
//!
//! Whoever guards a span during a call, or a poll, exits it while the panic unwinds the stack. That is also when destructors run, and
//! some of these enter and exit spans of their own: an instrumented future is dropped inside of its span.

use tracing_core::span::Id;
use tracing_subscriber::{
    layer::Context,
    registry::{ExtensionsMut, LookupSpan},
};

use crate::state::SpanState;

/// What a span has in its extensions that was entered by a destructor.
struct OfDestructor;

/// Takes note of a span of a layer that is entered while the thread panics.
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

/// Makes a span of a layer a failed one that is exited while the thread panics, unless only a destructor was in it.
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
