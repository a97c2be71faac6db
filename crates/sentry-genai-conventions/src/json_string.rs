//! Appends texts to a buffer as JSON strings. The result is what serde_json writes.

use crate::needs_no_escape;

/// Appends a JSON string.
///
/// Most of what is sent is text, and most of that is JSON inside of JSON, so this is where the time goes.
#[inline]
pub fn write_string(buffer: &mut Vec<u8>, text: &str) {
    if is_short_and_plain(text) {
        write_plain_string(buffer, text);
    } else if text.len() <= LONG {
        json_escape_simd::escape_into(text, buffer);
    } else {
        write_long_string(buffer, text);
    }
}

/// Longer texts are escaped piece by piece.
const LONG: usize = 16 * 1024;

/// Writes a JSON string of a long text, piece by piece. For the whole text at once, the escaper would reserve six times
/// its length, as if every byte were a control character, and a large buffer would double for it.
#[cold]
fn write_long_string(buffer: &mut Vec<u8>, text: &str) {
    const PIECE: usize = 2048;

    let mut escaped = Vec::with_capacity(6 * PIECE + 64);
    let mut rest = text;
    buffer.push(b'"');
    while !rest.is_empty() {
        let end = PIECE.min(rest.len());
        let end = (0..=end).rev().find(|&at| rest.is_char_boundary(at));
        let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
        escaped.clear();
        json_escape_simd::escape_into(piece, &mut escaped);
        // Without the quotation marks.
        buffer.extend_from_slice(&escaped[1..escaped.len() - 1]);
        rest = after;
    }
    buffer.push(b'"');
}

/// Appends a JSON string of a text that [needs no escaping](needs_no_escape).
#[inline]
pub fn write_plain_string(buffer: &mut Vec<u8>, text: &str) {
    debug_assert!(needs_no_escape(text));
    buffer.push(b'"');
    buffer.extend_from_slice(text.as_bytes());
    buffer.push(b'"');
}

/// Returns whether a text of at most 128 bytes can be written to a JSON string as it is.
///
/// Returns false for any long text, for which the vectorised escaper is worth its setup.
#[inline]
pub fn is_short_and_plain(text: &str) -> bool {
    const SHORT: usize = 128;

    text.len() <= SHORT && needs_no_escape(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_serde_does() {
        let every: String = (0..=0x17f_u32).filter_map(char::from_u32).collect();
        let mut texts = vec![
            String::new(),
            every.clone(),
            "\u{10ffff}\u{2028}".to_owned(),
        ];
        // Every character at every position of a word.
        for shift in 0..9 {
            texts.push(format!("{}{every}", "x".repeat(shift)));
            for special in ['"', '\\', '\n', '\u{1f}', ' ', 'é'] {
                texts.push(format!(
                    "{}{special}{}",
                    "x".repeat(shift),
                    "y".repeat(9 - shift)
                ));
            }
        }
        // Long texts, with the end of a piece at every position of a character.
        let all = every.repeat(LONG / every.len() + 2);
        texts.extend((0..9).map(|shift| format!("{}{all}", "x".repeat(shift))));
        texts.push("\u{10ffff}".repeat(LONG));
        for text in texts {
            let mut buffer = Vec::new();
            write_string(&mut buffer, &text);
            assert_eq!(
                String::from_utf8(buffer).unwrap(),
                serde_json::to_string(&text).unwrap()
            );
        }
    }
}
