//! The attribute names of the conventions, and which of them are deprecated in Sentry's registry.

use crate::tables::{self, Lifecycle};

/// What became of a deprecated attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deprecation {
    /// Another attribute replaces it.
    RenamedTo(&'static str),
    /// Nothing replaces it.
    Retired,
}

/// Looks up a GenAI or MCP attribute in Sentry's registry (`@sentry/conventions`). Returns `None` if it is current or
/// not listed.
///
/// ```
/// use sentry_genai_conventions::{Deprecation, deprecation};
///
/// assert_eq!(deprecation("gen_ai.system"), Some(Deprecation::RenamedTo("gen_ai.provider.name")));
/// assert_eq!(deprecation("gen_ai.provider.name"), None);
/// ```
#[must_use]
pub fn deprecation(key: &str) -> Option<Deprecation> {
    if !is_about_gen_ai(key) {
        return None;
    }
    match tables::attribute(key)?.lifecycle {
        Lifecycle::Current => None,
        Lifecycle::Renamed(to) => Some(Deprecation::RenamedTo(to)),
        Lifecycle::Retired => Some(Deprecation::Retired),
    }
}

/// Returns the GenAI and MCP attribute names that Sentry's registry and OpenTelemetry's conventions list, including
/// deprecated ones.
///
/// ```
/// assert!(sentry_genai_conventions::attribute_names().any(|name| name == "gen_ai.request.model"));
/// ```
pub fn attribute_names() -> impl Iterator<Item = &'static str> {
    tables::names().filter(|name| is_about_gen_ai(name))
}

fn is_about_gen_ai(key: &str) -> bool {
    key.starts_with("gen_ai.") || key.starts_with("mcp.")
}
