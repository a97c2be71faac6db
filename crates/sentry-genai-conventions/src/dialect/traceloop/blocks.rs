//! Blocks of messages that OpenLLMetry's instrumentations of LangChain, Bedrock and Google GenAI turn into texts.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    INPUT, OUTPUT,
    json::{self, Object},
};
use crate::{SourceSpan, messages};

/// In JavaScript, all blocks of a message form one text. In Python, each block is a text.
const JAVASCRIPT: &str = "@traceloop/instrumentation-langchain";
const PYTHON: &str = "opentelemetry.instrumentation.langchain";

/// A block of reasoning is a text here, too.
const BEDROCK: &str = "opentelemetry.instrumentation.bedrock";

/// Code that Gemini runs, and parts without anything, are texts of Python's models.
const GOOGLE: &str = "opentelemetry.instrumentation.google_generativeai";

/// Reads the blocks in the text of a part.
type Blocks = fn(&Value) -> Option<Vec<Value>>;

/// Replaces these texts with the blocks.
pub(super) fn restore(span: &mut SourceSpan) {
    let (marks, blocks): (&[&str], Blocks) = match &*span.scope {
        JAVASCRIPT => (&[r#""content":"[{"#], json_blocks),
        PYTHON | BEDROCK => (&[r#""content": "{"#], json_blocks),
        GOOGLE => (&["=None", "=<"], google_blocks),
        _ => return,
    };
    let attributes = &mut span.attributes;
    for key in [INPUT, OUTPUT] {
        let text = (attributes.text(key)).filter(|text| marks.iter().any(|it| text.contains(it)));
        let Some(Value::Array(mut messages)) = text.and_then(messages::read_json) else {
            continue;
        };
        for message in &mut messages {
            if let Some(Value::Array(parts)) = message.get_mut("parts") {
                *parts = restored(std::mem::take(parts), blocks);
            }
        }
        json::set(attributes, key, messages.into());
    }
}

/// Returns the parts with blocks in place of their texts, and each tool call only once.
fn restored(parts: Vec<Value>, blocks: Blocks) -> Vec<Value> {
    let mut call_ids = HashSet::new();
    let mut restored = Vec::new();
    for part in parts {
        match blocks(&part) {
            Some(blocks) => {
                call_ids.extend(
                    blocks
                        .iter()
                        .filter_map(|block| Some(block["id"].as_str()?.to_owned())),
                );
                restored.extend(blocks);
            }
            None if part["type"] == "tool_call"
                && part["id"].as_str().is_some_and(|id| call_ids.contains(id)) => {}
            None => restored.push(part),
        }
    }
    restored
}

/// Returns the blocks in the JSON of a part's text.
fn json_blocks(part: &Value) -> Option<Vec<Value>> {
    let text = part["content"].as_str()?;
    if text.starts_with("[{") {
        let items: Vec<Value> = serde_json::from_str(text).ok()?;
        let is_block = |item: &Value| item["type"].is_string();
        return items.iter().all(is_block).then_some(items);
    }
    if !text.starts_with('{') || part["type"] != "text" {
        return None;
    }
    // The object may also be a model's own answer.
    let block: Object = serde_json::from_str(text).ok()?;
    let is_block = block.contains_key("type") || block.contains_key("reasoningContent");
    (is_block && messages::is_part(&block)).then(|| vec![block.into()])
}

/// Returns the block that a part's text describes in Python's fields. One without content is none.
fn google_blocks(part: &Value) -> Option<Vec<Value>> {
    let fields = messages::read_model(part["content"].as_str()?)?;
    let has = |keys: &[&str]| keys.iter().all(|key| fields.contains_key(*key));
    if has(&["code", "language"]) {
        Some(vec![json!({"executable_code": fields})])
    } else if has(&["outcome", "output"]) {
        Some(vec![json!({"code_execution_result": fields})])
    } else {
        let is_empty = |(key, value): (&String, &Value)| {
            value.is_null() || value == "" || key == "thought_signature"
        };
        let is_part = has(&["text", "function_call", "inline_data"]);
        (is_part && fields.iter().all(is_empty)).then(Vec::new)
    }
}
