//! System instructions: text parts without a role.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    ContentLimits, Message, Messages, Part, Role, Side, cut, normalise, parse,
    shapes::{self, Shape, fields},
    write,
};

/// Reads system instructions in any spelling: plain text, a JSON string, parts, or messages.
///
/// Returns `[{"type":"text","content":...}]` within `limits`, or `[]` if there is no text.
pub(crate) fn system_instructions(text: &str, limits: &ContentLimits) -> String {
    fit(texts(read(text)), limits)
}

/// Adds the parts of system messages to system instructions, except for texts that are already among them.
pub(crate) fn join_system(instructions: &str, parts: Vec<Part>, limits: &ContentLimits) -> String {
    let instructions = texts(read(instructions));
    let mut added = texts(parts);
    let known: HashSet<&String> = instructions.iter().collect();
    added.retain(|text| !known.contains(text));
    fit(instructions.into_iter().chain(added).collect(), limits)
}

fn read(text: &str) -> Vec<Part> {
    let messages = match parse::json(text) {
        Some(Value::String(inner)) => return read(&inner),
        // Parts, or a single part, as in the content of a message.
        Some(value) if shapes::classify(&value) == Shape::Parts => {
            let mut parts = Vec::new();
            shapes::part::read(value, &mut parts);
            normalise::normalise(vec![Message::new(Role::System, parts)], Side::Input)
        }
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            let parts = items.into_iter().map(fields::text_of).map(Part::Text);
            let message = Message::new(Role::System, parts.collect());
            normalise::normalise(vec![message], Side::Input)
        }
        _ => Messages::parse(text, Side::Input).messages,
    };
    let parts = messages.into_iter().flat_map(|message| message.parts);
    parts.collect()
}

fn texts(parts: Vec<Part>) -> Vec<String> {
    parts
        .into_iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Object(value) => Some(value.to_string()),
            Part::Other(fields) => Some(Value::Object(fields).to_string()),
            _ => None,
        })
        .collect()
}

fn fit(mut texts: Vec<String>, limits: &ContentLimits) -> String {
    let mut limit = limits.text_bytes.max(cut::MIN_LIMIT);
    loop {
        for text in &mut texts {
            cut::cut(text, limit);
        }
        let mut out = Vec::new();
        write::array(&mut out, &texts, |out, text| text_part(out, text));
        if out.len() <= limits.attribute_bytes {
            return write::finish(out);
        }
        if limit <= cut::MIN_LIMIT {
            return write_fitting(&texts, limits.attribute_bytes);
        }
        limit = (limit.min(limits.attribute_bytes) / 2).max(cut::MIN_LIMIT);
    }
}

/// Writes as many texts as fit. The last ones are dropped, because instructions start with what matters most.
fn write_fitting(texts: &[String], limit: usize) -> String {
    let mut out = vec![b'['];
    for text in texts {
        let end = out.len();
        if end > 1 {
            out.push(b',');
        }
        text_part(&mut out, text);
        if out.len() >= limit {
            out.truncate(end);
            break;
        }
    }
    out.push(b']');
    write::finish(out)
}

fn text_part(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"{\"type\":\"text\"");
    write::text_field(out, "content", text);
    out.push(b'}');
}
