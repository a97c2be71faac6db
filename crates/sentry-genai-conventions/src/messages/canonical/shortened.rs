//! Drops the oldest of too many messages without parsing them.

use std::ops::Range;

use super::{
    super::{ContentLimits, Role, Side, block::LastBlock, excerpt},
    AnswerStart, Edit, Found, Scan, StringRanges,
};

/// Messages in canonical form that are too many for an attribute.
#[derive(Debug)]
pub(crate) struct Shortened {
    system: StringRanges,
    /// The places of the messages that stay; those with only a comma between them are merged.
    pub(crate) kept: Vec<Range<usize>>,
    /// The changes to the messages, in order of position.
    pub(crate) edits: Vec<Edit>,
    /// The number of messages other than leading system messages, or a lower bound for it, if not all stay.
    pub(crate) original_length: Option<usize>,
}

impl Shortened {
    /// Returns the places of the texts of the system messages at the start, which are JSON strings including their quotes.
    pub(crate) fn system(&self) -> &[Range<usize>] {
        self.system.ranges()
    }
}

/// Does the same as [`messages`](super::messages) for a text that exceeds the limit of an attribute, if dropping the oldest messages
/// is enough. An excerpt is read from the first complete message in its second half.
pub(crate) fn shorten(text: &str, side: Side, limits: &ContentLimits) -> Option<Shortened> {
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
    let mut scan = Scan::of(text, start.unwrap_or(0), limits, &mut last_block).with_edits();
    if start.is_none() {
        scan.expect_byte(b'[')?;
    }
    let mut found: Vec<Found> = Vec::new();
    let mut system = StringRanges::default();
    let mut answer_start = AnswerStart::of(side);
    scan.messages(side, &mut system, |message: Found| {
        if message.continues
            && let Some(before) = found.last_mut()
        {
            before.range.end = message.range.end;
            before.has_calls |= message.has_calls;
            return;
        }
        if answer_start.is_reached_by(message.role) {
            found.clear();
        }
        found.push(message);
    })?;
    // Which of the messages that one becomes would be dropped depends on their lengths.
    (!scan.has_split()).then_some(())?;
    let (edits, _) = scan.into_findings();
    let system_bytes: usize = system.ranges().iter().map(|range| range.len() + 64).sum();
    let (kept, is_shorter) = select_kept(&found, &edits, limits.attribute_bytes)?;
    let fits = system_bytes <= limits.attribute_bytes && !kept.is_empty();
    fits.then_some(Shortened {
        system,
        kept,
        edits,
        // Of the messages in front of an excerpt it is only known that there are some.
        original_length: (is_shorter || start.is_some())
            .then(|| found.len() + usize::from(start.is_some())),
    })
}

/// Returns the places of the messages to keep, and whether some are dropped; `None` if even the last ones are too long. The oldest
/// ones are dropped first, and with a call the answers to it. The user's last message and the last message stay.
fn select_kept(
    found: &[Found],
    edits: &[Edit],
    max_bytes: usize,
) -> Option<(Vec<Range<usize>>, bool)> {
    let last_user = found.iter().rposition(|message| message.role == Role::User);
    let lengths = written_lengths(found, edits);
    // Each message counts with a comma, and the list with a bracket.
    let mut total = 1 + lengths.iter().map(|length| length + 1).sum::<usize>();
    let mut kept: Vec<Range<usize>> = Vec::new();
    let (mut is_shorter, mut dropped_call) = (false, false);
    for (index, (message, length)) in found.iter().zip(lengths).enumerate() {
        let is_answer = dropped_call && message.role == Role::Tool;
        let must_stay = index + 1 == found.len() || Some(index) == last_user;
        if !must_stay && (total > max_bytes || is_answer) {
            total -= length + 1;
            is_shorter = true;
            dropped_call = is_answer || message.has_calls;
            continue;
        }
        match kept.last_mut() {
            // With more than a comma between them, they may not fit.
            Some(before) if before.end + 1 == message.range.start => {
                before.end = message.range.end;
            }
            _ => kept.push(message.range.clone()),
        }
        dropped_call = false;
    }
    (total <= max_bytes).then_some((kept, is_shorter))
}

/// Returns how long the messages are with their edits.
fn written_lengths(found: &[Found], edits: &[Edit]) -> Vec<usize> {
    let mut edits = edits.iter().peekable();
    let lengths = found.iter().map(|Found { range, .. }| {
        let mut growth = 0;
        while let Some(edit) = edits.next_if(|edit| edit.range.start < range.end) {
            if edit.range.start >= range.start {
                growth += edit.growth();
            }
        }
        range.len().saturating_add_signed(growth)
    });
    lengths.collect()
}
