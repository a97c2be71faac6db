//! Reads JSON strings in place.

use std::ops::Range;

use super::{Scan, parse};

/// What follows a backslash.
#[derive(Clone, Copy)]
enum Escape {
    Letter,
    /// A quotation mark or a backslash, which would itself be a special byte.
    Special,
    /// A longer escape.
    Unicode,
    Invalid,
}

static ESCAPES: [Escape; 256] = {
    let mut escapes = [Escape::Invalid; 256];
    let letters = b"ntrbf";
    let mut index = 0;
    while index < letters.len() {
        escapes[letters[index] as usize] = Escape::Letter;
        index += 1;
    }
    escapes[b'u' as usize] = Escape::Unicode;
    escapes[b'"' as usize] = Escape::Special;
    escapes[b'\\' as usize] = Escape::Special;
    escapes
};

impl Scan<'_, '_> {
    /// Reads a string that is neither blank nor too long.
    pub(super) fn text(&mut self) -> Option<Range<usize>> {
        let string = self.string()?;
        self.is_text(&string).then_some(string)
    }

    pub(super) fn is_text(&self, string: &Range<usize>) -> bool {
        let inner = &self.text[string.start + 1..string.end - 1];
        has_visible_text(inner) && inner.len() <= self.limits.text_bytes && inner != parse::REDACTED
    }

    /// Returns whether a string is certainly no list, as JSON or as a repr.
    pub(super) fn is_no_list(&self, string: &Range<usize>) -> bool {
        let inner = &self.text[string.start + 1..string.end - 1];
        // Spaces may be escaped.
        let is_space = |letter: char| letter.is_whitespace() || r"\nrtf".contains(letter);
        !inner.trim_start_matches(is_space).starts_with('[')
    }

    /// Reads a string including its quotes, if its escapes cannot hide anything.
    pub(super) fn string(&mut self) -> Option<Range<usize>> {
        self.expect_byte(b'"')?;
        self.rest_of_string()
    }

    /// Reads a string from behind its opening quote.
    #[inline(always)]
    pub(super) fn rest_of_string(&mut self) -> Option<Range<usize>> {
        let start = self.at - 1;
        // No valid text ends with a string, so another byte follows every byte of interest.
        let (_, bytes) = self.text.as_bytes().split_last()?;
        let (_, following) = self.text.as_bytes().split_first()?;
        // A local copy stays in registers. Nearly all the time is spent here.
        let mut specials = self.specials.clone();
        specials.skip_to(self.at);
        loop {
            let at = specials.next()?;
            match bytes.get(at)? {
                b'\\' => match ESCAPES[usize::from(following[at])] {
                    Escape::Letter => {}
                    Escape::Special => specials.skip_next(),
                    Escape::Unicode => is_terminal_control(&following[at..]).then_some(())?,
                    Escape::Invalid => return None,
                },
                b'"' => {
                    self.at = at + 1;
                    self.specials = specials;
                    return Some(start..self.at);
                }
                // A control character.
                _ => return None,
            }
        }
    }
}

/// Recognises the escape of a control character such as those that color the output of a terminal, as serde_json writes it. Any
/// other long escape may hide anything, such as a blob.
fn is_terminal_control(escape: &[u8]) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    escape.starts_with(b"u001") && escape.get(4).is_some_and(is_digit)
}

/// Returns whether a string has anything but whitespace.
fn has_visible_text(inner: &str) -> bool {
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        let is_visible = match character {
            '\\' => matches!(characters.next(), Some('"' | '\\' | 'b' | 'u')),
            _ => !character.is_whitespace(),
        };
        if is_visible {
            return true;
        }
    }
    false
}
