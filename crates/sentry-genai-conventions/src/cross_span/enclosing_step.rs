//! Messages that a call takes from the step around it.

use std::collections::HashMap;

use super::{MESSAGES, SpanTree, WorkKind, step_history};
use crate::{ContentLimits, SentrySpan, content, dialect::INPUT, naming::MODELS};

const MODEL: &str = "gen_ai.request.model";

/// Returns whether a plain span records the input or the model of a call, as a library's step around a call does.
pub(super) fn is_step_with_call_data(span: &SentrySpan) -> bool {
    // The first two checks rule out ordinary spans without looking at their attributes.
    span.ai.is_none()
        && span.origin.starts_with("auto.ai.")
        && (span.attributes.contains_any(&[INPUT, MODEL]) || step_history::is_step(span))
}

/// Copies messages from a step to the only call directly inside it, if both are from the same library. Some of Mastra's calls
/// have no question, and an answer without the tool calls. A model is copied to any number of calls, such as those of a turn in a
/// voice session.
pub(super) fn copy_to_calls(spans: &mut [SentrySpan], tree: &SpanTree, limits: &ContentLimits) {
    let is_chat = |span: &SentrySpan| WorkKind::of(span) == Some(WorkKind::Chat);
    let mut calls: HashMap<usize, Option<usize>> = HashMap::new();
    let mut pairs = Vec::new();
    for (call, parent) in tree.parents.iter().enumerate() {
        if let Some(step) = *parent
            && is_chat(&spans[call])
            && is_step_with_call_data(&spans[step])
        {
            calls
                .entry(step)
                .and_modify(|only| *only = None)
                .or_insert(Some(call));
            pairs.push((step, call));
        }
    }
    for (step, call) in pairs {
        if let Ok([step, call]) = spans.get_disjoint_mut([step, call]) {
            copy_model(step, call);
        }
    }
    for (step, call) in calls {
        let Some(call) = call else { continue };
        let Ok([step, call]) = spans.get_disjoint_mut([step, call]) else {
            continue;
        };
        if step.origin != call.origin || call.attributes.contains(INPUT) {
            continue;
        }
        for key in MESSAGES {
            if let Some(text) = step.attributes.text(key)
                && call
                    .attributes
                    .text(key)
                    .is_none_or(|own| own.len() < text.len())
            {
                call.attributes.set(key, text);
            }
        }
        content::enforce_span_limit(&mut call.attributes, limits);
    }
}

fn copy_model(step: &SentrySpan, call: &mut SentrySpan) {
    let has_model = call.attributes.contains_any(MODELS);
    let Some(model) = step.attributes.text(MODEL) else {
        return;
    };
    if has_model || step.origin != call.origin {
        return;
    }
    call.attributes.push(MODEL, model);
    // It was called after its operation for want of a model.
    if call.attributes.text("gen_ai.operation.name") == Some(&*call.name) {
        call.name = format!("{} {model}", call.name).into();
    }
}
