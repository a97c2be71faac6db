//! What a door copies of a span.

use crate::scopes::ScopeNames;

/// How spans are taken over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intake<'a> {
    /// The longest text that is copied, in bytes.
    pub(crate) room: usize,
    /// The names of scopes that are known already.
    pub(crate) scopes: &'a ScopeNames,
}
