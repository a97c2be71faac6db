//! adk-rust: the attributes of Google's agent development kit, on spans that mostly do not name their operation.

use super::Dialect;
use crate::SourceSpan;

pub(super) static ADK_RUST: Dialect = Dialect {
    name: "adk",
    speaks,
    aliases: &[
        (
            "gen_ai.usage.audio_input_tokens",
            "gcp.vertex.agent.usage.audio_input_tokens",
        ),
        (
            "gen_ai.usage.audio_output_tokens",
            "gcp.vertex.agent.usage.audio_output_tokens",
        ),
        (
            "gcp.vertex.agent.tool_call_args",
            "gen_ai.tool.call.arguments",
        ),
        ("gcp.vertex.agent.tool_response", "gen_ai.tool.call.result"),
        ("gcp.vertex.agent.llm_request", "gen_ai.input.messages"),
        ("gcp.vertex.agent.llm_response", "gen_ai.output.messages"),
    ],
    noise: &[],
    operation,
    adjust,
};

fn speaks(span: &SourceSpan) -> bool {
    span.scope.starts_with("adk_")
        || span
            .attributes
            .iter()
            .any(|(key, _)| key.starts_with("gcp.vertex.agent."))
}

fn operation(span: &SourceSpan) -> Option<&'static str> {
    match &*span.name {
        "call_llm" => Some("generate_content"),
        "agent.execute" => Some("invoke_agent"),
        _ => None,
    }
}

/// Tool spans carry the keys of a model call too, with `{}` for a value.
fn adjust(span: &mut SourceSpan) {
    for key in [
        "gcp.vertex.agent.llm_request",
        "gcp.vertex.agent.llm_response",
    ] {
        if matches!(span.attributes.text(key), Some("{}" | "null")) {
            span.attributes.remove(key);
        }
    }
}
