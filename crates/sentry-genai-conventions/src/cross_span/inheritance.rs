//! Conversations and agents that spans take over from their relatives.

use super::{AGENT, CONVERSATION, SpanTree, span_tree::Descendants};
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
                if let Descendants::One(descendant) = below[position]
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

/// Returns, for each span, one below it that names the conversation, if all that name one agree. Some libraries name it only on
/// model calls.
fn conversations_below(spans: &[SentrySpan], tree: &SpanTree) -> Vec<Descendants> {
    let conversation = |position: usize| spans[position].attributes.text(CONVERSATION);
    let mut below = vec![Descendants::None; spans.len()];
    for &position in &tree.leaves_first {
        let Some(parent) = tree.parents[position] else {
            continue;
        };
        let own = conversation(position).map(|_| Descendants::One(position));
        let named = own.unwrap_or(below[position]);
        below[parent].add(named, |one, other| conversation(one) == conversation(other));
    }
    below
}
