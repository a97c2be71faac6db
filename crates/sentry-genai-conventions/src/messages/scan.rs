//! Reads messages of the simplest kind in place.

mod calls;
mod chat;
mod edit;
mod items;
mod part;
mod strings;

use std::ops::Range;

pub(crate) use self::edit::Edit;
use self::{
    calls::CallIds,
    items::OpenMessage,
    part::{Fields, Kind, Part, Parts},
};
use super::{
    ContentLimits, Role, Side, blobs, block::LastBlock, parse, shapes, special_bytes::SpecialBytes,
};
use crate::attributes::Piece;

/// The maximum number of system texts, and of finish reasons, that can be recorded.
const MAX_TEXTS: usize = 8;

/// The places of texts, which are JSON strings including their quotes. Texts beyond the maximum are only counted.
#[derive(Debug, Default, PartialEq)]
pub(super) struct StringRanges {
    ranges: [Range<usize>; MAX_TEXTS],
    count: usize,
}

impl StringRanges {
    pub(super) fn ranges(&self) -> &[Range<usize>] {
        &self.ranges[..self.count]
    }

    fn has_overflowed(&self) -> bool {
        self.count > MAX_TEXTS
    }

    fn push(&mut self, range: Range<usize>) {
        if let Some(free) = self.ranges.get_mut(self.count) {
            *free = range;
        }
        self.count += 1;
    }
}

/// What follows the role in most messages, up to the text.
const COMMON_START: &[u8; 37] = br#"","parts":[{"type":"text","content":""#;

/// A position in the text. Every step returns `None` at the first thing that is not of the simplest kind.
#[derive(Debug)]
pub(super) struct Scan<'a, 'l> {
    text: &'a str,
    start: usize,
    at: usize,
    specials: SpecialBytes<'a>,
    /// All special bytes.
    text_start: SpecialBytes<'a>,
    limits: &'l ContentLimits,
    /// The changes that are needed; `None` if messages that need changes are not accepted.
    edits: Option<Vec<Edit>>,
    /// Whether values may have lists of any length, and media types: they are not part of messages.
    is_payload: bool,
    /// Whether the current message has tool calls.
    has_calls: bool,
    /// Whether a message becomes several.
    has_split: bool,
    /// The message that the latest item belongs to, unless another message follows.
    open_message: Option<OpenMessage>,
    /// Whether what was read last is an item.
    is_item: bool,
    /// The finish reasons, as JSON strings.
    reasons: StringRanges,
}

/// A message that was read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) range: Range<usize>,
    pub(super) role: Role,
    pub(super) has_calls: bool,
    /// Whether this belongs to the message before.
    pub(super) continues: bool,
}

impl<'a, 'l> Scan<'a, 'l> {
    pub(super) fn of(
        text: &'a str,
        start: usize,
        limits: &'l ContentLimits,
        last_block: &'a mut LastBlock,
    ) -> Self {
        let specials = SpecialBytes::from(text.as_bytes(), start, last_block);
        Self {
            text,
            start,
            at: start,
            text_start: specials.clone(),
            specials,
            limits,
            edits: None,
            is_payload: false,
            has_calls: false,
            has_split: false,
            open_message: None,
            is_item: false,
            reasons: StringRanges::default(),
        }
    }

    /// Also accepts messages that may need edits: those with tool calls, those with an unknown finish reason, and those in other
    /// forms.
    pub(super) fn with_edits(self) -> Self {
        let edits = Some(Vec::new());
        Self { edits, ..self }
    }

    /// Returns whether a message becomes several.
    pub(super) fn has_split(&self) -> bool {
        self.has_split
    }

    /// Returns the edits for the messages that were read, in order of position, and the finish reasons.
    pub(super) fn into_findings(self) -> (Vec<Edit>, StringRanges) {
        let mut edits = self.edits.unwrap_or_default();
        edits.sort_unstable_by_key(|edit| edit.range.start);
        (edits, self.reasons)
    }

    /// Reads the rest of a list of messages up to the end of the text. Calls `message` with each, except for system messages at
    /// the start, whose texts go to `system`.
    pub(super) fn messages(
        &mut self,
        side: Side,
        system: &mut StringRanges,
        mut message: impl FnMut(Found),
    ) -> Option<()> {
        let mut is_start = true;
        loop {
            self.skip_whitespace();
            let start = self.at;
            let before = system.count;
            self.has_calls = false;
            self.is_item = false;
            let open_message = self.open_message;
            let role = match self.message(side, system) {
                Some(role) => role,
                None => {
                    system.count = before;
                    self.go_back(start);
                    self.other_message(side)?
                }
            };
            if !self.is_item {
                self.open_message = None;
            }
            let continues = self.is_item && open_message.is_some_and(|open| open.role == role);
            // Nothing would be left of a message without parts.
            (continues || !OpenMessage::is_empty(open_message)).then_some(())?;
            is_start &= role == Role::System;
            if !is_start {
                // Only system messages at the start are moved.
                system.count = before;
                message(Found {
                    range: start..self.at,
                    role,
                    has_calls: self.has_calls,
                    continues,
                });
            } else if system.has_overflowed() {
                return None;
            }
            if !self.has_next(b']')? {
                break;
            }
        }
        self.end()?;
        (!OpenMessage::is_empty(self.open_message)).then_some(())?;
        (!self.may_hold_call() && !self.reasons.has_overflowed()).then_some(())
    }

    /// Goes back to the message that begins at `start`, and forgets what was found since.
    fn go_back(&mut self, start: usize) {
        self.specials.go_back(&self.text_start, start);
        self.at = start;
        if let Some(edits) = &mut self.edits {
            while edits.pop_if(|edit| edit.range.start >= start).is_some() {}
        }
    }

    /// Reads a message, adds its texts to `texts`, and returns its role.
    #[inline(always)]
    fn message(&mut self, side: Side, texts: &mut StringRanges) -> Option<Role> {
        let Some(role) = self.common_start() else {
            self.expect_byte(b'{')?;
            return self.rest_of_message(None, side, texts);
        };
        let text = self.rest_of_string()?;
        self.is_text(&text).then_some(())?;
        if self.rest().starts_with(b"}]}") {
            self.at += 3;
            texts.push(text);
            return Some(role);
        }
        self.rest_of_message(Some((role, text)), side, texts)
    }

    /// Reads the start of a message up to its text and returns the role, if the fields are in the usual order and without spaces.
    /// Otherwise the position does not change.
    #[inline(always)]
    fn common_start(&mut self) -> Option<Role> {
        let rest = self.rest();
        // This byte differs between the roles.
        let (role, start) = match rest.get(9)? {
            b'u' => (Role::User, strip_start(rest, br#"{"role":"user"#)?),
            b'a' => (
                Role::Assistant,
                strip_start(rest, br#"{"role":"assistant"#)?,
            ),
            b's' => (Role::System, strip_start(rest, br#"{"role":"system"#)?),
            _ => return None,
        };
        let bytes: &[u8; COMMON_START.len()] = start.first_chunk()?;
        // In two pieces, because only short slices are compared without a call.
        let is_common = bytes[..32] == COMMON_START[..32] && bytes[32..] == COMMON_START[32..];
        is_common.then_some(())?;
        self.at += rest.len() - start.len() + COMMON_START.len();
        Some(role)
    }

    /// Reads the rest of `{"role":R,"parts":[...],"finish_reason":F}`, either from behind its first bracket, or from behind its
    /// first text if that and the role are `known`.
    #[inline(never)]
    fn rest_of_message(
        &mut self,
        known: Option<(Role, Range<usize>)>,
        side: Side,
        texts: &mut StringRanges,
    ) -> Option<Role> {
        let start = self.at - 1;
        let allows_reasoning = side == Side::Output;
        let mut fields = Fields::default();
        let mut has_next = true;
        if let Some((role, text)) = known {
            let first = Part {
                kind: Some(Kind::Text),
                content: Some(text),
                ..Part::default()
            };
            fields.role = Some((role, 0..0));
            fields.parts = Some(self.rest_of_parts(first, allows_reasoning, texts)?);
            has_next = self.has_next(b'}')?;
        }
        while has_next {
            // The comma or the bracket in front of the field.
            let before = self.at - 1;
            let key = self.string()?;
            self.expect_byte(b':')?;
            match self.bytes(&key) {
                br#""role""# if fields.role.is_none() => fields.role = Some(self.role()?),
                br#""parts""# if fields.parts.is_none() => {
                    fields.parts = Some(self.parts(allows_reasoning, texts)?);
                }
                br#""finish_reason""# if !fields.has_reason && side == Side::Output => {
                    let reason = self.text()?;
                    self.record_finish_reason(reason, before)?;
                    fields.has_reason = true;
                }
                _ => self.chat_field(&key, &mut fields.chat)?,
            }
            has_next = self.has_next(b'}')?;
        }
        if fields.chat.is_present() && fields.role.is_some() {
            return self.end_chat_message(start, fields, side, texts);
        }
        if fields.chat.has_fields {
            return self.end_item(start, fields, side);
        }
        self.canonical_role(fields, side)
    }

    /// Reads a role. Returns its place as well.
    fn role(&mut self) -> Option<(Role, Range<usize>)> {
        let name = self.string()?;
        let role = match self.bytes(&name) {
            br#""system""# | br#""developer""# => Role::System,
            br#""user""# => Role::User,
            br#""assistant""# => Role::Assistant,
            br#""tool""# => Role::Tool,
            _ => return None,
        };
        Some((role, name))
    }

    /// Returns the role of a message with these fields, if that is canonical, or can be made so by an edit.
    fn canonical_role(&mut self, fields: Fields, side: Side) -> Option<Role> {
        let ((role, role_range), parts) = (fields.role?, fields.parts?);
        self.has_calls = parts.has_calls;
        let is_canonical = match role {
            // A system message with reasoning or a finish reason cannot be moved.
            Role::System if self.bytes(&role_range) == br#""developer""# => return None,
            Role::System => parts == Parts::TEXT && !fields.has_reason,
            // A user does not answer tool calls, so the role becomes `tool`.
            Role::User if parts == Parts::ANSWERS && side == Side::Input => {
                self.edits
                    .as_mut()?
                    .push(Edit::new(role_range, [Piece::Literal(r#""tool""#)]));
                return Some(Role::Tool);
            }
            Role::User => !parts.has_calls && !parts.has_answers,
            // In an input message, calls are shown only if there is no text beside them.
            Role::Assistant => {
                let is_mixed = parts.has_calls && parts.has_text;
                !parts.has_answers && (side == Side::Output || !is_mixed)
            }
            Role::Tool => parts == Parts::ANSWERS && side == Side::Input,
        };
        is_canonical.then_some(role)
    }

    /// Records a finish reason. `before` is the position of the comma or bracket in front of the field.
    fn record_finish_reason(&mut self, range: Range<usize>, before: usize) -> Option<()> {
        let reason = &self.text[range.start + 1..range.end - 1];
        if reason.contains("FinishReason.") {
            return None;
        }
        if reason.eq_ignore_ascii_case("unknown") {
            let follows_other_field = self.text.as_bytes().get(before) == Some(&b',');
            follows_other_field.then_some(())?;
            self.edits.as_mut()?.push(Edit::new(before..range.end, []));
        } else {
            self.reasons.push(range);
        }
        Some(())
    }

    /// Reads `[{"type":"text","content":C},...]`.
    pub(super) fn texts(&mut self) -> Option<()> {
        self.parts(false, &mut StringRanges::default())?;
        self.end()
    }

    /// Reads a list of parts. Returns which kinds there are.
    fn parts(&mut self, allows_reasoning: bool, texts: &mut StringRanges) -> Option<Parts> {
        self.expect_byte(b'[')?;
        self.expect_byte(b'{')?;
        self.rest_of_parts(Part::default(), allows_reasoning, texts)
    }

    /// Reads parts from inside the first one to the end of their list. Returns which kinds there are.
    fn rest_of_parts(
        &mut self,
        mut part: Part,
        allows_reasoning: bool,
        texts: &mut StringRanges,
    ) -> Option<Parts> {
        let mut parts = Parts::default();
        let mut call_ids = None;
        // If the part already has its content, the position is behind that.
        let mut has_next = part.content.is_none() || self.has_next(b'}')?;
        loop {
            while has_next {
                self.part_field(&mut part, allows_reasoning)?;
                has_next = self.has_next(b'}')?;
            }
            match part.kind? {
                Kind::Text => parts.has_text = true,
                // The text may be a JSON list of summaries.
                Kind::Reasoning if !self.is_no_list(part.content.as_ref()?) => return None,
                Kind::Reasoning => parts.has_reasoning = true,
                Kind::Call => parts.has_calls = true,
                Kind::Answer => parts.has_answers = true,
            }
            match part.content.take() {
                Some(content) if part.is_content_only() => texts.push(content),
                Some(_) => return None,
                None => {
                    let call_ids = call_ids.get_or_insert_with(CallIds::default);
                    self.end_tool_part(&part, call_ids)?;
                }
            }
            if !self.has_next(b']')? {
                return Some(parts);
            }
            self.expect_byte(b'{')?;
            part = Part::default();
            has_next = true;
        }
    }

    /// Reads a field of a part.
    #[inline]
    fn part_field(&mut self, part: &mut Part, allows_reasoning: bool) -> Option<()> {
        let key = self.string()?;
        self.expect_byte(b':')?;
        match self.bytes(&key) {
            br#""type""# if part.kind.is_none() => {
                let kind = self.string()?;
                part.kind = Some(match self.bytes(&kind) {
                    br#""text""# => Kind::Text,
                    br#""reasoning""# if allows_reasoning => Kind::Reasoning,
                    br#""tool_call""# => Kind::Call,
                    br#""tool_call_response""# => Kind::Answer,
                    _ => return None,
                });
            }
            br#""content""# if part.content.is_none() => part.content = Some(self.text()?),
            _ => self.tool_field(&key, part)?,
        }
        Some(())
    }

    fn bytes(&self, range: &Range<usize>) -> &'a [u8] {
        &self.text.as_bytes()[range.clone()]
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Reads a comma or `close`. Returns whether it was a comma.
    fn has_next(&mut self, close: u8) -> Option<bool> {
        match self.next()? {
            b',' => Some(true),
            byte => (byte == close).then_some(false),
        }
    }

    pub(super) fn expect_byte(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// Returns the next byte that is not whitespace.
    fn next(&mut self) -> Option<u8> {
        self.skip_whitespace();
        let byte = self.text.as_bytes().get(self.at)?;
        self.at += 1;
        Some(*byte)
    }

    fn skip_whitespace(&mut self) {
        let is_space = |byte: &&u8| matches!(**byte, b' ' | b'\n' | b'\r' | b'\t');
        self.at += self.rest().iter().take_while(is_space).count();
    }

    /// Reads whitespace up to the end of the text. Fails if the text may include a blob.
    fn end(&mut self) -> Option<()> {
        let is_end = self.next().is_none();
        let may_hold_blob = self.specials.saw_base64_run() && blobs::may_hold_blob(self.scanned())
            || self.specials.saw_separator() && blobs::has_base64_marker(self.scanned());
        (is_end && !may_hold_blob).then_some(())
    }

    fn may_hold_call(&self) -> bool {
        self.specials.saw_separator() && shapes::part::may_be_call_repr(self.scanned())
    }

    /// Returns everything that was read. Valid only at the end.
    fn scanned(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.start..]
    }
}

/// Returns what follows `start`, whose length the compiler knows.
#[inline(always)]
fn strip_start<'a, const LENGTH: usize>(bytes: &'a [u8], start: &[u8; LENGTH]) -> Option<&'a [u8]> {
    let (first, rest) = bytes.split_first_chunk()?;
    (first == start).then_some(rest)
}
