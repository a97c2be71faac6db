//! Tools in the messages of a step. Mastra records them by name alone: `[tool: get_weather]`, `[tool-result: get_weather]`.

use serde_json::{Value, json};

use super::super::json;
use crate::Attributes;

/// Replaces texts that stand for calls and answers of tools by such parts.
pub(super) fn replace(attributes: &mut Attributes, key: &'static str) {
    let may_have_placeholders = |text: &str| text.contains(r#""[tool"#);
    if !attributes.text(key).is_some_and(may_have_placeholders) {
        return;
    }
    let Some(Value::Array(mut messages)) = json::read(attributes, key) else {
        return;
    };
    for message in &mut messages {
        let is_of_model = matches!(message["role"].as_str(), Some("assistant" | "tool"));
        if let Some(parts) = (message["content"].as_str().filter(|_| is_of_model)).and_then(parts)
            && let Some(message) = message.as_object_mut()
        {
            message.remove("content");
            message.insert("parts".to_owned(), parts);
        }
    }
    json::set(attributes, key, Value::Array(messages));
}

/// Returns the parts for which a text stands that consists of nothing else.
fn parts(text: &str) -> Option<Value> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (placeholder, after) = rest.strip_prefix('[')?.split_once(']')?;
        parts.push(match placeholder.split_once(": ")? {
            ("tool", name) => json!({"type": "tool_call", "name": name}),
            ("tool-result", name) => {
                let response = format!("[{placeholder}]");
                json!({"type": "tool_call_response", "name": name, "response": response})
            }
            _ => return None,
        });
        rest = after;
    }
    (!parts.is_empty()).then_some(Value::Array(parts))
}
