//! Work that is described twice.

use std::collections::HashMap;

use super::{
    MAX_PLAIN_SPANS, MESSAGES, SpanIndex, SpanTree,
    attempts::is_attempt,
    failures::{propagate, propagate_inwards},
    linked_lists::LinkedLists,
    other_service::answered_by,
    same_work::{WorkKind, describe_same_work, is_unnamed_agent_inside_named},
};
use crate::{
    ContentLimits, SentrySpan, Status, content,
    naming::{MODELS, subject_keys, with_subject},
    plain, tokens,
};

/// Merges pairs of descriptions of the same work. A description may be in several pairs.
pub(super) fn merge_overlapping(
    spans: &mut [SentrySpan],
    pairs: Vec<(usize, usize)>,
    tree: &SpanTree,
    limits: &ContentLimits,
) {
    // Maps descriptions to those that they were merged into.
    let mut merged = HashMap::new();
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
pub(super) fn may_be_nested(spans: &[SentrySpan], index: &SpanIndex) -> bool {
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

/// Merges descriptions of work that are inside each other.
pub(super) fn merge_nested(spans: &mut [SentrySpan], tree: &SpanTree, limits: &ContentLimits) {
    // For each span, the AI spans directly below it, ignoring plain spans in between.
    let mut below = LinkedLists::new(spans.len());
    for &position in &tree.leaves_first {
        if WorkKind::of(&spans[position]).is_some() {
            merge_below(spans, &mut below, position, limits);
        }
        if let Some(parent) = tree.parents[position] {
            below.append_to(position, parent);
        }
    }
}

/// Leaves a single description of the work of `outer`, in place of those below it.
fn merge_below(
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
        // The counts would be lost with the wrapper.
        _ if counts_for_attempts(spans, below, outer) => {
            let mut kept = outer;
            for inner in below.iter(outer) {
                if is_attempt(&spans[inner]) {
                    demote(&mut spans[inner]);
                } else {
                    kept = merge_duplicates(spans, outer, inner, limits);
                }
            }
            below.replace_with(outer, kept);
        }
        _ => {
            copy_messages_to_last_call(spans, below, outer, limits);
            demote(&mut spans[outer]);
            below.truncate(outer);
        }
    }
}

/// Returns whether only a wrapper around several attempts at a call counts tokens, and at most one attempt has an answer.
fn counts_for_attempts(spans: &[SentrySpan], below: &LinkedLists, wrapper: usize) -> bool {
    let counts = |call: usize| tokens::has_input_or_output(&spans[call].attributes);
    let mut answered = (below.iter(wrapper)).filter(|&call| !is_attempt(&spans[call]));
    counts(wrapper) && answered.next().is_none_or(|call| !counts(call)) && answered.next().is_none()
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
        propagate(spans, kept, demoted);
    } else {
        propagate_inwards(spans, demoted, kept);
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

/// Gives the messages of a wrapper around several calls to the last call that did not fail, if none of the calls has messages.
fn copy_messages_to_last_call(
    spans: &mut [SentrySpan],
    calls: &LinkedLists,
    wrapper: usize,
    limits: &ContentLimits,
) {
    let has_messages = |call: usize| spans[call].attributes.contains_any(MESSAGES);
    let is_chat = WorkKind::of(&spans[wrapper]) == Some(WorkKind::Chat);
    if !is_chat || calls.iter(wrapper).any(has_messages) {
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
    span.attributes.contains_any(MODELS)
}

/// Returns how much a span says about its call. If two say the same amount, the outer one is kept because it is nearer to the
/// program. A span without a model describes only part of a call. Messages do not count: they are there only with permission.
fn completeness(span: &SentrySpan) -> (bool, bool) {
    (
        names_model(span),
        tokens::has_input_or_output(&span.attributes),
    )
}

fn copy_missing_attributes(spans: &mut [SentrySpan], kept: usize, demoted: usize) {
    let Ok([kept, demoted]) = spans.get_disjoint_mut([kept, demoted]) else {
        return;
    };
    let (kept, demoted) = (&mut kept.attributes, &mut demoted.attributes);
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
        // Messages may be long, and are sent once.
        if MESSAGES.contains(&&*key) {
            demoted.remove(&key);
        }
        kept.push_owned_key(&key, value);
    }
    tokens::merge(kept, demoted);
}

fn demote(span: &mut SentrySpan) {
    plain::demote(span);
    span.attributes.remove("gen_ai.operation.name");
    tokens::remove(&mut span.attributes);
}
