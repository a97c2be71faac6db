//! What a door keeps of a text that is far too long, and what the messages in it were.

use std::borrow::Cow;

use memchr::memmem;

use super::cut;

/// Stands between the two ends. A line break cannot stand in a JSON string, so no JSON has this inside.
const START: &str = "\n… [";
const END: &str = " bytes cut] …\n";

/// Returns `text`, or both its ends if it is longer than `room` bytes, with a note between them of how much is missing.
///
/// A door uses this on its caller's time: it copies what stays and looks at nothing. The translation finds the last messages in
/// what is left of a list of them; how many there were is not known after that, so `gen_ai.request.messages.original_length` is
/// then too low.
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
    // One long message shows its beginning, and many of them their end: of the latter more fits.
    let mut head = room / 3;
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    let mut tail = text.len() - (room - room / 3);
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    let missing = (tail - head).to_string();
    let pieces = [&text[..head], START, &missing, END, &text[tail..]];
    buffer.reserve(pieces.iter().map(|piece| piece.len()).sum());
    for piece in pieces {
        buffer.push_str(piece);
    }
}

/// Returns the part of an excerpt that tells most of a conversation: its last messages as a list, or else its beginning.
/// `None` for a text that is no excerpt of a list.
pub(super) fn conversation(text: &str) -> Option<Cow<'_, str>> {
    let (head, missing, tail) = parts(text)?;
    Some(match last_elements(tail) {
        Some(elements) => Cow::Owned(format!("[{elements}")),
        None => match inside_string(head) {
            Some(head) => {
                let marker = cut::marker(missing);
                Cow::Owned([head, &marker].concat())
            }
            None => Cow::Borrowed(head),
        },
    })
}

/// Returns the last role that stands in the end of an excerpt of a list.
pub(super) fn last_role(text: &str) -> Option<&str> {
    const ROLE: &str = r#""role":""#;
    let (_, _, tail) = parts(text)?;
    let start = memmem::rfind(tail.as_bytes(), ROLE.as_bytes())? + ROLE.len();
    let (role, _) = tail[start..].split_once('"')?;
    Some(role)
}

/// Returns what there is of JSON that ends in the middle of a string, without half an escape; `None` if it ends elsewhere.
fn inside_string(json: &str) -> Option<&str> {
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

/// Returns where the messages start that are wholly there in an excerpt of a list, which reach to its end.
pub(super) fn last_messages(text: &str) -> Option<usize> {
    let (_, _, tail) = parts(text)?;
    Some(text.len() - last_elements(tail)?.len())
}

/// Returns what [`last_messages`] does, if from there on nothing but messages follows, each of which starts with its role. It does
/// not look whether that is so, and takes a fraction of the time.
pub(super) fn usual_last_messages(text: &str) -> Option<usize> {
    let (_, _, tail) = parts(text)?;
    let usual = memmem::find(tail.as_bytes(), br#",{"role":"#)? + 1;
    let start = first_element(tail.as_bytes(), usual, Some(usual))?;
    Some(text.len() - tail.len() + start)
}

/// Returns the beginning and the end of a list of which a text is an excerpt, with the number of bytes that are missing in between.
fn parts(text: &str) -> Option<(&str, usize, &str)> {
    text.starts_with('[').then_some(())?;
    // The standard library takes twenty times as long for so long a text.
    let start = memmem::find(text.as_bytes(), START.as_bytes())?;
    let (head, rest) = (&text[..start], &text[start + START.len()..]);
    let (missing, tail) = rest.split_once(END)?;
    Some((head, missing.parse().ok()?, tail))
}

/// Finds the end of a JSON list from the first object on that is wholly there.
fn last_elements(tail: &str) -> Option<&str> {
    let bytes = tail.trim_end().as_bytes();
    let end = bytes.len().checked_sub(1)?;
    (bytes[end] == b']').then_some(())?;
    first_element(bytes, end, None).map(|at| &tail[at..])
}

/// Finds the first object of a list that is wholly there. Read from its end, JSON is as clear as from its start: a quotation mark
/// with an even number of backslashes before it delimits a string. What is read already is `first`, from `at` on.
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

/// Finds the quotation mark that opens the string which the one at `end` closes.
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
    fn the_last_messages_of_an_excerpt_are_whole() {
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
    fn usual_messages_are_found_without_reading_all() {
        let messages = (0..200).map(|number| {
            let parts =
                json!([{"type": "text", "content": format!(r#"{number} ,{{"role": \" }}]"#)}]);
            format!(r#"{{"role":"user","parts":{parts}}}"#)
        });
        let text = format!("[{}]", messages.collect::<Vec<_>>().join(","));
        for room in 400..600 {
            let kept = excerpt(&text, room);
            let start = usual_last_messages(&kept);
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
