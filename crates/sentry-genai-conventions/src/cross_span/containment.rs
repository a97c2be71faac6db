//! Pairs of calls that are one, where the inner starts within the time of the outer.

use std::cmp::Reverse;

use super::source::{LANGFUSE, Source, Surroundings, is_late, is_of_wrapper};
use crate::{SentrySpan, Status, Timestamp, tokens};

/// The maximum number of calls at the same time that are compared with each other.
const MAX_CONCURRENT: usize = 512;

/// Returns pairs of calls in the same surroundings that are one: from different instrumentations, with the inner within the time
/// of the outer.
///
/// If there are several candidates for the outer, the one that ends first is taken, so that as many calls as possible are paired.
/// Two instrumentations of one library report the same call one after the other, so the inner may end last.
pub(super) fn pairs(
    spans: &[SentrySpan],
    calls: impl Iterator<Item = (Surroundings, usize)>,
) -> Vec<(usize, usize)> {
    let mut sorted: Vec<_> = calls
        .map(|(surroundings, position)| {
            let span = &spans[position];
            let times = (
                span.start,
                Reverse(span.end),
                Source::of(span),
                span.span_id,
            );
            (surroundings, times, position)
        })
        .collect();
    sorted.sort_unstable();
    let mut pairs_found = Vec::new();
    for group in sorted.chunk_by(|one, other| one.0 == other.0) {
        let descriptions = group
            .iter()
            .map(|&(.., position)| Description::of(position, &spans[position]));
        pairs_found.extend(pair(descriptions));
    }
    pairs_found
}

/// Pairs descriptions that are in order of their start. Each is compared with those calls that have not ended before it.
fn pair<'a>(descriptions: impl Iterator<Item = Description<'a>>) -> Vec<(usize, usize)> {
    let mut pairs_found = Vec::new();
    // The descriptions of each call, the outermost first.
    let mut calls: Vec<Vec<Description<'a>>> = Vec::new();
    for inner in descriptions {
        calls.retain(|call| call[0].end >= inner.start || call[0].may_end_early);
        let nearest = calls
            .iter_mut()
            .filter(|call| {
                call.iter().all(|other| other.source != inner.source)
                    && call[0].is_same_call(&inner)
            })
            .min_by_key(|call| {
                let end = call[0].end;
                let distance = end.as_nanos().abs_diff(inner.end.as_nanos());
                (end < inner.end, distance, Reverse(call[0].start))
            });
        match nearest {
            Some(call) => {
                pairs_found.push((call[0].position, inner.position));
                call.push(inner);
            }
            None => {
                if calls.len() == MAX_CONCURRENT {
                    calls.remove(0);
                }
                calls.push(vec![inner]);
            }
        }
    }
    pairs_found
}

/// What a span says about a call. Two descriptions of the same call do not contradict each other, but either may say less.
#[derive(Clone, Copy, Debug)]
struct Description<'a> {
    position: usize,
    source: Source<'a>,
    is_of_wrapper: bool,
    /// OpenInference's LlamaIndex ends the span of a stream when it hands the stream out, before the request.
    may_end_early: bool,
    /// Langfuse's wrapper reads a stream to its end before an instrumentation inside notices.
    is_of_langfuse: bool,
    is_late: bool,
    start: Timestamp,
    end: Timestamp,
    model: Option<&'a str>,
    input: Option<i64>,
    /// The input without what was read from a cache or written to it, which Langtrace leaves out.
    uncached_input: Option<i64>,
    output: Option<i64>,
    has_response_id: bool,
    has_failed: bool,
}

impl<'a> Description<'a> {
    fn of(position: usize, span: &'a SentrySpan) -> Self {
        let count = |key| span.attributes.integer(key).filter(|count| *count > 0);
        let cached = tokens::cached(&span.attributes);
        Self {
            position,
            source: Source::of(span),
            is_of_wrapper: is_of_wrapper(span),
            may_end_early: span.scope == "openinference.instrumentation.llama_index",
            is_of_langfuse: span.scope == LANGFUSE,
            is_late: is_late(span),
            start: span.start,
            // A span that ends before it starts is within whatever is running when it starts.
            end: span.end.max(span.start),
            model: span.attributes.text("gen_ai.request.model"),
            input: count(tokens::INPUT),
            uncached_input: count(tokens::INPUT).map(|input| input.saturating_sub(cached)),
            output: count(tokens::OUTPUT),
            has_response_id: span.attributes.contains("gen_ai.response.id"),
            has_failed: span.status == Status::Error,
        }
    }

    /// Returns whether both describe the same call.
    ///
    /// At least one names the model. If both know a response, its id decides, which is not compared here. Unless both are of
    /// wrappers, the inner must end first, and both must have failed, or one without a response id must have the same output
    /// count.
    fn is_same_call(&self, inner: &Self) -> bool {
        (self.model.is_some() || inner.model.is_some())
            && are_compatible(self.model, inner.model)
            && self.has_compatible_input(inner)
            && are_compatible(self.output, inner.output)
            && !(self.has_response_id && inner.has_response_id)
            && (self.wraps(inner) || inner.end <= self.end && self.agrees_with(inner))
    }

    fn has_compatible_input(&self, other: &Self) -> bool {
        are_compatible(self.input, other.input)
            || self.uncached_input == other.input
            || self.input == other.uncached_input
    }

    /// Returns whether both failed, or report the same output of one response.
    fn agrees_with(&self, other: &Self) -> bool {
        self.has_failed && other.has_failed
            || self.output.is_some()
                && self.output == other.output
                && self.has_response_id != other.has_response_id
    }

    /// Returns whether both are of wrappers, and nothing speaks against the one being around the other.
    fn wraps(&self, inner: &Self) -> bool {
        let has_recovered = inner.has_failed && !self.has_failed;
        let is_shifted = self.is_late != inner.is_late && self.has_failed == inner.has_failed;
        let may_end_first = self.may_end_early
            || self.is_of_langfuse
            || self.source.has_same_library(inner.source)
            || is_shifted;
        self.is_of_wrapper
            && inner.is_of_wrapper
            && self.model == inner.model
            && !has_recovered
            && (inner.end <= self.end || may_end_first)
            && (self.agrees_with(inner) || !self.source.may_silence(inner.source))
    }
}

fn are_compatible<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.is_none() || other.is_none() || one == other
}

#[cfg(test)]
mod tests;
