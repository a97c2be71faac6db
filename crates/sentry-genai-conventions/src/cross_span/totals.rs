//! Token totals of agents and evaluations, which repeat those of the calls below.

use super::{SpanTree, WorkKind, span_tree::Descendants};
use crate::{AiKind, SentrySpan, tokens};

/// Returns whether a span may contain calls and has counts of its own.
pub(super) fn has_token_totals(span: &SentrySpan) -> bool {
    let may_contain_calls =
        span.ai == Some(AiKind::Agent) || WorkKind::of(span) == Some(WorkKind::Evaluation);
    may_contain_calls && tokens::has_usage(&span.attributes)
}

/// Removes the counts of spans with calls below that have been counted.
pub(super) fn remove_repeated_totals(spans: &mut [SentrySpan], tree: &SpanTree) {
    // The model calls below each span that report tokens.
    let mut below = vec![Descendants::None; spans.len()];
    for &position in &tree.leaves_first {
        let span = &spans[position];
        let has_totals = has_token_totals(span);
        // An agent's totals do not include embeddings made on the way.
        let reports_tokens = WorkKind::of(span) == Some(WorkKind::Chat)
            && tokens::has_input_or_output(&span.attributes);
        if has_totals {
            remove_totals_of(spans, position, below[position]);
        }
        let mut counted = below[position];
        if reports_tokens {
            counted.add(Descendants::One(position), |_, _| false);
        }
        if let Some(parent) = tree.parents[position] {
            below[parent].add(counted, |_, _| false);
        }
    }
}

/// Removes an agent's totals if calls below report tokens. A call that stands for all of an agent's calls takes them over.
fn remove_totals_of(spans: &mut [SentrySpan], agent: usize, calls: Descendants) {
    if let Descendants::One(call) = calls
        && let Ok([agent, call]) = spans.get_disjoint_mut([agent, call])
        && agent.scope == call.scope
        && stands_for_all_calls(call)
    {
        tokens::merge(&mut call.attributes, &agent.attributes);
    }
    if !matches!(calls, Descendants::None) {
        tokens::remove(&mut spans[agent].attributes);
    }
}

/// Returns whether a library has one span for all calls of an agent, with the tokens of the last one.
fn stands_for_all_calls(call: &SentrySpan) -> bool {
    call.scope.starts_with("@voltagent/")
}
