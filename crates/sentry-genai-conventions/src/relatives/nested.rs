//! Pairs of calls that are one, where the inner is within the time of the outer.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use crate::{SentrySpan, Timestamp};

/// What a description says about a call. Two descriptions of the same call do not contradict each other, but either may say less.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    pub(super) model: Option<&'a str>,
    pub(super) input: Option<i64>,
    /// Whether it knows of a response. Exactly one of two descriptions does; `None` if there was no response.
    pub(super) is_told: Option<bool>,
}

impl Said<'_> {
    /// Returns whether both may describe the same call. At least one must name the model.
    fn agrees(self, other: Self) -> bool {
        self.is_told == other.counterpart()
            && agree(self.input, other.input)
            && agree(self.model, other.model)
            && (self.model.is_some() || other.model.is_some())
    }

    fn counterpart(self) -> Option<bool> {
        self.is_told.map(|is_told| !is_told)
    }
}

fn agree<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.is_none() || other.is_none() || one == other
}

/// Up to this number of spans in a family, comparing them is faster than an index.
const FEW: usize = 32;

/// Returns pairs of spans of the same family that are one call: from different instrumentations, with the inner within the time
/// of the outer.
///
/// If there are several candidates for the outer, the one that ends first is taken, so that as many spans as possible are paired.
pub(super) fn pairs<'a, F: Ord>(
    spans: &'a [SentrySpan],
    families: impl Iterator<Item = (F, usize)>,
    said: impl Fn(&'a SentrySpan) -> Said<'a>,
) -> Vec<(usize, usize)> {
    let mut sorted: Vec<_> = families
        .map(|(family, place)| {
            let span = &spans[place];
            let times = (span.start, Reverse(span.end), &span.origin, span.span_id);
            (family, times, place)
        })
        .collect();
    sorted.sort_unstable();
    let mut found = Vec::new();
    for family in sorted.chunk_by(|one, other| one.0 == other.0) {
        if family.len() < 2 {
            continue;
        }
        let calls = family.iter().map(|&(.., place)| {
            let span = &spans[place];
            Call {
                place,
                origin: &span.origin,
                // A span that ends before it starts is within whatever is running when it starts.
                end: span.end.max(span.start),
                said: said(span),
            }
        });
        let calls: Vec<_> = calls.collect();
        let pairs = if calls.len() <= FEW {
            compared(&calls)
        } else {
            looked_up(&calls)
        };
        let places =
            (pairs.into_iter()).map(|(outer, inner)| (calls[outer].place, calls[inner].place));
        found.extend(places);
    }
    found
}

struct Call<'a> {
    place: usize,
    origin: &'a str,
    end: Timestamp,
    said: Said<'a>,
}

/// Pairs calls that are in order of their start. Each is compared with all earlier calls that have not been paired.
fn compared(calls: &[Call<'_>]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut alone: Vec<usize> = Vec::new();
    for (order, inner) in calls.iter().enumerate() {
        let outer = (alone.iter().enumerate())
            .filter(|(_, outer)| {
                let outer = &calls[**outer];
                outer.origin != inner.origin
                    && outer.end >= inner.end
                    && outer.said.agrees(inner.said)
            })
            .min_by_key(|(_, outer)| (calls[**outer].end, Reverse(**outer)));
        match outer.map(|(index, _)| index) {
            Some(index) => pairs.push((alone.swap_remove(index), order)),
            None => alone.push(order),
        }
    }
    pairs
}

/// Does the same for many calls, by looking up each call by what its counterpart may say.
fn looked_up(calls: &[Call<'_>]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut alone = Alone::default();
    for (order, inner) in calls.iter().enumerate() {
        match alone.around(inner) {
            Some(outer) => {
                alone.remove(outer, &calls[outer]);
                pairs.push((outer, order));
            }
            None => alone.insert(order, inner),
        }
    }
    pairs
}

/// What is looked for in a description.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Sought<T> {
    This(T),
    Something,
    Nothing,
}

impl<T: Copy> Sought<T> {
    /// Returns the keys under which a description that says this is found.
    fn of(said: Option<T>) -> impl Iterator<Item = Self> {
        let (first, second) = match said {
            Some(it) => (Self::This(it), Some(Self::Something)),
            None => (Self::Nothing, None),
        };
        std::iter::once(first).chain(second)
    }

    /// Returns the keys of descriptions that agree with one that says this.
    fn agreeing(said: Option<T>) -> [Self; 2] {
        let same = said.map_or(Self::Something, Self::This);
        [same, Self::Nothing]
    }
}

type Key<'a> = (Sought<&'a str>, Sought<i64>, Option<bool>);

/// Calls of one instrumentation, by their end. Of calls that end together, the one that started last comes first.
type Ends = BTreeSet<(Timestamp, Reverse<usize>)>;

/// The calls that have not been paired, by key and by instrumentation. There are few instrumentations.
#[derive(Default)]
struct Alone<'a>(HashMap<Key<'a>, BTreeMap<&'a str, Ends>>);

impl<'a> Alone<'a> {
    fn around(&self, inner: &Call<'a>) -> Option<usize> {
        let said = inner.said;
        let models = Sought::agreeing(said.model).into_iter();
        // At least one of them names the model.
        let models = models.filter(|model| said.model.is_some() || *model != Sought::Nothing);
        let keys = models.flat_map(|model| {
            Sought::agreeing(said.input).map(|input| (model, input, said.counterpart()))
        });
        let origins = keys.filter_map(|key| self.0.get(&key)).flatten();
        let ends = origins.filter(|(origin, _)| **origin != inner.origin);
        let from = (inner.end, Reverse(usize::MAX));
        let nearest = ends.filter_map(|(_, ends)| ends.range(from..).next());
        nearest.min().map(|(_, Reverse(order))| *order)
    }

    fn insert(&mut self, order: usize, call: &Call<'a>) {
        for key in keys(call.said) {
            let ends = self.0.entry(key).or_default().entry(call.origin);
            ends.or_default().insert((call.end, Reverse(order)));
        }
    }

    fn remove(&mut self, order: usize, call: &Call<'a>) {
        for key in keys(call.said) {
            let ends = (self.0.get_mut(&key)).and_then(|origins| origins.get_mut(call.origin));
            if let Some(ends) = ends {
                ends.remove(&(call.end, Reverse(order)));
            }
        }
    }
}

fn keys(said: Said<'_>) -> impl Iterator<Item = Key<'_>> {
    Sought::of(said.model).flat_map(move |model| {
        Sought::of(said.input).map(move |input| (model, input, said.is_told))
    })
}

#[cfg(test)]
mod tests;
