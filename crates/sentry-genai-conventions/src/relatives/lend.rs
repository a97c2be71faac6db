//! Messages that a call takes from the step around it.

use std::collections::HashMap;

use super::{MESSAGES, Subject};
use crate::{ContentLimits, SentrySpan, content, dialect::INPUT, family::Family};

/// Returns whether a plain span records the input of a call, as a library's step around a call does.
pub(super) fn is_lender(span: &SentrySpan) -> bool {
    // The first two checks rule out ordinary spans without looking at their attributes.
    span.ai.is_none() && span.origin.starts_with("auto.ai.") && span.attributes.contains(INPUT)
}

/// Copies messages from a step to the only call directly inside it, if both are from the same library. Some of Mastra's calls
/// have no question, and an answer without the tool calls.
pub(super) fn lend(spans: &mut [SentrySpan], family: &Family, limits: &ContentLimits) {
    let is_chat = |span: &SentrySpan| Subject::of(span) == Some(Subject::Chat);
    let mut calls: HashMap<usize, Option<usize>> = HashMap::new();
    for (call, parent) in family.parents.iter().enumerate() {
        if let Some(step) = *parent
            && is_chat(&spans[call])
            && is_lender(&spans[step])
        {
            calls
                .entry(step)
                .and_modify(|only| *only = None)
                .or_insert(Some(call));
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
            if let Some(lent) = step.attributes.text(key)
                && call
                    .attributes
                    .text(key)
                    .is_none_or(|own| own.len() < lent.len())
            {
                call.attributes.set(key, lent);
            }
        }
        content::fit(&mut call.attributes, limits);
    }
}
