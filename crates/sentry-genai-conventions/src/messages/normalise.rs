//! The rules for every message, whatever spelling it came from.

use std::collections::HashSet;

use serde_json::Value;

use super::{Media, MediaSource, Message, Part, Role, Side, blobs, cut, parse, shapes};

/// Drops what is empty, removes binary content, and groups parts the way Sentry renders them.
pub(super) fn normalise(messages: Vec<Message>, side: Side) -> Vec<Message> {
    let mut normalised = Vec::with_capacity(messages.len());
    for mut message in messages {
        for part in &mut message.parts {
            if let Part::Text(text) = part
                && let Some(call) = shapes::part::call_from_repr(text)
            {
                *part = call;
            }
        }
        if message.role == Role::Tool {
            drop_repeated_answers(&mut message.parts);
        }
        message.parts.retain_mut(clean_part);
        message.finish_reason = match side {
            Side::Input => None,
            Side::Output => message.finish_reason.and_then(finish_reason),
        };
        if message.parts.is_empty() && message.finish_reason.is_none() {
            continue;
        }
        match side {
            Side::Input => normalised.extend(split(message)),
            Side::Output => normalised.push(message),
        }
    }
    for message in &mut normalised {
        normalise_role(message);
    }
    normalised
}

/// Drops texts that repeat a tool's answer. OpenLLMetry writes the same thing as both.
fn drop_repeated_answers(parts: &mut Vec<Part>) {
    if !parts.iter().any(|part| matches!(part, Part::Text(_))) {
        return;
    }
    let answers: HashSet<String> = parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolCallResponse { response, .. } => Some(match response {
                Value::String(text) => text.clone(),
                value => value.to_string(),
            }),
            _ => None,
        })
        .collect();
    parts.retain(|part| match part {
        Part::Text(text) if !answers.is_empty() => {
            let is_value =
                || parse::json(text).is_some_and(|value| answers.contains(&value.to_string()));
            !answers.contains(text) && !is_value()
        }
        _ => true,
    });
}

/// Makes a user message that only answers tool calls a tool message, since providers that have no role for tools use the user's.
/// Makes a tool message that only has calls the model's: Koog calls what asks for a tool the message of the tool.
pub(super) fn normalise_role(message: &mut Message) {
    let has_only =
        |is_kind: fn(&Part) -> bool| !message.parts.is_empty() && message.parts.iter().all(is_kind);
    match message.role {
        Role::User if has_only(is_response) => message.role = Role::Tool,
        Role::Tool if has_only(is_call) => message.role = Role::Assistant,
        _ => {}
    }
    if message.role == Role::Tool {
        // The name belongs to the user, or to the tool, whose parts have it already.
        message.name = None;
    }
}

/// Splits an input message by kind of content. Sentry shows one kind per message: text and files, or objects, or tool calls, or
/// tool answers. The others become messages of their own. For a user, answers come first. What a model says
/// after the answer of a tool that its provider ran stays after it.
fn split(message: Message) -> Vec<Message> {
    let is_mixed = {
        let mut kinds = message.parts.iter().filter_map(kind);
        let first = kinds.next();
        kinds.any(|kind| Some(kind) != first)
    };
    if !is_mixed {
        return vec![message];
    }
    let Message {
        role, name, parts, ..
    } = message;
    if role == Role::Assistant && has_content_after_answer(&parts) {
        return split_in_order(name.as_deref(), parts);
    }
    let mut groups: [Vec<Part>; 4] = Default::default();
    for part in parts {
        // Reasoning is shown next to anything.
        groups[kind(&part).unwrap_or(Kind::TextOrMedia) as usize].push(part);
    }
    let [texts_and_media, objects, calls, responses] = groups;
    let with_own_role = |parts| (role, parts);
    let responses = (Role::Tool, responses);
    let order = if role == Role::User {
        [
            responses,
            with_own_role(texts_and_media),
            with_own_role(objects),
            with_own_role(calls),
        ]
    } else {
        [
            with_own_role(texts_and_media),
            with_own_role(objects),
            with_own_role(calls),
            responses,
        ]
    };
    order
        .into_iter()
        .filter(|(_, parts)| !parts.is_empty())
        .map(|(role, parts)| Message {
            name: name.clone(),
            ..Message::new(role, parts)
        })
        .collect()
}

fn has_content_after_answer(parts: &[Part]) -> bool {
    let mut kinds = parts.iter().filter_map(kind);
    kinds.any(|kind| kind == Kind::Response) && kinds.any(|kind| kind != Kind::Response)
}

/// Makes a message of each run of one kind. Reasoning joins any run but that of answers.
fn split_in_order(name: Option<&str>, parts: Vec<Part>) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    let mut run: Option<Kind> = None;
    for part in parts {
        let kind = kind(&part);
        let extends_run = match (run, kind) {
            (Some(run), Some(kind)) => run == kind,
            (run, kind) => run.or(kind) != Some(Kind::Response),
        };
        match messages.last_mut().filter(|_| extends_run) {
            Some(message) => {
                message.parts.push(part);
                run = run.or(kind);
            }
            None => {
                let role = match kind {
                    Some(Kind::Response) => Role::Tool,
                    _ => Role::Assistant,
                };
                messages.push(Message {
                    name: name.map(str::to_owned),
                    ..Message::new(role, vec![part])
                });
                run = kind;
            }
        }
    }
    messages
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    TextOrMedia,
    Object,
    Call,
    Response,
}

fn kind(part: &Part) -> Option<Kind> {
    match part {
        Part::Text(_) | Part::Media(_) => Some(Kind::TextOrMedia),
        Part::Object(_) => Some(Kind::Object),
        Part::ToolCall { .. } => Some(Kind::Call),
        Part::ToolCallResponse { .. } => Some(Kind::Response),
        Part::Reasoning(_) | Part::Other(_) => None,
    }
}

pub(super) fn is_call(part: &Part) -> bool {
    matches!(part, Part::ToolCall { .. })
}

fn is_response(part: &Part) -> bool {
    matches!(part, Part::ToolCallResponse { .. })
}

/// Cleans a part. Returns whether anything is left of it.
fn clean_part(part: &mut Part) -> bool {
    match part {
        Part::Text(text) | Part::Reasoning(text) => {
            blobs::redact_text(text);
            !text.trim().is_empty() && text != parse::REDACTED
        }
        Part::ToolCall {
            arguments: value, ..
        }
        | Part::ToolCallResponse {
            response: value, ..
        } => {
            clean_value(value);
            true
        }
        Part::Object(value) => {
            clean_value(value);
            !is_empty(value)
        }
        Part::Other(fields) => {
            fields.retain(|_, value| !value.is_null());
            let mut value = Value::Object(std::mem::take(fields));
            clean_value(&mut value);
            if let Value::Object(cleaned) = value {
                *fields = cleaned;
            }
            !fields.is_empty()
        }
        Part::Media(Media { source, .. }) => match source {
            MediaSource::Uri(text) | MediaSource::File(text) => text != parse::REDACTED,
            MediaSource::Blob => true,
        },
    }
}

pub(super) fn clean_value(value: &mut Value) {
    cut::flatten(value, parse::MAX_DEPTH);
    blobs::redact_value(value);
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty() || text == parse::REDACTED,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Reads a finish reason. Python's `FinishReason.STOP` becomes `stop`, and `unknown` counts as none.
fn finish_reason(text: String) -> Option<String> {
    let text = match text.rsplit_once("FinishReason.") {
        Some((_, name)) => name.to_ascii_lowercase(),
        None => text,
    };
    let is_blank =
        text.trim().is_empty() || text.eq_ignore_ascii_case("unknown") || text == parse::REDACTED;
    (!is_blank).then_some(text)
}
