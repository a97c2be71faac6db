//! Attributes prepared for encoders.

use std::slice;

use super::{Attributes, Entry, Value};

/// An attribute, with what is known about the escaping of its texts.
///
/// A text that is not known to be plain may still be. This saves encoders from looking at a text again that a previous
/// step has already checked.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Encodable<'a> {
    /// The key.
    pub key: &'a str,
    /// The value.
    pub value: Value<'a>,
    /// Whether the key is known to [need no escaping](needs_no_escape).
    pub key_is_plain: bool,
    /// Whether the value is a text that is known to need no escaping.
    pub value_is_plain: bool,
}

impl Attributes {
    /// Iterates like [`iter`](Self::iter), with what is known about the escaping of the texts.
    pub fn iter_encodable(&self) -> impl Iterator<Item = Encodable<'_>> {
        Encodables {
            attributes: self,
            entries: self.entries.iter(),
        }
    }
}

/// Iterates over attributes.
///
/// With adapters of the standard library, it would depend on the caller what is inlined.
pub(super) struct Encodables<'a> {
    pub(super) attributes: &'a Attributes,
    pub(super) entries: slice::Iter<'a, Entry>,
}

impl<'a> Iterator for Encodables<'a> {
    type Item = Encodable<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        for entry in self.entries.by_ref() {
            if let Some(value) = self.attributes.value(&entry.value) {
                return Some(Encodable {
                    key: entry.key.name(&self.attributes.text),
                    value,
                    key_is_plain: entry.plain.0 & Plain::KEY != 0,
                    value_is_plain: entry.plain.0 & Plain::VALUE != 0,
                });
            }
        }
        None
    }
}

/// Which texts of an attribute are known to need no escaping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain(u8);

impl Plain {
    pub(super) const UNKNOWN: Self = Self(0);
    const KEY: u8 = 1;
    const VALUE: u8 = 1 << 1;

    #[inline]
    pub(super) fn mark_key(&mut self) {
        self.0 |= Self::KEY;
    }

    #[inline]
    pub(super) fn mark_value(&mut self) {
        self.0 |= Self::VALUE;
    }
}

/// Returns whether a text contains no character that must be escaped in a JSON string: no control character, quotation
/// mark or backslash.
///
/// ```
/// use sentry_genai_conventions::needs_no_escape;
///
/// assert!(needs_no_escape("caf\u{e9} in Vienna"));
/// assert!(!needs_no_escape("\"quoted\""));
/// ```
#[must_use]
#[inline]
pub fn needs_no_escape(text: &str) -> bool {
    contains_none(text.as_bytes(), |byte| {
        is_control_or_quote(byte) | (byte == b'\\')
    })
}

/// Returns whether a byte is a control character or a quotation mark. The bit that tells the latter from a space changes the
/// order of control characters, but none becomes anything else.
#[inline(always)]
fn is_control_or_quote(byte: u8) -> bool {
    byte ^ (b'"' ^ b' ') <= b' '
}

/// Returns whether a text [needs no escaping](needs_no_escape) and contains no semicolon, which binary content would
/// have. A text with `<` or `[` counts as if it had one, because these are found together with semicolons and backslashes.
#[inline]
pub(crate) fn is_plain_and_not_binary(text: &str) -> bool {
    let is_mark = |byte: u8| byte.wrapping_sub(b';') & !(b'\\' - b';') == 0;
    contains_none(text.as_bytes(), |byte| {
        is_control_or_quote(byte) | is_mark(byte)
    })
}

/// Returns whether `is_match` is false for all bytes. Checks sixteen bytes at a time.
///
/// `is_match` should be one or two comparisons, not both for equality. If there are more, the compiler may shuffle the bytes of a
/// block, which triples the instructions.
#[inline(always)]
pub(crate) fn contains_none(bytes: &[u8], is_match: impl Fn(u8) -> bool) -> bool {
    /// A branch-free loop of fixed length, which the compiler turns into a few vector instructions.
    #[inline(always)]
    fn block_contains_none<const N: usize>(
        block: &[u8; N],
        is_match: &impl Fn(u8) -> bool,
    ) -> bool {
        !block
            .iter()
            .fold(false, |found, &byte| found | is_match(byte))
    }

    // The last block overlaps the previous one.
    if let Some(last) = bytes.last_chunk::<16>() {
        for block in bytes.as_chunks::<16>().0 {
            if !block_contains_none(block, &is_match) {
                return false;
            }
        }
        return block_contains_none(last, &is_match);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        return block_contains_none(first, &is_match) && block_contains_none(last, &is_match);
    }
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            block_contains_none(first, &is_match) && block_contains_none(last, &is_match)
        }
        _ => !bytes.iter().any(|&byte| is_match(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_special_byte_is_found_at_any_position() {
        for length in 0..70 {
            let plain = "x".repeat(length);
            assert!(needs_no_escape(&plain) && is_plain_and_not_binary(&plain));
            for position in 0..length {
                for special in ["\"", "\\", "\n", "\u{1f}", "\0", ";"] {
                    let mut text = plain.clone();
                    text.replace_range(position..=position, special);
                    assert_eq!(needs_no_escape(&text), special == ";", "{text:?}");
                    assert!(!is_plain_and_not_binary(&text), "{text:?}");
                }
            }
        }
        assert!(needs_no_escape(" ~\u{7f}\u{80}\u{e9}\u{1f600}"));
    }

    #[test]
    fn every_character_is_classified() {
        for character in (0..0x180).filter_map(char::from_u32) {
            let is_escaped = character < ' ' || matches!(character, '"' | '\\');
            // Of each length that is examined in another way.
            for length in [0, 8, 16, 40] {
                let text = format!("{}{character}", "x".repeat(length));
                assert_eq!(needs_no_escape(&text), !is_escaped, "{text:?}");
                let is_plain = !is_escaped && !matches!(character, ';' | '<' | '[');
                assert_eq!(is_plain_and_not_binary(&text), is_plain, "{text:?}");
            }
        }
    }
}
