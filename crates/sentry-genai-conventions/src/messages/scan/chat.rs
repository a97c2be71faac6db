//! Reads messages in the form of OpenAI's chat completions and Anthropic's messages. Others are parsed one by one.
//!
//! ```text
//! {"role":R,"content":T}   {"role":R,"content":[{"type":"text","text":T},...]}   {"role":"tool","tool_call_id":I,"content":T}
//! {"role":"assistant","content":null,"tool_calls":[{"id":I,"type":"function","function":{"name":N,"arguments":"{...}"}},...]}
//! {"role":"assistant","content":[{"type":"tool_use","id":I,"name":N,"input":{...}},...]}
//! {"role":"user","content":[{"type":"tool_result","tool_use_id":I,"content":T},...]}
//! ```

use std::ops::Range;

use super::{
    Edit, Role, Scan, Side, StringRanges,
    calls::{CallIds, MAX_DEPTH},
    items::Item,
    part::Fields,
};
use crate::{
    attributes::Piece,
    messages::{Messages, block::LastBlock, normalise, shapes, write},
};

/// What a message in this form has in place of parts.
#[derive(Default)]
pub(super) struct Chat {
    /// Whether there is any field that only messages in this form have.
    pub(super) has_fields: bool,
    /// Whether there is a field for the content, which may be null.
    has_content: bool,
    texts: Vec<Range<usize>>,
    calls: Vec<Call>,
    answers: Vec<Answer>,
    /// The id of the call that the content answers.
    answered_call: Option<Range<usize>>,
    pub(super) item: Item,
}

impl Chat {
    pub(super) fn is_present(&self) -> bool {
        self.has_content || self.answered_call.is_some() || !self.calls.is_empty()
    }

    /// Returns whether there is neither content, which null is not, nor a call or an answer.
    pub(super) fn is_empty(&self) -> bool {
        let has_parts =
            !(self.texts.is_empty() && self.calls.is_empty() && self.answers.is_empty());
        !has_parts && self.answered_call.is_none()
    }
}

pub(super) struct Call {
    pub(super) id: Range<usize>,
    pub(super) name: Range<usize>,
    /// The arguments as JSON.
    pub(super) arguments: Piece,
}

pub(super) struct Answer {
    pub(super) id: Range<usize>,
    pub(super) text: Range<usize>,
}

/// Fields that some SDKs write even of messages that do not have them.
const OPTIONAL_FIELDS: [&[u8]; 6] = [
    br#""annotations""#,
    br#""audio""#,
    br#""encrypted_content""#,
    br#""function_call""#,
    br#""reasoning_content""#,
    br#""refusal""#,
];

/// What is written around a role and its parts, and between parts.
pub(super) const MESSAGE: [&str; 3] = [r#"{"role":""#, r#"","parts":["#, "]}"];
pub(super) const COMMA: Piece = Piece::Literal(",");

/// What is written around a text.
const TEXT: [&str; 2] = [r#"{"type":"text","content":"#, "}"];

/// What is written around the id, the name and the arguments of a call.
const CALL: [&str; 4] = [
    r#"{"type":"tool_call","id":"#,
    r#","name":"#,
    r#","arguments":"#,
    "}",
];

/// What is written around the id of a call, its answer, and the same answer.
const ANSWER: [&str; 4] = [
    r#"{"type":"tool_call_response","id":"#,
    r#","response":"#,
    r#","result":"#,
    "}",
];

impl Scan<'_, '_> {
    /// Reads the value of a field that only messages in this form have.
    #[inline(never)]
    pub(super) fn chat_field(&mut self, key: &Range<usize>, chat: &mut Chat) -> Option<()> {
        self.edits.as_ref()?;
        self.skip_whitespace();
        chat.has_fields = true;
        match self.bytes(key) {
            name if OPTIONAL_FIELDS.contains(&name) && self.consume_nothing() => {}
            br#""content""# | br#""contents""# if !chat.has_content => {
                chat.has_content = true;
                match self.rest().first()? {
                    b'n' => self.word(b"null")?,
                    b'[' => self.chat_parts(chat)?,
                    _ => chat.texts.push(self.chat_text()?),
                }
            }
            br#""tool_calls""# if chat.calls.is_empty() => {
                if !self.consume_nothing() {
                    chat.calls = self.chat_calls()?;
                }
            }
            br#""tool_call_id""# if chat.answered_call.is_none() => {
                chat.answered_call = Some(self.text()?);
            }
            _ => self.item_field(key, &mut chat.item)?,
        }
        Some(())
    }

    /// Reads null or an empty list, if that follows.
    fn consume_nothing(&mut self) -> bool {
        self.word(b"null").or_else(|| self.word(b"[]")).is_some()
    }

    /// Reads a text that is not a list of parts, as JSON or as a repr.
    pub(super) fn chat_text(&mut self) -> Option<Range<usize>> {
        let text = self.text()?;
        self.is_no_list(&text).then_some(text)
    }

    /// Reads an answer: a text, or a list of one text.
    fn chat_answer(&mut self) -> Option<Range<usize>> {
        self.skip_whitespace();
        if !self.rest().starts_with(b"[") {
            return self.chat_text();
        }
        self.only_text(br#""text""#)
    }

    /// Reads a list of one part of this type, whose text is not a list itself.
    pub(super) fn only_text(&mut self, expected: &[u8]) -> Option<Range<usize>> {
        let (mut kind, mut text) = (None, None);
        self.expect_byte(b'[')?;
        self.chat_object(|scan, key| match scan.bytes(key) {
            br#""type""# => set(&mut kind, scan.constant(expected)),
            br#""text""# => set(&mut text, scan.chat_text()),
            _ => None,
        })?;
        self.expect_byte(b']')?;
        kind.and(text)
    }

    /// Reads a list of parts.
    fn chat_parts(&mut self, chat: &mut Chat) -> Option<()> {
        // A call that is also listed beside the content counts once.
        chat.calls.is_empty().then_some(())?;
        let mut ids = CallIds::default();
        self.expect_byte(b'[')?;
        loop {
            let (mut kind, mut text, mut answered, mut answer) = (None, None, None, None);
            let (mut id, mut name, mut input) = (None, None, None);
            self.chat_object(|scan, key| match scan.bytes(key) {
                br#""type""# => set(&mut kind, scan.string()),
                br#""text""# => set(&mut text, scan.text()),
                br#""id""# => set(&mut id, scan.text()),
                br#""name""# => set(&mut name, scan.text()),
                br#""input""# => set(&mut input, scan.arguments()),
                br#""tool_use_id""# => set(&mut answered, scan.text()),
                br#""content""# => set(&mut answer, scan.chat_answer()),
                br#""is_error""# => scan.boolean(),
                br#""cache_control""# => scan.value(MAX_DEPTH).map(|_| ()),
                br#""annotations""# | br#""logprobs""# => scan.word(b"[]"),
                _ => None,
            })?;
            let kind = self.bytes(&kind?);
            match (kind, text, (id, name, input), (answered, answer)) {
                (
                    br#""text""# | br#""input_text""# | br#""output_text""#,
                    Some(text),
                    (None, None, None),
                    (None, None),
                ) => {
                    chat.texts.push(text);
                }
                (br#""tool_use""#, None, (Some(id), Some(name), Some(input)), (None, None)) => {
                    self.add_call(&mut ids, Some(id.clone()))?;
                    let arguments = Piece::Source(input);
                    chat.calls.push(Call {
                        id,
                        name,
                        arguments,
                    });
                }
                (br#""tool_result""#, None, (None, None, None), (Some(id), Some(text))) => {
                    chat.answers.push(Answer { id, text });
                }
                _ => return None,
            }
            if !self.has_next(b']')? {
                return Some(());
            }
        }
    }

    /// Reads a list of calls of functions.
    fn chat_calls(&mut self) -> Option<Vec<Call>> {
        let mut calls = Vec::new();
        let mut ids = CallIds::default();
        self.expect_byte(b'[')?;
        loop {
            let (mut kind, mut id, mut function) = (None, None, None);
            self.chat_object(|scan, key| match scan.bytes(key) {
                br#""type""# => set(&mut kind, scan.constant(br#""function""#)),
                br#""id""# => set(&mut id, scan.text()),
                br#""function""# => set(&mut function, scan.chat_function()),
                _ => None,
            })?;
            kind?;
            let (id, (name, arguments)) = (id?, function?);
            self.add_call(&mut ids, Some(id.clone()))?;
            calls.push(Call {
                id,
                name,
                arguments,
            });
            if !self.has_next(b']')? {
                return Some(calls);
            }
        }
    }

    /// Reads the name and the arguments of a function.
    fn chat_function(&mut self) -> Option<(Range<usize>, Piece)> {
        let (mut name, mut arguments) = (None, None);
        self.chat_object(|scan, key| match scan.bytes(key) {
            br#""name""# => set(&mut name, scan.text()),
            br#""arguments""# => set(&mut arguments, scan.chat_arguments()),
            _ => None,
        })?;
        Some((name?, arguments?))
    }

    /// Reads arguments, an object as JSON in a string.
    pub(super) fn chat_arguments(&mut self) -> Option<Piece> {
        let text = self.text()?;
        let text: String = serde_json::from_str(&self.text[text]).ok()?;
        let mut last_block = LastBlock::new();
        let mut scan = Scan::of(&text, 0, self.limits, &mut last_block);
        if scan.arguments().and_then(|_| scan.end()).is_some() {
            return Some(Piece::Owned(text));
        }
        let mut arguments = shapes::part::unquote(text.into());
        arguments.is_object().then_some(())?;
        normalise::clean_value(&mut arguments);
        Some(Piece::Owned(arguments.to_string()))
    }

    /// Reads an object that is not empty, and calls `field` in front of the value of each field.
    fn chat_object(
        &mut self,
        mut field: impl FnMut(&mut Self, &Range<usize>) -> Option<()>,
    ) -> Option<()> {
        self.expect_byte(b'{')?;
        loop {
            let key = self.string()?;
            self.expect_byte(b':')?;
            field(self, &key)?;
            if !self.has_next(b'}')? {
                return Some(());
            }
        }
    }

    fn boolean(&mut self) -> Option<()> {
        self.skip_whitespace();
        self.word(b"true").or_else(|| self.word(b"false"))
    }

    /// Reads this string.
    fn constant(&mut self, expected: &[u8]) -> Option<()> {
        let string = self.string()?;
        (self.bytes(&string) == expected).then_some(())
    }

    /// Records what to write in the place of a message that began at `start`. Returns its role.
    #[inline(never)]
    pub(super) fn end_chat_message(
        &mut self,
        start: usize,
        fields: Fields,
        side: Side,
        system: &mut StringRanges,
    ) -> Option<Role> {
        let (role, _) = fields.role?;
        let has_others = fields.parts.is_some() || fields.has_reason;
        let is_message = self.is_message(&fields.chat.item, role, side);
        (!has_others && is_message).then_some(())?;
        let Chat {
            mut texts,
            calls,
            mut answers,
            answered_call,
            ..
        } = fields.chat;
        if role == Role::Tool {
            answers.is_empty().then_some(())?;
            let (id, text) = (answered_call?, texts.pop()?);
            // A list in a text of a list is read as well.
            self.is_no_list(&text).then_some(())?;
            answers.push(Answer { id, text });
        } else if answered_call.is_some() {
            return None;
        }
        let has = (!texts.is_empty(), !calls.is_empty(), !answers.is_empty());
        // Each kind gets a message of its own in an input. Of a user, answers come first.
        self.has_split |= match (role, has) {
            (_, (true, false, false)) => false,
            (Role::Assistant, (false, true, false)) => false,
            (Role::User | Role::Tool, (false, false, true)) if side == Side::Input => false,
            (Role::Assistant, (true, true, false)) if side == Side::Input => true,
            (Role::User, (true, false, true)) if side == Side::Input => true,
            _ => return None,
        };
        self.has_calls = !calls.is_empty();
        if role == Role::System {
            texts.iter().for_each(|text| system.push(text.clone()));
        }
        let role = if has.0 || has.1 { role } else { Role::Tool };
        let mut replacement = Vec::new();
        write_message(
            &mut replacement,
            Role::Tool,
            answers.into_iter().map(answer_part),
        );
        write_message(&mut replacement, role, texts.into_iter().map(text_part));
        write_message(&mut replacement, role, calls.into_iter().map(call_part));
        let edit = Edit::new(start..self.at, replacement);
        self.edits.as_mut()?.push(edit);
        Some(role)
    }

    /// Parses an input message, whatever its form, and records what to write in its place. Returns its role.
    #[inline(never)]
    pub(super) fn other_message(&mut self, side: Side) -> Option<Role> {
        // Among answers the role of each message matters.
        (side == Side::Input && self.edits.is_some()).then_some(())?;
        self.is_payload = true;
        let range = self.value(MAX_DEPTH)?;
        self.is_payload = false;
        let value = serde_json::from_str(&self.text[range.clone()]).ok()?;
        shapes::is_whole_message(&value).then_some(())?;
        let messages = Messages::new(shapes::read(value, side), side).messages;
        self.has_split |= messages.len() > 1;
        let mut json = Vec::new();
        for message in &messages {
            self.has_calls |= message.parts.iter().any(normalise::is_call);
            let stays = message.role != Role::System && !message.parts.is_empty();
            stays.then_some(())?;
            if !json.is_empty() {
                json.push(b',');
            }
            write::message(&mut json, message);
        }
        let json = write::finish(json);
        // Then no text in it exceeds the limit either.
        let fits = !json.is_empty() && json.len() <= self.limits.text_bytes;
        fits.then_some(())?;
        let edit = Edit::new(range, [Piece::Owned(json)]);
        self.edits.as_mut()?.push(edit);
        messages.first().map(|message| message.role)
    }
}

/// Sets what is not set yet.
pub(super) fn set<T>(field: &mut Option<T>, value: Option<T>) -> Option<()> {
    field.is_none().then_some(())?;
    *field = Some(value?);
    Some(())
}

/// Appends a message with these parts, if there are any.
fn write_message<const N: usize>(
    pieces: &mut Vec<Piece>,
    role: Role,
    parts: impl ExactSizeIterator<Item = [Piece; N]>,
) {
    if parts.len() == 0 {
        return;
    }
    if !pieces.is_empty() {
        pieces.push(COMMA);
    }
    let [before_role, before_parts, after] = MESSAGE.map(Piece::Literal);
    pieces.extend([before_role, Piece::Literal(role.as_str()), before_parts]);
    for (index, part) in parts.enumerate() {
        if index > 0 {
            pieces.push(COMMA);
        }
        pieces.extend(part);
    }
    pieces.push(after);
}

fn text_part(text: Range<usize>) -> [Piece; 3] {
    let [before, after] = TEXT.map(Piece::Literal);
    [before, Piece::Source(text), after]
}

pub(super) fn call_part(call: Call) -> [Piece; 7] {
    let [before_id, before_name, before_arguments, after] = CALL.map(Piece::Literal);
    [
        before_id,
        Piece::Source(call.id),
        before_name,
        Piece::Source(call.name),
        before_arguments,
        call.arguments,
        after,
    ]
}

pub(super) fn answer_part(answer: Answer) -> [Piece; 7] {
    let [before_id, before_response, before_result, after] = ANSWER.map(Piece::Literal);
    [
        before_id,
        Piece::Source(answer.id),
        before_response,
        Piece::Source(answer.text.clone()),
        before_result,
        Piece::Source(answer.text),
        after,
    ]
}
