//! Writes the canonical JSON.

use serde_json::Value;

use super::{Media, MediaSource, Message, Object, Part, blobs::SUBSTITUTE};
use crate::json_string::write_string;

/// Appends a message, which must have parts.
pub(super) fn message(out: &mut Vec<u8>, message: &Message) {
    out.extend_from_slice(b"{\"role\":\"");
    out.extend_from_slice(message.role.as_str().as_bytes());
    out.push(b'"');
    optional(out, "name", message.name.as_deref());
    out.extend_from_slice(b",\"parts\":");
    array(out, &message.parts, part);
    optional(out, "finish_reason", message.finish_reason.as_deref());
    out.push(b'}');
}

/// Appends items as an array.
pub(super) fn array<T>(out: &mut Vec<u8>, items: &[T], mut item: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (index, value) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        item(out, value);
    }
    out.push(b']');
}

/// Appends any JSON.
pub(super) fn value(out: &mut Vec<u8>, content: &Value) {
    match content {
        Value::String(content) => write_string(out, content),
        Value::Array(items) => array(out, items, value),
        Value::Object(fields) => object(out, fields),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            // Writing to memory cannot fail.
            let _ = serde_json::to_writer(out, content);
        }
    }
}

fn object(out: &mut Vec<u8>, fields: &Object) {
    out.push(b'{');
    for (index, (name, content)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(out, name);
        out.push(b':');
        value(out, content);
    }
    out.push(b'}');
}

/// Appends a field behind other fields.
pub(super) fn field(out: &mut Vec<u8>, name: &str, content: &Value) {
    key(out, name);
    value(out, content);
}

/// Appends a text field behind other fields.
pub(super) fn text_field(out: &mut Vec<u8>, name: &str, content: &str) {
    key(out, name);
    write_string(out, content);
}

/// Returns what was written.
pub(super) fn finish(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap_or_default()
}

fn part(out: &mut Vec<u8>, part: &Part) {
    match part {
        Part::Text(content) => {
            kind(out, "text");
            text_field(out, "content", content);
        }
        Part::Reasoning(content) => {
            kind(out, "reasoning");
            text_field(out, "content", content);
        }
        Part::ToolCall {
            id,
            name,
            arguments,
        } => {
            kind(out, "tool_call");
            optional(out, "id", id.as_deref());
            text_field(out, "name", name);
            if !arguments.is_null() {
                field(out, "arguments", arguments);
            }
        }
        Part::ToolCallResponse { id, name, response } => {
            kind(out, "tool_call_response");
            optional(out, "id", id.as_deref());
            optional(out, "name", name.as_deref());
            // OpenTelemetry's name, and the one that Sentry reads, under which lists and objects are text.
            key(out, "response");
            let start = out.len();
            value(out, response);
            let end = out.len();
            key(out, "result");
            match response {
                Value::Array(_) | Value::Object(_) => {
                    let json = out[start..end].to_vec();
                    write_string(out, &finish(json));
                }
                _ => out.extend_from_within(start..end),
            }
        }
        Part::Media(part) => media(out, part),
        Part::Object(content) => {
            kind(out, "object");
            field(out, "content", content);
        }
        Part::Other(fields) => {
            object(out, fields);
            return;
        }
    }
    out.push(b'}');
}

fn media(out: &mut Vec<u8>, media: &Media) {
    let (name, key, content) = match &media.source {
        MediaSource::Blob => ("blob", "content", SUBSTITUTE),
        MediaSource::Uri(uri) => ("uri", "uri", uri.as_str()),
        MediaSource::File(id) => ("file", "file_id", id.as_str()),
    };
    kind(out, name);
    text_field(out, "modality", &media.modality);
    text_field(out, "mime_type", &media.mime_type);
    text_field(out, key, content);
}

fn kind(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
}

fn optional(out: &mut Vec<u8>, name: &str, content: Option<&str>) {
    if let Some(content) = content {
        text_field(out, name, content);
    }
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}
