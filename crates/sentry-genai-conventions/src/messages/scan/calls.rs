//! Reads tool calls and their answers in the form of OpenTelemetry's conventions, and the JSON in them.

use std::ops::Range;

use super::{Edit, Kind, Part, Scan, blobs::MIME_KEYS};
use crate::attributes::Piece;

/// Limits for the depth of values and the length of lists and numbers. Anything beyond is rare and left to the full parser.
pub(super) const MAX_DEPTH: usize = 32;
const MAX_ITEMS: usize = 63;
const MAX_NUMBER_LENGTH: usize = 40;

/// The maximum number of calls with an id in one message.
const MAX_CALLS: usize = 8;

/// The ids of the calls in a message.
#[derive(Debug, Default)]
pub(super) struct CallIds {
    ids: [Range<usize>; MAX_CALLS],
    count: usize,
    has_unidentified: bool,
}

impl Scan<'_, '_> {
    /// Reads the value of a field that only calls and answers have.
    #[inline(never)]
    pub(super) fn tool_field(&mut self, key: &Range<usize>, part: &mut Part) -> Option<()> {
        self.edits.as_ref()?;
        match self.bytes(key) {
            br#""id""# if part.id.is_none() => part.id = Some(self.text()?),
            br#""name""# if part.name.is_none() => part.name = Some(self.text()?),
            br#""arguments""# if part.arguments.is_none() => {
                part.arguments = Some(self.arguments()?);
            }
            br#""response""# if part.response.is_none() => part.response = Some(self.answer()?),
            br#""result""# if part.result.is_none() => part.result = Some(self.answer()?),
            _ => return None,
        }
        Some(())
    }

    /// Reads arguments.
    pub(super) fn arguments(&mut self) -> Option<Range<usize>> {
        self.skip_whitespace();
        // A string may be JSON in disguise, and null means that there are no arguments.
        self.rest().starts_with(b"{").then_some(())?;
        self.value(MAX_DEPTH)
    }

    /// Checks a part that is not text, once it has been read.
    #[inline(never)]
    pub(super) fn end_tool_part(&mut self, part: &Part, call_ids: &mut CallIds) -> Option<()> {
        part.content.is_none().then_some(())?;
        match part.kind? {
            Kind::Call => {
                part.name.as_ref()?;
                (part.response.is_none() && part.result.is_none()).then_some(())?;
                self.add_call(call_ids, part.id.clone())
            }
            Kind::Answer => {
                part.id.as_ref()?;
                part.arguments.is_none().then_some(())?;
                self.complete_answer(part.response.as_ref(), part.result.as_ref())
            }
            Kind::Text | Kind::Reasoning => None,
        }
    }

    /// Records which of an answer's two names is missing.
    fn complete_answer(
        &mut self,
        response: Option<&Range<usize>>,
        result: Option<&Range<usize>>,
    ) -> Option<()> {
        let edits = self.edits.as_mut()?;
        match (response, result) {
            (Some(response), None) => {
                let text = object_as_text(&self.text[response.clone()]);
                let result = text.map_or(Piece::Source(response.clone()), Piece::Owned);
                let field = [Piece::Literal(r#","result":"#), result];
                edits.push(Edit::new(response.end..response.end, field));
            }
            // For an object Sentry reads its text.
            (None, Some(result)) if !self.text[result.clone()].starts_with('{') => {
                let response = Piece::Source(result.clone());
                let field = [Piece::Literal(r#","response":"#), response];
                edits.push(Edit::new(result.end..result.end, field));
            }
            (Some(response), Some(result)) => {
                let response = &self.text[response.clone()];
                let result_text = object_as_text(response);
                let expected = result_text.as_deref().unwrap_or(response);
                (expected == &self.text[result.clone()]).then_some(())?;
            }
            (None, _) => return None,
        }
        Some(())
    }

    /// Records a call; `None` if there is already one with the same id, or if only one of them has an id.
    pub(super) fn add_call(&self, call_ids: &mut CallIds, id: Option<Range<usize>>) -> Option<()> {
        let Some(id) = id else {
            call_ids.has_unidentified = true;
            return (call_ids.count == 0).then_some(());
        };
        let mut others = call_ids.ids[..call_ids.count].iter();
        let is_duplicate = others.any(|other| self.bytes(other) == self.bytes(&id));
        let is_empty = self.bytes(&id) == br#""""#;
        (!is_duplicate && !is_empty && !call_ids.has_unidentified).then_some(())?;
        *call_ids.ids.get_mut(call_ids.count)? = id;
        call_ids.count += 1;
        Some(())
    }

    /// Reads a tool's answer.
    fn answer(&mut self) -> Option<Range<usize>> {
        self.skip_whitespace();
        match self.rest().first()? {
            b'"' => {
                let text = self.text()?;
                (!may_be_wrapped(self.bytes(&text))).then_some(text)
            }
            b'{' => self.untyped_object(),
            // A list of texts would have to be joined, and null may mean that there is no answer.
            b'[' | b'n' => None,
            _ => self.value(MAX_DEPTH),
        }
    }

    /// Reads an object that does not state a type. Objects with a type may stand for another value.
    fn untyped_object(&mut self) -> Option<Range<usize>> {
        let object = self.value(MAX_DEPTH)?;
        let has_type = memchr::memmem::find(self.bytes(&object), br#""type""#).is_some();
        (!has_type).then_some(object)
    }

    /// Reads any JSON that stays unchanged outside of messages.
    pub(in super::super) fn payload(&mut self) -> Option<()> {
        self.is_payload = true;
        self.value(MAX_DEPTH)?;
        self.end()
    }

    /// Reads any JSON that stays unchanged.
    pub(super) fn value(&mut self, depth: usize) -> Option<Range<usize>> {
        let depth = depth.checked_sub(1)?;
        self.skip_whitespace();
        let start = self.at;
        match self.rest().first()? {
            b'"' => {
                let string = self.string()?;
                (string.len() - 2 <= self.limits.text_bytes).then_some(())?;
            }
            b'{' => self.object(depth)?,
            b'[' => self.list(depth)?,
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            _ => self.number()?,
        }
        Some(start..self.at)
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.expect_byte(b'{')?;
        if self.consume_close(b'}') {
            return Some(());
        }
        loop {
            let key = self.string()?;
            let name = &self.text[key.start + 1..key.end - 1];
            // A value next to a media type may be binary.
            (self.is_payload || !MIME_KEYS.contains(&name)).then_some(())?;
            self.expect_byte(b':')?;
            self.value(depth)?;
            if !self.has_next(b'}')? {
                return Some(());
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<()> {
        self.expect_byte(b'[')?;
        if self.consume_close(b']') {
            return Some(());
        }
        let max_items = if self.is_payload {
            usize::MAX
        } else {
            MAX_ITEMS
        };
        for _ in 0..max_items {
            self.value(depth)?;
            if !self.has_next(b']')? {
                return Some(());
            }
        }
        None
    }

    fn consume_close(&mut self, close: u8) -> bool {
        self.skip_whitespace();
        let closes = self.rest().first() == Some(&close);
        self.at += usize::from(closes);
        closes
    }

    pub(super) fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest().starts_with(word).then_some(())?;
        self.at += word.len();
        Some(())
    }

    /// Reads a number without an exponent.
    fn number(&mut self) -> Option<()> {
        let rest = self.rest();
        let digits = |from: &[u8]| from.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let sign = usize::from(rest.first() == Some(&b'-'));
        let whole = digits(rest.get(sign..)?);
        let has_leading_zero = whole > 1 && rest.get(sign) == Some(&b'0');
        let mut length = sign + whole;
        let mut is_number = whole > 0 && !has_leading_zero;
        if rest.get(length) == Some(&b'.') {
            let fraction = digits(rest.get(length + 1..)?);
            is_number &= fraction > 0;
            length += 1 + fraction;
        }
        let has_exponent = matches!(rest.get(length), Some(b'e' | b'E'));
        (is_number && !has_exponent && length <= MAX_NUMBER_LENGTH).then_some(())?;
        self.at += length;
        Some(())
    }
}

/// Returns the text that Sentry reads for a tool's answer that is an object; `None` for other answers, which Sentry reads as they
/// are.
fn object_as_text(answer: &str) -> Option<String> {
    if !answer.starts_with('{') {
        return None;
    }
    let object: serde_json::Value = serde_json::from_str(answer).ok()?;
    Some(serde_json::Value::from(object.to_string()).to_string())
}

/// Returns whether a string may be a list of texts, or of Bedrock's values, which would have to be unwrapped.
fn may_be_wrapped(string: &[u8]) -> bool {
    let has = |name: &[u8]| memchr::memmem::find(string, name).is_some();
    string.starts_with(br#""[{"#) && (has(br#"\"type\""#) || has(br#"\"json\""#))
}
