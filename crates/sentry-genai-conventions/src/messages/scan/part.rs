//! What has been read of a message and of its parts.

use std::ops::Range;

use super::{super::Role, chat::Chat};

/// What is known about a message.
#[derive(Default)]
pub(super) struct Fields {
    /// The role and its place.
    pub(super) role: Option<(Role, Range<usize>)>,
    pub(super) parts: Option<Parts>,
    pub(super) has_reason: bool,
    pub(super) chat: Chat,
}

/// What is known about a part of a message.
#[derive(Default)]
pub(super) struct Part {
    pub(super) kind: Option<Kind>,
    pub(super) content: Option<Range<usize>>,
    pub(super) id: Option<Range<usize>>,
    pub(super) name: Option<Range<usize>>,
    pub(super) arguments: Option<Range<usize>>,
    pub(super) response: Option<Range<usize>>,
    pub(super) result: Option<Range<usize>>,
}

impl Part {
    /// Returns whether the part has none of the fields that only calls and answers have.
    pub(super) fn is_content_only(&self) -> bool {
        let named = [&self.id, &self.name];
        let valued = [&self.arguments, &self.response, &self.result];
        let is_tool = matches!(self.kind, Some(Kind::Call | Kind::Answer));
        !is_tool && named.into_iter().chain(valued).all(Option::is_none)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Reasoning,
    Call,
    Answer,
}

/// The kinds of parts that a message has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) has_text: bool,
    pub(super) has_reasoning: bool,
    pub(super) has_calls: bool,
    pub(super) has_answers: bool,
}

impl Parts {
    const NONE: Self = Self {
        has_text: false,
        has_reasoning: false,
        has_calls: false,
        has_answers: false,
    };
    pub(super) const TEXT: Self = Self {
        has_text: true,
        ..Self::NONE
    };
    pub(super) const ANSWERS: Self = Self {
        has_answers: true,
        ..Self::NONE
    };
}
