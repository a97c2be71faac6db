//! MCP servers and clients that follow the convention for MCP, except for the names.

use serde_json::Value;

use super::{ARGUMENTS, RESULT, json, mark_failed, mark_failed_with, unquoted};
use crate::{SourceSpan, SpanKind};

pub(super) const METHOD_NAME: &str = "mcp.method.name";

const TOOL_CALL: &str = "tools/call";

/// The names of rust-mcp-sdk's spans for requests, the key of the method, and the side that opens the span.
static RUST_MCP_SDK_SPANS: &[(&str, &str, SpanKind)] = &[
    ("mcp.mrtr", "method", SpanKind::Client),
    ("mcp.dispatch", "request.method", SpanKind::Server),
];

/// The name of tower-mcp's spans for requests.
const TOWER_MCP_SPAN: &str = "mcp_request";

/// Returns whether rust-mcp-sdk or tower-mcp gives its requests this name.
pub(super) fn is_request(name: &str) -> bool {
    let is_rust_mcp_sdk = || {
        RUST_MCP_SDK_SPANS
            .iter()
            .any(|(request, ..)| name == *request)
    };
    name == TOWER_MCP_SPAN || is_rust_mcp_sdk()
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

/// Renames the attributes of a request that a server of tower-mcp handles to those of the convention.
pub(super) fn rename_tower_mcp(span: &mut SourceSpan) {
    if span.name != TOWER_MCP_SPAN
        || !span.scope.starts_with("tower_mcp")
        || !span.attributes.contains("method")
    {
        return;
    }
    span.kind = Some(SpanKind::Server);
    span.attributes.rename("method", METHOD_NAME);
    if let Some(id) = span.attributes.text("request_id").map(without_variant) {
        let id = id.to_owned();
        span.attributes.remove("request_id");
        span.attributes.supply("jsonrpc.request.id", id);
    }
    let target = match span.attributes.text("operation") {
        Some("tool") => "gen_ai.tool.name",
        Some("prompt") => "gen_ai.prompt.name",
        Some("resource" | "subscribe" | "unsubscribe") => "mcp.resource.uri",
        _ => return,
    };
    span.attributes.rename("target", target);
    span.attributes.remove("operation");
}

/// Names the method of a request by OpenLIT, whose span is named after it. A tool's failure is only in an attribute.
pub(super) fn rename_openlit(span: &mut SourceSpan) {
    let method = span.name.strip_prefix("mcp ").filter(|method| {
        let (target, action) = method.split_once('/').unwrap_or_default();
        *method == "initialize"
            || matches!(target, "tools" | "prompts" | "resources")
                && matches!(action, "call" | "get" | "list" | "read")
    });
    let attributes = &mut span.attributes;
    let Some(method) = method.filter(|_| attributes.contains("mcp.operation.name")) else {
        return;
    };
    attributes.supply(METHOD_NAME, method);
    if method == TOOL_CALL {
        attributes.rename("mcp.tool.result", RESULT);
        if attributes.contains("mcp.error.message") {
            mark_failed(span);
        }
    }
}

/// Returns the value inside the `{:?}` output of an id, such as `Number(7)` or `String("a")`.
fn without_variant(id: &str) -> &str {
    let inner = id
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.map_or(id, unquoted)
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

/// Reads the requests that Logfire's instrumentation of the first version of Python's SDK records as JSON. Its spans have no kind.
pub(super) fn read_logfire(span: &mut SourceSpan) {
    if span.scope != "logfire.mcp" {
        return;
    }
    let kind = match span.name.split(':').next() {
        Some("MCP request") => SpanKind::Client,
        Some("MCP server handle request") => SpanKind::Server,
        _ => return,
    };
    let attributes = &mut span.attributes;
    let Some(mut request) = json::object(attributes, "request") else {
        return;
    };
    let Some(Value::String(method)) = request.remove("method") else {
        return;
    };
    span.kind = Some(kind);
    attributes.remove("request");
    let mut parameters = request.remove("params").unwrap_or_default();
    let name = match &*method {
        TOOL_CALL => "gen_ai.tool.name",
        "prompts/get" => "gen_ai.prompt.name",
        _ => "mcp.resource.uri",
    };
    let field = if name == "mcp.resource.uri" {
        "uri"
    } else {
        "name"
    };
    json::put(attributes, name, json::take(&mut parameters, field));
    if let Some(id) = request.remove("id") {
        json::put(attributes, "jsonrpc.request.id", id);
    }
    let is_tool_call = method == TOOL_CALL;
    if is_tool_call {
        let arguments = json::take(&mut parameters, "arguments");
        json::put(attributes, ARGUMENTS, arguments);
    }
    let response = json::object(attributes, "response").unwrap_or_default();
    if let Some(content) = response.get("content").filter(|_| is_tool_call) {
        json::put(attributes, RESULT, content.clone());
    }
    // A server answers other requests that fail with an error of JSON-RPC.
    let code = response.get("code").and_then(Value::as_i64);
    if let Some(code) = code.filter(|_| response.contains_key("message")) {
        attributes.supply("error.type", code.to_string());
        mark_failed_with(span, Some(&Value::Object(response)));
    } else if is_tool_call && response.get("isError") == Some(&Value::Bool(true)) {
        attributes.supply("error.type", "tool_error");
        mark_failed(span);
    }
    span.attributes.set(METHOD_NAME, method);
}

/// Names the method of tool calls by OpenLLMetry, which has one span for the request that a server handles and another one for the
/// tool inside it.
pub(super) fn name_openllmetry(span: &mut SourceSpan) {
    let is_request = span.name == "mcp.server";
    if (is_request || span.name.ends_with(".tool"))
        && span.scope == "opentelemetry.instrumentation.mcp.instrumentation"
    {
        if is_request {
            span.kind = Some(SpanKind::Server);
        }
        span.attributes.supply(METHOD_NAME, TOOL_CALL);
    }
}
