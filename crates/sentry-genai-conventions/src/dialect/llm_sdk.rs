//! llm-sdk and llm-agent, in Rust and JavaScript: the conventions, and names of their own beside them.

use super::{Dialect, What, aliases};
use crate::SourceSpan;

pub(super) static LLM_SDK: Dialect = Dialect {
    name: "llm_sdk",
    speaks,
    aliases: &aliases([
        (
            "gen_ai.server.time_to_first_token",
            "gen_ai.response.time_to_first_chunk",
        ),
        ("llm_sdk.cost", "gen_ai.cost.total_tokens"),
    ]),
    // What all calls of an agent's have counted.
    noise: &["gen_ai.model.input_tokens", "gen_ai.model.output_tokens"],
    adjust,
    ..Dialect::NONE
};

/// In Rust the scope says nothing that is theirs alone.
fn speaks(span: &SourceSpan) -> bool {
    let mut methods = ["llm_sdk.method", "llm_agent.method"].into_iter();
    span.scope.starts_with("@hoangvvo/llm-") || methods.any(|it| span.attributes.contains(it))
}

fn adjust(span: &mut SourceSpan, _: What) {
    if span.name == "llm_sdk.stream" {
        span.attributes.supply("gen_ai.response.streaming", true);
    }
}
