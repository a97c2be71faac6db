//! Decisions that need a span's relatives: work that is described twice, and totals that repeat their parts.

mod agent_messages;
mod attempts;
mod containment;
mod enclosing_step;
mod failures;
mod linked_lists;
mod other_service;
mod overlapping;
mod same_work;
mod sibling_agents;
mod source;
mod thread_runs;
mod totals;

use std::collections::BTreeMap;

use attempts::{is_attempt, is_without_answer};
use linked_lists::LinkedLists;
use other_service::answered_by;
use same_work::{WorkKind, describe_same_work, is_unnamed_agent_inside_named};
use totals::{has_token_totals, remove_repeated_totals};

use crate::{
    AiKind, ContentLimits, SentrySpan, Status, content,
    dialect::{INPUT, OUTPUT},
    naming::{subject_keys, with_subject},
    plain,
    span::Ancestors,
    span_tree::{SpanIndex, SpanTree},
    tokens,
};

/// Makes every model call, agent run and tool call in one trace's batch count once, and fills in what only relatives know.
///
/// * A model call inside a model call is one call seen twice, by an SDK and by a wrapper around it. The richer description stays
///   and takes over what only the other knew; the other becomes a plain span. The same holds for an agent inside an agent of the
///   same name, a tool inside a tool of the same name, and an MCP request inside the same request. Plain spans in between do not
///   matter; any other AI span does.
/// * A wrapper around several calls becomes a plain span itself, unless only the wrapper knows of tokens and answers; then the calls
///   inside are attempts, and plain. If none of the calls has messages, the last one that did not fail gets the wrapper's.
/// * Two model calls at the same time are one if two instrumentations saw the same response, or if they are side by side and do not
///   contradict each other. Two tool calls at the same time are one if two instrumentations saw the same id and name.
/// * Requests for one response of OpenAI's Responses API are one model call: one in the background is looked up later.
/// * An agent keeps its token totals only if no chat below it reported any. VoltAgent's only chat of an agent takes them over.
/// * A run of an agent in a thread takes over the token counts that other spans report for it.
/// * A failed call without an error type takes it from what failed inside it in the same library. A tool call fails with the plain
///   execution inside it.
/// * A tool without an agent above it belongs to the agent that the calls beside it name.
/// * Model calls without any messages, or without answers, get those of the agent that made them.
/// * The only model call directly inside a step of the same library takes over the messages of the step.
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
    // A single AI span has nothing to be compared with.
    let has_comparable = spans.iter().filter_map(WorkKind::of).nth(1).is_some();
    let has_steps = spans.iter().any(enclosing_step::is_step_with_call_data);
    let has_failed_parts = spans.iter().any(failures::may_concern_call);
    if !needs_inheritance && !has_comparable && !has_steps && !has_failed_parts {
        return;
    }
    let index = SpanIndex::of(spans);
    let has_nested_duplicates = has_comparable && may_have_nested_duplicates(spans, &index);
    let has_token_totals = has_comparable && spans.iter().any(has_token_totals);
    let has_uncertain_agents = has_comparable
        && (spans.iter()).any(|span| sibling_agents::has_uncertain_agent(span, spans, &index));
    let lacks_messages = has_comparable && agent_messages::may_lack_messages(spans);
    let overlapping = if has_comparable {
        overlapping::find(spans, &index)
    } else {
        Vec::new()
    };
    if needs_inheritance
        || has_nested_duplicates
        || has_token_totals
        || !overlapping.is_empty()
        || has_steps
        || has_failed_parts
        || lacks_messages
    {
        let tree = SpanTree::of(spans, &index);
        if needs_inheritance {
            inherit(spans, &tree);
        }
        merge_overlapping(spans, overlapping, &tree, limits);
        if has_nested_duplicates {
            deduplicate_nested(spans, &tree, limits);
        }
        if has_token_totals {
            remove_repeated_totals(spans, &tree);
        }
        if has_steps {
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

/// Merges pairs of descriptions of the same work. A description may be in several pairs.
fn merge_overlapping(
    spans: &mut [SentrySpan],
    pairs: Vec<(usize, usize)>,
    tree: &SpanTree,
    limits: &ContentLimits,
) {
    // Maps descriptions to those that they were merged into.
    let mut merged = BTreeMap::new();
    for (outer, inner) in pairs {
        let [outer, inner] = [outer, inner].map(|description| {
            let kept = |description: &usize| merged.get(description).copied();
            let chain = std::iter::successors(Some(description), kept);
            chain.last().unwrap_or(description)
        });
        if outer == inner {
            continue;
        }
        // The clock of another service may be ahead.
        let (first, second) = match tree.is_inside(outer, inner) {
            true => (inner, outer),
            false => (outer, inner),
        };
        let kept = merge_duplicates(spans, first, second, limits);
        merged.insert(if kept == first { second } else { first }, kept);
    }
}

/// Returns false if no work is described twice. That is the usual case, and finding out needs only the index, not the whole
/// span tree.
fn may_have_nested_duplicates(spans: &[SentrySpan], index: &SpanIndex) -> bool {
    let mut candidates = spans.iter().filter(|span| WorkKind::of(span).is_some());
    candidates.any(|inner| {
        let mut ancestor = inner.parent_span_id;
        for _ in 0..=MAX_PLAIN_SPANS {
            let Some(position) = ancestor.and_then(|id| index.find(id)) else {
                return false;
            };
            let outer = &spans[position];
            if WorkKind::of(outer).is_some() {
                return describe_same_work(outer, inner);
            }
            ancestor = outer.parent_span_id;
        }
        true
    })
}

/// The maximum number of plain spans between two others that are looked through.
const MAX_PLAIN_SPANS: usize = 8;

const CONVERSATION: &str = "gen_ai.conversation.id";
const AGENT: &str = "gen_ai.agent.name";

/// Hands conversations and agents down to spans whose source did not know what their ancestors would record.
fn inherit(spans: &mut [SentrySpan], tree: &SpanTree) {
    let below = conversations_below(spans, tree);
    // For each span, the nearest one that names it: the span itself or an ancestor.
    let mut nearest = vec![None; spans.len()];
    for key in [CONVERSATION, AGENT] {
        for &position in tree.leaves_first.iter().rev() {
            if spans[position].attributes.text(key).is_some() {
                nearest[position] = Some(position);
                continue;
            }
            let mut source = tree.parents[position].and_then(|parent| nearest[parent]);
            if should_inherit(&spans[position], key, source.map(|above| &spans[above])) {
                if let DescendantConversation::One(descendant) = below[position]
                    && key == CONVERSATION
                {
                    source = source.or(Some(descendant));
                }
                if let Some(source) = source
                    && let Ok([source, span]) = spans.get_disjoint_mut([source, position])
                    && let Some(text) = source.attributes.text(key)
                {
                    span.attributes.push(key, text);
                }
            }
            nearest[position] = source;
        }
    }
}

/// Returns whether a span without this attribute takes it over. `above` is the nearest span above that has it.
fn should_inherit(span: &SentrySpan, key: &str, above: Option<&SentrySpan>) -> bool {
    let is_agent_name_of_agent = span.ai == Some(AiKind::Agent) && key == AGENT;
    // Doors do not know that such an agent is one.
    let is_unknown_agent =
        |above: &SentrySpan| above.ai == Some(AiKind::Agent) && above.ancestors != Ancestors::Known;
    span.ai.is_some()
        && !is_agent_name_of_agent
        && (span.ancestors != Ancestors::Known || above.is_some_and(is_unknown_agent))
}

/// What the spans below a span say about their conversation. `One` holds the position of a span that names it.
#[derive(Clone, Copy)]
enum DescendantConversation {
    Nothing,
    One(usize),
    Several,
}

/// Returns, for each span, the conversation that the spans below it agree on. Some libraries name it only on model calls.
fn conversations_below(spans: &[SentrySpan], tree: &SpanTree) -> Vec<DescendantConversation> {
    let conversation = |position: usize| spans[position].attributes.text(CONVERSATION);
    let mut below = vec![DescendantConversation::Nothing; spans.len()];
    for &position in &tree.leaves_first {
        let Some(parent) = tree.parents[position] else {
            continue;
        };
        let own = conversation(position).map(|_| DescendantConversation::One(position));
        below[parent] = match (below[parent], own.unwrap_or(below[position])) {
            (known, DescendantConversation::Nothing) => known,
            (DescendantConversation::Nothing, conversation_below) => conversation_below,
            (DescendantConversation::One(one), DescendantConversation::One(other))
                if conversation(one) == conversation(other) =>
            {
                DescendantConversation::One(one)
            }
            _ => DescendantConversation::Several,
        };
    }
    below
}

fn deduplicate_nested(spans: &mut [SentrySpan], tree: &SpanTree, limits: &ContentLimits) {
    // For each span, the AI spans directly below it, ignoring plain spans in between.
    let mut below = LinkedLists::new(spans.len());
    for &position in &tree.leaves_first {
        if WorkKind::of(&spans[position]).is_some() {
            deduplicate_below(spans, &mut below, position, limits);
        }
        if let Some(parent) = tree.parents[position] {
            below.append_to(position, parent);
        }
    }
}

/// Leaves a single description of the work of `outer`, in place of those below it.
fn deduplicate_below(
    spans: &mut [SentrySpan],
    below: &mut LinkedLists,
    outer: usize,
    limits: &ContentLimits,
) {
    let parts: Vec<_> = (below.iter(outer))
        .filter(|&inner| is_part_of_call(&spans[outer], &spans[inner]))
        .collect();
    for part in parts {
        merge_duplicates(spans, outer, part, limits);
    }
    below.retain(outer, |inner| {
        describe_same_work(&spans[outer], &spans[inner])
    });
    match below.first_two(outer) {
        (None, _) => below.replace_with(outer, outer),
        (Some(inner), None) => {
            let kept = merge_duplicates(spans, outer, inner, limits);
            below.replace_with(outer, kept);
        }
        // An agent may contain any number of unnamed agents.
        _ if (below.iter(outer))
            .any(|inner| is_unnamed_agent_inside_named(&spans[outer], &spans[inner])) =>
        {
            below.replace_with(outer, outer);
        }
        // The counts would be lost with a wrapper around attempts that say nothing of an answer.
        _ if tokens::has_input_or_output(&spans[outer].attributes)
            && below.iter(outer).all(|inner| is_attempt(&spans[inner])) =>
        {
            for attempt in below.iter(outer) {
                demote(&mut spans[attempt]);
            }
            below.replace_with(outer, outer);
        }
        _ => {
            copy_messages_to_last_call(spans, below, outer, limits);
            demote(&mut spans[outer]);
            below.truncate(outer);
        }
    }
}

/// Merges two descriptions of the same work. Returns the one that stays.
fn merge_duplicates(
    spans: &mut [SentrySpan],
    outer: usize,
    inner: usize,
    limits: &ContentLimits,
) -> usize {
    let (kept, demoted) = if completeness(&spans[inner]) > completeness(&spans[outer]) {
        (inner, outer)
    } else {
        (outer, inner)
    };
    let is_name_standard = standard_name(&spans[kept]).is_some_and(|it| it == spans[kept].name);
    let answered_by = answered_by(&spans[outer], &spans[inner]);
    if kept == outer {
        propagate_failure(spans, kept, demoted);
    }
    copy_missing_attributes(spans, kept, demoted);
    for (key, text) in answered_by {
        spans[kept].attributes.set(key, &*text);
    }
    if is_name_standard && let Some(name) = standard_name(&spans[kept]) {
        spans[kept].name = name.into();
    }
    content::enforce_span_limit(&mut spans[kept].attributes, limits);
    demote(&mut spans[demoted]);
    kept
}

/// Returns the name of a model call or an agent run according to its attributes. A call whose requested model is not known is named
/// after the model that answered.
fn standard_name(span: &SentrySpan) -> Option<String> {
    let operation = span.attributes.text("gen_ai.operation.name")?;
    let subject = span.attributes.first_text(subject_keys(span.ai?));
    Some(with_subject(operation, subject).into_owned())
}

/// What only the wrapper around several attempts at a call may know.
static MESSAGES: &[&str] = &[INPUT, OUTPUT, "gen_ai.system_instructions"];

/// Gives the messages of a wrapper around several calls to the last call that did not fail, if none of the calls has messages.
fn copy_messages_to_last_call(
    spans: &mut [SentrySpan],
    calls: &LinkedLists,
    wrapper: usize,
    limits: &ContentLimits,
) {
    let has_messages = |call: usize| spans[call].attributes.contains_any(MESSAGES);
    if WorkKind::of(&spans[wrapper]) != Some(WorkKind::Chat)
        || !has_messages(wrapper)
        || calls.iter(wrapper).any(has_messages)
    {
        return;
    }
    let last = calls.iter(wrapper).max_by_key(|&call| {
        let span = &spans[call];
        (
            span.status == Status::Ok,
            span.end,
            span.start,
            span.span_id,
        )
    });
    if let Some(last) = last
        && let Ok([wrapper, last]) = spans.get_disjoint_mut([wrapper, last])
    {
        for key in MESSAGES {
            if let Some(text) = wrapper.attributes.text(key) {
                last.attributes.push(key, text);
            }
        }
        content::enforce_span_limit(&mut last.attributes, limits);
    }
}

/// Returns whether an inner span describes only a part of a call: the last event of a stream, or one of the servers of vLLM that
/// share a request.
fn is_part_of_call(outer: &SentrySpan, inner: &SentrySpan) -> bool {
    WorkKind::of(inner) == Some(WorkKind::Chat)
        && !names_model(inner)
        && names_model(outer)
        && describe_same_work(outer, inner)
}

fn names_model(span: &SentrySpan) -> bool {
    (span.attributes).contains_any(&["gen_ai.request.model", "gen_ai.response.model"])
}

/// Returns how much a span says about its call. If two say the same amount, the outer one is kept because it is nearer to the
/// program. A span without a model describes only part of a call.
fn completeness(span: &SentrySpan) -> (bool, bool, bool) {
    (
        names_model(span),
        tokens::has_input_or_output(&span.attributes),
        span.attributes.contains("gen_ai.output.messages"),
    )
}

fn copy_missing_attributes(spans: &mut [SentrySpan], kept: usize, demoted: usize) {
    let Ok([kept, demoted]) = spans.get_disjoint_mut([kept, demoted]) else {
        return;
    };
    let (kept, demoted) = (&mut kept.attributes, &demoted.attributes);
    let missing: Vec<_> = demoted
        .iter()
        .filter(|(key, _)| key.starts_with("gen_ai.") || *key == "user.id")
        .filter(|(key, _)| !kept.contains(key))
        // A request served by an MCP server has none.
        .filter(|(key, _)| *key != "gen_ai.operation.name")
        .filter(|(key, _)| !tokens::is_usage(key))
        .map(|(key, value)| (key.to_owned(), value.to_input()))
        .collect();
    for (key, value) in missing {
        kept.push_owned_key(&key, value);
    }
    tokens::merge(kept, demoted);
}

/// Marks the outer description as failed if the inner one failed. What is in between tools, such as AutoGen's agents, turns the
/// failure into an answer. A model call must not know of an answer: pydantic-ai does not record that a stream could not be opened.
fn propagate_failure(spans: &mut [SentrySpan], outer: usize, inner: usize) {
    let Ok([outer, inner]) = spans.get_disjoint_mut([outer, inner]) else {
        return;
    };
    let may_have_failed = outer.ai == Some(AiKind::Tool) || is_without_answer(outer);
    if !may_have_failed || (outer.status, inner.status) != (Status::Ok, Status::Error) {
        return;
    }
    outer.status = Status::Error;
    for key in ["error.type", "sentry.status.message"] {
        if let Some(text) = inner.attributes.text(key) {
            outer.attributes.supply(key, text);
        }
    }
}

fn demote(span: &mut SentrySpan) {
    plain::demote(span);
    span.attributes.remove("gen_ai.operation.name");
    tokens::remove(&mut span.attributes);
}

#[cfg(test)]
mod tests;
