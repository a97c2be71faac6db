//! Answers that the method which reads them records, beside the one that asked.

use std::collections::HashMap;

use super::{SpanTree, WorkKind};
use crate::{
    ContentLimits, SentrySpan, content,
    dialect::{ANSWER_COUNTS, OUTPUT, is_letta_answer},
    messages::{Messages, Side},
    tokens,
};

/// What else an answer says.
const DETAILS: [&str; 3] = [
    "gen_ai.response.finish_reasons",
    "gen_ai.response.id",
    "gen_ai.response.model",
];

/// Returns whether a plain span records the answer to a call of Letta's.
pub(super) fn is_answer(span: &SentrySpan) -> bool {
    span.ai.is_none() && span.origin.ends_with(".letta") && is_letta_answer(&span.name)
}

/// Moves each answer to the last call before it with the same parent, unless that has one.
pub(super) fn move_to_calls(spans: &mut [SentrySpan], tree: &SpanTree, limits: &ContentLimits) {
    let mut calls: HashMap<usize, Vec<usize>> = HashMap::new();
    for (span, parent) in tree.parents.iter().enumerate() {
        if let Some(parent) = *parent
            && WorkKind::of(&spans[span]) == Some(WorkKind::Chat)
        {
            calls.entry(parent).or_default().push(span);
        }
    }
    for calls in calls.values_mut() {
        calls.sort_by_key(|call| spans[*call].end);
    }
    for (answer, parent) in tree.parents.iter().enumerate() {
        if !is_answer(&spans[answer]) {
            continue;
        }
        let calls = parent.and_then(|parent| calls.get(&parent));
        let call = calls.and_then(|calls| {
            let start = spans[answer].start;
            let before = calls.partition_point(|call| spans[*call].end <= start);
            before.checked_sub(1).map(|last| calls[last])
        });
        if let Some(call) = call
            && let Ok([answer, call]) = spans.get_disjoint_mut([answer, call])
            && answer.origin == call.origin
            && !tokens::has_usage(&call.attributes)
        {
            complete(call, answer, limits);
        }
        let attributes = &mut spans[answer].attributes;
        for key in DETAILS.iter().chain(&[OUTPUT]) {
            attributes.remove(key);
        }
        for (key, _) in ANSWER_COUNTS {
            attributes.remove(key);
        }
    }
}

fn complete(call: &mut SentrySpan, answer: &SentrySpan, limits: &ContentLimits) {
    for (from, to) in ANSWER_COUNTS {
        if let Some(count) = answer.attributes.integer(from) {
            call.attributes.push(to, count);
        }
    }
    tokens::reconcile(&mut call.attributes);
    for key in DETAILS {
        if let Some(text) = answer.attributes.text(key)
            && !call.attributes.contains(key)
        {
            call.attributes.push(key, text);
        }
    }
    if let Some(text) = answer.attributes.text(OUTPUT)
        && !call.attributes.contains(OUTPUT)
    {
        let messages = Messages::parse(text, Side::Output);
        call.attributes
            .push(OUTPUT, messages.into_json(limits).json);
        content::enforce_span_limit(&mut call.attributes, limits);
    }
}
