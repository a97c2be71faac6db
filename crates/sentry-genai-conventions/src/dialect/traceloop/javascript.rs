//! Peculiarities of OpenLLMetry's instrumentations for JavaScript.

use serde_json::Value;

use super::{ENTITY_OUTPUT, INPUT, SPAN_KIND, json};
use crate::{Attributes, SourceSpan};

/// Returns whether a task is a tool call, as LangChain's are.
pub(super) fn is_tool(span: &SourceSpan) -> bool {
    let attributes = &span.attributes;
    attributes.text(SPAN_KIND) == Some("task")
        && attributes.text("gen_ai.operation.name") == Some("execute_tool")
}

/// Returns whether a span is one that the instrumentation of Bedrock creates for every conversation.
pub(super) fn is_bedrock_conversation(span: &SourceSpan) -> bool {
    span.name == "bedrock.completion" && span.scope.starts_with("@traceloop/")
}

/// Returns whether a span is of the instrumentation of Anthropic's SDK. Unlike Python's, it leaves the cache out of the input, as
/// the SDK does.
pub(super) fn is_anthropic(span: &SourceSpan) -> bool {
    span.scope == "@traceloop/instrumentation-anthropic"
}

/// Names a tool after the message that it answers with. LangChain's instrumentation for JavaScript only has the tool's class.
pub(super) fn name_tool(attributes: &mut Attributes) {
    let Some(output) = json::read(attributes, ENTITY_OUTPUT) else {
        return;
    };
    for (key, member) in [
        ("gen_ai.tool.name", "name"),
        ("gen_ai.tool.call.id", "tool_call_id"),
    ] {
        let value = &output["kwargs"][member];
        json::put_scalar(attributes, key, value.as_str().map(|_| value));
    }
}

/// Restores the items of a Responses request, which JavaScript's instrumentation writes as the text of a single user message.
pub(super) fn restore_items(attributes: &mut Attributes) {
    let text = (attributes.text(INPUT))
        .filter(|text| text.starts_with('[') && text.contains(r#""content":"[{"#))
        .and_then(crate::messages::read_json)
        .and_then(|messages| match messages.as_array()?.as_slice() {
            [message] => match message["parts"].as_array()?.as_slice() {
                [part] => Some(part["content"].as_str()?.to_owned()),
                _ => None,
            },
            _ => None,
        });
    let is_item = |item: &Value| item["role"].is_string() || item["type"].is_string();
    if let Some(Value::Array(items)) = text.as_deref().and_then(crate::messages::read_json)
        && items.iter().all(is_item)
    {
        json::set(attributes, INPUT, Value::Array(items));
    }
}
