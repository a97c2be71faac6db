//! What LlamaIndex's agents are called, and Haystack's replies are not.

use serde_json::Value;

use super::{KIND, tools::LLAMA_INDEX};
use crate::SourceSpan;

/// Returns the name of the agent that a workflow of LlamaIndex is the run of: `FunctionAgent.workflow`.
pub(super) fn agent_of_llama_index(span: &SourceSpan) -> Option<&str> {
    let class = span.name.strip_suffix(".workflow")?;
    let is_agent = span.scope == LLAMA_INDEX
        && class.ends_with("Agent")
        && span.attributes.text(KIND) == Some("workflow");
    is_agent.then_some(class)
}

/// Returns whether these are but the names of the fields in which Haystack's components return what they return.
pub(super) fn are_names_of_fields(span: &SourceSpan, completions: &Value) -> bool {
    let is_name =
        |completion: &Value| matches!(completion["content"].as_str(), Some("replies" | "meta"));
    span.scope == "opentelemetry.instrumentation.haystack"
        && (completions.as_array()).is_some_and(|completions| completions.iter().all(is_name))
}
