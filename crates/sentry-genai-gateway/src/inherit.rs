//! What spans take over from their relatives in the same batch.

use std::{collections::HashMap, sync::Arc};

use sentry_genai_conventions::{AiKind, Identity, SourceSpan, SpanId, TraceId, Translator};

/// Fills [`SourceSpan::inherited`] of every span from the other spans of the batch, which may belong to several traces and come
/// in any order.
///
/// * Conversation: that of the nearest ancestor that names one. If neither the span nor any ancestor names one, but spans below
///   do and all of them agree, theirs: several libraries name it only on the model calls.
/// * Session: in the same way, among GenAI spans. It stands in for a conversation only if nothing names one.
/// * Agent: the nearest ancestor that is an agent or names one.
///
/// This takes time in proportion to the size of the batch.
pub fn inherit_batch(translator: &Translator, spans: &mut [SourceSpan]) {
    let index: HashMap<(TraceId, SpanId), usize> = spans
        .iter()
        .enumerate()
        .map(|(position, span)| ((span.trace_id, span.span_id), position))
        .collect();
    let parents: Vec<_> = spans
        .iter()
        .enumerate()
        .map(|(position, span)| {
            let parent = index.get(&(span.trace_id, span.parent_span_id?)).copied()?;
            (parent != position).then_some(parent)
        })
        .collect();
    let order = parents_first(&parents);
    let nodes: Vec<_> = spans
        .iter()
        .map(|span| Node::new(translator.identify(span)))
        .collect();

    let conversations = propagate(&nodes, &parents, &order, |node| node.conversation.as_ref());
    let sessions = propagate(&nodes, &parents, &order, |node| node.session.as_ref());
    let mut agents: Vec<Option<Arc<str>>> = vec![None; spans.len()];
    for &position in &order {
        if let Some(parent) = parents[position] {
            agents[position] = nodes[parent]
                .agent
                .clone()
                .or_else(|| agents[parent].clone());
        }
    }
    for (position, span) in spans.iter_mut().enumerate() {
        let inherited = &mut span.inherited;
        let fill = |slot: &mut Option<Arc<str>>, found: &Option<Arc<str>>| {
            if slot.is_none() {
                slot.clone_from(found);
            }
        };
        fill(&mut inherited.conversation_id, &conversations[position]);
        fill(&mut inherited.session_id, &sessions[position]);
        fill(&mut inherited.agent_name, &agents[position]);
    }
}

struct Node {
    conversation: Option<Arc<str>>,
    session: Option<Arc<str>>,
    agent: Option<Arc<str>>,
}

impl Node {
    fn new(identity: Identity) -> Self {
        let is_agent_or_plain = matches!(identity.ai, Some(AiKind::Agent) | None);
        Self {
            conversation: identity.conversation_id.map(Into::into),
            session: identity
                .session_id
                .filter(|_| identity.is_gen_ai)
                .map(Into::into),
            agent: identity
                .agent_name
                .filter(|_| is_agent_or_plain)
                .map(Into::into),
        }
    }
}

/// Orders indexes so that parents come before their children. Spans whose parents form a cycle are left out.
fn parents_first(parents: &[Option<usize>]) -> Vec<usize> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    let mut order = Vec::with_capacity(parents.len());
    for (position, parent) in parents.iter().enumerate() {
        match parent {
            Some(parent) => children[*parent].push(position),
            None => order.push(position),
        }
    }
    let mut next = 0;
    while let Some(position) = order.get(next).copied() {
        next += 1;
        order.append(&mut children[position]);
    }
    order
}

/// What the spans below one span name.
#[derive(Clone)]
enum DescendantValue {
    Nothing,
    One(Arc<str>),
    Conflicting,
}

impl DescendantValue {
    fn add(&mut self, found: &Self) {
        *self = match (&*self, found) {
            (_, Self::Nothing) => return,
            (Self::Nothing, found) => found.clone(),
            (Self::One(one), Self::One(other)) if one == other => return,
            _ => Self::Conflicting,
        };
    }
}

/// Returns the value that every span takes over: from its ancestors, or else from what is below all of them.
fn propagate(
    nodes: &[Node],
    parents: &[Option<usize>],
    order: &[usize],
    value: impl Fn(&Node) -> Option<&Arc<str>>,
) -> Vec<Option<Arc<str>>> {
    let mut below = vec![DescendantValue::Nothing; nodes.len()];
    for &position in order.iter().rev() {
        if let Some(parent) = parents[position] {
            let mut found = below[position].clone();
            if let Some(own) = value(&nodes[position]) {
                found = DescendantValue::One(Arc::clone(own));
            }
            below[parent].add(&found);
        }
    }
    let mut inherited: Vec<Option<Arc<str>>> = vec![None; nodes.len()];
    for &position in order {
        let from_ancestors = parents[position].and_then(|parent| {
            value(&nodes[parent])
                .cloned()
                .or_else(|| inherited[parent].clone())
        });
        inherited[position] = from_ancestors.or_else(|| match &below[position] {
            DescendantValue::One(one) => Some(Arc::clone(one)),
            DescendantValue::Nothing | DescendantValue::Conflicting => None,
        });
    }
    inherited
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentry_genai_conventions::{Timestamp, TranslateOptions};

    fn span(number: u8, parent: Option<u8>, attributes: &[(&'static str, &str)]) -> SourceSpan {
        let trace_id = TraceId::from_bytes([7; 16]).unwrap();
        let id = |number: u8| SpanId::from_bytes([number; 8]).unwrap();
        let mut span = SourceSpan::new(trace_id, id(number), "x", Timestamp::default());
        span.parent_span_id = parent.map(id);
        for (key, value) in attributes {
            span.attributes.push(key, *value);
        }
        span
    }

    fn conversations(mut spans: Vec<SourceSpan>) -> Vec<Option<String>> {
        let translator = Translator::new(TranslateOptions::default());
        inherit_batch(&translator, &mut spans);
        let spans = spans.into_iter().map(|span| translator.translate(span));
        spans
            .map(|span| {
                let id = span.attributes.text("gen_ai.conversation.id");
                id.map(str::to_owned)
            })
            .collect()
    }

    const CHAT: (&str, &str) = ("gen_ai.operation.name", "chat");
    const AGENT: (&str, &str) = ("gen_ai.operation.name", "invoke_agent");

    #[test]
    fn children_listed_before_their_parents_still_inherit() {
        let spans = vec![
            span(3, Some(2), &[CHAT, ("session.id", "s")]),
            span(2, Some(1), &[]),
            span(1, None, &[AGENT, ("gen_ai.conversation.id", "c")]),
        ];
        let c = || Some("c".to_owned());
        assert_eq!(conversations(spans), [c(), None, c()]);
    }

    #[test]
    fn a_conversation_named_only_by_calls_applies_to_all_of_them() {
        let spans = vec![
            span(1, None, &[AGENT]),
            span(2, Some(1), &[CHAT]),
            span(3, Some(1), &[CHAT, ("gen_ai.conversation.id", "c")]),
            span(4, Some(1), &[CHAT]),
        ];
        let c = || Some("c".to_owned());
        assert_eq!(conversations(spans), [c(), c(), c(), c()]);
    }

    #[test]
    fn calls_with_different_conversations_keep_their_own() {
        let spans = vec![
            span(1, None, &[AGENT]),
            span(2, Some(1), &[CHAT, ("gen_ai.conversation.id", "a")]),
            span(3, Some(1), &[CHAT, ("gen_ai.conversation.id", "b")]),
            span(4, Some(1), &[CHAT]),
        ];
        let some = |id: &str| Some(id.to_owned());
        assert_eq!(conversations(spans), [None, some("a"), some("b"), None]);
    }

    #[test]
    fn a_cycle_of_parents_inherits_nothing() {
        let spans = vec![span(1, Some(2), &[CHAT]), span(2, Some(1), &[CHAT])];
        assert_eq!(conversations(spans), [None, None]);
    }
}
