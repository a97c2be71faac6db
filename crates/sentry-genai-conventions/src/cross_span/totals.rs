//! Token totals that repeat the counts of the calls below.

use super::{SpanTree, WorkKind};
use crate::{AiKind, SentrySpan, tokens};

/// Returns whether a span may contain calls and has counts of its own.
pub(super) fn has_token_totals(span: &SentrySpan) -> bool {
    let may_contain_calls =
        span.ai == Some(AiKind::Agent) || WorkKind::of(span) == Some(WorkKind::Evaluation);
    may_contain_calls && tokens::has_usage(&span.attributes)
}

/// Removes the counts of spans with calls below that have been counted.
pub(super) fn remove_repeated_totals(spans: &mut [SentrySpan], tree: &SpanTree) {
    let mut has_counted_calls = vec![false; spans.len()];
    for &position in &tree.leaves_first {
        let span = &mut spans[position];
        if has_counted_calls[position] && has_token_totals(span) {
            tokens::remove(&mut span.attributes);
        }
        // An agent's totals do not include embeddings made on the way.
        let reports_tokens = WorkKind::of(span) == Some(WorkKind::Chat)
            && tokens::has_input_or_output(&span.attributes);
        if (has_counted_calls[position] || reports_tokens)
            && let Some(parent) = tree.parents[position]
        {
            has_counted_calls[parent] = true;
        }
    }
}
