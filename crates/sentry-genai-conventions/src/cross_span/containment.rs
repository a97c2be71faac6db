//! Pairs of calls that are one, where the inner is within the time of the outer.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use crate::{SentrySpan, Timestamp};

/// What a description says about a call. Two descriptions of the same call do not contradict each other, but either may say less.
#[derive(Clone, Copy, Debug)]
pub(super) struct Description<'a> {
    pub(super) model: Option<&'a str>,
    pub(super) input: Option<i64>,
    /// Whether it knows of a response. Exactly one of two descriptions does; `None` if there was no response.
    pub(super) has_response: Option<bool>,
}

impl Description<'_> {
    /// Returns whether both may describe the same call. At least one must name the model.
    fn matches(self, other: Self) -> bool {
        self.has_response == other.counterpart_has_response()
            && are_compatible(self.input, other.input)
            && are_compatible(self.model, other.model)
            && (self.model.is_some() || other.model.is_some())
    }

    fn counterpart_has_response(self) -> Option<bool> {
        self.has_response.map(|has_response| !has_response)
    }
}

fn are_compatible<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.is_none() || other.is_none() || one == other
}

/// Up to this number of spans in a group, comparing them is faster than an index.
const FEW: usize = 32;

/// Returns pairs of spans of the same group that are one call: from different instrumentations, with the inner within the time
/// of the outer.
///
/// If there are several candidates for the outer, the one that ends first is taken, so that as many spans as possible are paired.
pub(super) fn pairs<'a, G: Ord>(
    spans: &'a [SentrySpan],
    groups: impl Iterator<Item = (G, usize)>,
    describe: impl Fn(&'a SentrySpan) -> Description<'a>,
) -> Vec<(usize, usize)> {
    let mut sorted: Vec<_> = groups
        .map(|(group, position)| {
            let span = &spans[position];
            let times = (span.start, Reverse(span.end), &span.origin, span.span_id);
            (group, times, position)
        })
        .collect();
    sorted.sort_unstable();
    let mut pairs_found = Vec::new();
    for group in sorted.chunk_by(|one, other| one.0 == other.0) {
        if group.len() < 2 {
            continue;
        }
        let calls = group.iter().map(|&(.., position)| {
            let span = &spans[position];
            Call {
                position,
                origin: &span.origin,
                // A span that ends before it starts is within whatever is running when it starts.
                end: span.end.max(span.start),
                description: describe(span),
            }
        });
        let calls: Vec<_> = calls.collect();
        let pairs = if calls.len() <= FEW {
            pair_by_comparison(&calls)
        } else {
            pair_by_index(&calls)
        };
        let positions = (pairs.into_iter())
            .map(|(outer, inner)| (calls[outer].position, calls[inner].position));
        pairs_found.extend(positions);
    }
    pairs_found
}

struct Call<'a> {
    position: usize,
    origin: &'a str,
    end: Timestamp,
    description: Description<'a>,
}

/// Pairs calls that are in order of their start. Each is compared with all earlier calls that have not been paired.
fn pair_by_comparison(calls: &[Call<'_>]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut unpaired: Vec<usize> = Vec::new();
    for (order, inner) in calls.iter().enumerate() {
        let outer = (unpaired.iter().enumerate())
            .filter(|(_, outer)| {
                let outer = &calls[**outer];
                outer.origin != inner.origin
                    && outer.end >= inner.end
                    && outer.description.matches(inner.description)
            })
            .min_by_key(|(_, outer)| (calls[**outer].end, Reverse(**outer)));
        match outer.map(|(index, _)| index) {
            Some(index) => pairs.push((unpaired.swap_remove(index), order)),
            None => unpaired.push(order),
        }
    }
    pairs
}

/// Does the same for many calls, by looking up each call by what its counterpart may say.
fn pair_by_index(calls: &[Call<'_>]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut unpaired = Unpaired::default();
    for (order, inner) in calls.iter().enumerate() {
        match unpaired.find_enclosing(inner) {
            Some(outer) => {
                unpaired.remove(outer, &calls[outer]);
                pairs.push((outer, order));
            }
            None => unpaired.insert(order, inner),
        }
    }
    pairs
}

/// What is looked for in a description.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum IndexKey<T> {
    Exactly(T),
    AnyValue,
    Missing,
}

impl<T: Copy> IndexKey<T> {
    /// Returns the keys under which a description that says this is found.
    fn of(description: Option<T>) -> impl Iterator<Item = Self> {
        let (first, second) = match description {
            Some(it) => (Self::Exactly(it), Some(Self::AnyValue)),
            None => (Self::Missing, None),
        };
        std::iter::once(first).chain(second)
    }

    /// Returns the keys of descriptions that agree with one that says this.
    fn compatible_with(description: Option<T>) -> [Self; 2] {
        let same = description.map_or(Self::AnyValue, Self::Exactly);
        [same, Self::Missing]
    }
}

type Key<'a> = (IndexKey<&'a str>, IndexKey<i64>, Option<bool>);

/// Calls of one instrumentation, by their end. Of calls that end together, the one that started last comes first.
type CallsByEnd = BTreeSet<(Timestamp, Reverse<usize>)>;

/// The calls that have not been paired, by key and by instrumentation. There are few instrumentations.
#[derive(Default)]
struct Unpaired<'a>(HashMap<Key<'a>, BTreeMap<&'a str, CallsByEnd>>);

impl<'a> Unpaired<'a> {
    fn find_enclosing(&self, inner: &Call<'a>) -> Option<usize> {
        let description = inner.description;
        let models = IndexKey::compatible_with(description.model).into_iter();
        // At least one of them names the model.
        let models =
            models.filter(|model| description.model.is_some() || *model != IndexKey::Missing);
        let keys = models.flat_map(|model| {
            IndexKey::compatible_with(description.input)
                .map(|input| (model, input, description.counterpart_has_response()))
        });
        let origins = keys.filter_map(|key| self.0.get(&key)).flatten();
        let ends = origins.filter(|(origin, _)| **origin != inner.origin);
        let from = (inner.end, Reverse(usize::MAX));
        let nearest = ends.filter_map(|(_, ends)| ends.range(from..).next());
        nearest.min().map(|(_, Reverse(order))| *order)
    }

    fn insert(&mut self, order: usize, call: &Call<'a>) {
        for key in keys(call.description) {
            let ends = self.0.entry(key).or_default().entry(call.origin);
            ends.or_default().insert((call.end, Reverse(order)));
        }
    }

    fn remove(&mut self, order: usize, call: &Call<'a>) {
        for key in keys(call.description) {
            let ends = (self.0.get_mut(&key)).and_then(|origins| origins.get_mut(call.origin));
            if let Some(ends) = ends {
                ends.remove(&(call.end, Reverse(order)));
            }
        }
    }
}

fn keys(description: Description<'_>) -> impl Iterator<Item = Key<'_>> {
    IndexKey::of(description.model).flat_map(move |model| {
        IndexKey::of(description.input).map(move |input| (model, input, description.has_response))
    })
}

#[cfg(test)]
mod tests;
