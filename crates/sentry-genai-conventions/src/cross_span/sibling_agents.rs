//! Assigns tools to the agent whose calls they are beside.

use std::{collections::HashMap, sync::Arc};

use super::{AGENT, MAX_PLAIN_SPANS, SpanIndex, WorkKind};
use crate::{AiKind, SentrySpan, SpanId};

/// Returns whether a span is a tool that may belong to an agent other than its ancestors say: either no ancestor names one, or
/// the span above is the tool as which another agent called this one.
pub(super) fn has_uncertain_agent(
    span: &SentrySpan,
    spans: &[SentrySpan],
    index: &SpanIndex,
) -> bool {
    span.ai == Some(AiKind::Tool)
        && (!span.attributes.contains(AGENT) || is_inside_tool_of_its_agent(span, spans, index))
}

fn is_inside_tool_of_its_agent(span: &SentrySpan, spans: &[SentrySpan], index: &SpanIndex) -> bool {
    let parent = |span: &SentrySpan| Some(&spans[index.find(span.parent_span_id?)?]);
    std::iter::successors(parent(span), |span| parent(span))
        .take(MAX_PLAIN_SPANS + 1)
        .find(|ancestor| ancestor.ai.is_some())
        .is_some_and(|ancestor| {
            ancestor.ai == Some(AiKind::Tool)
                && ancestor.attributes.text(AGENT) == span.attributes.text(AGENT)
        })
}

/// Gives tools the agent that all model calls beside them name. An agent of rig's has its own span only if there is no span
/// around it, and its tools do not name it.
pub(super) fn assign_agents(spans: &mut [SentrySpan], index: &SpanIndex) {
    let mut agents: HashMap<SpanId, Option<Arc<str>>> = HashMap::new();
    for span in &*spans {
        if WorkKind::of(span) == Some(WorkKind::Chat)
            && let Some(parent) = span.parent_span_id
        {
            let agent = span.attributes.text(AGENT);
            agents
                .entry(parent)
                .and_modify(|known| {
                    if known.as_deref() != agent {
                        *known = None;
                    }
                })
                .or_insert_with(|| agent.map(Arc::from));
        }
    }
    let uncertain: Vec<_> = (0..spans.len())
        .filter(|position| has_uncertain_agent(&spans[*position], spans, index))
        .collect();
    for position in uncertain {
        let span = &mut spans[position];
        let agent = span.parent_span_id.and_then(|parent| agents.get(&parent));
        if let Some(Some(agent)) = agent {
            span.attributes.set(AGENT, &**agent);
        }
    }
}
