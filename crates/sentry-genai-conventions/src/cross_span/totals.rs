//! Token totals of agents and evaluations, which repeat those of the calls below.

use super::{SpanTree, WorkKind};
use crate::{AiKind, SentrySpan, tokens};

/// Returns whether a span may contain calls and has counts of its own.
pub(super) fn has_token_totals(span: &SentrySpan) -> bool {
    let may_contain_calls =
        span.ai == Some(AiKind::Agent) || WorkKind::of(span) == Some(WorkKind::Evaluation);
    may_contain_calls && tokens::has_usage(&span.attributes)
}

/// The model calls below a span that report tokens. `One` holds the position of the only one.
#[derive(Clone, Copy)]
enum CountedCalls {
    Nothing,
    One(usize),
    Several,
}

/// Removes the counts of spans with calls below that have been counted.
pub(super) fn remove_repeated_totals(spans: &mut [SentrySpan], tree: &SpanTree) {
    let mut below = vec![CountedCalls::Nothing; spans.len()];
    for &position in &tree.leaves_first {
        let span = &spans[position];
        let has_totals = has_token_totals(span);
        // An agent's totals do not include embeddings made on the way.
        let reports_tokens = WorkKind::of(span) == Some(WorkKind::Chat)
            && tokens::has_input_or_output(&span.attributes);
        if has_totals {
            remove_totals_of(spans, position, below[position]);
        }
        let counted = match below[position] {
            CountedCalls::Nothing if reports_tokens => CountedCalls::One(position),
            _ if reports_tokens => CountedCalls::Several,
            counted => counted,
        };
        if let Some(parent) = tree.parents[position] {
            below[parent] = match (below[parent], counted) {
                (known, CountedCalls::Nothing) => known,
                (CountedCalls::Nothing, counted) => counted,
                _ => CountedCalls::Several,
            };
        }
    }
}

/// Removes an agent's totals if calls below report tokens. A call that stands for all of an agent's calls takes them over.
fn remove_totals_of(spans: &mut [SentrySpan], agent: usize, calls: CountedCalls) {
    if let CountedCalls::One(call) = calls
        && let Ok([agent, call]) = spans.get_disjoint_mut([agent, call])
        && agent.scope == call.scope
        && stands_for_all_calls(call)
    {
        tokens::merge(&mut call.attributes, &agent.attributes);
    }
    if !matches!(calls, CountedCalls::Nothing) {
        tokens::remove(&mut spans[agent].attributes);
    }
}

/// Returns whether a library has one span for all calls of an agent, with the tokens of the last one.
fn stands_for_all_calls(call: &SentrySpan) -> bool {
    call.scope.starts_with("@voltagent/")
}
