//! Model and tool calls that two instrumentations describe side by side.

use std::cmp::Reverse;

use super::{
    SpanIndex, WorkKind, containment,
    source::{Source, surroundings},
};
use crate::{SentrySpan, Status, dialect::is_response_id};

/// Returns pairs of calls that are one: the outer, which started first, and the inner.
///
/// Some instrumentations do not make their spans current: OpenLLMetry, and OpenInference's for LangChain. The span that an SDK
/// creates by itself, as Anthropic's does, is then a sibling of the wrapper's span, or of the span around that, instead of its
/// child. Logfire reports a stream beside the span that opened it, and the SDK's span is inside the latter.
///
/// Two such calls are one if they have the same response id, come from different instrumentations and overlap in time. Either may
/// end first, depending on who reads the stream. If a stream breaks off, one may be reported after the other.
///
/// Calls of which not both know the response are one if they are in the same surroundings, one within the time of the other, and
/// do not contradict each other.
///
/// In nearly all traces one instrumentation makes all calls. Then only responses in the background are described several times.
pub(super) fn find(spans: &[SentrySpan], index: &SpanIndex) -> Vec<(usize, usize)> {
    let mut pairs_found = tool_pairs(spans);
    pairs_found.extend(background_pairs(spans));
    for kind in [WorkKind::Chat, WorkKind::Embeddings] {
        let calls = || positions_of(spans, kind);
        if have_one_source(spans, calls()) {
            continue;
        }
        let with_response_id = calls().filter_map(|position| {
            let span = &spans[position];
            let id = span.attributes.text("gen_ai.response.id")?;
            Some(((span.trace_id, id), position))
        });
        pairs_found.extend(overlapping_pairs(spans, with_response_id));
        let in_surroundings =
            calls().map(|position| (surroundings(&spans[position], spans, index), position));
        pairs_found.extend(containment::pairs(spans, in_surroundings));
    }
    pairs_found
}

/// Returns pairs of model calls that are about one response of OpenAI's Responses API. One in the background is looked up, maybe more
/// than once, after the request for it.
fn background_pairs(spans: &[SentrySpan]) -> Vec<(usize, usize)> {
    let mut calls: Vec<_> = positions_of(spans, WorkKind::Chat)
        .filter_map(|position| {
            let span = &spans[position];
            let id =
                (span.attributes.text("gen_ai.response.id")).filter(|id| is_response_id(id))?;
            Some(((span.trace_id, id), (span.start, span.span_id), position))
        })
        .collect();
    calls.sort_unstable();
    let responses = calls.chunk_by(|one, other| one.0 == other.0);
    responses
        .flat_map(|calls| calls[1..].iter().map(|&(.., later)| (calls[0].2, later)))
        .collect()
}

/// Returns pairs of tool calls that are one by their id: the call as reported to the program, and its execution, as with Claude's
/// agents. Claude Code names a tool of an MCP server without the server, `get_weather` instead of `mcp__home__get_weather`.
fn tool_pairs(spans: &[SentrySpan]) -> Vec<(usize, usize)> {
    let tools = || positions_of(spans, WorkKind::Tool);
    if have_one_source(spans, tools()) {
        return Vec::new();
    }
    let with_call_id = tools().filter_map(|position| {
        let span = &spans[position];
        let id = span.attributes.text("gen_ai.tool.call.id")?;
        let name = span.attributes.text("gen_ai.tool.name")?;
        let name = name.rsplit("__").next().unwrap_or(name);
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

fn have_one_source(spans: &[SentrySpan], positions: impl Iterator<Item = usize>) -> bool {
    let mut sources = positions.map(|position| Source::of(&spans[position]));
    let first = sources.next();
    sources.all(|source| Some(source) == first)
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
            // Where the times are equal, the source makes the result independent of the order in the batch.
            let times = (span.start, Reverse(span.end), Source::of(span));
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
            let differs = |other: &usize| Source::of(&spans[*other]) != Source::of(inner);
            if !(call.first().is_some_and(overlaps) && call.iter().all(differs)) {
                call.clear();
            }
            pairs_found.extend(call.first().map(|first| (*first, position)));
            call.push(position);
        }
    }
    pairs_found
}

fn have_failed(descriptions: [&SentrySpan; 2]) -> bool {
    descriptions.iter().all(|span| span.status == Status::Error)
}
