//! How spans are copied from the SDK.

use crate::scopes::ScopeNames;

/// The settings for copying spans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intake<'a> {
    /// The maximum length of a text that is copied, in bytes.
    pub(crate) room: usize,
    /// The cache of scope names.
    pub(crate) scopes: &'a ScopeNames,
}
