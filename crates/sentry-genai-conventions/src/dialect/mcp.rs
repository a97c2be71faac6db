//! Hand-written MCP servers: they follow the convention for MCP, except for the names.

use super::unquoted;
use crate::{SourceSpan, SpanKind};

const METHOD_NAME: &str = "mcp.method.name";

/// The names of rust-mcp-sdk's spans for requests, the key of the method, and the side that opens the span.
static RUST_MCP_SDK_SPANS: &[(&str, &str, SpanKind)] = &[
    ("mcp.mrtr", "method", SpanKind::Client),
    ("mcp.dispatch", "request.method", SpanKind::Server),
];

/// Returns whether rust-mcp-sdk gives its requests this name.
pub(super) fn is_request(name: &str) -> bool {
    RUST_MCP_SDK_SPANS
        .iter()
        .any(|(request, ..)| name == *request)
}

/// Renames the attributes of rust-mcp-sdk's requests to those of the convention.
pub(super) fn rename_rust_mcp_sdk(span: &mut SourceSpan) {
    if !span.scope.starts_with("rust_mcp_sdk") {
        return;
    }
    let matching = RUST_MCP_SDK_SPANS
        .iter()
        .find(|(name, ..)| span.name == *name);
    if let Some((_, method, kind)) = matching
        && span.attributes.contains(method)
    {
        span.kind = Some(*kind);
        span.attributes.rename(method, METHOD_NAME);
        span.attributes.rename("tool", "gen_ai.tool.name");
        span.attributes.rename("request.id", "jsonrpc.request.id");
    }
}

/// Renames the attributes of a request that TurboMCP 3 handles to those of the convention. Its spans have no kind.
pub(super) fn rename_turbomcp(span: &mut SourceSpan) {
    let has_no_kind = matches!(span.kind, None | Some(SpanKind::Internal));
    if has_no_kind && span.name == "mcp.request" && span.scope.starts_with("turbomcp_telemetry") {
        span.kind = Some(SpanKind::Server);
        span.attributes.rename("mcp.tool.name", "gen_ai.tool.name");
        span.attributes
            .rename("mcp.prompt.name", "gen_ai.prompt.name");
        span.attributes
            .rename("mcp.request.id", "jsonrpc.request.id");
    }
}

/// Renames the method of a request that an MCP server handles to the convention's name, if it is one of MCP's methods.
///
/// On a client's span, the method may be only that of the message it sends.
pub(super) fn rename_method(span: &mut SourceSpan) {
    const METHOD: &str = "mcp.method";

    let is_server_side = matches!(span.kind, Some(SpanKind::Server | SpanKind::Consumer));
    let is_method = |text: &str| {
        let is_word = |word: &str| {
            !word.is_empty()
                && word
                    .chars()
                    .all(|letter| letter.is_ascii_alphabetic() || letter == '_')
        };
        matches!(text, "initialize" | "ping") || text.contains('/') && text.split('/').all(is_word)
    };
    let attributes = &mut span.attributes;
    if is_server_side
        && attributes.text(METHOD).map(unquoted).is_some_and(is_method)
        && !attributes.contains(METHOD_NAME)
    {
        attributes.rename(METHOD, METHOD_NAME);
        // agentgateway's names.
        if attributes.text("mcp.resource.type") == Some("tool") {
            attributes.rename("mcp.resource.name", "gen_ai.tool.name");
        }
    }
}
