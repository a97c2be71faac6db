//! Attributes that a span did not declare.

use sentry_genai_conventions::Input;
use tracing::Span;

use crate::state;

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
pub trait SpanExt {
    /// Sets an attribute; the last value of a key wins, however it was set.
    ///
    /// Other layers do not see it. Nothing happens if the span is disabled, not sampled, or not seen by a
    /// [`GenAiLayer`](crate::GenAiLayer).
    fn set_gen_ai_attribute<'v>(&self, key: &str, value: impl Into<Input<'v>>);
}

impl SpanExt for Span {
    fn set_gen_ai_attribute<'v>(&self, key: &str, value: impl Into<Input<'v>>) {
        state::set_attribute(self, key, value.into());
    }
}
