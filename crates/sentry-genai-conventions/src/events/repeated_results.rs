//! Results of tools that botocore's instrumentation reports twice: each in an event of its own, and all in the user's message.

use std::collections::HashSet;

use serde_json::Value;

use crate::messages;

/// Removes the results that events of tools have from the messages of users, and messages that held nothing else.
pub(super) fn remove(messages: &mut Vec<Value>) {
    let reported = messages
        .iter()
        .filter(|message| message["event.name"] == "gen_ai.tool.message")
        .filter_map(|message| Some(message["id"].as_str()?.to_owned()));
    let reported: HashSet<String> = reported.collect();
    if reported.is_empty() {
        return;
    }
    messages.retain_mut(|message| {
        if message["event.name"] != "gen_ai.user.message" {
            return true;
        }
        let Some(mut blocks) = blocks(&message["content"]) else {
            return true;
        };
        let is_repeated = |block: &Value| call_id(block).is_some_and(|id| reported.contains(id));
        let count = blocks.len();
        blocks.retain(|block| !is_repeated(block));
        let is_empty = blocks.is_empty();
        if blocks.len() < count {
            message["content"] = blocks.into();
        }
        !is_empty
    });
}

/// Returns the blocks of a message's content, which may be JSON in a string.
fn blocks(content: &Value) -> Option<Vec<Value>> {
    match content {
        Value::Array(blocks) => Some(blocks.clone()),
        Value::String(text) => match messages::read_json(text)? {
            Value::Array(blocks) => Some(blocks),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the id of the call that a block answers, in the spelling of `Converse` or of Anthropic's models.
fn call_id(block: &Value) -> Option<&str> {
    let converse = block.pointer("/toolResult/toolUseId");
    converse.or_else(|| block.get("tool_use_id"))?.as_str()
}
