//! Paths into a request, for errors.

use std::fmt;

use super::ParseError;

/// Where in the request something is; written out only for an error.
pub(super) enum Path<'a> {
    Root,
    Field(&'a Self, &'static str),
    Item(&'a Self, usize),
}

impl Path<'_> {
    pub(super) fn error(&self, expected: &'static str) -> ParseError {
        ParseError::Shape {
            path: self.to_string(),
            expected,
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("request"),
            Self::Field(Self::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
