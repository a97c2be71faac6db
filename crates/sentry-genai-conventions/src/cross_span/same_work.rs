//! What a span is about, and whether two spans, one inside the other, are about the same.

use super::{AGENT, other_service::are_of_same_service, thread_runs::RUN_ID};
use crate::{AiKind, SentrySpan, SpanKind, Status, tokens};

/// The kinds of work that may be described twice, with one description inside the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WorkKind {
    /// A model call. Embeddings and reranking inside a chat are separate calls.
    Chat,
    Embeddings,
    Rerank,
    /// A moderation, or an evaluation by a judge, whose model call is a separate one.
    Evaluation,
    Agent,
    Tool,
    McpRequest,
    /// AI work that is never the same as the work around it.
    Other,
}

impl WorkKind {
    /// Returns what a span is about; `None` for a plain span.
    #[inline]
    pub(super) fn of(span: &SentrySpan) -> Option<Self> {
        match span.ai {
            // Most spans are plain, and not about MCP.
            None if !span.op.starts_with("mcp.") => None,
            Some(AiKind::LlmCall) => Some(match &*span.op {
                "gen_ai.embeddings" => Self::Embeddings,
                "gen_ai.rerank" => Self::Rerank,
                "gen_ai.evaluate" => Self::Evaluation,
                _ => Self::Chat,
            }),
            Some(AiKind::Agent) if span.op == "gen_ai.invoke_agent" => Some(Self::Agent),
            Some(AiKind::Tool) => Some(Self::Tool),
            Some(_) => Some(Self::Other),
            None if span.op == "mcp.server" => Some(Self::McpRequest),
            None => Some(Self::Other),
        }
    }
}

/// Returns whether two spans, one inside the other, describe the same work.
pub(super) fn describe_same_work(outer: &SentrySpan, inner: &SentrySpan) -> bool {
    let kind = WorkKind::of(outer);
    let texts = |key| {
        let texts = [outer, inner].map(|span| span.attributes.text(key));
        texts[0].zip(texts[1])
    };
    let are_equal = |(outer, inner)| outer == inner;
    // FastMCP's servers handle the same request in another span inside, one for each level of mounted servers.
    let is_served_request = kind == Some(WorkKind::McpRequest) && is_local_mcp_tool_call(inner);
    if is_served_request {
        return texts("jsonrpc.request.id").is_none_or(are_equal);
    }
    if kind != WorkKind::of(inner) || is_over_before(outer, inner) {
        return false;
    }
    match kind {
        // Even an instrumentation that does not wrap itself may start the next call before the last one has ended. OpenLLMetry's
        // for LangChain does so with a batch of prompts.
        Some(WorkKind::Chat)
            if outer.origin == inner.origin && are_of_same_service(outer, inner) =>
        {
            texts("gen_ai.response.id").is_none_or(are_equal)
        }
        // Azure's agents with threads have a span for starting a run inside the span for all of it.
        Some(WorkKind::Agent) if texts(RUN_ID).is_some_and(are_equal) => true,
        Some(WorkKind::Agent) => match texts(AGENT) {
            Some(names) => are_equal(names),
            None => is_unnamed_agent_inside_named(outer, inner),
        },
        Some(WorkKind::Tool) => {
            let names = texts("gen_ai.tool.name");
            (names.is_some_and(are_equal)
                || names.is_none() && [outer, inner].into_iter().all(is_local_mcp_tool_call))
                && texts("gen_ai.tool.call.id").is_none_or(are_equal)
        }
        // rust-mcp-sdk keeps the span of a request entered across `.await`, so that other requests of its server are inside.
        Some(WorkKind::McpRequest) => {
            outer.name == inner.name
                && (!are_of_same_service(outer, inner)
                    || texts("jsonrpc.request.id").is_none_or(are_equal))
        }
        Some(WorkKind::Other) | None => false,
        // Requests to a model.
        Some(_) => true,
    }
}

/// Returns whether work was over when work inside it began. OpenLLMetry leaves the span of a stream current after its end, so that
/// whatever the program does next is inside.
///
/// The span of a stream may end before its request, but does then not know how that went. A span that takes no time may lack an
/// end.
fn is_over_before(outer: &SentrySpan, inner: &SentrySpan) -> bool {
    outer.start < outer.end
        && outer.end < inner.start
        && are_of_same_service(outer, inner)
        && (outer.status == Status::Error || tokens::has_input_or_output(&outer.attributes))
}

/// Returns whether an agent without a name is inside a named one of another instrumentation. Agents of Haystack's own tracer are
/// inside OpenInference's in this way.
pub(super) fn is_unnamed_agent_inside_named(outer: &SentrySpan, inner: &SentrySpan) -> bool {
    WorkKind::of(outer) == Some(WorkKind::Agent)
        && outer.origin != inner.origin
        && outer.attributes.contains(AGENT)
        && !inner.attributes.contains(AGENT)
}

/// Returns whether a span is an MCP tool call that was neither sent nor received.
fn is_local_mcp_tool_call(span: &SentrySpan) -> bool {
    span.ai == Some(AiKind::Tool)
        && span.kind == SpanKind::Internal
        && span.attributes.contains("mcp.method.name")
}
