//! Sets attributes that a span did not declare as fields.

use sentry_genai_conventions::{Input, KeyFlags};
use tracing::Span;
use tracing_subscriber::{Registry, registry::LookupSpan as _};

use crate::state::SpanState;

/// Sets attributes on a `tracing` span that its macro did not declare as fields.
///
/// `tracing` silently drops a value recorded under an undeclared name. Values set here are sent to Sentry all the same.
///
/// ```
/// use sentry_genai::SpanExt;
///
/// let span = tracing::info_span!("chat", gen_ai.operation.name = "chat");
/// span.set_gen_ai_attribute("gen_ai.usage.input_tokens", 42_u64);
/// span.set_gen_ai_attribute("gen_ai.response.model", "gpt-5-mini-2025-08-07");
/// ```
///
/// This trait is sealed, so that methods can be added to it.
pub trait SpanExt: sealed::Sealed {
    /// Sets an attribute. If a key is set more than once, by whatever means, the last value wins. A long text is cut to the
    /// [limits](crate::Options::with_content_limits).
    ///
    /// Other layers do not see the attribute. Nothing happens if the span is disabled or was not seen by a
    /// [`GenAiLayer`](crate::GenAiLayer), and nothing is sent if its trace is not sampled.
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

/// Sets an attribute of a recorded span.
fn set_attribute(span: &Span, key: &str, value: Input<'_>) {
    span.with_subscriber(|(id, dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let span = registry.span(id)?;
        let mut extensions = span.extensions_mut();
        let state = extensions.get_mut::<SpanState>()?;
        let room = state.trace.handle.text_room();
        let start = state.make_room();
        let attributes = &mut state.source.as_mut()?.attributes;
        match value {
            Input::Str(text) => attributes.push_owned_key(key, &*room.copied(key, &text)),
            value => attributes.push_owned_key(key, value),
        }
        state.apply_late_attributes(start, KeyFlags::of(key));
        Some(())
    });
}
