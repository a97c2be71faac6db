//! Hand-written MCP servers: they follow the convention for MCP, except for the names.

use super::unquoted;
use crate::{SourceSpan, SpanKind};

/// Renames the method of a request that an MCP server handles to the convention's name, if it is one of MCP's methods.
///
/// On a client's span, the method may be only that of the message it sends.
pub(super) fn spell_method(span: &mut SourceSpan) {
    const METHOD: &str = "mcp.method";

    let is_served = matches!(span.kind, Some(SpanKind::Server | SpanKind::Consumer));
    let is_method = |text: &str| {
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|it| it.is_ascii_alphabetic() || it == '_')
        };
        matches!(text, "initialize" | "ping") || text.contains('/') && text.split('/').all(is_word)
    };
    let attributes = &mut span.attributes;
    if is_served
        && attributes.text(METHOD).map(unquoted).is_some_and(is_method)
        && !attributes.contains("mcp.method.name")
    {
        attributes.rename(METHOD, "mcp.method.name");
    }
}
