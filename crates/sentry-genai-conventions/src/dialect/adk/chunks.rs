//! Joins the chunks of a streamed answer.

use std::collections::HashSet;

use serde_json::Value;

use crate::{
    Attributes,
    dialect::{OUTPUT, json, pieces},
};

/// Merges the chunks of an answer, which ADK 2 records as separate messages, into one message. Only the last chunk states why the
/// answer ended.
///
/// The last chunk may repeat the whole answer, or hold only its end.
pub(super) fn merge(attributes: &mut Attributes) {
    let Some(Value::Array(mut messages)) = json::read(attributes, OUTPUT) else {
        return;
    };
    let Some(mut last) = messages.pop() else {
        return;
    };
    if messages.is_empty() || is_partial(&last) || !messages.iter().all(is_partial) {
        return;
    }
    let mut chunks = Vec::new();
    for message in &mut messages {
        let Some(Value::Array(parts)) = message.get_mut("parts").map(Value::take) else {
            return;
        };
        chunks.extend(parts);
    }
    let Some(Value::Array(parts)) = last.get_mut("parts") else {
        return;
    };
    let calls: HashSet<String> = parts.iter().filter_map(call_id).collect();
    let is_repeated = |part: &Value| call_id(part).is_some_and(|id| calls.contains(&id));
    if !repeats_chunks(parts, &chunks, is_repeated) {
        let last_parts = std::mem::take(parts);
        chunks.retain(|part| !is_repeated(part));
        for part in chunks.into_iter().chain(last_parts) {
            append(parts, part);
        }
    }
    json::set(attributes, OUTPUT, vec![last].into());
}

/// Joins the model's texts in a request or an answer. adk-rust keeps them in the pieces in which they were streamed.
pub(super) fn join_pieces(attributes: &mut Attributes, key: &'static str) {
    const SEAMS: [&str; 2] = [r#""},{"text":""#, r#""},{"thinking":""#];

    let text = attributes.text(key).unwrap_or_default();
    if !SEAMS.iter().any(|seam| text.contains(seam)) {
        return;
    }
    let Some(mut value) = json::read(attributes, key) else {
        return;
    };
    match value.get_mut("contents") {
        Some(Value::Array(contents)) => contents.iter_mut().for_each(join_parts),
        _ => join_parts(&mut value),
    }
    json::set(attributes, key, value);
}

fn join_parts(content: &mut Value) {
    if content.get("role").and_then(Value::as_str) != Some("model") {
        return;
    }
    if let Some(Value::Array(parts)) = content.get_mut("parts") {
        pieces::join(parts);
    }
}

/// Returns whether a message is a chunk that others followed.
fn is_partial(message: &Value) -> bool {
    message.get("finish_reason").and_then(Value::as_str) == Some("")
}

/// Returns whether the last message repeats everything in the chunks before it.
fn repeats_chunks(last: &[Value], chunks: &[Value], is_repeated: impl Fn(&Value) -> bool) -> bool {
    let text_of = |parts: &[Value]| parts.iter().filter_map(text).collect::<String>();
    text_of(last) == text_of(chunks)
        && (chunks.iter()).all(|part| is_text(part) || is_repeated(part))
}

fn text(part: &Value) -> Option<&str> {
    is_text(part).then(|| part.get("content")?.as_str())?
}

fn is_text(part: &Value) -> bool {
    part.get("type").and_then(Value::as_str) == Some("text")
}

/// Returns the id of a part other than text.
fn call_id(part: &Value) -> Option<String> {
    let id = part.get("id").filter(|id| !id.is_null())?;
    (!is_text(part)).then(|| id.to_string())
}

/// Appends a part. Text is merged with the text before it.
fn append(parts: &mut Vec<Value>, part: Value) {
    if let (Some(before), Some(more)) = (parts.last_mut(), text(&part))
        && is_text(before)
        && let Some(Value::String(text)) = before.get_mut("content")
    {
        text.push_str(more);
        return;
    }
    parts.push(part);
}
