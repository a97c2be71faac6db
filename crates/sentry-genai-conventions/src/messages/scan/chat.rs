//! Reads messages in the form of OpenAI's chat completions: `{"role":R,"content":C}`, where the content is a text or a list of
//! `{"type":"text","text":T}`, and `{"role":"tool","tool_call_id":I,"content":T}`. Others are parsed one by one.

use std::ops::Range;

use super::{
    Edit, Role, Scan, Side, StringRanges,
    calls::MAX_DEPTH,
    part::{Fields, Parts},
};
use crate::messages::{Messages, normalise, shapes, write};

impl Scan<'_, '_> {
    /// Reads the value of a field that only messages in this form have.
    #[inline(never)]
    pub(super) fn chat_field(&mut self, key: &Range<usize>, fields: &mut Fields) -> Option<()> {
        self.edits.as_ref()?;
        match self.bytes(key) {
            br#""content""# | br#""contents""# if fields.texts.is_empty() => {
                self.skip_whitespace();
                if self.rest().starts_with(b"[") {
                    fields.texts = self.chat_parts()?;
                    return Some(());
                }
                let text = self.text()?;
                // It may be a list of parts, as JSON or as a repr.
                let inner = self.text[text.start + 1..text.end - 1].trim_start();
                (!inner.starts_with(['[', '\\'])).then_some(())?;
                fields.texts.push(text);
            }
            br#""tool_call_id""# if fields.answered_call.is_none() => {
                fields.answered_call = Some(self.text()?);
            }
            _ => return None,
        }
        Some(())
    }

    /// Reads a list of parts that are texts. Returns these.
    fn chat_parts(&mut self) -> Option<Vec<Range<usize>>> {
        let mut texts = Vec::new();
        self.expect_byte(b'[')?;
        loop {
            let (mut has_type, mut text) = (false, None);
            self.expect_byte(b'{')?;
            loop {
                let key = self.string()?;
                self.expect_byte(b':')?;
                let value = self.text()?;
                match self.bytes(&key) {
                    br#""type""# if !has_type => {
                        has_type = self.bytes(&value) == br#""text""#;
                        has_type.then_some(())?;
                    }
                    br#""text""# if text.is_none() => text = Some(value),
                    _ => return None,
                }
                if !self.has_next(b'}')? {
                    break;
                }
            }
            has_type.then_some(())?;
            texts.push(text?);
            if !self.has_next(b']')? {
                return Some(texts);
            }
        }
    }

    /// Records what to write in the place of a message that began at `start`.
    #[inline(never)]
    pub(super) fn end_chat_message(
        &mut self,
        start: usize,
        fields: &mut Fields,
        system: &mut StringRanges,
    ) -> Option<()> {
        let (role, _) = fields.role.as_ref()?;
        let has_others = fields.parts.is_some() || fields.has_reason;
        (!has_others && !fields.texts.is_empty()).then_some(())?;
        let message = start..self.at;
        let texts = std::mem::take(&mut fields.texts);
        let (parts, edit) = match (*role, fields.answered_call.take(), &texts[..]) {
            (Role::Tool, Some(id), [text]) => {
                let text = text.clone();
                (Parts::ANSWERS, Edit::Answer { message, id, text })
            }
            (Role::Tool, ..) | (_, Some(_), _) => return None,
            (role, None, _) => {
                texts.iter().for_each(|text| system.push(text.clone()));
                (Parts::TEXT, Edit::Texts(message, role.as_str(), texts))
            }
        };
        self.edits.as_mut()?.push(edit);
        fields.parts = Some(parts);
        Some(())
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
        self.edits.as_mut()?.push(Edit::Replace(range, json));
        messages.first().map(|message| message.role)
    }
}
