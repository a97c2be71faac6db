//! The names of LlamaIndex's agents, its messages with tool calls, and outputs of Haystack's that are not replies.

use serde_json::Value;

use super::{
    DEFINITIONS, ENTITY_INPUT, ENTITY_OUTPUT, INPUT, OUTPUT, SPAN_KIND, json, tools::LLAMA_INDEX,
};
use crate::{Attributes, SourceSpan, dialect::llama_index};

/// Returns the name of LlamaIndex's agent if a workflow is its run: `FunctionAgent.workflow`.
pub(super) fn llama_index_agent(span: &SourceSpan) -> Option<&str> {
    let class = span.name.strip_suffix(".workflow")?;
    let is_agent = span.scope == LLAMA_INDEX
        && class.ends_with("Agent")
        && span.attributes.text(SPAN_KIND) == Some("workflow");
    is_agent.then_some(class)
}

/// Reads what the function of a model call of LlamaIndex's received and returned. The conventions' attributes lack tools, calls of
/// tools and some counts.
pub(super) fn read_llama_index_function(span: &mut SourceSpan) {
    if span.scope != LLAMA_INDEX {
        return;
    }
    let attributes = &mut span.attributes;
    if let Some(mut request) = json::object(attributes, ENTITY_INPUT) {
        if has_empty_message(attributes, INPUT)
            && let Some(Value::Array(messages)) = request.remove("messages")
        {
            let messages = messages.into_iter().map(llama_index::message).collect();
            attributes.set(INPUT, Value::Array(messages).to_string());
        }
        if let Some(tools) = request.get_mut("kwargs").map(|it| json::take(it, "tools")) {
            json::put(attributes, DEFINITIONS, tools);
        }
    }
    if let Some(response) = json::object(attributes, ENTITY_OUTPUT) {
        if has_empty_message(attributes, OUTPUT) && response.contains_key("message") {
            attributes.remove(OUTPUT);
        }
        llama_index::read_response(attributes, response);
    }
}

fn has_empty_message(attributes: &Attributes, key: &str) -> bool {
    (attributes.text(key)).is_some_and(|text| text.contains(r#""parts": []"#))
}

/// Returns whether the completions are only the names of the fields in which Haystack's components return their results.
pub(super) fn are_field_names(span: &SourceSpan, completions: &Value) -> bool {
    let is_name =
        |completion: &Value| matches!(completion["content"].as_str(), Some("replies" | "meta"));
    span.scope == "opentelemetry.instrumentation.haystack"
        && (completions.as_array()).is_some_and(|completions| completions.iter().all(is_name))
}
