//! System instructions: text parts without a role.

use serde_json::Value;

use super::{
    ContentLimits, Message, Messages, Part, Role, Side, cut, parse,
    shapes::{self, Known, fields},
    write,
};

/// Reads system instructions in any spelling: plain text, a JSON string, parts, or messages.
///
/// Returns `[{"type":"text","content":...}]` within `limits`; `[]` if there is no text.
pub(crate) fn system_instructions(text: &str, limits: &ContentLimits) -> String {
    let parts = match parse::json(text) {
        Some(Value::String(inner)) => return system_instructions(&inner, limits),
        // Parts, or one part: what a message has as its content.
        Some(value) if shapes::recognise(&value) == Known::Parts => {
            let mut parts = Vec::new();
            shapes::part::read(value, &mut parts);
            Messages::new(vec![whole(parts)], Side::Input).messages
        }
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            let parts = items.into_iter().map(fields::text_of).map(Part::Text);
            Messages::new(vec![whole(parts.collect())], Side::Input).messages
        }
        _ => Messages::parse(text, Side::Input).messages,
    };
    let parts = parts.into_iter().flat_map(|message| message.parts);
    system_parts(parts.collect(), limits)
}

/// Writes the parts of system messages as system instructions; `[]` if there is no text among them.
pub(crate) fn system_parts(parts: Vec<Part>, limits: &ContentLimits) -> String {
    let mut texts: Vec<String> = parts
        .into_iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Object(value) => Some(value.to_string()),
            Part::Other(fields) => Some(Value::Object(fields).to_string()),
            _ => None,
        })
        .collect();
    let mut limit = limits.text_bytes.max(cut::SHORTEST);
    loop {
        for text in &mut texts {
            cut::cut(text, limit);
        }
        let mut out = Vec::new();
        write::array(&mut out, &texts, |out, text| {
            out.extend_from_slice(b"{\"type\":\"text\"");
            write::text_field(out, "content", text);
            out.push(b'}');
        });
        if out.len() <= limits.attribute_bytes {
            return write::finish(out);
        }
        if limit > cut::SHORTEST {
            limit = (limit.min(limits.attribute_bytes) / 2).max(cut::SHORTEST);
        } else if texts.pop().is_none() {
            // Instructions start with what matters most, so the last go first.
            return "[]".to_owned();
        }
    }
}

fn whole(parts: Vec<Part>) -> Message {
    Message {
        role: Role::System,
        name: None,
        parts,
        finish_reason: None,
    }
}
