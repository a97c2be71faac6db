//! AutoGen's agents and clients: thoughts, the answers of tools, the finish reason, and the input of an agent.

use serde_json::{Value, json};

use super::{INPUT_VALUE, OUTPUT_VALUE};
use crate::{
    SourceSpan,
    dialect::{INPUT, OperationKind, json, json::Object},
    messages,
};

/// What the model thought, where [`add_thought`] finds it. The instrumentation records it for earlier answers.
const THOUGHT: &str = "llm.output_messages.0.thought";

/// Extracts an agent's input from its parameters, and the finish reason from a model's answer.
pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if !span.scope.ends_with(".autogen_agentchat") {
        return;
    }
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Agent => {
            let parameters = json::object(attributes, INPUT_VALUE);
            let Some(Value::Array(reprs)) =
                parameters.and_then(|mut parameters| parameters.remove("messages"))
            else {
                return;
            };
            let messages: Option<Vec<_>> = reprs.iter().map(message_from_repr).collect();
            if let Some(messages) = messages.filter(|messages| !messages.is_empty()) {
                json::put(attributes, INPUT, messages.into());
                attributes.remove(INPUT_VALUE);
            }
        }
        OperationKind::Call => {
            let Some(answer) = json::object(attributes, OUTPUT_VALUE) else {
                return;
            };
            let reason = answer.get("finish_reason");
            let reason = reason.filter(|reason| *reason != "unknown");
            json::put_scalar(attributes, "llm.finish_reason", reason);
            if attributes.contains("llm.output_messages.0.message.role") {
                json::put_scalar(attributes, THOUGHT, answer.get("thought"));
            }
        }
        _ => {}
    }
}

/// Reads `id='1' source='user' ... content='Hi' type='TextMessage'`. More may follow the content, such as whom the task is handed
/// to. A message from another agent has that agent's name.
fn message_from_repr(repr: &Value) -> Option<Value> {
    let text = repr.as_str()?;
    let (rest, _) = text.rsplit_once(" type='")?;
    let (head, content) = rest.split_once(" content=")?;
    let (_, source) = head.split_once(" source='")?;
    let (source, _) = source.split_once('\'')?;
    let content = json::literal(content)?;
    Some(match source {
        "user" => json!({"role": "user", "content": content}),
        other => json!({"role": "user", "name": other, "content": content}),
    })
}

/// Adds what AutoGen calls a thought: the text beside calls, or else the reasoning before an answer.
pub(super) fn add_thought(message: &mut Object, thought: Value) {
    let key = if message.contains_key("tool_calls") {
        "content"
    } else {
        "reasoning_content"
    };
    if thought.is_string() {
        message.entry(key).or_insert(thought);
    }
}

/// Moves the answers of tools, which are a list beside the message, into a message of their own.
pub(super) fn tool_message(item: &mut Value) -> Option<Value> {
    let Some(Value::Array(answers)) = item.get_mut("function").map(Value::take) else {
        return None;
    };
    let parts = answers.iter().filter_map(|answer| {
        let Value::Object(mut answer) = messages::read_json(answer.as_str()?)? else {
            return None;
        };
        let mut part = json!({"type": "tool_call_response", "response": answer.remove("content")?});
        for (from, to) in [("call_id", "id"), ("name", "name")] {
            if let Some(value) = answer.remove(from) {
                part[to] = value;
            }
        }
        Some(part)
    });
    let parts: Vec<_> = parts.collect();
    (!parts.is_empty()).then(|| json!({"role": "tool", "parts": parts}))
}
