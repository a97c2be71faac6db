//! One call, of a model or a tool, that two instrumentations describe side by side.

use std::cmp::Reverse;

use super::{
    Subject,
    nested::{self, Said},
};
use crate::{SentrySpan, Status, tokens};

/// Returns pairs of calls that are one: the outer, which started first, and the inner.
///
/// OpenLLMetry does not make its spans current, nor does OpenInference those of LangChain, so that the span an SDK makes by itself, as
/// Anthropic's does, becomes a sibling of the wrapper's, or of what is around that, instead of its child; of a stream Logfire tells
/// beside the span that opened it, which the SDK's is in. They are the same call if they have the id of the response in common, come
/// from different instrumentations, and overlap in time. Which of them ends first is up to the reader of a stream. Calls that failed
/// have no response: they are the same if they have the parent in common and one failed while the other did, asking the same model as
/// far as both name it.
///
/// In nearly all traces one instrumentation makes all calls, which is found out without looking at ids.
pub(super) fn find(spans: &[SentrySpan]) -> Vec<(usize, usize)> {
    let mut found = tools(spans);
    let calls = || of(spans, Subject::Chat);
    let is_one = are_of_one_origin(spans, calls());
    if is_one && !calls().any(|place| has_several(&spans[place].origin)) {
        return found;
    }
    let answered = calls().filter_map(|place| {
        let span = &spans[place];
        let id = span.attributes.text("gen_ai.response.id")?;
        Some(((span.trace_id, id), place))
    });
    found.extend(pairs(spans, answered));
    if is_one {
        return found;
    }
    found.extend(counted(spans, calls()));
    found.extend(failed(spans, calls()));
    found
}

/// Returns pairs of calls that counted the same tokens of the same model, the inner within the time of the outer: one of them does
/// not know the id of the response, as Mistral's SDK, nor perhaps the model, as OpenLLMetry of what it tells in events, nor what
/// the input was, as LangChain of a stream of Anthropic's.
fn counted(spans: &[SentrySpan], calls: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
    let count = |span: &SentrySpan, key| span.attributes.integer(key).filter(|count| *count > 0);
    let alike = calls.filter_map(|place| {
        let span = &spans[place];
        Some(((span.parent_span_id?, count(span, tokens::OUTPUT)?), place))
    });
    nested::pairs(spans, alike, |span| Said {
        model: model(span),
        input: count(span, tokens::INPUT),
        is_told: Some(span.attributes.contains("gen_ai.response.id")),
    })
}

/// Returns pairs of tools that are one: what a program is told of a call and what runs it, as with Claude's agents, have its id in common.
fn tools(spans: &[SentrySpan]) -> Vec<(usize, usize)> {
    let tools = || of(spans, Subject::Tool);
    if are_of_one_origin(spans, tools()) {
        return Vec::new();
    }
    let called = tools().filter_map(|place| {
        let span = &spans[place];
        let id = span.attributes.text("gen_ai.tool.call.id")?;
        let name = span.attributes.text("gen_ai.tool.name")?;
        Some(((span.trace_id, id, name), place))
    });
    pairs(spans, called)
}

fn of(spans: &[SentrySpan], subject: Subject) -> impl Iterator<Item = usize> {
    let places = spans.iter().enumerate();
    places
        .filter(move |(_, span)| Subject::of(span) == Some(subject))
        .map(|(place, _)| place)
}

fn are_of_one_origin(spans: &[SentrySpan], places: impl Iterator<Item = usize>) -> bool {
    let mut origins = places.map(|place| &spans[place].origin);
    let first = origins.next();
    origins.all(|origin| Some(origin) == first)
}

/// Returns pairs of spans of the same family that overlap in time and come from different instrumentations, the first of each family's
/// with all that are one with it.
fn pairs<F: Ord>(
    spans: &[SentrySpan],
    families: impl Iterator<Item = (F, usize)>,
) -> Vec<(usize, usize)> {
    let mut sorted: Vec<_> = families
        .map(|(family, place)| {
            let span = &spans[place];
            // The origin makes the order of the batch irrelevant where the times agree.
            let times = (span.start, Reverse(span.end), &span.origin);
            (family, times, place)
        })
        .collect();
    sorted.sort_unstable();
    let mut found = Vec::new();
    for family in sorted.chunk_by(|one, other| one.0 == other.0) {
        let mut one: Vec<usize> = Vec::new();
        for &(.., place) in family {
            let inner = &spans[place];
            let is_one = one
                .first()
                .is_some_and(|first| inner.start <= spans[*first].end)
                && one.iter().all(|other| are_of_two(&spans[*other], inner));
            if !is_one {
                one.clear();
            }
            found.extend(one.first().map(|first| (*first, place)));
            one.push(place);
        }
    }
    found
}

/// Returns whether two descriptions come from different instrumentations. Those of OpenInference have one origin, but what a library
/// asks an SDK for, which counts the same, is inside.
fn are_of_two(outer: &SentrySpan, inner: &SentrySpan) -> bool {
    let count = |span: &SentrySpan, key| span.attributes.integer(key);
    outer.origin != inner.origin
        || has_several(&outer.origin)
            && inner.end <= outer.end
            && (outer.start, outer.end) != (inner.start, inner.end)
            && count(outer, tokens::OUTPUT).is_some()
            && [tokens::INPUT, tokens::OUTPUT]
                .into_iter()
                .all(|key| count(outer, key) == count(inner, key))
}

/// Returns whether several instrumentations of one program may have this origin.
fn has_several(origin: &str) -> bool {
    origin.ends_with(".openinference")
}

/// Returns pairs of calls that failed as one: the inner went on within the time of the outer.
fn failed(spans: &[SentrySpan], calls: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
    let failures = calls.filter_map(|place| {
        let span = &spans[place];
        let is_failure =
            span.status == Status::Error && !span.attributes.contains("gen_ai.response.id");
        Some((span.parent_span_id.filter(|_| is_failure)?, place))
    });
    // Of the same model, as far as both say which; one of them does.
    nested::pairs(spans, failures, |span| Said {
        model: model(span),
        input: None,
        is_told: None,
    })
}

fn model(span: &SentrySpan) -> Option<&str> {
    span.attributes.text("gen_ai.request.model")
}
