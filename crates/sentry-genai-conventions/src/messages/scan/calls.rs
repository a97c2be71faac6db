//! Tool calls and their answers, where they are as OpenTelemetry's conventions have them, and the JSON in them.

use std::ops::Range;

use super::{Kind, Part, Scan, blobs::MIME_KEYS};

/// How deep values may be, and how long a list or a number: what is beyond is seldom, and its rules are the long way's.
const DEPTH: usize = 32;
const LIST: usize = 63;
const DIGITS: usize = 40;

/// How many calls of one message are told apart.
const MAX_CALLS: usize = 8;

/// What has to be changed in messages that are otherwise as they should be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Edit {
    /// This goes.
    Drop(Range<usize>),
    /// This is a tool's answer, which is to be there under this name as well.
    Repeat(Range<usize>, &'static str),
    /// This is the role of a user who answers tool calls.
    Tool(Range<usize>),
}

impl Edit {
    /// Where the text is that it is about.
    pub(crate) fn place(&self) -> &Range<usize> {
        match self {
            Self::Drop(place) | Self::Repeat(place, _) | Self::Tool(place) => place,
        }
    }

    /// Returns by how much it makes a text longer at the most.
    pub(in super::super) fn most_added(&self) -> usize {
        match self {
            Self::Drop(_) | Self::Tool(_) => 0,
            // With an escape for each byte.
            Self::Repeat(place, name) => 2 * place.len() + r#","":"""#.len() + name.len(),
        }
    }
}

/// Returns the text that Sentry reads as a tool's answer if that is an object; anything else it reads as it is.
pub(crate) fn text_of(answer: &str) -> Option<String> {
    if !answer.starts_with('{') {
        return None;
    }
    let object: serde_json::Value = serde_json::from_str(answer).ok()?;
    Some(serde_json::Value::from(object.to_string()).to_string())
}

/// What tools answer is under the name of OpenTelemetry's conventions, and the one that Sentry reads.
const RESPONSE: &str = "response";
const RESULT: &str = "result";

/// The ids of the calls of a message.
#[derive(Debug, Default)]
pub(super) struct Calls {
    ids: [Range<usize>; MAX_CALLS],
    count: usize,
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
                self.skip_whitespace();
                // Texts may be JSON in disguise, and null is none.
                self.rest().starts_with(b"{").then_some(())?;
                part.arguments = Some(self.value(DEPTH)?);
            }
            br#""response""# if part.response.is_none() => part.response = Some(self.answer()?),
            br#""result""# if part.result.is_none() => part.result = Some(self.answer()?),
            _ => return None,
        }
        Some(())
    }

    /// Checks a part that is no text, once it has been read.
    #[inline(never)]
    pub(super) fn end_tool_part(&mut self, part: &Part, calls: &mut Calls) -> Option<()> {
        part.content.is_none().then_some(())?;
        match part.kind? {
            Kind::Call => {
                part.name.as_ref()?;
                (part.response.is_none() && part.result.is_none()).then_some(())?;
                part.id
                    .clone()
                    .map_or(Some(()), |id| self.add_call(calls, id))
            }
            Kind::Answer => {
                part.id.as_ref()?;
                part.arguments.is_none().then_some(())?;
                self.complete(part.response.as_ref(), part.result.as_ref())
            }
            Kind::Text | Kind::Reasoning => None,
        }
    }

    /// Takes note of what is missing of an answer's two names.
    fn complete(
        &mut self,
        response: Option<&Range<usize>>,
        result: Option<&Range<usize>>,
    ) -> Option<()> {
        let edits = self.edits.as_mut()?;
        match (response, result) {
            (Some(response), None) => edits.push(Edit::Repeat(response.clone(), RESULT)),
            // Of an object Sentry reads the text.
            (None, Some(result)) if !self.text[result.clone()].starts_with('{') => {
                edits.push(Edit::Repeat(result.clone(), RESPONSE));
            }
            (Some(response), Some(result)) => {
                let response = &self.text[response.clone()];
                let made = text_of(response);
                let said = made.as_deref().unwrap_or(response);
                (said == &self.text[result.clone()]).then_some(())?;
            }
            (None, _) => return None,
        }
        Some(())
    }

    /// Takes note of a call; `None` if there is one of the same id already.
    fn add_call(&self, calls: &mut Calls, id: Range<usize>) -> Option<()> {
        let mut others = calls.ids[..calls.count].iter();
        let is_there = others.any(|other| self.bytes(other) == self.bytes(&id));
        (!is_there).then_some(())?;
        *calls.ids.get_mut(calls.count)? = id;
        calls.count += 1;
        Some(())
    }

    /// Reads what a tool has answered.
    fn answer(&mut self) -> Option<Range<usize>> {
        self.skip_whitespace();
        match self.rest().first()? {
            b'"' => self.text(),
            b'{' => self.untyped(),
            // What a list of texts says is their text, and null may be no answer.
            b'[' | b'n' => None,
            _ => self.value(DEPTH),
        }
    }

    /// Reads an object that does not say of what type it is, as values do that stand for others.
    fn untyped(&mut self) -> Option<Range<usize>> {
        let object = self.value(DEPTH)?;
        let has_type = memchr::memmem::find(self.bytes(&object), br#""type""#).is_some();
        (!has_type).then_some(object)
    }

    /// Reads any JSON that stays what it is.
    fn value(&mut self, depth: usize) -> Option<Range<usize>> {
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
        self.require(b'{')?;
        if self.closes(b'}') {
            return Some(());
        }
        loop {
            let key = self.string()?;
            let name = &self.text[key.start + 1..key.end - 1];
            // What is next to it may be binary.
            (!MIME_KEYS.contains(&name)).then_some(())?;
            self.require(b':')?;
            self.value(depth)?;
            if !self.goes_on(b'}')? {
                return Some(());
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<()> {
        self.require(b'[')?;
        if self.closes(b']') {
            return Some(());
        }
        for _ in 0..LIST {
            self.value(depth)?;
            if !self.goes_on(b']')? {
                return Some(());
            }
        }
        None
    }

    fn closes(&mut self, close: u8) -> bool {
        self.skip_whitespace();
        let closes = self.rest().first() == Some(&close);
        self.at += usize::from(closes);
        closes
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
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
        let has_zero_in_front = whole > 1 && rest.get(sign) == Some(&b'0');
        let mut length = sign + whole;
        let mut is_number = whole > 0 && !has_zero_in_front;
        if rest.get(length) == Some(&b'.') {
            let fraction = digits(rest.get(length + 1..)?);
            is_number &= fraction > 0;
            length += 1 + fraction;
        }
        let goes_on = matches!(rest.get(length), Some(b'e' | b'E'));
        (is_number && !goes_on && length <= DIGITS).then_some(())?;
        self.at += length;
        Some(())
    }
}
