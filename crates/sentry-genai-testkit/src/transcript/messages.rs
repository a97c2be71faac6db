//! Reads messages as Sentry's Conversations page does.

use serde_json::Value;

use crate::ReceivedSpan;

/// One message, reduced to what is shown.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) role: String,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug)]
pub(super) enum Part {
    Text(String),
    Reasoning(String),
    ToolCall { name: String, arguments: String },
}

/// Reads a message attribute. Text that is not JSON becomes one message of `role`.
pub(super) fn read(span: &ReceivedSpan, key: &str, role: &str) -> Vec<Message> {
    let Some(text) = span.str(key) else {
        return Vec::new();
    };
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return vec![Message {
            role: role.to_owned(),
            parts: vec![Part::Text(format!("{text} ~~"))],
        }];
    };
    let messages = value.get("messages").unwrap_or(&value);
    match messages {
        Value::Array(messages) => messages.iter().map(|it| message(it, role)).collect(),
        single => vec![message(single, role)],
    }
}

impl Message {
    /// Returns the text, with parts joined by newlines; `None` if there is none.
    pub(super) fn text(&self) -> Option<String> {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Reasoning(_) | Part::ToolCall { .. } => None,
        });
        let text = texts.collect::<Vec<_>>().join("\n");
        (!text.is_empty()).then_some(text)
    }
}

fn message(value: &Value, role: &str) -> Message {
    let content = value.get("parts").or_else(|| value.get("content"));
    let parts = match content {
        Some(Value::Array(parts)) => parts.iter().filter_map(part).collect(),
        // A part outside a message, as in system instructions, is read as a message itself.
        _ => part(value).into_iter().collect(),
    };
    let role = value.get("role").and_then(Value::as_str).unwrap_or(role);
    Message {
        role: role.to_owned(),
        parts,
    }
}

fn part(value: &Value) -> Option<Part> {
    if let Value::String(text) = value {
        return non_empty(text).map(Part::Text);
    }
    let text = || {
        ["content", "text"]
            .iter()
            .find_map(|key| non_empty(value.get(key)?.as_str()?))
    };
    match value.get("type").and_then(Value::as_str) {
        None | Some("text") => text().map(Part::Text),
        Some("reasoning") => text().map(Part::Reasoning),
        Some("tool_call") => Some(Part::ToolCall {
            name: value.get("name")?.as_str()?.to_owned(),
            arguments: value.get("arguments").map(plain).unwrap_or_default(),
        }),
        Some("object") => value.get("content").map(|it| Part::Text(it.to_string())),
        Some("blob" | "uri" | "file") => {
            let mime_type = value.get("mime_type").and_then(Value::as_str);
            let mime_type = mime_type.unwrap_or("unknown");
            Some(Part::Text(format!(
                "[redacted content of type {mime_type:?}]"
            )))
        }
        Some(_) => None,
    }
}

fn non_empty(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Returns a string as it is, and anything else as JSON.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
