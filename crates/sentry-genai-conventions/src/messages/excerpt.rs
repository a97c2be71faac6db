//! Excerpts: both ends of a text that is far too long, and the messages that can be read from them.

use std::borrow::Cow;

use memchr::memmem;

use super::cut;

/// The separator between the two ends. No JSON includes it, because a JSON string cannot include a line break.
const GAP_START: &str = "\n… [";
const GAP_END: &str = " bytes cut] …\n";

/// Returns `text`, or if it is longer than `room` bytes, both its ends with a note in between that says how many bytes are
/// missing.
///
/// A source of spans uses this on its caller's time: it copies what stays and examines nothing. From an excerpt of a list of
/// messages, the translation reads the last messages. The original number of messages is then unknown, so
/// `gen_ai.request.messages.original_length` is too low. The note is not counted, so the result may be slightly longer than
/// `room`.
#[must_use]
pub fn excerpt(text: &str, room: usize) -> Cow<'_, str> {
    if text.len() <= room {
        return Cow::Borrowed(text);
    }
    let mut excerpt = String::new();
    write_excerpt(&mut excerpt, text, room);
    Cow::Owned(excerpt)
}

/// Appends both ends of a text that is longer than `room`.
pub(crate) fn write_excerpt(buffer: &mut String, text: &str, room: usize) {
    // A single long message is shown from its beginning, many messages from their end. The end gets more room.
    let mut head = room / 3;
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    let mut tail = text.len() - (room - room / 3);
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    let missing = (tail - head).to_string();
    let pieces = [&text[..head], GAP_START, &missing, GAP_END, &text[tail..]];
    buffer.reserve(pieces.iter().map(|piece| piece.len()).sum());
    for piece in pieces {
        buffer.push_str(piece);
    }
}

/// Returns the most informative part of an excerpt of a conversation: its last messages as a list, or else its beginning. `None`
/// if the text is not an excerpt of a list.
pub(super) fn conversation(text: &str) -> Option<Cow<'_, str>> {
    let (head, missing, tail) = parts(text)?;
    Some(match last_elements(tail) {
        Some(elements) => Cow::Owned(format!("[{elements}")),
        None => match prefix_inside_string(head) {
            Some(head) => {
                let marker = cut::marker(missing);
                Cow::Owned([head, &marker].concat())
            }
            None => Cow::Borrowed(head),
        },
    })
}

/// Returns the last role in the second half of an excerpt of a list.
pub(super) fn last_role(text: &str) -> Option<&str> {
    const ROLE: &str = r#""role":""#;
    let (_, _, tail) = parts(text)?;
    let start = memmem::rfind(tail.as_bytes(), ROLE.as_bytes())? + ROLE.len();
    let (role, _) = tail[start..].split_once('"')?;
    Some(role)
}

/// Returns JSON that ends inside a string, without an incomplete escape at its end; `None` if it ends elsewhere.
fn prefix_inside_string(json: &str) -> Option<&str> {
    let mut bytes = json.bytes().enumerate();
    let mut is_inside = false;
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => is_inside = !is_inside,
            b'\\' if is_inside && bytes.next().is_none() => return Some(&json[..at]),
            _ => {}
        }
    }
    is_inside.then_some(json)
}

/// Returns where the complete messages at the end of an excerpt of a list start.
pub(super) fn last_messages(text: &str) -> Option<usize> {
    let (_, _, tail) = parts(text)?;
    Some(text.len() - last_elements(tail)?.len())
}

/// Returns the same as [`last_messages`] in a fraction of the time, provided that only messages follow and each starts with its
/// role. That is not checked.
pub(super) fn last_messages_fast(text: &str) -> Option<usize> {
    let (_, _, tail) = parts(text)?;
    let first_role = memmem::find(tail.as_bytes(), br#",{"role":"#)? + 1;
    let start = first_element(tail.as_bytes(), first_role, Some(first_role))?;
    Some(text.len() - tail.len() + start)
}

/// Returns both ends of the list that a text is an excerpt of, with the number of missing bytes between them.
fn parts(text: &str) -> Option<(&str, usize, &str)> {
    text.starts_with('[').then_some(())?;
    // For texts of this length the standard library takes twenty times as long.
    let start = memmem::find(text.as_bytes(), GAP_START.as_bytes())?;
    let (head, rest) = (&text[..start], &text[start + GAP_START.len()..]);
    let (missing, tail) = rest.split_once(GAP_END)?;
    Some((head, missing.parse().ok()?, tail))
}

/// Returns the end of a JSON list, starting at the first complete object.
fn last_elements(tail: &str) -> Option<&str> {
    let bytes = tail.trim_end().as_bytes();
    let end = bytes.len().checked_sub(1)?;
    (bytes[end] == b']').then_some(())?;
    first_element(bytes, end, None).map(|at| &tail[at..])
}

/// Returns the position of the first complete object of a list, reading backwards. That is unambiguous, because a quotation mark
/// delimits a string if an even number of backslashes precedes it. Starts in front of `at`, with `first` as the result so far.
fn first_element(bytes: &[u8], mut at: usize, mut first: Option<usize>) -> Option<usize> {
    let mut depth = 0_usize;
    while at > 0 {
        at -= 1;
        match bytes[at] {
            b'"' => match string_start(bytes, at) {
                Some(start) => at = start,
                None => break,
            },
            b'}' | b']' => depth += 1,
            b'{' | b'[' => {
                let Some(outer) = depth.checked_sub(1) else {
                    break;
                };
                depth = outer;
                if depth == 0 && bytes[at] == b'{' {
                    first = Some(at);
                }
            }
            _ => {}
        }
    }
    first
}

/// Returns the position of the quotation mark that opens the string which the one at `end` closes.
fn string_start(bytes: &[u8], end: usize) -> Option<usize> {
    let mut at = end;
    loop {
        at = memchr::memrchr(b'"', &bytes[..at])?;
        let backslashes = bytes[..at].iter().rev().take_while(|&&byte| byte == b'\\');
        if backslashes.count() % 2 == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn message(text: &str) -> Value {
        json!({"role": "user", "parts": [{"type": "text", "content": text}, {"type": "text", "content": "{"}]})
    }

    #[test]
    fn the_last_messages_of_an_excerpt_are_complete() {
        let mut messages: Vec<_> = (0..200)
            .map(|number| message(&format!(r#"old {number} \" }}]"#)))
            .collect();
        messages.push(message("the question"));
        let text = Value::from(messages.clone()).to_string();
        for room in 400..600 {
            let kept = excerpt(&text, room);
            assert!(kept.len() < room + 40);
            let kept: Vec<Value> = serde_json::from_str(&conversation(&kept).unwrap()).unwrap();
            assert!(kept.len() > 1);
            assert!(messages.ends_with(&kept));
        }
    }

    #[test]
    fn the_fast_search_finds_the_same_messages() {
        let messages = (0..200).map(|number| {
            let parts =
                json!([{"type": "text", "content": format!(r#"{number} ,{{"role": \" }}]"#)}]);
            format!(r#"{{"role":"user","parts":{parts}}}"#)
        });
        let text = format!("[{}]", messages.collect::<Vec<_>>().join(","));
        for room in 400..600 {
            let kept = excerpt(&text, room);
            let start = last_messages_fast(&kept);
            assert!(start.is_some());
            assert_eq!(start, last_messages(&kept));
        }
    }

    #[test]
    fn one_long_message_keeps_its_beginning() {
        let text = Value::from(vec![message(&"äö\"\n".repeat(1000))]).to_string();
        let kept = excerpt(&text, 200);
        let beginning = conversation(&kept).unwrap();
        let (beginning, missing) = beginning.split_once('…').unwrap();
        assert!(text.starts_with(beginning) && beginning.len() > 40);
        assert!(missing.ends_with(" bytes cut]"));
    }

    #[test]
    fn other_texts_keep_both_ends() {
        assert_eq!(excerpt("short", 5), "short");
        let kept = excerpt("äääää bbbbb ccccc", 8);
        assert_eq!(kept, "ä\n… [14 bytes cut] …\n ccccc");
        assert_eq!(conversation(&kept), None);
        assert_eq!(conversation("[]"), None);
    }
}
