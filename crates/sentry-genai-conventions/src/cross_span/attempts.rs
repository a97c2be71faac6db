//! Requests of a model call that may have been repeated.

use crate::{AiKind, SentrySpan, Status, dialect::OUTPUT, tokens};

/// Returns whether a model call says nothing of an answer, as a request that may have been repeated does. litellm gives failed
/// ones an id.
pub(super) fn is_attempt(span: &SentrySpan) -> bool {
    let has_answer = || {
        span.attributes.contains_any(&[
            OUTPUT,
            "gen_ai.response.finish_reasons",
            "gen_ai.response.id",
            "gen_ai.response.model",
        ])
    };
    span.ai == Some(AiKind::LlmCall)
        && !tokens::has_input_or_output(&span.attributes)
        && (span.status == Status::Error || !has_answer())
}
