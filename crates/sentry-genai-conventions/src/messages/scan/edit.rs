//! Changes to messages.

use std::ops::Range;

use crate::attributes::Piece;

/// A change to messages that are otherwise in canonical form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Edit {
    /// What is replaced.
    pub(crate) range: Range<usize>,
    pub(crate) replacement: Vec<Piece>,
}

impl Edit {
    pub(super) fn new(range: Range<usize>, replacement: impl Into<Vec<Piece>>) -> Self {
        Self {
            range,
            replacement: replacement.into(),
        }
    }

    /// Returns by how many bytes the text becomes longer.
    pub(in super::super) fn growth(&self) -> isize {
        let written: usize = self.replacement.iter().map(Piece::len).sum();
        written as isize - self.range.len() as isize
    }
}
