//! Assigns tools to the agent whose calls they are beside.

use std::{collections::HashMap, sync::Arc};

use super::Subject;
use crate::{AiKind, SentrySpan, SpanId, family::Index};

const AGENT: &str = "gen_ai.agent.name";

/// Returns whether a span is a tool that may belong to an agent other than its ancestors say: either no ancestor names one, or
/// the span above is the tool as which another agent called this one.
pub(super) fn is_stray(span: &SentrySpan, spans: &[SentrySpan], index: &Index) -> bool {
    span.ai == Some(AiKind::Tool)
        && (!span.attributes.contains(AGENT) || is_inside_tool_of_its_agent(span, spans, index))
}

fn is_inside_tool_of_its_agent(span: &SentrySpan, spans: &[SentrySpan], index: &Index) -> bool {
    /// The maximum number of plain spans between two others that are looked through.
    const PATIENCE: usize = 8;

    let above = |span: &SentrySpan| Some(&spans[index.find(span.parent_span_id?)?]);
    std::iter::successors(above(span), |span| above(span))
        .take(PATIENCE + 1)
        .find(|above| above.ai.is_some())
        .is_some_and(|above| {
            above.ai == Some(AiKind::Tool)
                && above.attributes.text(AGENT) == span.attributes.text(AGENT)
        })
}

/// Gives tools the agent that all model calls beside them name. An agent of rig's has its own span only if there is no span
/// around it, and its tools do not name it.
pub(super) fn name_agents(spans: &mut [SentrySpan], index: &Index) {
    let mut agents: HashMap<SpanId, Option<Arc<str>>> = HashMap::new();
    for span in &*spans {
        if Subject::of(span) == Some(Subject::Chat)
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
    let strays: Vec<_> = (0..spans.len())
        .filter(|position| is_stray(&spans[*position], spans, index))
        .collect();
    for position in strays {
        let span = &mut spans[position];
        let agent = span.parent_span_id.and_then(|parent| agents.get(&parent));
        if let Some(Some(agent)) = agent {
            span.attributes.set(AGENT, &**agent);
        }
    }
}
