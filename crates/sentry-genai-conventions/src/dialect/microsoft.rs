//! Microsoft's agent framework and Semantic Kernel: the conventions, with spans of their own around them.

use super::{Dialect, Says, aliases};
use crate::SourceSpan;

pub(super) static MICROSOFT: Dialect = Dialect {
    name: "microsoft",
    speaks,
    aliases: &aliases([
        (
            "gen_ai.response.completion_tokens",
            "gen_ai.usage.output_tokens",
        ),
        ("gen_ai.response.prompt_tokens", "gen_ai.usage.input_tokens"),
    ]),
    noise: &["sk.available_functions"],
    operation,
    ..Dialect::NONE
};

fn speaks(span: &SourceSpan) -> bool {
    let scope = &*span.scope;
    scope == "agent_framework"
        || scope.starts_with("agent_framework.")
        || scope == "semantic_kernel"
        || scope.starts_with("semantic_kernel.")
        || scope.starts_with("Microsoft.SemanticKernel")
        || scope.starts_with("Microsoft.Agents.AI")
}

fn operation(span: &SourceSpan) -> Says {
    match &*span.name {
        "AutoFunctionInvocationLoop" => Says::Plain,
        _ if span.attributes.contains("gen_ai.operation.name") => Says::Nothing,
        // What a workflow does between its agents.
        name if ["workflow.", "executor.", "edge_group.", "message."]
            .iter()
            .any(|prefix| name.starts_with(prefix)) =>
        {
            Says::Plain
        }
        _ => Says::Nothing,
    }
}
