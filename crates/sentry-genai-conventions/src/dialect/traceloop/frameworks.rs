//! The names of LlamaIndex's agents, and outputs of Haystack's that are not replies.

use serde_json::Value;

use super::{SPAN_KIND, tools::LLAMA_INDEX};
use crate::SourceSpan;

/// Returns the name of LlamaIndex's agent if a workflow is its run: `FunctionAgent.workflow`.
pub(super) fn llama_index_agent(span: &SourceSpan) -> Option<&str> {
    let class = span.name.strip_suffix(".workflow")?;
    let is_agent = span.scope == LLAMA_INDEX
        && class.ends_with("Agent")
        && span.attributes.text(SPAN_KIND) == Some("workflow");
    is_agent.then_some(class)
}

/// Returns whether the completions are only the names of the fields in which Haystack's components return their results.
pub(super) fn are_field_names(span: &SourceSpan, completions: &Value) -> bool {
    let is_name =
        |completion: &Value| matches!(completion["content"].as_str(), Some("replies" | "meta"));
    span.scope == "opentelemetry.instrumentation.haystack"
        && (completions.as_array()).is_some_and(|completions| completions.iter().all(is_name))
}
