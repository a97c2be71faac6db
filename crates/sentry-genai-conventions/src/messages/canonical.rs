//! Recognises messages that need no work, without parsing them into values.
//!
//! Newer libraries write the canonical form, and most messages are plain text. Parsing such an attribute into values and writing
//! it again would cost more than all other work on a span.

mod shortened;

use std::ops::Range;

pub(crate) use super::scan::Edit;
pub(crate) use shortened::shorten;

use super::{
    ContentLimits, Role, Side,
    block::LastBlock,
    scan::{Found, Scan, StringRanges},
};

/// Messages in canonical form, as positions in the attribute's text.
#[derive(Debug, PartialEq)]
pub(crate) struct Canonical {
    system: StringRanges,
    /// Where the messages that stay begin. They extend to the bracket that closes the list. `None` if no message stays.
    pub(crate) rest: Option<usize>,
    has_questions: bool,
    /// Whether the messages are short enough for an attribute.
    pub(crate) fits: bool,
    /// The changes to the messages, in order of position.
    pub(crate) edits: Vec<Edit>,
    reasons: StringRanges,
}

impl Canonical {
    /// Returns the places of the texts of the system messages at the start, which are JSON strings including their quotes.
    pub(crate) fn system(&self) -> &[Range<usize>] {
        self.system.ranges()
    }

    /// Returns whether all messages stay as they are.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.system().is_empty() && !self.has_questions && self.edits.is_empty()
    }
}

/// Recognises messages that [`Messages::parse`](super::Messages::parse) would write unchanged, except for the system messages at
/// the start, what precedes an answer, and some [edits](Canonical::edits).
///
/// `None` does not mean that the messages are invalid, only that they need the full parser.
pub(crate) fn messages(text: &str, side: Side, limits: &ContentLimits) -> Option<Canonical> {
    if text.len() > limits.attribute_bytes {
        return None;
    }
    let mut last_block = LastBlock::new();
    let mut scan = Scan::of(text, 0, limits, &mut last_block).with_edits();
    let (mut system, mut rest, mut has_questions) = (StringRanges::default(), None, false);
    scan.expect_byte(b'[')?;
    let mut answer_start = AnswerStart::of(side);
    scan.messages(side, &mut system, |found| {
        let Found { range, role, .. } = found;
        if found.continues {
            return;
        }
        if answer_start.is_reached_by(role) {
            has_questions = true;
            rest = Some(range.start);
        } else {
            rest = rest.or(Some(range.start));
        }
    })?;
    let (edits, reasons) = scan.into_findings();
    let growth: isize = edits.iter().map(Edit::growth).sum();
    Some(Canonical {
        fits: text.len().saturating_add_signed(growth) <= limits.attribute_bytes,
        system,
        rest,
        has_questions,
        edits,
        reasons,
    })
}

/// Returns the finish reasons as a JSON list, if `text` is in a form that [`messages`] recognises.
pub(crate) fn finish_reasons(text: &str) -> Option<String> {
    let found = messages(text, Side::Output, &ContentLimits::default())?;
    let is_kept = |range: &&Range<usize>| found.rest.is_some_and(|rest| range.start >= rest);
    let ranges = found.reasons.ranges().iter().filter(is_kept);
    let reasons: Vec<&str> = ranges.map(|range| &text[range.clone()]).collect();
    Some(format!("[{}]", reasons.join(",")))
}

/// Finds where the answers start among the messages of an output.
struct AnswerStart {
    side: Side,
    before: Option<Role>,
}

impl AnswerStart {
    fn of(side: Side) -> Self {
        Self { side, before: None }
    }

    /// Records the role of the next message. Returns whether it is the first one after a question.
    fn is_reached_by(&mut self, role: Role) -> bool {
        let before = self.before.replace(role);
        self.side == Side::Output && before.is_some_and(|before| role.answers(before))
    }
}

/// Recognises a list of text parts, the form of system instructions: `[{"type":"text","content":"..."}]`.
pub(crate) fn is_text_parts(text: &str, limits: &ContentLimits) -> bool {
    let mut last_block = LastBlock::new();
    let is_short = text.len() <= limits.attribute_bytes;
    is_short && Scan::of(text, 0, limits, &mut last_block).texts().is_some()
}

/// Recognises a tool's arguments or result, as JSON, that [`tool_payload`](super::tool_payload) leaves unchanged although it is
/// longer than one text may be.
pub(crate) fn is_payload(text: &str, limits: &ContentLimits) -> bool {
    let mut last_block = LastBlock::new();
    let may_fit = text.len() <= limits.attribute_bytes && text.starts_with(['{', '[']);
    may_fit
        && Scan::of(text, 0, limits, &mut last_block)
            .payload()
            .is_some()
}
