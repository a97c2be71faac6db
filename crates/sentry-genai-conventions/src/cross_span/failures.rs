//! What failed in a call that does not know it.

use std::collections::HashMap;

use super::{SpanTree, attempts::is_without_answer};
use crate::{
    AiKind, SentrySpan, Status,
    content::FINISH_REASONS,
    dialect::{LLAMA_INDEX_SCOPE, is_scope_of_rig},
    status::{ERROR_TYPE, UNKNOWN_ERROR},
};

/// The most spans between a call and what failed in it.
const MAX_DEPTH: usize = 4;

/// Returns whether [`apply_to_calls`] may find something to do because of this span.
pub(super) fn may_concern_call(span: &SentrySpan) -> bool {
    is_untyped(span)
        || is_failed_execution(span)
        || is_stopped_by_call(span)
        || is_unanswered_call(span)
}

/// Tells calls of what failed in them.
pub(super) fn apply_to_calls(spans: &mut [SentrySpan], tree: &SpanTree) {
    for position in 0..spans.len() {
        if is_failed_execution(&spans[position])
            && let Some(call) = tree.parents[position]
        {
            propagate(spans, call, position);
        }
    }
    copy_types_to_calls(spans, tree);
    explain_last_calls(spans, tree);
    fail_last_calls(spans, tree);
    fail_unanswered_calls(spans, tree);
}

/// Marks calls that know of no answer as failed if the span around them failed.
fn fail_unanswered_calls(spans: &mut [SentrySpan], tree: &SpanTree) {
    for position in 0..spans.len() {
        if is_unanswered_call(&spans[position])
            && let Some(around) = tree.parents[position]
            && let Ok([call, around]) = spans.get_disjoint_mut([position, around])
            && around.status == Status::Error
            && (is_scope_of_rig(&call.scope) || is_step_of_call(around))
        {
            copy_failure(call, around);
        }
    }
}

/// Returns whether a span is a call of rig's or LlamaIndex's without anything that only an answer has. It may have failed: rig
/// records that nowhere, and returns the error to the function that has the span around the call. A stream of LlamaIndex's has
/// ended before.
fn is_unanswered_call(span: &SentrySpan) -> bool {
    // Most spans are no calls.
    span.ai == Some(AiKind::LlmCall)
        && span.status == Status::Ok
        && (is_scope_of_rig(&span.scope) || span.scope == LLAMA_INDEX_SCOPE)
        && is_without_answer(span)
}

/// Returns whether a span is the step of LlamaIndex's agents that has their call and reads its stream, and nothing else.
fn is_step_of_call(span: &SentrySpan) -> bool {
    span.scope == LLAMA_INDEX_SCOPE && span.name.ends_with(".run_agent_step")
}

/// Marks the last call of each agent that failed because its call did, unless the call has finished.
fn fail_last_calls(spans: &mut [SentrySpan], tree: &SpanTree) {
    let stopped_agent = |call: usize| {
        let agent = tree.parents[call]?;
        (is_of_pydantic_ai(&spans[call]) && is_stopped_by_call(&spans[agent])).then_some(agent)
    };
    for (agent, call) in last_calls(spans, stopped_agent) {
        if let Ok([call, agent]) = spans.get_disjoint_mut([call, agent])
            && !call.attributes.contains(FINISH_REASONS)
        {
            copy_failure(call, agent);
        }
    }
}

/// Returns the last model call of each agent, with the agent.
fn last_calls(
    spans: &[SentrySpan],
    agent_of: impl Fn(usize) -> Option<usize>,
) -> Vec<(usize, usize)> {
    let mut last_calls = HashMap::new();
    for (position, span) in spans.iter().enumerate() {
        if span.ai == Some(AiKind::LlmCall)
            && let Some(agent) = agent_of(position)
        {
            let call = (span.start, span.span_id, position);
            let last = last_calls.entry(agent).or_insert(call);
            *last = call.max(*last);
        }
    }
    let last_calls = last_calls.into_iter();
    last_calls
        .map(|(agent, (.., call))| (agent, call))
        .collect()
}

/// Returns whether a span is the run of an agent of pydantic-ai's that ended with an error of its model. The call that failed does
/// not know of it if it is a stream. Some versions pass on the error of a connection that broke off.
fn is_stopped_by_call(span: &SentrySpan) -> bool {
    let is_of_model = |error_type: &str| {
        let class = error_type.rsplit('.').next().unwrap_or_default();
        class.starts_with("Model") && class.ends_with("Error") || error_type.starts_with("httpx.")
    };
    span.status == Status::Error
        && span.ai == Some(AiKind::Agent)
        && is_of_pydantic_ai(span)
        && span.attributes.text(ERROR_TYPE).is_some_and(is_of_model)
}

fn is_of_pydantic_ai(span: &SentrySpan) -> bool {
    matches!(&*span.scope, "pydantic-ai" | "pydantic_ai")
}

/// Returns whether a span is the part of a call in which it failed: the execution inside Claude Code's and LlamaIndex's tool calls,
/// what an MCP server did for one, and an attempt at a model call of LiveKit's.
fn is_failed_execution(span: &SentrySpan) -> bool {
    let is_execution = || span.attributes.text("span.type") == Some("tool.execution");
    let is_attempt = || span.scope == "livekit-agents" && span.name == "llm_request_run";
    let is_function = || {
        span.scope == "llamaindex.opentelemetry.tracer" && span.name.starts_with("FunctionTool.")
    };
    span.status == Status::Error
        && span.ai.is_none()
        && (is_execution() || is_attempt() || is_function() || span.op == "mcp.server")
}

/// Returns whether a model call failed, and does not tell why.
fn is_untyped(span: &SentrySpan) -> bool {
    span.status == Status::Error
        && span.ai == Some(AiKind::LlmCall)
        && span.attributes.text(ERROR_TYPE) == Some(UNKNOWN_ERROR)
}

/// Copies the type of a failure to the call in which the same library reports it, as Mastra does on a chunk of a stream.
fn copy_types_to_calls(spans: &mut [SentrySpan], tree: &SpanTree) {
    for position in 0..spans.len() {
        let part = &spans[position];
        if part.ai.is_some() || part.status != Status::Error {
            continue;
        }
        let Some(error_type) = part.attributes.text(ERROR_TYPE).map(str::to_owned) else {
            continue;
        };
        let is_of_library = |ancestor: &usize| spans[*ancestor].origin == part.origin;
        let call = (tree.ancestors(position))
            .take(MAX_DEPTH)
            .take_while(is_of_library)
            .find(|ancestor| spans[*ancestor].ai.is_some());
        if let Some(call) = call.filter(|call| is_untyped(&spans[*call])) {
            spans[call].attributes.set(ERROR_TYPE, &*error_type);
        }
    }
}

/// Tells the last call of an agent that failed why it did, if only the agent knows, as in Mastra since 1.4.
fn explain_last_calls(spans: &mut [SentrySpan], tree: &SpanTree) {
    let failed_agent = |call: usize| {
        let mut around = tree.ancestors(call).take(MAX_DEPTH);
        let agent = around.find(|ancestor| spans[*ancestor].ai.is_some())?;
        let is_agent = spans[agent].ai == Some(AiKind::Agent)
            && spans[agent].origin == spans[call].origin
            && spans[agent].status == Status::Error;
        is_agent.then_some(agent)
    };
    for (agent, call) in last_calls(spans, failed_agent) {
        if let Ok([call, agent]) = spans.get_disjoint_mut([call, agent])
            && is_untyped(call)
        {
            if agent.attributes.contains(ERROR_TYPE) {
                call.attributes.remove(ERROR_TYPE);
            }
            copy_failure(call, agent);
        }
    }
}

/// Marks the outer description as failed if the inner one failed. What is in between tools, such as AutoGen's agents, turns the
/// failure into an answer. A model call must not know of an answer: pydantic-ai does not record that a stream could not be opened.
pub(super) fn propagate(spans: &mut [SentrySpan], outer: usize, inner: usize) {
    let Ok([outer, inner]) = spans.get_disjoint_mut([outer, inner]) else {
        return;
    };
    let may_have_failed = outer.ai == Some(AiKind::Tool) || is_without_answer(outer);
    if may_have_failed && (outer.status, inner.status) == (Status::Ok, Status::Error) {
        copy_failure(outer, inner);
    }
}

/// Marks a model call as failed if the description around it failed, unless it knows why the model stopped. It may have ended before
/// its stream broke off.
pub(super) fn propagate_inwards(spans: &mut [SentrySpan], outer: usize, inner: usize) {
    if let Ok([outer, inner]) = spans.get_disjoint_mut([outer, inner])
        && inner.ai == Some(AiKind::LlmCall)
        && (outer.status, inner.status) == (Status::Error, Status::Ok)
        && !inner.attributes.contains(FINISH_REASONS)
    {
        copy_failure(inner, outer);
    }
}

/// Marks a span as failed for the reason for which another one did.
fn copy_failure(span: &mut SentrySpan, failed: &SentrySpan) {
    span.status = Status::Error;
    for key in [ERROR_TYPE, "sentry.status.message"] {
        if let Some(text) = failed.attributes.text(key) {
            span.attributes.supply(key, text);
        }
    }
}
