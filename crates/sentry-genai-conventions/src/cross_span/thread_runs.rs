//! Runs of agents with threads, of which other spans report the state.

use std::collections::HashMap;

use super::WorkKind;
use crate::{SentrySpan, TraceId, tokens};

/// The id of an agent's run in a thread.
pub(super) const RUN_ID: &str = "otel.gen_ai.thread.run.id";

/// The counts of a run as reported with its state, and what they are called on the run itself.
const USAGE: [(&str, &str); 2] = [
    ("otel.gen_ai.thread.run.usage.input_tokens", tokens::INPUT),
    ("otel.gen_ai.thread.run.usage.output_tokens", tokens::OUTPUT),
];

/// Gives runs that do not know their token counts those that were reported last. A run that Azure's SDKs start goes on in the
/// service, and is asked for its state until it has ended.
pub(super) fn copy_usage(spans: &mut [SentrySpan]) {
    let mut reported: HashMap<_, &SentrySpan> = HashMap::new();
    for span in &*spans {
        if let Some(run) = reported_run(span) {
            let last = reported.entry(run).or_insert(span);
            if last.end < span.end {
                *last = span;
            }
        }
    }
    if reported.is_empty() {
        return;
    }
    let counts_of = |span: &SentrySpan| {
        if WorkKind::of(span) != Some(WorkKind::Agent) || tokens::has_usage(&span.attributes) {
            return None;
        }
        let run = (span.trace_id, span.attributes.text(RUN_ID)?);
        let report = reported.get(&run)?;
        Some(USAGE.map(|(from, to)| (to, report.attributes.integer(from))))
    };
    let counts: Vec<_> = spans.iter().map(counts_of).collect();
    for (span, counts) in spans.iter_mut().zip(counts) {
        let Some(counts) = counts else { continue };
        for (key, count) in counts {
            if let Some(count) = count {
                span.attributes.push(key, count);
            }
        }
        tokens::reconcile(&mut span.attributes);
    }
}

/// Returns the run whose token counts a span reports.
fn reported_run(span: &SentrySpan) -> Option<(TraceId, &str)> {
    // The first two checks rule out ordinary spans without looking at their attributes.
    let may_report = span.ai.is_none() && span.origin.ends_with(".microsoft");
    let has_counts = || span.attributes.contains_any(&USAGE.map(|(from, _)| from));
    let run = (may_report && has_counts()).then(|| span.attributes.text(RUN_ID))??;
    Some((span.trace_id, run))
}
