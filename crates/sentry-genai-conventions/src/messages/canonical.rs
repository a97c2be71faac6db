//! Recognises messages that need no work, without parsing them into values.
//!
//! Newer libraries write the canonical form, and most messages are plain text. Parsing such an attribute into values and writing
//! it again would cost more than all other work on a span.

use std::ops::Range;

pub(crate) use super::scan::Edit;
use super::{
    ContentLimits, Role, Side,
    block::LastBlock,
    excerpt,
    scan::{Scan, StringRanges},
};

/// Messages in canonical form, as positions in the attribute's text.
#[derive(Debug, PartialEq)]
pub(crate) struct Canonical {
    system: StringRanges,
    /// Where the messages that stay begin. They extend to the bracket that closes the list. `None` if no message stays.
    pub(crate) rest: Option<usize>,
    has_questions: bool,
    edits: Vec<Edit>,
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

    /// Returns the changes to the messages that stay, in order of position.
    pub(crate) fn into_edits(mut self) -> Vec<Edit> {
        let rest = self.rest.unwrap_or(usize::MAX);
        let first_kept = self.edits.partition_point(|edit| edit.range().start < rest);
        self.edits.drain(..first_kept);
        self.edits
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
    scan.messages(side, &mut system, |start, _, role| {
        if answer_start.is_reached_by(role) {
            has_questions = true;
            rest = Some(start);
        } else {
            rest = rest.or(Some(start));
        }
    })?;
    let (mut edits, reasons) = scan.into_findings();
    edits.sort_unstable_by_key(|edit| edit.range().start);
    let max_growth: usize = edits.iter().map(Edit::max_growth).sum();
    let fits = text.len() + max_growth <= limits.attribute_bytes;
    fits.then_some(Canonical {
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

/// Messages in canonical form that are too many for an attribute.
#[derive(Debug)]
pub(crate) struct Shortened {
    system: StringRanges,
    /// The places of the messages that stay; adjacent ones are merged. The last one extends to the bracket that closes the list.
    pub(crate) kept: Vec<Range<usize>>,
    /// The number of messages other than leading system messages, or a lower bound for it.
    pub(crate) original_length: usize,
}

impl Shortened {
    /// Returns the places of the texts of the system messages at the start, which are JSON strings including their quotes.
    pub(crate) fn system(&self) -> &[Range<usize>] {
        self.system.ranges()
    }
}

/// Does the same as [`messages`] for a text that exceeds the limit of an attribute, if dropping the oldest messages is enough. An
/// excerpt is read from the first complete message in its second half.
pub(crate) fn shorten(text: &str, side: Side, limits: &ContentLimits) -> Option<Shortened> {
    if text.len() <= limits.attribute_bytes {
        return None;
    }
    let fast_start = excerpt::last_messages_fast(text);
    let shortened = fast_start.and_then(|start| shorten_from(text, Some(start), side, limits));
    shortened.or_else(|| {
        let start = excerpt::last_messages(text);
        let is_new = start.is_none() || start != fast_start;
        is_new.then(|| shorten_from(text, start, side, limits))?
    })
}

fn shorten_from(
    text: &str,
    start: Option<usize>,
    side: Side,
    limits: &ContentLimits,
) -> Option<Shortened> {
    let mut last_block = LastBlock::new();
    let mut scan = Scan::of(text, start.unwrap_or(0), limits, &mut last_block);
    if start.is_none() {
        scan.expect_byte(b'[')?;
    }
    let mut found = Vec::new();
    let mut system = StringRanges::default();
    let mut answer_start = AnswerStart::of(side);
    scan.messages(side, &mut system, |start, end, role| {
        if answer_start.is_reached_by(role) {
            found.clear();
        }
        found.push((start..end, role == Role::User));
    })?;
    let system_bytes: usize = system.ranges().iter().map(|range| range.len() + 64).sum();
    let last_user = found.iter().rposition(|(_, is_user)| *is_user);
    // Each message counts with a comma, and the list with a bracket.
    let mut total: usize = 1 + found
        .iter()
        .map(|(range, _)| range.len() + 1)
        .sum::<usize>();
    let mut kept: Vec<Range<usize>> = Vec::new();
    let mut is_adjacent = false;
    for (index, (range, _)) in found.iter().enumerate() {
        let must_stay = index + 1 == found.len() || Some(index) == last_user;
        if total > limits.attribute_bytes && !must_stay {
            total -= range.len() + 1;
            is_adjacent = false;
            continue;
        }
        match kept.last_mut() {
            Some(before) if is_adjacent => before.end = range.end,
            _ => kept.push(range.clone()),
        }
        is_adjacent = true;
    }
    let fits = total <= limits.attribute_bytes && system_bytes <= limits.attribute_bytes;
    (fits && !kept.is_empty()).then_some(Shortened {
        system,
        kept,
        // Of the messages in front of an excerpt it is only known that there are some.
        original_length: found.len() + usize::from(start.is_some()),
    })
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
