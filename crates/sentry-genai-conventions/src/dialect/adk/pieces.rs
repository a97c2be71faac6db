//! Joins the pieces of a streamed answer.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::json;
use crate::Attributes;

const MESSAGES: &str = "gen_ai.output.messages";

/// Merges the pieces of an answer, which ADK 2 records as separate messages, into one message. Only the last piece states why the
/// answer ended.
///
/// The last piece may repeat the whole answer, or hold only its end.
pub(super) fn join(attributes: &mut Attributes) {
    let Some(Value::Array(mut messages)) = json::read(attributes, MESSAGES) else {
        return;
    };
    let Some(mut last) = messages.pop() else {
        return;
    };
    if messages.is_empty() || goes_on(&last) || !messages.iter().all(goes_on) {
        return;
    }
    let mut pieces = Vec::new();
    for message in &mut messages {
        let Some(Value::Array(parts)) = message.get_mut("parts").map(Value::take) else {
            return;
        };
        pieces.extend(parts);
    }
    let Some(Value::Array(parts)) = last.get_mut("parts") else {
        return;
    };
    let calls: BTreeSet<String> = parts.iter().filter_map(call).collect();
    let is_repeated = |piece: &Value| call(piece).is_some_and(|id| calls.contains(&id));
    if !repeats(parts, &pieces, is_repeated) {
        let own = std::mem::take(parts);
        pieces.retain(|piece| !is_repeated(piece));
        for part in pieces.into_iter().chain(own) {
            append(parts, part);
        }
    }
    attributes.set(MESSAGES, Value::from(vec![last]).to_string());
}

/// Returns whether a message is a piece that others followed.
fn goes_on(message: &Value) -> bool {
    message.get("finish_reason").and_then(Value::as_str) == Some("")
}

/// Returns whether the last message repeats everything in the pieces before it.
fn repeats(last: &[Value], pieces: &[Value], is_repeated: impl Fn(&Value) -> bool) -> bool {
    let said = |parts: &[Value]| parts.iter().filter_map(content).collect::<String>();
    said(last) == said(pieces) && (pieces.iter()).all(|piece| is_text(piece) || is_repeated(piece))
}

fn content(part: &Value) -> Option<&str> {
    is_text(part).then(|| part.get("content")?.as_str())?
}

fn is_text(part: &Value) -> bool {
    part.get("type").and_then(Value::as_str) == Some("text")
}

/// Returns the id of a part other than text.
fn call(part: &Value) -> Option<String> {
    let id = part.get("id").filter(|id| !id.is_null())?;
    (!is_text(part)).then(|| id.to_string())
}

/// Appends a part. Text is merged with the text before it.
fn append(parts: &mut Vec<Value>, part: Value) {
    if let (Some(before), Some(more)) = (parts.last_mut(), content(&part))
        && is_text(before)
        && let Some(Value::String(text)) = before.get_mut("content")
    {
        text.push_str(more);
        return;
    }
    parts.push(part);
}
