//! llm-sdk and llm-agent, in Rust and JavaScript: the conventions, and their own names in addition.

use super::{Dialect, OperationKind, aliases};
use crate::SourceSpan;

pub(super) static LLM_SDK: Dialect = Dialect {
    name: "llm_sdk",
    recognises,
    #[rustfmt::skip]
    aliases: &aliases([
        ("gen_ai.server.time_to_first_token", "gen_ai.response.time_to_first_chunk"),
        ("llm_sdk.cost", "gen_ai.cost.total_tokens"),
    ]),
    // Totals of all calls of an agent.
    noise: &["gen_ai.model.input_tokens", "gen_ai.model.output_tokens"],
    adjust,
    ..Dialect::NONE
};

/// In Rust the scope is not specific to these libraries.
fn recognises(span: &SourceSpan) -> bool {
    span.scope.starts_with("@hoangvvo/llm-")
        || (span.attributes).contains_any(&["llm_sdk.method", "llm_agent.method"])
}

fn adjust(span: &mut SourceSpan, _: OperationKind) {
    if span.name == "llm_sdk.stream" {
        span.attributes.supply("gen_ai.response.streaming", true);
    }
}
