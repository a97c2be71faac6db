//! Model and tool calls that two instrumentations describe side by side.

use std::cmp::Reverse;

use super::{
    WorkKind,
    containment::{self, Description},
};
use crate::{SentrySpan, Status, tokens};

/// Returns pairs of calls that are one: the outer, which started first, and the inner.
///
/// Some instrumentations do not make their spans current: OpenLLMetry, and OpenInference's for LangChain. The span that an SDK
/// creates by itself, as Anthropic's does, is then a sibling of the wrapper's span, or of the span around that, instead of its
/// child. Logfire reports a stream beside the span that opened it, and the SDK's span is inside the latter.
///
/// Two such calls are one if they have the same response id, come from different instrumentations and overlap in time. Either may
/// end first, depending on who reads the stream. If a stream breaks off, one may be reported after the other.
///
/// Other failed calls are one if they have the same parent, one failed within the time of the other, they asked the same model as
/// far as both name it, and they do not know different responses.
///
/// In nearly all traces one instrumentation makes all calls. That is found out without looking at ids.
pub(super) fn find(spans: &[SentrySpan]) -> Vec<(usize, usize)> {
    let mut pairs_found = tool_pairs(spans);
    let calls = || positions_of(spans, WorkKind::Chat);
    let is_single_origin = have_one_origin(spans, calls());
    if is_single_origin
        && !calls().any(|position| is_shared_by_instrumentations(&spans[position].origin))
    {
        return pairs_found;
    }
    let with_response_id = calls().filter_map(|position| {
        let span = &spans[position];
        let id = span.attributes.text("gen_ai.response.id")?;
        Some(((span.trace_id, id), position))
    });
    pairs_found.extend(overlapping_pairs(spans, with_response_id));
    if is_single_origin {
        return pairs_found;
    }
    pairs_found.extend(pairs_with_same_usage(spans, calls()));
    pairs_found.extend(failed_pairs(spans, calls()));
    pairs_found
}

/// Returns pairs of calls with the same parent, token counts and model, the inner within the time of the outer.
///
/// One of the two does not know the response id, such as the span of Mistral's SDK. It may also not know the model, as
/// OpenLLMetry does not when it reports in events, or the input count, as LangChain does not for a stream of Anthropic's.
fn pairs_with_same_usage(
    spans: &[SentrySpan],
    calls: impl Iterator<Item = usize>,
) -> Vec<(usize, usize)> {
    let count = |span: &SentrySpan, key| span.attributes.integer(key).filter(|count| *count > 0);
    let with_usage = calls.filter_map(|position| {
        let span = &spans[position];
        Some((
            (span.parent_span_id?, count(span, tokens::OUTPUT)?),
            position,
        ))
    });
    containment::pairs(spans, with_usage, |span| Description {
        model: model(span),
        input: count(span, tokens::INPUT),
        has_response: Some(span.attributes.contains("gen_ai.response.id")),
    })
}

/// Returns pairs of tool calls that are one by their id: the call as reported to the program, and its execution, as with Claude's
/// agents.
fn tool_pairs(spans: &[SentrySpan]) -> Vec<(usize, usize)> {
    let tools = || positions_of(spans, WorkKind::Tool);
    if have_one_origin(spans, tools()) {
        return Vec::new();
    }
    let with_call_id = tools().filter_map(|position| {
        let span = &spans[position];
        let id = span.attributes.text("gen_ai.tool.call.id")?;
        let name = span.attributes.text("gen_ai.tool.name")?;
        Some(((span.trace_id, id, name), position))
    });
    overlapping_pairs(spans, with_call_id)
}

fn positions_of(spans: &[SentrySpan], kind: WorkKind) -> impl Iterator<Item = usize> {
    let positions = spans.iter().enumerate();
    positions
        .filter(move |(_, span)| WorkKind::of(span) == Some(kind))
        .map(|(position, _)| position)
}

fn have_one_origin(spans: &[SentrySpan], positions: impl Iterator<Item = usize>) -> bool {
    let mut origins = positions.map(|position| &spans[position].origin);
    let first = origins.next();
    origins.all(|origin| Some(origin) == first)
}

/// Returns pairs of spans of the same group that come from different instrumentations, and that overlap in time or have both
/// failed. If more than two are one, the first is paired with each of the others.
fn overlapping_pairs<G: Ord>(
    spans: &[SentrySpan],
    groups: impl Iterator<Item = (G, usize)>,
) -> Vec<(usize, usize)> {
    let mut sorted: Vec<_> = groups
        .map(|(group, position)| {
            let span = &spans[position];
            // Where the times are equal, the origin makes the result independent of the order in the batch.
            let times = (span.start, Reverse(span.end), &span.origin);
            (group, times, position)
        })
        .collect();
    sorted.sort_unstable();
    let mut pairs_found = Vec::new();
    for group in sorted.chunk_by(|one, other| one.0 == other.0) {
        // The descriptions of the current call.
        let mut call: Vec<usize> = Vec::new();
        for &(.., position) in group {
            let inner = &spans[position];
            let overlaps = |first: &usize| {
                let outer = &spans[*first];
                inner.start <= outer.end || have_failed([outer, inner])
            };
            let differs = |other: &usize| have_different_sources(&spans[*other], inner);
            if !(call.first().is_some_and(overlaps) && call.iter().all(differs)) {
                call.clear();
            }
            pairs_found.extend(call.first().map(|first| (*first, position)));
            call.push(position);
        }
    }
    pairs_found
}

/// Returns whether two descriptions come from different instrumentations. All of OpenInference's instrumentations have the same
/// origin; of those, a library's call contains the SDK's and has the same counts.
fn have_different_sources(outer: &SentrySpan, inner: &SentrySpan) -> bool {
    let count = |span: &SentrySpan, key| span.attributes.integer(key);
    outer.origin != inner.origin
        || is_shared_by_instrumentations(&outer.origin)
            && inner.end <= outer.end
            && (outer.start, outer.end) != (inner.start, inner.end)
            && count(outer, tokens::OUTPUT).is_some()
            && [tokens::INPUT, tokens::OUTPUT]
                .into_iter()
                .all(|key| count(outer, key) == count(inner, key))
}

/// Returns whether several instrumentations in one program may have this origin.
fn is_shared_by_instrumentations(origin: &str) -> bool {
    origin.ends_with(".openinference")
}

/// Returns pairs of calls that failed as one, the inner within the time of the outer.
fn failed_pairs(spans: &[SentrySpan], calls: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
    let failed_calls = calls.filter_map(|position| {
        let span = &spans[position];
        let is_failure = span.status == Status::Error;
        Some((span.parent_span_id.filter(|_| is_failure)?, position))
    });
    // The model must be the same if both name it, and one of them must.
    let mut pairs_found = containment::pairs(spans, failed_calls, |span| Description {
        model: model(span),
        input: None,
        has_response: None,
    });
    // A call that failed in the middle of a response has its id. If both have one, only that tells whether they are one.
    let has_response = |position: usize| spans[position].attributes.contains("gen_ai.response.id");
    pairs_found.retain(|(outer, inner)| !(has_response(*outer) && has_response(*inner)));
    pairs_found
}

fn have_failed(descriptions: [&SentrySpan; 2]) -> bool {
    descriptions.iter().all(|span| span.status == Status::Error)
}

fn model(span: &SentrySpan) -> Option<&str> {
    span.attributes.text("gen_ai.request.model")
}
