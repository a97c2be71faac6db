//! Reads what OpenAI's Responses API has between messages. Adjacent items of the same role become one message.
//!
//! ```text
//! {"type":"function_call","call_id":I,"name":N,"arguments":"{...}"}
//! {"type":"function_call_output","call_id":I,"output":T}
//! {"type":"reasoning","summary":[{"type":"summary_text","text":T}]}
//! ```

use std::ops::Range;

use super::{
    Edit, Role, Scan, Side,
    chat::{Answer, COMMA, Call, MESSAGE, answer_part, call_part, set},
    part::Fields,
};
use crate::attributes::Piece;

/// The fields of an item.
#[derive(Default)]
pub(super) struct Item {
    kind: Option<Range<usize>>,
    /// The item's own id, which is not shown.
    id: Option<Range<usize>>,
    status: Option<Range<usize>>,
    call_id: Option<Range<usize>>,
    name: Option<Range<usize>>,
    arguments: Option<Piece>,
    output: Option<Range<usize>>,
    /// The text of the summary, if it has one.
    summary: Option<Option<Range<usize>>>,
}

/// A message that the next item may belong to. Its edit is the last one.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenMessage {
    pub(super) role: Role,
    is_empty: bool,
}

impl OpenMessage {
    /// Returns whether there is one that still has no parts.
    pub(super) fn is_empty(message: Option<Self>) -> bool {
        message.is_some_and(|message| message.is_empty)
    }
}

/// What is written around a text of reasoning.
const REASONING: [&str; 2] = [r#"{"type":"reasoning","content":"#, "}"];

impl Scan<'_, '_> {
    /// Reads the value of a field that items have, or messages among them.
    pub(super) fn item_field(&mut self, key: &Range<usize>, item: &mut Item) -> Option<()> {
        match self.bytes(key) {
            br#""type""# => set(&mut item.kind, self.text()),
            br#""id""# => set(&mut item.id, self.text()),
            br#""status""# => set(&mut item.status, self.text()),
            br#""call_id""# => set(&mut item.call_id, self.text()),
            br#""name""# => set(&mut item.name, self.text()),
            br#""arguments""# => set(&mut item.arguments, self.chat_arguments()),
            br#""output""# => set(&mut item.output, self.chat_text()),
            br#""summary""# => {
                let summary = match self.word(b"[]") {
                    Some(()) => None,
                    None => Some(self.only_text(br#""summary_text""#)?),
                };
                set(&mut item.summary, Some(summary))
            }
            _ => None,
        }
    }

    /// Returns whether nothing but a message has these fields.
    pub(super) fn is_message(&self, item: &Item, role: Role, side: Side) -> bool {
        let is_plain = item.kind.is_none() && item.id.is_none() && item.status.is_none();
        let is_typed = |kind: &Range<usize>| self.bytes(kind) == br#""message""#;
        // In an output, adjacent messages become one. Of a tool, the id may be that of the call.
        let is_known =
            side == Side::Input && role != Role::Tool && item.kind.as_ref().is_some_and(is_typed);
        let has_others = item.call_id.is_some() || item.name.is_some() || item.output.is_some();
        (is_plain || is_known) && !has_others && item.arguments.is_none() && item.summary.is_none()
    }

    /// Records what to write in the place of an item that began at `start`. Returns its role.
    #[inline(never)]
    pub(super) fn end_item(&mut self, start: usize, fields: Fields, side: Side) -> Option<Role> {
        let has_others = fields.role.is_some() || fields.parts.is_some() || fields.has_reason;
        let is_item = !has_others && side == Side::Input && fields.chat.is_empty();
        is_item.then_some(())?;
        let has_content = fields.chat.is_present();
        let Item {
            kind,
            call_id,
            name,
            arguments,
            output,
            summary,
            ..
        } = fields.chat.item;
        let (role, part) = match (
            self.bytes(&kind?),
            call_id,
            (name, arguments),
            output,
            summary,
        ) {
            (br#""function_call""#, Some(id), (Some(name), Some(arguments)), None, None)
                if !has_content =>
            {
                self.has_calls = true;
                let call = Call {
                    id,
                    name,
                    arguments,
                };
                (Role::Assistant, call_part(call).to_vec())
            }
            (br#""function_call_output""#, Some(id), (None, None), Some(text), None)
                if !has_content =>
            {
                (Role::Tool, answer_part(Answer { id, text }).to_vec())
            }
            (br#""reasoning""#, None, (None, None), None, Some(summary)) => {
                let [before, after] = REASONING.map(Piece::Literal);
                let part = summary.map(|text| vec![before, Piece::Source(text), after]);
                (Role::Assistant, part.unwrap_or_default())
            }
            _ => return None,
        };
        let end = self.at;
        let edits = self.edits.as_mut()?;
        let [before_role, before_parts, after] = MESSAGE.map(Piece::Literal);
        let mut is_empty = part.is_empty();
        match self.open_message {
            Some(open) if open.role == role => {
                let edit = edits.last_mut()?;
                edit.range.end = end;
                edit.replacement.pop();
                if !open.is_empty && !is_empty {
                    edit.replacement.push(COMMA);
                }
                is_empty &= open.is_empty;
                edit.replacement.extend(part);
                edit.replacement.push(after);
            }
            _ => {
                let role = Piece::Literal(role.as_str());
                let mut replacement = vec![before_role, role, before_parts];
                replacement.extend(part);
                replacement.push(after);
                edits.push(Edit::new(start..end, replacement));
            }
        }
        self.open_message = Some(OpenMessage { role, is_empty });
        self.is_item = true;
        Some(role)
    }
}
