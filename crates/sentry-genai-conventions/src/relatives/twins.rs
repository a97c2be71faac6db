//! Model and tool calls that two instrumentations describe side by side.

use std::cmp::Reverse;

use super::{
    Subject,
    nested::{self, Said},
};
use crate::{SentrySpan, Status, tokens};

/// Returns pairs of calls that are one: the outer, which started first, and the inner.
///
/// Some instrumentations do not make their spans current: OpenLLMetry, and OpenInference's for LangChain. The span that an SDK
/// creates by itself, as Anthropic's does, is then a sibling of the wrapper's span, or of the span around that, instead of its
/// child. Logfire reports a stream beside the span that opened it, and the SDK's span is inside the latter.
///
/// Two such calls are one if they have the same response id, come from different instrumentations and overlap in time. Either may
/// end first, depending on who reads the stream. Failed calls have no response. They are one if they have the same parent, one
/// failed within the time of the other, and they asked the same model as far as both name it.
///
/// In nearly all traces one instrumentation makes all calls. That is found out without looking at ids.
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

/// Returns pairs of calls with the same parent, token counts and model, the inner within the time of the outer.
///
/// One of the two does not know the response id, such as the span of Mistral's SDK. It may also not know the model, as
/// OpenLLMetry does not when it reports in events, or the input count, as LangChain does not for a stream of Anthropic's.
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

/// Returns pairs of tool calls that are one by their id: the call as reported to the program, and its execution, as with Claude's
/// agents.
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

/// Returns pairs of spans of the same family that overlap in time and come from different instrumentations. If more than two are
/// one, the first is paired with each of the others.
fn pairs<F: Ord>(
    spans: &[SentrySpan],
    families: impl Iterator<Item = (F, usize)>,
) -> Vec<(usize, usize)> {
    let mut sorted: Vec<_> = families
        .map(|(family, place)| {
            let span = &spans[place];
            // Where the times are equal, the origin makes the result independent of the order in the batch.
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

/// Returns whether two descriptions come from different instrumentations. All of OpenInference's instrumentations have the same
/// origin; of those, a library's call contains the SDK's and has the same counts.
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

/// Returns whether several instrumentations in one program may have this origin.
fn has_several(origin: &str) -> bool {
    origin.ends_with(".openinference")
}

/// Returns pairs of calls that failed as one, the inner within the time of the outer.
fn failed(spans: &[SentrySpan], calls: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
    let failures = calls.filter_map(|place| {
        let span = &spans[place];
        let is_failure =
            span.status == Status::Error && !span.attributes.contains("gen_ai.response.id");
        Some((span.parent_span_id.filter(|_| is_failure)?, place))
    });
    // The model must be the same if both name it, and one of them must.
    nested::pairs(spans, failures, |span| Said {
        model: model(span),
        input: None,
        is_told: None,
    })
}

fn model(span: &SentrySpan) -> Option<&str> {
    span.attributes.text("gen_ai.request.model")
}
