//! Brings content into the format and size that Sentry shows.

use std::{borrow::Cow, ops::Range, slice};

use memchr::memmem;

use crate::{
    Attributes, Value,
    attributes::{Name, Piece},
    dialect::{INSTRUCTIONS, OUTPUT},
    messages::{
        self, Messages, Part,
        canonical::{self, Edit},
    },
};

mod bounds;
mod finish_reasons;
mod keys;

pub use bounds::shorten_content;
pub(crate) use bounds::{enforce_span_limit, is_within_limits, truncate_texts};
pub(crate) use finish_reasons::{
    FINISH_REASONS, extract_finish_reasons, finish_reasons, is_single_reason,
    normalise_finish_reasons,
};
use keys::{CONTENT, Format, structured};
pub(crate) use keys::{Content, Side, is_content, is_input, is_structured, side, side_of_messages};
pub use messages::ContentLimits;

/// Merges the two attributes that used to hold an answer, before one is renamed over the other.
pub(crate) fn merge_answer(attributes: &mut Attributes) {
    const TEXT: &str = "gen_ai.response.text";
    const CALLS: &str = "gen_ai.response.tool_calls";
    let Some(calls) = attributes.text(CALLS).map(str::to_owned) else {
        let choices = attributes.text(TEXT).and_then(choices);
        if let Some(choices) = choices {
            attributes.set(TEXT, choices);
        }
        return;
    };
    attributes.remove(CALLS);
    if attributes.contains(OUTPUT) {
        return;
    }
    let text = attributes.text(TEXT).map(str::to_owned);
    attributes.remove(TEXT);
    let calls = serde_json::from_str(&calls).unwrap_or(serde_json::Value::String(calls));
    let mut messages = vec![serde_json::json!({ "role": "assistant", "tool_calls": calls })];
    match text.map(|text| answers(&text).ok_or(text)) {
        // Sentry's SDK for JavaScript lists all messages of LangGraph's agents there, without their calls.
        Some(Ok(mut answers)) => messages.append(&mut answers),
        Some(Err(text)) => messages[0]["content"] = serde_json::Value::String(first_text(&text)),
        None => {}
    }
    attributes.push(OUTPUT, serde_json::Value::Array(messages).to_string());
}

/// Reads a list of messages.
fn answers(text: &str) -> Option<Vec<serde_json::Value>> {
    let messages: Vec<serde_json::Value> = serde_json::from_str(text).ok()?;
    let is_message = |message: &serde_json::Value| message.get("role").is_some();
    messages.iter().all(is_message).then_some(messages)
}

/// Reads an answer in its former format: a JSON list with one text per choice.
fn choices(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}

fn first_text(text: &str) -> String {
    match choices(text) {
        Some(choices) => choices.into_iter().next().unwrap_or_default(),
        None => text.to_owned(),
    }
}

/// Brings all content into Sentry's format, within `limits`.
pub(crate) fn normalise(attributes: &mut Attributes, limits: &ContentLimits) {
    normalise_each(attributes, CONTENT, limits);
}

/// Returns the content that [`normalise`] would find. What it creates from that has its format already.
pub(crate) fn find_structured(attributes: &Attributes) -> Vec<&'static Content> {
    let is_found = |content: &&Content| attributes.get_by_name(&content.key).is_some();
    CONTENT.iter().filter(is_found).collect()
}

/// Brings the given content into Sentry's format.
pub(crate) fn normalise_each<'c>(
    attributes: &mut Attributes,
    contents: impl IntoIterator<Item = &'c Content>,
    limits: &ContentLimits,
) {
    // Whatever moves out of normalised messages is already normalised.
    let mut has_moved_system = false;
    for content in contents {
        let key = content.key.text;
        let Some(Value::Str(text)) = attributes.get_by_name(&content.key) else {
            continue;
        };
        match content.format {
            Format::Messages(side) => {
                has_moved_system |= normalise_messages(attributes, &content.key, side, limits);
            }
            Format::System if has_moved_system || canonical::is_text_parts(text, limits) => {}
            Format::System => {
                let normalised = messages::system_instructions(text, limits);
                set_list(attributes, key, &normalised);
            }
            Format::Tools => {
                let normalised = messages::tool_definitions(text, limits);
                set_list(attributes, key, &normalised);
            }
            Format::Payload => {
                let (normalised, size) = messages::tool_payload(text, limits);
                if let Cow::Owned(normalised) = normalised {
                    attributes.set(key, normalised);
                }
                if key == "gen_ai.tool.call.result"
                    && let Some(size) = size
                {
                    attributes.set("gen_ai.tool.call.result.size", size);
                }
            }
        }
    }
}

/// Normalises messages. Returns whether any of them became system instructions, which are then normalised.
fn normalise_messages(
    attributes: &mut Attributes,
    key: &Name,
    side: messages::Side,
    limits: &ContentLimits,
) -> bool {
    let Some(Value::Str(text)) = attributes.get_by_name(key) else {
        return false;
    };
    let has_moved_system;
    let mut original_length = None;
    let found = canonical::messages(text, side, limits);
    let is_too_long = match &found {
        Some(found) => !found.fits,
        None => text.len() > limits.attribute_bytes,
    };
    if let Some(found) = found.filter(|found| found.fits) {
        if found.is_unchanged() {
            return false;
        }
        has_moved_system = move_system_messages(attributes, key, found.system(), limits);
        match found.rest {
            Some(rest) => {
                let kept = rest..end_of_list(attributes, key);
                keep_messages(attributes, key, slice::from_ref(&kept), found.edits);
            }
            None => {
                attributes.remove(key.text);
            }
        }
    } else if is_too_long && let Some(found) = canonical::shorten(text, side, limits) {
        original_length = found.original_length;
        has_moved_system = move_system_messages(attributes, key, found.system(), limits);
        keep_messages(attributes, key, &found.kept, found.edits);
    } else {
        let mut messages = Messages::parse(text, side);
        has_moved_system = add_system_instructions(attributes, messages.take_system(), limits);
        let fitted = (!messages.is_empty()).then(|| messages.into_json(limits));
        attributes.remove(key.text);
        if let Some(fitted) = fitted {
            original_length = fitted.original_length;
            attributes.push(key.text, fitted.json);
        }
    }
    if side == messages::Side::Input
        && let Some(length) = original_length
    {
        attributes.set("gen_ai.request.messages.original_length", length);
    }
    has_moved_system
}

/// Moves the texts of system messages to the system instructions. Returns whether there are any.
fn move_system_messages(
    attributes: &mut Attributes,
    key: &Name,
    texts: &[Range<usize>],
    limits: &ContentLimits,
) -> bool {
    /// The field of a text part that holds its text.
    const CONTENT_FIELD: &[u8] = b"\"content\":";
    static NAME: Name = Name::new(INSTRUCTIONS);

    if texts.is_empty() {
        return false;
    }
    let instructions = match attributes.get_by_name(&NAME) {
        None => {
            attributes.push_pieces(INSTRUCTIONS, key, text_parts(texts));
            return true;
        }
        Some(Value::Str(instructions)) => instructions,
        Some(_) => "",
    };
    let messages = attributes.text_by_name(key).unwrap_or_default();
    let texts = texts.iter().filter_map(|range| messages.get(range.clone()));
    // Usually both places hold the same text.
    let begins_with = |text: &str| {
        let first = instructions.strip_prefix(r#"[{"type":"text","content":"#);
        first.is_some_and(|rest| rest.starts_with(text))
    };
    let is_included = |text: &str| {
        let mut others = memmem::find_iter(instructions.as_bytes(), CONTENT_FIELD);
        let matches_at = |at: usize| instructions[at + CONTENT_FIELD.len()..].starts_with(text);
        begins_with(text) || others.any(matches_at)
    };
    if texts.clone().all(is_included) {
        return false;
    }
    let parts = texts.filter_map(|text| serde_json::from_str(text).ok().map(Part::Text));
    let parts = parts.collect();
    add_system_instructions(attributes, parts, limits)
}

/// Adds parts of system messages to the system instructions, which some libraries record separately. Returns whether there are
/// any.
fn add_system_instructions(
    attributes: &mut Attributes,
    parts: Vec<Part>,
    limits: &ContentLimits,
) -> bool {
    if parts.is_empty() {
        return false;
    }
    let instructions = attributes.text(INSTRUCTIONS).unwrap_or_default();
    let joined = messages::join_system(instructions, parts, limits);
    set_list(attributes, INSTRUCTIONS, &joined);
    true
}

/// Keeps only the messages at these places, as a list, with the edits that concern them.
fn keep_messages(
    attributes: &mut Attributes,
    key: &Name,
    ranges: &[Range<usize>],
    edits: Vec<Edit>,
) {
    let mut edits = edits.into_iter().peekable();
    let first = ranges.first().map_or(0, |range| range.start);
    while edits.next_if(|edit| edit.range.start < first).is_some() {}
    let length = attributes.text_by_name(key).map_or(0, str::len);
    // A comma or a space precedes the first message that stays, and a bracket is behind the last.
    if let [range] = ranges
        && edits.peek().is_none()
        && range.end + 1 == length
        && attributes.replace_front(key, range.start, "[")
    {
        return;
    }
    let mut pieces = Vec::new();
    for (index, range) in ranges.iter().enumerate() {
        pieces.push(Piece::Literal(if index == 0 { "[" } else { "," }));
        let mut copied_up_to = range.start;
        while let Some(edit) = edits.next_if(|edit| edit.range.start < range.end) {
            if edit.range.start >= range.start {
                pieces.push(Piece::Source(copied_up_to..edit.range.start));
                pieces.extend(edit.replacement);
                copied_up_to = edit.range.end;
            }
        }
        pieces.push(Piece::Source(copied_up_to..range.end));
    }
    pieces.push(Piece::Literal("]"));
    attributes.replace_pieces(key, pieces);
}

/// Returns the position of the bracket that closes a list.
fn end_of_list(attributes: &Attributes, key: &Name) -> usize {
    let text = attributes.text_by_name(key).unwrap_or_default();
    text.trim_end().len().saturating_sub(1)
}

/// Builds a list of text parts from texts that are JSON strings.
fn text_parts(ranges: &[Range<usize>]) -> impl Iterator<Item = Piece> {
    const START: &str = r#"{"type":"text","content":"#;

    let texts = ranges.iter().enumerate().flat_map(|(index, range)| {
        [
            Piece::Literal(if index == 0 { "[" } else { "," }),
            Piece::Literal(START),
            Piece::Source(range.clone()),
            Piece::Literal("}"),
        ]
    });
    texts.chain([Piece::Literal("]")])
}

/// Sets an attribute to a JSON list, or removes it if the list is empty.
fn set_list(attributes: &mut Attributes, key: &'static str, list: &str) {
    attributes.remove(key);
    if list != "[]" {
        attributes.push(key, list);
    }
}

#[cfg(test)]
mod tests;
