//! Makes messages fit: first cuts strings, then drops the oldest messages, then does whatever else is needed.

use serde_json::Value;

use super::{
    ContentLimits, Fitted, Media, MediaSource, Message, Part, Role, Side, cut, normalise, write,
};

/// The number of bytes that a value is reduced to once it is known not to fit.
const COLLAPSED_BYTES: usize = 256;

pub(super) fn fit(mut messages: Vec<Message>, side: Side, limits: &ContentLimits) -> Fitted {
    messages.retain(|message| !message.parts.is_empty());
    let original_length = messages.len();
    let mut is_cut = false;
    for message in &mut messages {
        is_cut |= shorten(message, limits.text_bytes.max(cut::MIN_LIMIT));
    }
    let mut json = render_all(&messages);
    if json.len() <= limits.attribute_bytes {
        return Fitted {
            json,
            original_length: is_cut.then_some(original_length),
        };
    }
    let lengths = messages.iter().map(|message| render(message).len() + 1);
    let lengths: Vec<usize> = lengths.collect();
    let total = 1 + lengths.iter().sum::<usize>();
    let excess = total.saturating_sub(limits.attribute_bytes);
    let mut drop = select_dropped(&messages, &lengths, excess).into_iter();
    messages.retain(|_| drop.next() == Some(false));
    json = render_all(&messages);
    let mut text_bytes = limits.text_bytes.min(limits.attribute_bytes);
    while json.len() > limits.attribute_bytes && text_bytes > cut::MIN_LIMIT {
        text_bytes /= 2;
        for message in &mut messages {
            shorten(message, text_bytes.max(cut::MIN_LIMIT));
        }
        json = render_all(&messages);
    }
    if json.len() > limits.attribute_bytes {
        json = fit_oversized(messages, side, limits);
    }
    Fitted {
        json,
        original_length: Some(original_length),
    }
}

/// Fits items that are not messages.
pub(super) fn fit_values(mut items: Vec<Value>, limits: &ContentLimits) -> Fitted {
    let original_length = items.len();
    let mut is_cut = items.iter_mut().fold(false, |any, item| {
        cut::shorten(item, limits.text_bytes.max(cut::MIN_LIMIT)) | any
    });
    let lengths: Vec<usize> = items
        .iter()
        .map(|item| item.to_string().len() + 1)
        .collect();
    let mut total = 1 + lengths.iter().sum::<usize>();
    let mut dropped = 0;
    while total > limits.attribute_bytes && dropped < items.len() {
        total -= lengths[dropped];
        dropped += 1;
        is_cut = true;
    }
    items.drain(..dropped);
    let mut out = Vec::new();
    write::array(&mut out, &items, write::value);
    Fitted {
        json: write::finish(out),
        original_length: is_cut.then_some(original_length),
    }
}

/// Fits what is then left: one exchange with too many values, or with large values other than strings.
fn fit_oversized(mut messages: Vec<Message>, side: Side, limits: &ContentLimits) -> String {
    for part in messages.iter_mut().flat_map(|message| &mut message.parts) {
        collapse(part);
    }
    let mut remaining = limits.attribute_bytes.saturating_sub(2);
    let mut kept = Vec::new();
    for mut message in messages.into_iter().rev() {
        let parts = std::mem::take(&mut message.parts);
        let frame_bytes = render(&message).len() + 1;
        let mut remaining_for_parts = remaining.saturating_sub(frame_bytes);
        for part in parts.into_iter().rev() {
            let length = render(&Message::new(Role::System, vec![part.clone()])).len();
            if length > remaining_for_parts {
                break;
            }
            remaining_for_parts -= length;
            message.parts.push(part);
        }
        if message.parts.is_empty() {
            break;
        }
        message.parts.reverse();
        normalise::normalise_role(&mut message);
        remaining = remaining_for_parts;
        kept.push(message);
    }
    kept.reverse();
    // A message that lost parts may have to be written differently.
    let json = render_all(&normalise::normalise(kept, side));
    if json.len() <= limits.attribute_bytes {
        json
    } else {
        "[]".to_owned()
    }
}

/// Returns which messages to drop, oldest first, until `excess` bytes are gone. If a call is dropped, so are the answers to it. The
/// user's last message and the last message stay.
fn select_dropped(messages: &[Message], lengths: &[usize], excess: usize) -> Vec<bool> {
    let last_user = messages
        .iter()
        .rposition(|message| message.role == Role::User);
    let mut drop = vec![false; messages.len()];
    let mut freed = 0;
    let mut dropped_call = false;
    for (index, message) in messages.iter().enumerate() {
        let is_answer = dropped_call && message.role == Role::Tool;
        let must_stay = index + 1 == messages.len() || Some(index) == last_user;
        if must_stay || (freed >= excess && !is_answer) {
            dropped_call = false;
            continue;
        }
        drop[index] = true;
        freed += lengths[index];
        dropped_call = is_answer || message.parts.iter().any(normalise::is_call);
    }
    drop
}

/// Cuts every string of a message. Returns whether one was too long.
fn shorten(message: &mut Message, limit: usize) -> bool {
    let texts = [&mut message.name, &mut message.finish_reason];
    let mut is_cut = texts
        .into_iter()
        .flatten()
        .fold(false, |any, text| cut::cut(text, limit) | any);
    for part in &mut message.parts {
        is_cut |= match part {
            Part::Text(text) | Part::Reasoning(text) => cut::cut(text, limit),
            Part::ToolCall {
                id,
                name,
                arguments,
            } => cut::cut(name, limit) | cut_optional(id, limit) | cut::shorten(arguments, limit),
            Part::ToolCallResponse { id, name, response } => {
                cut_optional(id, limit) | cut_optional(name, limit) | cut::shorten(response, limit)
            }
            Part::Media(media) => shorten_media(media, limit),
            Part::Object(value) => cut::shorten(value, limit),
            Part::Other(fields) => fields
                .values_mut()
                .fold(false, |any, field| cut::shorten(field, limit) | any),
        };
    }
    is_cut
}

fn shorten_media(media: &mut Media, limit: usize) -> bool {
    let is_cut = match &mut media.source {
        MediaSource::Uri(text) | MediaSource::File(text) => cut::cut(text, limit),
        MediaSource::Blob => false,
    };
    cut::cut(&mut media.modality, limit) | cut::cut(&mut media.mime_type, limit) | is_cut
}

fn cut_optional(text: &mut Option<String>, limit: usize) -> bool {
    text.as_mut().is_some_and(|text| cut::cut(text, limit))
}

/// Replaces a value that is large although its strings are short with the start of its JSON.
fn collapse(part: &mut Part) {
    match part {
        Part::ToolCall {
            arguments: value, ..
        }
        | Part::ToolCallResponse {
            response: value, ..
        } => {
            let mut text = value.to_string();
            if cut::cut(&mut text, COLLAPSED_BYTES) {
                *value = Value::String(text);
            }
        }
        Part::Object(value) => *part = collapsed(value),
        Part::Other(fields) => *part = collapsed(&Value::Object(std::mem::take(fields))),
        Part::Text(_) | Part::Reasoning(_) | Part::Media(_) => {}
    }
}

fn collapsed(value: &Value) -> Part {
    let mut text = value.to_string();
    cut::cut(&mut text, COLLAPSED_BYTES);
    Part::Text(text)
}

fn render(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    write::message(&mut out, message);
    out
}

fn render_all(messages: &[Message]) -> String {
    let mut out = Vec::new();
    write::array(&mut out, messages, write::message);
    write::finish(out)
}
