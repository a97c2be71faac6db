//! What the messages of a step leave out of the tools that earlier steps have called.

use std::collections::HashMap;

use serde_json::Value;

use super::SpanTree;
use crate::{
    AiKind, ContentLimits, SentrySpan, content,
    dialect::{INPUT, OUTPUT, RESULT},
    messages::{Messages, Part, Side},
};

/// What tools have come to, by the ids of the calls.
type Results = HashMap<String, Value>;

/// Completes the calls and answers of tools in the messages of Mastra's steps, which have no more than names. The steps before have
/// the calls, and the tools the answers.
pub(super) fn complete(spans: &mut [SentrySpan], tree: &SpanTree, limits: &ContentLimits) {
    let mut steps: Vec<_> = (spans.iter().enumerate())
        .filter(|(_, span)| is_step(span))
        .map(|(position, span)| (tree.parents[position], span.start, span.span_id, position))
        .collect();
    if steps.len() < 2 {
        return;
    }
    steps.sort_unstable();
    let results = results(spans);
    for steps in steps.chunk_by(|one, other| one.0 == other.0) {
        let mut calls: Vec<Part> = Vec::new();
        for &(.., step) in steps {
            let attributes = &mut spans[step].attributes;
            if !calls.is_empty()
                && let Some(mut input) = messages(attributes.text(INPUT), Side::Input)
                && complete_messages(&mut input, &calls, &results)
            {
                attributes.set(INPUT, input.into_json(limits).json);
                content::enforce_span_limit(attributes, limits);
            }
            if let Some(output) = messages(attributes.text(OUTPUT), Side::Output) {
                let parts = (output.messages.into_iter()).flat_map(|message| message.parts);
                calls.extend(parts.filter(|part| matches!(part, Part::ToolCall { .. })));
            }
        }
    }
}

pub(super) fn is_step(span: &SentrySpan) -> bool {
    span.ai.is_none() && span.attributes.text("mastra.span.type") == Some("model_step")
}

/// Reads messages in which there are tools.
fn messages(text: Option<&str>, side: Side) -> Option<Messages> {
    let text = text.filter(|text| text.contains(r#""tool_call"#))?;
    Some(Messages::parse(text, side))
}

fn results(spans: &[SentrySpan]) -> Results {
    let tools = spans.iter().filter(|span| span.ai == Some(AiKind::Tool));
    tools
        .filter_map(|tool| {
            let id = tool.attributes.text("gen_ai.tool.call.id")?;
            let result = tool.attributes.text(RESULT)?;
            let result = serde_json::from_str(result).unwrap_or_else(|_| result.into());
            Some((id.to_owned(), result))
        })
        .collect()
}

/// Completes the last calls in the messages, those of earlier steps, and the last answers. What is from earlier runs of the agent
/// comes before. Returns whether anything has been completed.
fn complete_messages(messages: &mut Messages, calls: &[Part], results: &Results) -> bool {
    let (mut open_calls, mut open_answers) = (Vec::new(), Vec::new());
    for part in (messages.messages.iter_mut()).flat_map(|message| &mut message.parts) {
        match part {
            Part::ToolCall { id: None, .. } => open_calls.push(part),
            Part::ToolCallResponse { id: None, .. } => open_answers.push(part),
            _ => {}
        }
    }
    let calls_completed = complete_last(open_calls, calls, |part, call| part.clone_from(call));
    let answers_completed = complete_last(open_answers, calls, |part, call| {
        complete_answer(part, call, results);
    });
    calls_completed || answers_completed
}

/// Completes the last parts, if these are about the same tools as the calls.
fn complete_last(
    mut parts: Vec<&mut Part>,
    calls: &[Part],
    complete: impl Fn(&mut Part, &Part),
) -> bool {
    let earlier = parts.len().saturating_sub(calls.len());
    let last = &mut parts[earlier..];
    // An answer that is recorded has no name.
    let are_same = last.len() == calls.len()
        && (last.iter().zip(calls)).all(|(part, call)| {
            let name = tool(part);
            name.is_none() || name == tool(call)
        });
    if are_same {
        for (part, call) in last.iter_mut().zip(calls) {
            complete(part, call);
        }
    }
    are_same
}

fn tool(part: &Part) -> Option<&str> {
    match part {
        Part::ToolCall { name, .. } => Some(name),
        Part::ToolCallResponse { name, .. } => name.as_deref(),
        _ => None,
    }
}

fn complete_answer(part: &mut Part, call: &Part, results: &Results) {
    if let Part::ToolCall { id, name: tool, .. } = call
        && let Part::ToolCallResponse {
            id: answered,
            name,
            response,
        } = part
    {
        answered.clone_from(id);
        let is_placeholder = name.replace(tool.clone()).is_some();
        let result = id.as_ref().and_then(|id| results.get(id));
        if let Some(result) = result.filter(|_| is_placeholder) {
            response.clone_from(result);
        }
    }
}
