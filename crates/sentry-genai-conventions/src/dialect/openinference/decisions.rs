//! Decisions: a model that answers typed questions with probabilities, as OpenAI's and TypeSafe's do. Their models and counts have
//! names of their own.

use super::{MODEL_NAME, SourceSpan};
use crate::tokens;

/// The names, and those that model calls have for the same.
static NAMES: &[(&str, &str)] = &[
    ("decision.model_name", MODEL_NAME),
    ("decision.provider", "llm.provider"),
    ("decision.request.model_name", "gen_ai.request.model"),
    ("decision.response.model_name", "gen_ai.response.model"),
    ("decision.system", "llm.system"),
    ("decision.token_count.input", tokens::INPUT),
    ("decision.token_count.output", tokens::OUTPUT),
];

pub(super) fn rename(span: &mut SourceSpan) {
    if span.attributes.may_begin_with("decision.") {
        for (name, common) in NAMES {
            span.attributes.rename(name, common);
        }
    }
}
