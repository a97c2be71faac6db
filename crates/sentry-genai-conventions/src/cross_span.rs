//! Decisions that need a span's relatives: work that is described twice, and totals that repeat their parts.

mod agent_messages;
mod attempts;
mod containment;
mod duplicates;
mod enclosing_step;
mod failures;
mod inheritance;
mod linked_lists;
mod other_service;
mod overlapping;
mod raw_request;
mod same_work;
mod sibling_agents;
mod sibling_answer;
mod source;
mod span_tree;
mod step_history;
mod thread_runs;
mod totals;

use same_work::WorkKind;
use span_tree::{SpanIndex, SpanTree};

use crate::{
    ContentLimits, SentrySpan,
    dialect::{INPUT, INSTRUCTIONS, OUTPUT},
    span::Ancestors,
};

/// Makes every model call, agent run and tool call in one trace's batch count once, and fills in what only relatives know.
///
/// * A model call inside a model call is one call seen twice, by an SDK and by a wrapper around it. The richer description stays
///   and takes over what only the other knew; the other becomes a plain span. The same holds for an agent inside an agent of the
///   same name, a tool inside a tool of the same name, and an MCP request inside the same request. Plain spans in between do not
///   matter; any other AI span does.
/// * A wrapper around several calls becomes a plain span itself, unless only the wrapper knows of tokens, and at most one of the calls
///   of an answer; then the calls inside are attempts, and plain. If none of the calls has messages, the last one that did not fail
///   gets the wrapper's.
/// * Two model calls at the same time are one if two instrumentations saw the same response, or if they are side by side and do not
///   contradict each other. Two tool calls at the same time are one if two instrumentations saw the same id and name.
/// * Requests for one response of OpenAI's Responses API are one model call: one in the background is looked up later.
/// * An agent keeps its token totals only if no chat below it reported any. VoltAgent's only chat of an agent takes them over.
/// * A run of an agent in a thread takes over the token counts that other spans report for it.
/// * A failed call without an error type takes it from what failed inside it in the same library, or from the agent that it is the
///   last call of. A tool call fails with the plain execution inside it.
/// * A tool without an agent above it belongs to the agent that the calls beside it name.
/// * Model calls without any messages, or without answers, get those of the agent that made them.
/// * The only model call directly inside a step of the same library takes over the messages of the step. Those of Mastra's steps
///   get what the calls of tools by earlier steps were.
/// * A call of Letta's takes over its answer from the span beside it that read the answer.
/// * A call of litellm's takes over what it lacks from what it has sent and received, a span directly inside it.
/// * Where the source of the spans could not read what open ancestors had recorded, AI spans take over conversation and agent from
///   their ancestors here, but agents no other agent's name. Without a conversation above, an AI span takes over the one that the
///   spans below it name, if these agree.
///
/// The spans may be in any order. The time taken is proportional to their number, and small if there is nothing to do.
pub(crate) fn reconcile(spans: &mut [SentrySpan], limits: &ContentLimits) {
    thread_runs::copy_usage(spans);
    let needs_inheritance = spans
        .iter()
        .any(|span| span.ai.is_some() && span.ancestors != Ancestors::Known);
    let has_steps = spans.iter().any(enclosing_step::is_step_with_call_data);
    let has_raw_requests = spans.iter().any(raw_request::has_content);
    let has_answers = spans.iter().any(sibling_answer::is_answer);
    let has_failed_parts = spans.iter().any(failures::may_concern_call);
    // A single AI span has nothing to be compared with.
    let comparable: &[SentrySpan] = match spans.iter().filter_map(WorkKind::of).nth(1) {
        Some(_) => spans,
        None => &[],
    };
    let concerns_calls = has_steps || has_raw_requests || has_answers || has_failed_parts;
    if !needs_inheritance && !concerns_calls && comparable.is_empty() {
        return;
    }
    let index = SpanIndex::of(spans);
    let has_nested_duplicates = duplicates::may_be_nested(comparable, &index);
    let has_token_totals = comparable.iter().any(totals::has_token_totals);
    let has_uncertain_agents = (comparable.iter())
        .any(|span| sibling_agents::has_uncertain_agent(span, comparable, &index));
    let lacks_messages = agent_messages::may_lack_messages(comparable);
    let overlapping = overlapping::find(comparable, &index);
    if needs_inheritance
        || has_nested_duplicates
        || has_token_totals
        || !overlapping.is_empty()
        || concerns_calls
        || lacks_messages
    {
        let tree = SpanTree::of(spans, &index);
        if needs_inheritance {
            inheritance::apply(spans, &tree);
        }
        if has_answers {
            sibling_answer::move_to_calls(spans, &tree, limits);
        }
        duplicates::merge_overlapping(spans, overlapping, &tree, limits);
        if has_nested_duplicates {
            duplicates::merge_nested(spans, &tree, limits);
        }
        if has_token_totals {
            totals::remove_repeated_totals(spans, &tree);
        }
        if has_raw_requests {
            raw_request::complete_calls(spans, &tree, limits);
        }
        if has_steps {
            step_history::complete(spans, &tree, limits);
            enclosing_step::copy_to_calls(spans, &tree, limits);
        }
        if has_failed_parts {
            failures::apply_to_calls(spans, &tree);
        }
        if lacks_messages {
            agent_messages::copy_to_calls(spans, &tree, limits);
        }
    }
    if has_uncertain_agents {
        sibling_agents::assign_agents(spans, &index);
    }
}

/// The maximum number of plain spans between two others that are looked through.
const MAX_PLAIN_SPANS: usize = 8;

const CONVERSATION: &str = "gen_ai.conversation.id";
const AGENT: &str = "gen_ai.agent.name";

/// What only the wrapper around several attempts at a call may know.
static MESSAGES: &[&str] = &[INPUT, OUTPUT, INSTRUCTIONS];

#[cfg(test)]
mod tests;
