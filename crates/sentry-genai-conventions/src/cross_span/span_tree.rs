//! The parent relations among the spans of a batch.

use crate::{SentrySpan, SpanId};

/// The parent of each span, and an order in which children come before their parents.
pub(crate) struct SpanTree {
    pub(crate) parents: Vec<Option<usize>>,
    /// Spans whose parents form a cycle are missing. They are treated as unrelated.
    pub(crate) leaves_first: Vec<usize>,
}

impl SpanTree {
    pub(crate) fn of(spans: &[SentrySpan], index: &SpanIndex) -> Self {
        let parents: Vec<_> = spans
            .iter()
            .enumerate()
            .map(|(position, span)| {
                let parent = index.find(span.parent_span_id?)?;
                (parent != position).then_some(parent)
            })
            .collect();
        let mut rest = parents.iter().zip(0..);
        // This is their order if each span ended before its parent.
        let is_leaves_first =
            rest.all(|(parent, position)| parent.is_none_or(|parent| parent > position));
        let leaves_first = if is_leaves_first {
            (0..spans.len()).collect()
        } else {
            leaves_first(&parents)
        };
        Self {
            parents,
            leaves_first,
        }
    }

    /// Returns whether a span is inside another one, not too deep.
    pub(crate) fn is_inside(&self, span: usize, outer: usize) -> bool {
        const MAX_DEPTH: usize = 16;

        self.ancestors(span).take(MAX_DEPTH).any(|at| at == outer)
    }

    /// Iterates over the spans above a span, the nearest first. Without a limit it does not end in a cycle.
    pub(crate) fn ancestors(&self, span: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.parents[span], |&at| self.parents[at])
    }
}

/// Those spans below another one that have something in common.
#[derive(Clone, Copy)]
pub(crate) enum Descendants {
    None,
    /// The position of the only one, or of one of several that are the same.
    One(usize),
    Several,
}

impl Descendants {
    pub(crate) fn add(&mut self, others: Self, are_same: impl Fn(usize, usize) -> bool) {
        *self = match (*self, others) {
            (known, Self::None) => known,
            (Self::None, others) => others,
            (Self::One(one), Self::One(other)) if are_same(one, other) => Self::One(one),
            _ => Self::Several,
        };
    }
}

fn leaves_first(parents: &[Option<usize>]) -> Vec<usize> {
    let mut pending_children = vec![0_usize; parents.len()];
    for parent in parents.iter().flatten() {
        pending_children[*parent] += 1;
    }
    let mut order: Vec<_> = (0..parents.len())
        .filter(|position| pending_children[*position] == 0)
        .collect();
    let mut next = 0;
    while let Some(position) = order.get(next).copied() {
        next += 1;
        if let Some(parent) = parents[position] {
            pending_children[parent] -= 1;
            if pending_children[parent] == 0 {
                order.push(parent);
            }
        }
    }
    order
}

/// The positions of spans by id.
///
/// A remote party may choose the ids, so the hash has a secret seed.
pub(crate) struct SpanIndex(foldhash::HashMap<u64, usize>);

impl SpanIndex {
    pub(crate) fn of(spans: &[SentrySpan]) -> Self {
        // If several spans have the same id, the last one is found.
        let positions = spans.iter().zip(0..);
        Self(
            positions
                .map(|(span, position)| (as_u64(span.span_id), position))
                .collect(),
        )
    }

    pub(crate) fn find(&self, id: SpanId) -> Option<usize> {
        self.0.get(&as_u64(id)).copied()
    }
}

fn as_u64(id: SpanId) -> u64 {
    u64::from_ne_bytes(id.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SourceSpan, Timestamp, TraceId, TranslateOptions, Translator};

    fn spans(ids: &[(u64, u64)]) -> Vec<SentrySpan> {
        let translator = Translator::new(TranslateOptions::default());
        let span = |&(id, parent): &(u64, u64)| {
            let trace_id = TraceId::from_bytes([9; 16]).unwrap();
            let id = SpanId::from_bytes(id.to_be_bytes()).unwrap();
            let mut span = SourceSpan::new(trace_id, id, "work", Timestamp::default());
            span.parent_span_id = SpanId::from_bytes(parent.to_be_bytes());
            translator.translate(span)
        };
        ids.iter().map(span).collect()
    }

    fn tree(ids: &[(u64, u64)]) -> SpanTree {
        let spans = spans(ids);
        SpanTree::of(&spans, &SpanIndex::of(&spans))
    }

    #[test]
    fn children_come_before_their_parents_in_any_input_order() {
        let ids = [(4, 3), (3, 1), (2, 1), (1, 0)];
        let forwards = tree(&ids);
        assert_eq!(forwards.parents, [Some(1), Some(3), Some(3), None]);
        assert_eq!(forwards.leaves_first, [0, 1, 2, 3]);

        let mut backwards = ids;
        backwards.reverse();
        let backwards = tree(&backwards);
        assert_eq!(backwards.parents, [None, Some(0), Some(0), Some(2)]);
        assert_eq!(backwards.leaves_first, [1, 3, 2, 0]);
    }

    #[test]
    fn cycles_and_unknown_parents_are_ignored() {
        let cycle = tree(&[(1, 2), (2, 1), (3, 3), (4, 9), (5, 1)]);
        assert_eq!(cycle.parents, [Some(1), Some(0), None, None, Some(0)]);
        assert_eq!(cycle.leaves_first, [2, 3, 4]);
        assert!(tree(&[]).leaves_first.is_empty());
    }

    #[test]
    fn of_several_spans_with_one_id_the_last_is_the_parent() {
        let duplicate_ids = tree(&[(2, 1), (1, 0), (1, 0)]);
        assert_eq!(duplicate_ids.parents, [Some(2), None, None]);
    }
}
