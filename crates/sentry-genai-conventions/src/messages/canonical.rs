//! Recognises messages that need no work, without taking them apart.
//!
//! Newer libraries write the canonical form, and then most messages are plain text. Reading such an attribute into values and
//! writing it anew would cost more than everything else that is done to a span.

use std::{ops::Range, sync::LazyLock};

use memchr::memmem::Finder;

use super::{ContentLimits, Side, blobs, excerpt, marks::Specials, parse};

/// A tool call in disguise: the repr of a Python object in the place of a text.
static CALL_IN_TEXT: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("type='function_call'"));

/// Few texts have an equals sign, and to look for one byte takes less than to look for several.
fn holds_call(bytes: &[u8]) -> bool {
    let sign = memchr::memchr(b'=', bytes);
    sign.is_some() && CALL_IN_TEXT.find(bytes).is_some()
}

/// How many texts of system messages can move away without being read.
const MAX_SYSTEM: usize = 8;

/// Messages in canonical form, as they stand in the attribute's text.
#[derive(Debug, PartialEq)]
pub(crate) struct Canonical {
    system: Texts,
    /// Where the other messages start; they reach to the bracket that closes the list. `None` if there are none.
    pub(crate) rest: Option<usize>,
}

impl Canonical {
    /// Where the texts of the system messages at the start are, as JSON strings with their quotes.
    pub(crate) fn system(&self) -> &[Range<usize>] {
        &self.system.places[..self.system.count]
    }
}

/// Where texts are. What finds no place is only counted.
#[derive(Debug, Default, PartialEq)]
struct Texts {
    places: [Range<usize>; MAX_SYSTEM],
    count: usize,
}

impl Texts {
    fn push(&mut self, place: Range<usize>) {
        if let Some(free) = self.places.get_mut(self.count) {
            *free = place;
        }
        self.count += 1;
    }
}

/// Recognises messages that [`Messages::parse`](super::Messages::parse) would write as they are, apart from the system
/// messages at the start. `None` does not mean that something is wrong with them.
pub(crate) fn messages(text: &str, side: Side, limits: &ContentLimits) -> Option<Canonical> {
    let bytes = text.as_bytes();
    if text.len() > limits.attribute_bytes || blobs::may_hold_blob(bytes) || holds_call(bytes) {
        return None;
    }
    let mut scan = Scan::of(text, limits);
    let mut rest = None;
    scan.require(b'[')?;
    let system = scan.list(side, |start, _, _| rest = rest.or(Some(start)))?;
    Some(Canonical { system, rest })
}

/// Messages in canonical form that are too many for an attribute.
#[derive(Debug)]
pub(crate) struct Shortened {
    system: Texts,
    /// Where those stand that stay, as far as they follow one another; the last ones reach to the bracket that closes the list.
    pub(crate) kept: Vec<Range<usize>>,
    /// How many there were beside those of the system, or at least so many.
    pub(crate) original_length: usize,
}

impl Shortened {
    /// Where the texts of the system messages at the start are, as JSON strings with their quotes.
    pub(crate) fn system(&self) -> &[Range<usize>] {
        &self.system.places[..self.system.count]
    }
}

/// Does what [`messages`] does for a text that is longer than an attribute may be, if it is enough to leave out the oldest
/// messages. An excerpt is taken from the first message that is wholly in its second half.
pub(crate) fn shorten(text: &str, side: Side, limits: &ContentLimits) -> Option<Shortened> {
    if text.len() <= limits.attribute_bytes {
        return None;
    }
    let start = excerpt::last_messages(text);
    let bytes = &text.as_bytes()[start.unwrap_or(0)..];
    if blobs::may_hold_blob(bytes) || holds_call(bytes) {
        return None;
    }
    let mut scan = Scan::of(text, limits);
    match start {
        Some(start) => scan.at = start,
        None => scan.require(b'[')?,
    }
    let mut found = Vec::new();
    let system = scan.list(side, |start, end, role| {
        found.push((start..end, role == "user"));
    })?;
    let of_system = system.places[..system.count].iter();
    let system_bytes: usize = of_system.map(|place| place.len() + 64).sum();
    let last_user = found.iter().rposition(|(_, is_user)| *is_user);
    // With a comma behind each, and a bracket.
    let mut total: usize = 1 + found
        .iter()
        .map(|(place, _)| place.len() + 1)
        .sum::<usize>();
    let mut kept: Vec<Range<usize>> = Vec::new();
    let mut follows = false;
    for (index, (place, _)) in found.iter().enumerate() {
        let must_stay = index + 1 == found.len() || Some(index) == last_user;
        if total > limits.attribute_bytes && !must_stay {
            total -= place.len() + 1;
            follows = false;
            continue;
        }
        match kept.last_mut() {
            Some(before) if follows => before.end = place.end,
            _ => kept.push(place.clone()),
        }
        follows = true;
    }
    let fits = total <= limits.attribute_bytes && system_bytes <= limits.attribute_bytes;
    (fits && !kept.is_empty()).then_some(Shortened {
        system,
        kept,
        // Of those in front of an excerpt it is known that there are some.
        original_length: found.len() + usize::from(start.is_some()),
    })
}

/// Recognises a list of text parts, as system instructions are: `[{"type":"text","content":"..."}]`.
pub(crate) fn is_text_parts(text: &str, limits: &ContentLimits) -> bool {
    let is_short = text.len() <= limits.attribute_bytes && !blobs::may_hold_blob(text.as_bytes());
    let mut scan = Scan::of(text, limits);
    is_short
        && scan
            .parts(false, &mut Texts::default())
            .and_then(|_| scan.end())
            .is_some()
}

/// How most messages start, as far as the text, and whose they are.
static USUAL: [(&str, &[u8]); 3] = [
    (
        "user",
        br#"{"role":"user","parts":[{"type":"text","content":""#,
    ),
    (
        "assistant",
        br#"{"role":"assistant","parts":[{"type":"text","content":""#,
    ),
    (
        "system",
        br#"{"role":"system","parts":[{"type":"text","content":""#,
    ),
];

/// A place in the text. Every step returns `None` at the first thing that is not of the simplest kind.
struct Scan<'a, 'l> {
    text: &'a str,
    at: usize,
    specials: Specials<'a>,
    limits: &'l ContentLimits,
}

impl<'a, 'l> Scan<'a, 'l> {
    fn of(text: &'a str, limits: &'l ContentLimits) -> Self {
        Self {
            text,
            at: 0,
            specials: Specials::of(text.as_bytes()),
            limits,
        }
    }

    /// Reads the rest of a list of messages, to the end of the text. Hands over where each stands and whose it is, apart from the
    /// system messages at the start, whose texts are returned.
    fn list(&mut self, side: Side, mut message: impl FnMut(usize, usize, &str)) -> Option<Texts> {
        let mut system = Texts::default();
        let mut is_start = true;
        loop {
            self.skip_whitespace();
            let start = self.at;
            let before = system.count;
            let role = self.message(side, &mut system)?;
            is_start &= role == "system";
            if !is_start {
                // Only the system messages at the start move away.
                system.count = before;
                message(start, self.at, role);
            } else if system.count > MAX_SYSTEM {
                return None;
            }
            match self.next()? {
                b',' => {}
                b']' => break,
                _ => return None,
            }
        }
        self.end()?;
        Some(system)
    }

    /// Reads a message that has nothing but one text, with its fields in the usual order and without spaces; any other is left
    /// where it is.
    fn usual_message(&mut self, texts: &mut Texts) -> Option<&'static str> {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let (role, opening) = USUAL.iter().find(|(_, it)| rest.starts_with(it))?;
        // The quotation mark that opens the text is read again.
        self.at += opening.len() - 1;
        let content = self.text().map(|text| self.at - text.len()..self.at);
        let is_all = self.text.as_bytes()[self.at..].starts_with(b"}]}");
        let Some(content) = content.filter(|_| is_all) else {
            self.at = start;
            return None;
        };
        self.at += 3;
        texts.push(content);
        Some(role)
    }

    /// Reads `{"role":R,"parts":[...],"finish_reason":F}`, adds the texts to `texts`, and returns the role.
    fn message(&mut self, side: Side, texts: &mut Texts) -> Option<&'a str> {
        if let Some(role) = self.usual_message(texts) {
            return Some(role);
        }
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
    fn parts(&mut self, reasoning: bool, texts: &mut Texts) -> Option<bool> {
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
                    r#""content""# if content.is_none() => {
                        let length = self.text()?.len();
                        content = Some(self.at - length..self.at);
                    }
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
        let mut at = self.at;
        // In registers, since nearly all the time is spent here.
        let mut specials = self.specials;
        loop {
            let special = specials.from(at)?;
            match bytes[special] {
                b'"' => {
                    self.at = special + 1;
                    self.specials = specials;
                    return self.text.get(start..self.at);
                }
                b'\\' => {}
                // A control character.
                _ => return None,
            }
            // Longer escapes can hide anything, a blob for instance.
            let escape = bytes.get(special + 1)?;
            matches!(escape, b'"' | b'\\' | b'n' | b't' | b'r' | b'b' | b'f').then_some(())?;
            at = special + 2;
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
