//! vLLM's server: the conventions' counts on a span that names neither an operation nor a model.

use super::{Dialect, Override, has_known_operation, has_prefix};
use crate::SourceSpan;

pub(super) static VLLM: Dialect = Dialect {
    name: "vllm",
    // Programs beside it have the same scopes but none of these attributes.
    recognises: |span| span.name == REQUEST_NAME && has_prefix(span, "gen_ai.latency."),
    operation,
    ..Dialect::NONE
};

const REQUEST_NAME: &str = "llm_request";

/// Returns `chat` if tokens were generated. Otherwise the request embedded or ranked something, or was abandoned.
fn operation(span: &SourceSpan) -> Override {
    let generated = [
        "gen_ai.usage.completion_tokens",
        "gen_ai.usage.output_tokens",
    ]
    .iter()
    .find_map(|key| span.attributes.integer(key));
    match generated {
        Some(count) if count > 0 && !has_known_operation(span) => Override::To("chat"),
        _ => Override::None,
    }
}
