//! Model calls without messages get those of the agent that made them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Subject;
use crate::{
    AiKind, ContentLimits, SentrySpan,
    attributes::Attributes,
    content,
    dialect::{INPUT, OUTPUT},
    family::Family,
};

/// Returns whether some agent has messages and some model call has none. Usually not, and finding that out needs no family.
pub(super) fn may_lack_messages(spans: &[SentrySpan]) -> bool {
    spans.iter().any(is_silent_call) && spans.iter().any(is_speaker)
}

/// Returns whether a span is an agent with messages.
fn is_speaker(span: &SentrySpan) -> bool {
    span.ai == Some(AiKind::Agent) && has_messages(&span.attributes)
}

fn is_silent_call(span: &SentrySpan) -> bool {
    Subject::of(span) == Some(Subject::Chat) && !has_messages(&span.attributes)
}

fn has_messages(attributes: &Attributes) -> bool {
    attributes.contains(INPUT) || attributes.contains(OUTPUT)
}

/// Gives an agent's messages to its model calls if none of these has any, since Sentry shows a conversation by its model calls.
///
/// The first call gets the question. If there is one answer for each call, each call gets its own; otherwise the last call gets all
/// answers.
pub(super) fn give_to_calls(spans: &mut [SentrySpan], family: &Family, limits: &ContentLimits) {
    for (agent, mut calls) in silent_calls(spans, family) {
        calls.sort_by_key(|&call| (spans[call].start, spans[call].end, spans[call].span_id));
        let said = |key| spans[agent].attributes.text(key).map(str::to_owned);
        let (question, answer) = (said(INPUT), said(OUTPUT));
        let answers = match answer {
            Some(answer) => one_each(&answer, calls.len()).unwrap_or_else(|| {
                let mut answers = vec![None; calls.len()];
                answers.pop();
                answers.push(Some(answer));
                answers
            }),
            None => Vec::new(),
        };
        if let Some(question) = question
            && let Some(&first) = calls.first()
        {
            spans[first].attributes.push(INPUT, question);
        }
        for (&call, answer) in calls.iter().zip(answers) {
            if let Some(answer) = answer {
                spans[call].attributes.push(OUTPUT, answer);
            }
        }
        for call in calls {
            content::fit(&mut spans[call].attributes, limits);
        }
    }
}

/// Returns the agents with messages whose calls have none, with these calls.
fn silent_calls(spans: &[SentrySpan], family: &Family) -> BTreeMap<usize, Vec<usize>> {
    let mut agents = vec![None; spans.len()];
    let mut calls: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &position in family.leaves_first.iter().rev() {
        agents[position] = family.parents[position].and_then(|parent| {
            let is_agent = spans[parent].ai == Some(AiKind::Agent);
            is_agent.then_some(parent).or(agents[parent])
        });
        if Subject::of(&spans[position]) == Some(Subject::Chat)
            && let Some(agent) = agents[position]
        {
            calls.entry(agent).or_default().push(position);
        }
    }
    let is_silent = |call: &usize| is_silent_call(&spans[*call]);
    calls.retain(|&agent, calls| is_speaker(&spans[agent]) && calls.iter().all(is_silent));
    calls
}

/// Returns the model's messages, without the results of tools between them, if there are as many as calls.
fn one_each(answer: &str, calls: usize) -> Option<Vec<Option<String>>> {
    let messages: Vec<Value> = serde_json::from_str(answer).ok()?;
    let written = messages.into_iter().filter(|it| it["role"] == "assistant");
    let written: Vec<_> = written
        .map(|message| Some(Value::Array(vec![message]).to_string()))
        .collect();
    (written.len() == calls).then_some(written)
}
