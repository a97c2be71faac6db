//! How spans are copied from the SDK.

use crate::scopes::ScopeNames;

/// The settings for copying spans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadSettings<'a> {
    /// The maximum length of a text that is copied, in bytes.
    pub(crate) max_text_bytes: usize,
    /// The cache of scope names.
    pub(crate) scopes: &'a ScopeNames,
}
