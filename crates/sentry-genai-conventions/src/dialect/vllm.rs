//! The servers of vLLM and SGLang: the conventions' counts on a span that names no operation, and in vLLM no model either.

use super::{Dialect, Override, has_known_operation};
use crate::SourceSpan;

pub(super) static VLLM: Dialect = Dialect {
    name: "vllm",
    // Programs beside them have the same scopes but not this attribute.
    recognises: |span| span.attributes.contains("gen_ai.latency.e2e"),
    operation,
    ..Dialect::NONE
};

/// Returns `chat` if tokens were generated. SGLang counts none for embeddings. In vLLM, a request without any embedded or ranked
/// something, or was abandoned.
fn operation(span: &SourceSpan) -> Override {
    // Of two servers of SGLang that share a request, the other one counts everything.
    if span.name.starts_with("prefill ") {
        return Override::Plain;
    }
    let generated = [
        "gen_ai.usage.completion_tokens",
        "gen_ai.usage.output_tokens",
    ]
    .iter()
    .find_map(|key| span.attributes.integer(key));
    match generated {
        _ if has_known_operation(span) => Override::None,
        Some(count) if count > 0 => Override::To("chat"),
        Some(_) => Override::None,
        None => Override::To("embeddings"),
    }
}
