//! MCP's servers written by hand: a convention of its own, but for the names.

use super::unquoted;
use crate::{SourceSpan, SpanKind};

/// Names the method of a request that an MCP server serves as the conventions do, if it is one of MCP's.
///
/// A client may say it of the message alone that it sends.
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
