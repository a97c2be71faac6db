//! Model calls without messages get those of the agent that made them.

use std::collections::HashMap;

use serde_json::Value;

use super::{SpanTree, WorkKind};
use crate::{
    AiKind, ContentLimits, SentrySpan, Status, content,
    dialect::{INPUT, OUTPUT},
};

/// Returns whether some agent has messages and some model call has no answer. Usually not, and finding that out needs no span
/// tree.
pub(super) fn may_lack_messages(spans: &[SentrySpan]) -> bool {
    // There are fewer agents than calls.
    let has_messages = |span: &SentrySpan| {
        span.ai == Some(AiKind::Agent) && span.attributes.contains_any(&[INPUT, OUTPUT])
    };
    spans.iter().any(has_messages) && spans.iter().any(is_call_without_answer)
}

fn is_call_without_answer(span: &SentrySpan) -> bool {
    is_of_conversation(span) && !span.attributes.contains(OUTPUT)
}

/// Returns whether a span is a call that may be a part of a conversation. What a moderation says of one is not.
fn is_of_conversation(span: &SentrySpan) -> bool {
    WorkKind::of(span) == Some(WorkKind::Chat)
}

/// Gives an agent's messages to its model calls if none of these has any, since Sentry shows a conversation by its model calls.
///
/// The first call gets the question. If there is one answer for each call that did not fail, each of these gets its own;
/// otherwise the last of them gets all answers.
///
/// Calls that know the question but not the answer get that of an agent of the same library, as in VoltAgent.
pub(super) fn copy_to_calls(spans: &mut [SentrySpan], tree: &SpanTree, limits: &ContentLimits) {
    for (agent, mut calls) in calls_without_messages(spans, tree) {
        calls.sort_by_key(|&call| (spans[call].start, spans[call].end, spans[call].span_id));
        let text = |key| spans[agent].attributes.text(key).map(str::to_owned);
        let (question, answer) = (text(INPUT), text(OUTPUT));
        let knows_question = (calls.iter()).any(|&call| spans[call].attributes.contains(INPUT));
        if let Some(question) = question
            && !knows_question
            && let Some(&first) = calls.first()
        {
            spans[first].attributes.push(INPUT, question);
        }
        if let Some(answer) = answer {
            let answered: Vec<_> = (calls.iter().copied())
                .filter(|&call| spans[call].status == Status::Ok)
                .collect();
            let answers = match split_by_call(&answer, answered.len()) {
                Some(answers) => answered.into_iter().zip(answers).collect(),
                None => {
                    let last = calls.last().filter(|_| !knows_question);
                    Vec::from_iter(answered.last().or(last).map(|&call| (call, answer)))
                }
            };
            for (call, answer) in answers {
                spans[call].attributes.push(OUTPUT, answer);
            }
        }
        for call in calls {
            content::enforce_span_limit(&mut spans[call].attributes, limits);
        }
    }
}

/// Returns the agents whose calls have no messages, or no answers, with these calls. A call that a tool makes is not the
/// agent's.
fn calls_without_messages(spans: &[SentrySpan], tree: &SpanTree) -> HashMap<usize, Vec<usize>> {
    let mut agents = vec![None; spans.len()];
    let mut calls: HashMap<usize, Vec<usize>> = HashMap::new();
    for &position in tree.leaves_first.iter().rev() {
        agents[position] = tree.parents[position].and_then(|parent| match spans[parent].ai {
            Some(AiKind::Agent) => Some(parent),
            Some(AiKind::Tool) => None,
            _ => agents[parent],
        });
        if is_of_conversation(&spans[position])
            && let Some(agent) = agents[position]
        {
            calls.entry(agent).or_default().push(position);
        }
    }
    calls.retain(|&agent, calls| {
        let agent = &spans[agent];
        let lacks_messages = |call: &usize| {
            let call = &spans[*call];
            let may_lack_question = !call.attributes.contains(INPUT) || call.scope == agent.scope;
            is_call_without_answer(call) && may_lack_question
        };
        calls.iter().all(lacks_messages)
    });
    calls
}

/// Returns the model's messages, without the results of tools between them, if there are as many as calls.
fn split_by_call(answer: &str, calls: usize) -> Option<Vec<String>> {
    let messages: Vec<Value> = serde_json::from_str(answer).ok()?;
    let answers = messages
        .into_iter()
        .filter(|message| message["role"] == "assistant");
    let answers: Vec<_> = answers
        .map(|message| Value::Array(vec![message]).to_string())
        .collect();
    (answers.len() == calls).then_some(answers)
}
