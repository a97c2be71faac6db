//! Replaces binary content in text and JSON with a note that it was there.

use std::{borrow::Cow, sync::LazyLock};

use memchr::memmem::Finder;
use serde_json::Value;

use super::{
    Object,
    block::{self, Blocks, ByteRange, LastBlock},
};

/// What Sentry shows in place of removed binary content.
pub(super) const SUBSTITUTE: &str = "[Blob substitute]";

/// Fields that hold binary content if their value is a long base64 text.
const MEDIA_KEYS: &[&str] = &[
    "audio",
    "audio_base64",
    "audio_data",
    "b64",
    "b64_json",
    "base64",
    "base64_image",
    "binary_content",
    "blob",
    "bytes",
    "data",
    "file_data",
    "fileData",
    "image",
    "image_base64",
    "image_data",
    "image_url",
    "imageBase64",
    "imageData",
    "inline_data",
    "inlineData",
    "screenshot",
    "thumbnail",
    "video",
    "video_data",
];

/// How base64 of media begins: PNG, JPEG, GIF, RIFF (WAV and WebP), PDF, MP3 with tags, and Ogg. Such a text is binary content
/// whatever field it is in.
const MEDIA_PREFIXES: &[&[u8]] = &[
    b"iVBORw0KGg",
    b"/9j",
    b"R0lGOD",
    b"UklGR",
    b"JVBERi0",
    b"SUQz",
    b"T2dnUw",
];

/// Fields that hold binary content of any length if a media type is next to them.
const PAYLOAD_KEYS: &[&str] = &[
    "base64",
    "binary_content",
    "blob",
    "body",
    "bytes",
    "content",
    "data",
];

pub(super) const MIME_KEYS: &[&str] = &["mime_type", "mimeType", "media_type", "mediaType"];

/// The minimum length of a text that is taken for base64 without a media type next to it.
const MIN_BASE64_LENGTH: usize = 64;

/// What precedes base64 in a URL, in upper or lower case.
const BASE64_MARKER: &[u8; 8] = b";base64,";

/// The end of the marker, which is the same in either case.
static MARKER_END_FINDER: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"64,"));

/// Returns whether it is worth examining the whole text. Almost no text holds a blob.
pub(super) fn may_hold_blob(bytes: &[u8]) -> bool {
    let mut semicolons = ByteRange::<b';', b';'>::new();
    // The end of the last run that was measured.
    let mut end = 0;
    let mut last_block = LastBlock::new();
    for (index, block) in Blocks::of(bytes, &mut last_block).enumerate() {
        semicolons.add(&block);
        let is_broken = block.unbroken() >> 63 == 0;
        if !is_broken && is_in_blob(bytes, index * block::SIZE, &mut end) {
            return true;
        }
    }
    // Few texts have a semicolon, and searching for one byte is faster than searching for several.
    semicolons.found() && has_base64_marker(bytes)
}

/// Returns whether `bytes` include the marker that precedes base64 in a URL.
pub(super) fn has_base64_marker(bytes: &[u8]) -> bool {
    let mut ends = MARKER_END_FINDER.find_iter(bytes);
    ends.any(|at| ends_with_marker(&bytes[..at + b"64,".len()]))
}

fn ends_with_marker(bytes: &[u8]) -> bool {
    let last = bytes.last_chunk();
    last.is_some_and(|last: &[u8; 8]| last.eq_ignore_ascii_case(BASE64_MARKER))
}

/// Returns whether a sample of the block that starts at `start` is in a run that may be a blob. `end` is the end of the last run
/// that was measured.
#[inline(never)]
fn is_in_blob(bytes: &[u8], start: usize, end: &mut usize) -> bool {
    block::SAMPLES.into_iter().any(|sample| {
        let at = start + sample;
        let sample = bytes.get(at..).and_then(<[u8]>::first_chunk::<STEP_BYTES>);
        at >= *end
            && sample.is_some_and(|sample| sample.iter().all(|&byte| RUN_BYTES[usize::from(byte)]))
            && is_long_run(bytes, at, end)
    })
}

#[inline(never)]
fn is_long_run(bytes: &[u8], at: usize, end: &mut usize) -> bool {
    let (before, after) = bytes.split_at(at);
    *end = at + run_length_after(after);
    let run = &bytes[at - run_length_before(before)..*end];
    run.len() >= MIN_BASE64_LENGTH && has_both_cases(run)
}

/// The number of bytes examined per step while measuring a run.
const STEP_BYTES: usize = 16;

/// The bytes that a run of base64 may include. A backslash counts because line breaks and slashes may be escaped.
static RUN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_base64(byte as u8) || byte as u8 == b'\\';
        byte += 1;
    }
    table
};

/// Returns how many bytes at the start may belong to a run.
fn run_length_after(bytes: &[u8]) -> usize {
    let steps = bytes.as_chunks().0.iter();
    let whole = steps.take_while(|step| is_run_step(step)).count() * STEP_BYTES;
    let rest = bytes[whole..].iter();
    whole
        + rest
            .take_while(|&&byte| RUN_BYTES[usize::from(byte)])
            .count()
}

/// Returns how many bytes at the end may belong to a run.
fn run_length_before(bytes: &[u8]) -> usize {
    let steps = bytes.as_rchunks().1.iter().rev();
    let whole = steps.take_while(|step| is_run_step(step)).count() * STEP_BYTES;
    let rest = bytes[..bytes.len() - whole].iter().rev();
    whole
        + rest
            .take_while(|&&byte| RUN_BYTES[usize::from(byte)])
            .count()
}

/// Returns whether [`RUN_BYTES`] holds for all bytes. There are no branches, so that the bytes are examined together.
fn is_run_step(step: &[u8; STEP_BYTES]) -> bool {
    step.iter().fold(true, |all, &byte| {
        all & (((byte | 0x20).wrapping_sub(b'a') < 26)
            | (byte.wrapping_sub(b'/') < 11)
            | (byte == b'+')
            | (byte == b'-')
            | (byte == b'=')
            | (byte == b'_')
            | (byte == b'\\'))
    })
}

/// Returns whether a text is certainly too short for binary content, as most texts are.
#[inline]
pub(crate) fn is_too_short_for_blob(text: &str) -> bool {
    /// A URL with a single character of base64.
    const MIN_LENGTH: usize = "data:;base64,Q".len();

    text.len() < MIN_LENGTH || text.len() < MIN_BASE64_LENGTH && !has_semicolon(text.as_bytes())
}

/// Searches a short text of at least eight bytes, for which calling `memchr` would take longer.
fn has_semicolon(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 0xff;

    let last = bytes.last_chunk();
    bytes.as_chunks().0.iter().chain(last).any(|word| {
        let differing = u64::from_le_bytes(*word) ^ (ONES * b';' as u64);
        // The expression sets the highest bit of the first byte that is zero, and no bit if no byte is zero.
        differing.wrapping_sub(ONES) & !differing & (ONES << 7) != 0
    })
}

/// Replaces base64 `data:` URLs anywhere in `text`, and long base64 texts in fields of media.
///
/// Only the payload is replaced, so JSON stays JSON, and so does JSON inside a JSON string.
pub(crate) fn redact_blobs(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    if !may_hold_blob(bytes) {
        return Cow::Borrowed(text);
    }
    let mut redacted = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        if !is_base64(bytes[at]) {
            at += 1;
            continue;
        }
        let end = run_end(bytes, at);
        let before = bytes[..at].trim_ascii_end();
        let start = if ends_with_marker(before) {
            data_url_start(before)
        } else if is_blob(&bytes[at..end]) && ends_value(bytes, end) {
            if is_media_field(bytes, at) {
                Some(at)
            } else {
                media_start(bytes, at)
            }
        } else {
            None
        };
        if let Some(start) = start.filter(|&start| start >= copied) {
            redacted.push_str(&text[copied..start]);
            redacted.push_str(SUBSTITUTE);
            copied = end;
        }
        at = end;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    redacted.push_str(&text[copied..]);
    Cow::Owned(redacted)
}

/// Replaces binary content anywhere inside `value`.
pub(super) fn redact_value(value: &mut Value) {
    match value {
        Value::String(text) => redact_text(text),
        Value::Array(items) => items.iter_mut().for_each(redact_value),
        Value::Object(fields) => redact_object(fields),
        _ => {}
    }
}

pub(super) fn redact_text(text: &mut String) {
    if let Cow::Owned(redacted) = redact_blobs(text) {
        *text = redacted;
    }
}

fn redact_object(fields: &mut Object) {
    let has_mime = MIME_KEYS
        .iter()
        .any(|key| fields.get(*key).is_some_and(Value::is_string));
    for (key, value) in fields {
        let is_media = MEDIA_KEYS.contains(&key.as_str());
        let is_payload = has_mime && PAYLOAD_KEYS.contains(&key.as_str());
        let is_binary = match value {
            Value::String(text) => {
                is_media && is_blob(text.as_bytes()) || is_payload && is_payload_text(text)
            }
            Value::Array(items) => {
                is_media && items.len() >= MIN_BASE64_LENGTH && items.iter().all(is_byte)
            }
            _ => false,
        };
        if is_binary {
            *value = SUBSTITUTE.into();
        } else {
            redact_value(value);
        }
    }
}

fn starts_like_media(bytes: &[u8]) -> bool {
    MEDIA_PREFIXES.iter().any(|start| bytes.starts_with(start))
}

/// Recognises an element of a `Vec<u8>`, which serde writes as an array of numbers.
fn is_byte(value: &Value) -> bool {
    value.as_u64().is_some_and(|number| number < 256)
}

fn is_payload_text(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(is_base64)
}

/// Recognises binary content. A hash or an id has letters of only one case, and no word is this long.
fn is_blob(run: &[u8]) -> bool {
    run.len() >= MIN_BASE64_LENGTH && has_both_cases(run) && run_end(run, 0) == run.len()
}

fn has_both_cases(run: &[u8]) -> bool {
    let upper = run
        .iter()
        .fold(false, |found, byte| found | byte.is_ascii_uppercase());
    upper && run.iter().any(u8::is_ascii_lowercase)
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

/// Returns the end of a run, in which line breaks, slashes and plus signs may be escaped for JSON.
fn run_end(bytes: &[u8], start: usize) -> usize {
    let mut rest = &bytes[start..];
    while let [byte, after @ ..] = rest {
        rest = match byte {
            b'\\' => match after {
                [b'/' | b'n' | b'r', after @ ..] => after,
                [
                    b'u',
                    b'0',
                    b'0',
                    b'2',
                    b'B' | b'b' | b'F' | b'f',
                    after @ ..,
                ] => after,
                _ => break,
            },
            _ if is_base64(*byte) => after,
            _ => break,
        };
    }
    bytes.len() - rest.len()
}

/// Returns where the `data:` URL starts whose payload follows these bytes.
fn data_url_start(before: &[u8]) -> Option<usize> {
    const MAX_HEADER: usize = 128;
    let from = before.len().saturating_sub(MAX_HEADER);
    before[from..]
        .windows(5)
        .rposition(|window| window.eq_ignore_ascii_case(b"data:"))
        .map(|at| from + at)
        .filter(|&start| before[start..].iter().all(|&byte| is_header(byte)))
}

fn is_header(byte: u8) -> bool {
    is_base64(byte) || matches!(byte, b':' | b';' | b',' | b'.' | b'\\' | b'%')
}

/// Returns whether the value that starts at `start` belongs to a field in [`MEDIA_KEYS`], in JSON or a Python repr.
fn is_media_field(bytes: &[u8], start: usize) -> bool {
    const MAX_LEAD: usize = 48;
    let lead = &bytes[start.saturating_sub(MAX_LEAD)..start];
    let Some(lead) = strip_quote(lead) else {
        return false;
    };
    let Some(lead) = lead.trim_ascii_end().strip_suffix(b":") else {
        return false;
    };
    let Some(lead) = strip_quote(lead.trim_ascii_end()) else {
        return false;
    };
    MEDIA_KEYS.iter().any(|key| {
        lead.strip_suffix(key.as_bytes())
            .is_some_and(|rest| rest.ends_with(b"\"") || rest.ends_with(b"'"))
    })
}

/// Strips a quotation mark and the backslashes that escape it.
fn strip_quote(lead: &[u8]) -> Option<&[u8]> {
    let mut lead = lead
        .strip_suffix(b"\"")
        .or_else(|| lead.strip_suffix(b"'"))?;
    while let Some(rest) = lead.strip_suffix(b"\\") {
        lead = rest;
    }
    Some(lead)
}

/// Returns where the value starts that begins like media at `at`. Its first slash may be escaped.
fn media_start(bytes: &[u8], at: usize) -> Option<usize> {
    let (mut before, value) = bytes.split_at(at);
    while let Some(rest) = before.strip_suffix(b"\\") {
        before = rest;
    }
    let is_value = matches!(before.last(), None | Some(b'"' | b'\''));
    (is_value && starts_like_media(value)).then_some(before.len())
}

fn ends_value(bytes: &[u8], end: usize) -> bool {
    matches!(bytes.get(end), None | Some(b'"' | b'\'' | b'\\'))
}

#[cfg(test)]
mod tests;
