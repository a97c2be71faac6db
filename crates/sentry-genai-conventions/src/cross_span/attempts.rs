//! Requests of a model call that may have been repeated.

use crate::{AiKind, SentrySpan, Status, recognise::has_answer, tokens};

/// Returns whether a model call says nothing of an answer, as a request that may have been repeated does. litellm gives failed
/// ones an id.
pub(super) fn is_attempt(span: &SentrySpan) -> bool {
    let names_answering_model = || span.attributes.contains("gen_ai.response.model");
    is_uncounted_call(span)
        && (span.status == Status::Error
            || !has_answer(&span.attributes) && !names_answering_model())
}

/// Returns whether a model call has nothing that only an answer has. Some name the model that answered although none did.
pub(super) fn is_without_answer(span: &SentrySpan) -> bool {
    is_uncounted_call(span) && !has_answer(&span.attributes)
}

fn is_uncounted_call(span: &SentrySpan) -> bool {
    span.ai == Some(AiKind::LlmCall) && !tokens::has_input_or_output(&span.attributes)
}
