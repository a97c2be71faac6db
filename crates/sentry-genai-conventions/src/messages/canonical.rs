//! Recognises messages that need no work, without taking them apart.
//!
//! Newer libraries write the canonical form, and then most messages are plain text. Reading such an attribute into values and
//! writing it anew would cost more than everything else that is done to a span.

use super::{ContentLimits, Side, blobs, parse};

/// A tool call in disguise: the repr of a Python object in the place of a text.
const CALL_IN_TEXT: &[u8] = b"type='function_call'";

/// Messages in canonical form, as they stand in the attribute's text.
#[derive(Debug, PartialEq)]
pub(crate) struct Canonical<'a> {
    /// The texts of the system messages at the start, as JSON strings with their quotes.
    pub(crate) system: Vec<&'a str>,
    /// The other messages, with the bracket that closes the list but not the one that opens it; `None` if there are none.
    pub(crate) rest: Option<&'a str>,
}

/// Recognises messages that [`Messages::parse`](super::Messages::parse) would write as they are, apart from the system
/// messages at the start. `None` does not mean that something is wrong with them.
pub(crate) fn messages<'a>(
    text: &'a str,
    side: Side,
    limits: &ContentLimits,
) -> Option<Canonical<'a>> {
    let bytes = text.as_bytes();
    if text.len() > limits.attribute_bytes
        || blobs::may_hold_blob(bytes)
        || memchr::memmem::find(bytes, CALL_IN_TEXT).is_some()
    {
        return None;
    }
    let mut scan = Scan {
        text,
        at: 0,
        limits,
    };
    let mut system = Vec::new();
    let mut rest = None;
    scan.require(b'[')?;
    loop {
        scan.skip_whitespace();
        let start = scan.at;
        let before = system.len();
        let role = scan.message(side, &mut system)?;
        if role != "system" || rest.is_some() {
            // Only the system messages at the start move away.
            system.truncate(before);
            rest = rest.or(Some(start));
        }
        match scan.next()? {
            b',' => {}
            b']' => break,
            _ => return None,
        }
    }
    scan.end()?;
    Some(Canonical {
        system,
        rest: rest.map(|start| &text[start..]),
    })
}

/// Recognises a list of text parts, as system instructions are: `[{"type":"text","content":"..."}]`.
pub(crate) fn is_text_parts(text: &str, limits: &ContentLimits) -> bool {
    let is_short = text.len() <= limits.attribute_bytes && !blobs::may_hold_blob(text.as_bytes());
    let mut scan = Scan {
        text,
        at: 0,
        limits,
    };
    is_short
        && scan
            .parts(false, &mut Vec::new())
            .and_then(|_| scan.end())
            .is_some()
}

/// A place in the text. Every step returns `None` at the first thing that is not of the simplest kind.
struct Scan<'a, 'l> {
    text: &'a str,
    at: usize,
    limits: &'l ContentLimits,
}

impl<'a> Scan<'a, '_> {
    /// Reads `{"role":R,"parts":[...],"finish_reason":F}`, adds the texts to `texts`, and returns the role.
    fn message(&mut self, side: Side, texts: &mut Vec<&'a str>) -> Option<&'a str> {
        let (mut role, mut has_parts, mut has_reason) = (None, false, false);
        let mut has_reasoning = false;
        self.require(b'{')?;
        loop {
            let key = self.string()?;
            self.require(b':')?;
            match key {
                r#""role""# if role.is_none() => {
                    let name = self.string()?.trim_matches('"');
                    // A tool's answer is not text.
                    matches!(name, "system" | "user" | "assistant").then_some(())?;
                    role = Some(name);
                }
                r#""parts""# if !has_parts => {
                    has_reasoning = self.parts(side == Side::Output, texts)?;
                    has_parts = true;
                }
                r#""finish_reason""# if !has_reason && side == Side::Output => {
                    let reason = self.text()?.trim_matches('"');
                    let is_plain = !reason.eq_ignore_ascii_case("unknown")
                        && !reason.contains("FinishReason.");
                    is_plain.then_some(())?;
                    has_reason = true;
                }
                _ => return None,
            }
            match self.next()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        // A system message that thinks, or says why it stopped, is nothing to move.
        let is_odd = role == Some("system") && (has_reasoning || has_reason);
        (has_parts && !is_odd).then_some(())?;
        role
    }

    /// Reads `[{"type":"text","content":C},...]`, and returns whether there is a part of reasoning, if there may be.
    fn parts(&mut self, reasoning: bool, texts: &mut Vec<&'a str>) -> Option<bool> {
        let mut has_reasoning = false;
        self.require(b'[')?;
        loop {
            let (mut has_type, mut content) = (false, None);
            self.require(b'{')?;
            loop {
                let key = self.string()?;
                self.require(b':')?;
                match key {
                    r#""type""# if !has_type => {
                        let is_reasoning = match self.string()? {
                            r#""text""# => false,
                            r#""reasoning""# if reasoning => true,
                            _ => return None,
                        };
                        has_reasoning |= is_reasoning;
                        has_type = true;
                    }
                    r#""content""# if content.is_none() => content = Some(self.text()?),
                    _ => return None,
                }
                match self.next()? {
                    b',' => {}
                    b'}' => break,
                    _ => return None,
                }
            }
            has_type.then_some(())?;
            texts.push(content?);
            match self.next()? {
                b',' => {}
                b']' => return Some(has_reasoning),
                _ => return None,
            }
        }
    }

    /// Reads a string that says something and is not too long.
    fn text(&mut self) -> Option<&'a str> {
        let string = self.string()?;
        let inner = &string[1..string.len() - 1];
        let says_something = inner.bytes().any(|byte| {
            byte.is_ascii_alphanumeric() && !matches!(byte, b'n' | b't' | b'r' | b'b' | b'f')
        });
        (says_something && inner.len() <= self.limits.text_bytes && inner != parse::REDACTED)
            .then_some(string)
    }

    /// Reads a string with its quotes, if all its escapes are of one letter.
    fn string(&mut self) -> Option<&'a str> {
        self.require(b'"')?;
        let bytes = self.text.as_bytes();
        let start = self.at - 1;
        loop {
            let offset = memchr::memchr2(b'"', b'\\', &bytes[self.at..])?;
            let plain = &bytes[self.at..self.at + offset];
            (!plain.iter().any(|&byte| byte < 0x20)).then_some(())?;
            self.at += offset + 1;
            if bytes[self.at - 1] == b'"' {
                return Some(&self.text[start..self.at]);
            }
            // Longer escapes can hide anything, a blob for instance.
            let escape = bytes.get(self.at)?;
            matches!(escape, b'"' | b'\\' | b'n' | b't' | b'r' | b'b' | b'f').then_some(())?;
            self.at += 1;
        }
    }

    fn require(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// Returns the next byte that is no whitespace.
    fn next(&mut self) -> Option<u8> {
        self.skip_whitespace();
        let byte = self.text.as_bytes().get(self.at)?;
        self.at += 1;
        Some(*byte)
    }

    fn skip_whitespace(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let is_space = |byte: &&u8| matches!(**byte, b' ' | b'\n' | b'\r' | b'\t');
        self.at += rest.iter().take_while(is_space).count();
    }

    fn end(&mut self) -> Option<()> {
        self.next().is_none().then_some(())
    }
}
