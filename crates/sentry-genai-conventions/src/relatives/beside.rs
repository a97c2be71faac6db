//! Whose the tools are that stand beside an agent's calls.

use std::{collections::HashMap, sync::Arc};

use super::Subject;
use crate::{AiKind, SentrySpan, SpanId, family::Index};

const AGENT: &str = "gen_ai.agent.name";

/// Returns whether a span is a tool that may belong to another agent than its ancestors say: none of them names one, or what is
/// above is the tool that the agent is for somebody else.
pub(super) fn is_stray(span: &SentrySpan, spans: &[SentrySpan], index: &Index) -> bool {
    span.ai == Some(AiKind::Tool)
        && (!span.attributes.contains(AGENT) || is_inside_tool_of_its_agent(span, spans, index))
}

fn is_inside_tool_of_its_agent(span: &SentrySpan, spans: &[SentrySpan], index: &Index) -> bool {
    /// How many plain spans between two others are looked through.
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

/// Gives tools the agent that all the model calls beside them name: agents of rig's have a span of their own only where nothing is
/// around them, and their tools name nobody.
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
