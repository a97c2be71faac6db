//! What only OpenLLMetry's instrumentations for JavaScript do.

use serde_json::Value;

use super::{ENTITY_OUTPUT, INPUT, KIND, OUTPUT, json};
use crate::{Attributes, SourceSpan};

/// Returns whether a task is the call of a tool, as LangChain's are.
pub(super) fn is_tool(span: &SourceSpan) -> bool {
    let attributes = &span.attributes;
    attributes.text(KIND) == Some("task")
        && attributes.text("gen_ai.operation.name") == Some("execute_tool")
}

/// Returns whether a span is what the instrumentation of Bedrock makes of all conversations.
pub(super) fn converses(span: &SourceSpan) -> bool {
    span.name == "bedrock.completion" && span.scope.starts_with("@traceloop/")
}

/// LangChain's instrumentation in JavaScript calls a tool by its class; the message that it answers with knows better.
pub(super) fn name_tool(attributes: &mut Attributes) {
    let Some(output) = json::read(attributes, ENTITY_OUTPUT) else {
        return;
    };
    for (key, member) in [
        ("gen_ai.tool.name", "name"),
        ("gen_ai.tool.call.id", "tool_call_id"),
    ] {
        let value = &output["kwargs"][member];
        if value.as_str().is_some_and(|text| !text.is_empty()) && !attributes.contains(key) {
            json::put_scalar(attributes, key, value);
        }
    }
}

/// Takes the items of a Responses request out of the one message of the user whose text JavaScript's instrumentation makes them.
pub(super) fn take_items_out(attributes: &mut Attributes) {
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
        attributes.remove(INPUT);
        json::put(attributes, INPUT, Value::Array(items));
    }
}

/// Takes the blocks of LangChain's messages out of the texts that JavaScript's instrumentation makes of them.
pub(super) fn take_blocks_out(span: &mut SourceSpan) {
    let attributes = &mut span.attributes;
    for key in [INPUT, OUTPUT] {
        let text = attributes
            .text(key)
            .filter(|text| span.scope == LANGCHAIN && text.contains(r#""content":"[{"#));
        let Some(Value::Array(mut messages)) = text.and_then(crate::messages::read_json) else {
            continue;
        };
        for message in &mut messages {
            if let Some(Value::Array(parts)) = message.get_mut("parts") {
                *parts = std::mem::take(parts).into_iter().flat_map(blocks).collect();
            }
        }
        attributes.set(key, Value::Array(messages).to_string());
    }
}

const LANGCHAIN: &str = "@traceloop/instrumentation-langchain";

/// Returns the blocks in the text of a part, or the part.
fn blocks(part: Value) -> Vec<Value> {
    let text = part["content"].as_str().filter(|it| it.starts_with("[{"));
    let is_block = |item: &Value| item["type"].is_string();
    match text.map(serde_json::from_str::<Vec<Value>>) {
        Some(Ok(items)) if items.iter().all(is_block) => items,
        _ => vec![part],
    }
}
