//! Collects violations of the rules as readable lines.

use std::fmt::Display;

/// Lines of the form `where: what`.
#[derive(Debug, Default)]
pub(super) struct Violations(Vec<String>);

impl Violations {
    pub(super) fn add(&mut self, at: impl Display, what: impl Display) {
        self.0.push(format!("{at}: {what}"));
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.0
    }
}
