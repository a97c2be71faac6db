//! Conversations and agents that spans take over from their relatives.

use super::{AGENT, CONVERSATION, SpanTree};
use crate::{AiKind, SentrySpan, span::Ancestors};

/// Hands conversations and agents down to spans whose source did not know what their ancestors would record.
pub(super) fn apply(spans: &mut [SentrySpan], tree: &SpanTree) {
    let below = conversations_below(spans, tree);
    // For each span, the nearest one that names it: the span itself or an ancestor.
    let mut nearest = vec![None; spans.len()];
    for key in [CONVERSATION, AGENT] {
        for &position in tree.leaves_first.iter().rev() {
            if spans[position].attributes.text(key).is_some() {
                nearest[position] = Some(position);
                continue;
            }
            let mut source = tree.parents[position].and_then(|parent| nearest[parent]);
            if should_inherit(&spans[position], key, source.map(|above| &spans[above])) {
                if let DescendantConversation::One(descendant) = below[position]
                    && key == CONVERSATION
                {
                    source = source.or(Some(descendant));
                }
                if let Some(source) = source
                    && let Ok([source, span]) = spans.get_disjoint_mut([source, position])
                    && let Some(text) = source.attributes.text(key)
                {
                    span.attributes.push(key, text);
                }
            }
            nearest[position] = source;
        }
    }
}

/// Returns whether a span without this attribute takes it over. `above` is the nearest span above that has it.
fn should_inherit(span: &SentrySpan, key: &str, above: Option<&SentrySpan>) -> bool {
    let is_agent_name_of_agent = span.ai == Some(AiKind::Agent) && key == AGENT;
    // Doors do not know that such an agent is one.
    let is_unknown_agent =
        |above: &SentrySpan| above.ai == Some(AiKind::Agent) && above.ancestors != Ancestors::Known;
    span.ai.is_some()
        && !is_agent_name_of_agent
        && (span.ancestors != Ancestors::Known || above.is_some_and(is_unknown_agent))
}

/// What the spans below a span say about their conversation. `One` holds the position of a span that names it.
#[derive(Clone, Copy)]
enum DescendantConversation {
    Nothing,
    One(usize),
    Several,
}

/// Returns, for each span, the conversation that the spans below it agree on. Some libraries name it only on model calls.
fn conversations_below(spans: &[SentrySpan], tree: &SpanTree) -> Vec<DescendantConversation> {
    let conversation = |position: usize| spans[position].attributes.text(CONVERSATION);
    let mut below = vec![DescendantConversation::Nothing; spans.len()];
    for &position in &tree.leaves_first {
        let Some(parent) = tree.parents[position] else {
            continue;
        };
        let own = conversation(position).map(|_| DescendantConversation::One(position));
        below[parent] = match (below[parent], own.unwrap_or(below[position])) {
            (known, DescendantConversation::Nothing) => known,
            (DescendantConversation::Nothing, conversation_below) => conversation_below,
            (DescendantConversation::One(one), DescendantConversation::One(other))
                if conversation(one) == conversation(other) =>
            {
                DescendantConversation::One(one)
            }
            _ => DescendantConversation::Several,
        };
    }
    below
}
