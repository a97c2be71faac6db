//! One call that two instrumentations describe side by side.

use super::Subject;
use crate::SentrySpan;

/// Returns pairs of model calls that are one: the outer, which started first, and the inner.
///
/// OpenLLMetry does not make its spans current, so that the span an SDK makes by itself, as Anthropic's does, becomes a sibling
/// of the wrapper's instead of its child. They are the same call if they have the parent and the id of the response in common,
/// come from different instrumentations, and overlap in time. Which of them ends first is up to the reader of a stream.
///
/// In nearly all traces one instrumentation makes all calls, which is found out without looking at ids.
pub(super) fn find(spans: &[SentrySpan]) -> Vec<(usize, usize)> {
    let calls = || {
        let places = spans.iter().enumerate();
        places.filter(|(_, span)| Subject::of(span) == Some(Subject::Chat))
    };
    let mut origins = calls().map(|(_, span)| &span.origin);
    let first = origins.next();
    if origins.all(|origin| Some(origin) == first) {
        return Vec::new();
    }
    let mut by_response: Vec<_> = calls()
        .filter_map(|(place, span)| {
            let id = span.attributes.text("gen_ai.response.id")?;
            let family = (id, span.parent_span_id?);
            // The origin makes the order of the batch irrelevant where the times agree.
            let times = (span.start, std::cmp::Reverse(span.end), &span.origin);
            Some((family, times, place))
        })
        .collect();
    by_response.sort_unstable();
    let pairs = by_response.windows(2).filter_map(|pair| {
        let [(family, .., outer), (other, .., inner)] = pair else {
            return None;
        };
        let (outer, inner) = (*outer, *inner);
        let overlap = spans[inner].start <= spans[outer].end;
        (family == other && overlap && spans[outer].origin != spans[inner].origin)
            .then_some((outer, inner))
    });
    // Of three in a row the last would be made one with a span that is none any more.
    let mut taken = None;
    pairs
        .filter(|(outer, inner)| {
            let is_free = taken != Some(*outer);
            if is_free {
                taken = Some(*inner);
            }
            is_free
        })
        .collect()
}
