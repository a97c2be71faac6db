//! Changes to messages that are otherwise in canonical form.

use std::{iter, ops::Range};

use crate::attributes::Piece;

/// A change to messages that are otherwise in canonical form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Edit {
    /// Remove this.
    Remove(Range<usize>),
    /// Repeat this tool's answer under another name, or its text if it is an object.
    Duplicate {
        range: Range<usize>,
        name: &'static str,
        decoded: Option<String>,
    },
    /// Replace this role of a user who answers tool calls.
    SetToolRole(Range<usize>),
    /// Write this message with this role, and these texts as its parts.
    Texts(Range<usize>, &'static str, Vec<Range<usize>>),
    /// Write this message with a tool's answer as its part.
    Answer {
        message: Range<usize>,
        id: Range<usize>,
        text: Range<usize>,
    },
    /// Replace a message.
    Replace(Range<usize>, String),
}

/// The role of a tool.
const TOOL: &str = r#""tool""#;

/// What is written around the name of a further field.
const NAME: [&str; 2] = [r#",""#, r#"":"#];

/// What is written around a role, and around texts.
const TEXTS: [&str; 4] = [
    r#"{"role":""#,
    r#"","parts":[{"type":"text","content":"#,
    r#"},{"type":"text","content":"#,
    "}]}",
];

/// What is written around the id, the answer of a tool, and the same answer.
const ANSWER: [&str; 4] = [
    r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"#,
    r#","response":"#,
    r#","result":"#,
    "}]}",
];

impl Edit {
    /// Returns the place in the text that the edit is about.
    pub(crate) fn range(&self) -> &Range<usize> {
        match self {
            Self::Remove(range)
            | Self::Duplicate { range, .. }
            | Self::SetToolRole(range)
            | Self::Texts(range, ..)
            | Self::Answer { message: range, .. }
            | Self::Replace(range, _) => range,
        }
    }

    /// Returns by how many bytes the text becomes longer.
    pub(in super::super) fn growth(&self) -> isize {
        let length = |literals: &[&str]| literals.iter().map(|it| it.len()).sum::<usize>();
        let written = match self {
            Self::Remove(_) => 0,
            Self::SetToolRole(_) => TOOL.len(),
            Self::Duplicate {
                range,
                name,
                decoded,
            } => {
                let copied = decoded.as_ref().map_or(range.len(), String::len);
                range.len() + length(&NAME) + name.len() + copied
            }
            Self::Texts(_, role, texts) => {
                let contents: usize = texts.iter().map(Range::len).sum();
                let [start, before_first, before_next, end] = TEXTS.map(str::len);
                let further = texts.len().saturating_sub(1) * before_next;
                start + role.len() + before_first + further + contents + end
            }
            Self::Answer { id, text, .. } => length(&ANSWER) + id.len() + 2 * text.len(),
            Self::Replace(_, json) => json.len(),
        };
        written as isize - self.range().len() as isize
    }

    /// Appends what to write in the place of the edit.
    pub(crate) fn write(self, pieces: &mut Vec<Piece>) {
        match self {
            Self::Remove(_) => {}
            Self::Duplicate {
                range,
                name,
                decoded,
            } => {
                let [before, after] = NAME.map(Piece::Literal);
                let answer = Piece::Source(range.clone());
                let copied = decoded.map_or(Piece::Source(range), Piece::Owned);
                pieces.extend([answer, before, Piece::Literal(name), after, copied]);
            }
            Self::SetToolRole(_) => pieces.push(Piece::Literal(TOOL)),
            Self::Texts(_, role, texts) => {
                let [before_role, before_first, before_next, after] = TEXTS;
                let separators = [before_first].into_iter().chain(iter::repeat(before_next));
                pieces.extend([before_role, role].map(Piece::Literal));
                for (separator, text) in separators.zip(texts) {
                    pieces.extend([Piece::Literal(separator), Piece::Source(text)]);
                }
                pieces.push(Piece::Literal(after));
            }
            Self::Answer { id, text, .. } => {
                let [before_id, before_response, before_result, after] = ANSWER.map(Piece::Literal);
                pieces.extend([
                    before_id,
                    Piece::Source(id),
                    before_response,
                    Piece::Source(text.clone()),
                    before_result,
                    Piece::Source(text),
                    after,
                ]);
            }
            Self::Replace(_, json) => pieces.push(Piece::Owned(json)),
        }
    }
}

/// Returns the text that Sentry reads for a tool's answer that is an object; `None` for other answers, which Sentry reads as they
/// are.
pub(super) fn object_as_text(answer: &str) -> Option<String> {
    if !answer.starts_with('{') {
        return None;
    }
    let object: serde_json::Value = serde_json::from_str(answer).ok()?;
    Some(serde_json::Value::from(object.to_string()).to_string())
}
