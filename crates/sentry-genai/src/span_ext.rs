//! Attributes that a span did not declare.

use sentry_genai_conventions::{Attributes, Input, Signs, excerpt};
use tracing::Span;
use tracing_subscriber::{Registry, registry::LookupSpan as _};

use crate::state::SpanState;

/// Sets attributes on a `tracing` span that its macro did not declare as fields.
///
/// `tracing` drops a value that is recorded under an undeclared name, without a word. These go to Sentry all the same.
///
/// ```
/// use sentry_genai::SpanExt;
///
/// let span = tracing::info_span!("chat", gen_ai.operation.name = "chat");
/// span.set_gen_ai_attribute("gen_ai.usage.input_tokens", 42_u64);
/// span.set_gen_ai_attribute("gen_ai.response.model", "gpt-5-mini-2025-08-07");
/// ```
///
/// Nothing else can implement it, so that it may grow.
pub trait SpanExt: sealed::Sealed {
    /// Sets an attribute; the last value of a key wins, however it was set.
    ///
    /// Other layers do not see it. Nothing happens if the span is disabled, not sampled, or not seen by a
    /// [`GenAiLayer`](crate::GenAiLayer).
    fn set_gen_ai_attribute<'v>(&self, key: &str, value: impl Into<Input<'v>>);
}

impl SpanExt for Span {
    fn set_gen_ai_attribute<'v>(&self, key: &str, value: impl Into<Input<'v>>) {
        set_attribute(self, key, value.into());
    }
}

/// ```compile_fail
/// struct Mine;
///
/// impl sentry_genai::SpanExt for Mine {
///     fn set_gen_ai_attribute<'v>(&self, _: &str, _: impl Into<sentry_genai::AttributeValue<'v>>) {}
/// }
/// ```
mod sealed {
    #[expect(unnameable_types, reason = "nobody else is to implement it")]
    pub trait Sealed {}

    impl Sealed for tracing::Span {}
}

/// Adds an attribute to the state of one span; nothing happens if it has none.
fn set_attribute(span: &Span, key: &str, value: Input<'_>) {
    span.with_subscriber(|(id, dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let span = registry.span(id)?;
        let mut extensions = span.extensions_mut();
        let state = extensions.get_mut::<SpanState>()?;
        let room = state.trace.handle.text_room();
        let push = |attributes: &mut Attributes| match value {
            Input::Str(text) => attributes.push_owned_key(key, &*excerpt(&text, room)),
            value => attributes.push_owned_key(key, value),
        };
        match &mut state.source {
            Some(source) => {
                let start = source.attributes.records();
                push(&mut source.attributes);
                let signs = Signs::of(key);
                state.note_late(start, signs);
                if signs.name_span() {
                    state.name_segment();
                }
            }
            // Not sent, but its conversation may be.
            None => {
                let mut attributes = Attributes::default();
                push(&mut attributes);
                state.note(&attributes, Signs::of(key));
            }
        }
        Some(())
    });
}
