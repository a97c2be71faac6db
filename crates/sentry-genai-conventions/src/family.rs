//! The parent relations among the spans of a batch.

use crate::{SentrySpan, SpanId};

/// The parent of each span, and an order in which children come before their parents.
pub(crate) struct Family {
    pub(crate) parents: Vec<Option<usize>>,
    /// Spans whose parents form a cycle are missing. They are treated as unrelated.
    pub(crate) leaves_first: Vec<usize>,
}

impl Family {
    pub(crate) fn of(spans: &[SentrySpan], index: &Index) -> Self {
        let parents: Vec<_> = spans
            .iter()
            .enumerate()
            .map(|(position, span)| {
                let parent = index.find(span.parent_span_id?)?;
                (parent != position).then_some(parent)
            })
            .collect();
        let mut after = parents.iter().zip(0..);
        // This is their order if each span ended before its parent.
        let is_sorted = after.all(|(parent, position)| parent.is_none_or(|it| it > position));
        let leaves_first = if is_sorted {
            (0..spans.len()).collect()
        } else {
            leaves_first(&parents)
        };
        Self {
            parents,
            leaves_first,
        }
    }
}

fn leaves_first(parents: &[Option<usize>]) -> Vec<usize> {
    let mut open_children = vec![0_usize; parents.len()];
    for parent in parents.iter().flatten() {
        open_children[*parent] += 1;
    }
    let mut order: Vec<_> = (0..parents.len())
        .filter(|position| open_children[*position] == 0)
        .collect();
    let mut next = 0;
    while let Some(position) = order.get(next).copied() {
        next += 1;
        if let Some(parent) = parents[position] {
            open_children[parent] -= 1;
            if open_children[parent] == 0 {
                order.push(parent);
            }
        }
    }
    order
}

/// The positions of spans by id.
///
/// A remote party may choose the ids, so the hash has a secret seed.
pub(crate) struct Index(foldhash::HashMap<u64, usize>);

impl Index {
    pub(crate) fn of(spans: &[SentrySpan]) -> Self {
        // If several spans have the same id, the last one is found.
        let places = spans.iter().zip(0..);
        Self(
            places
                .map(|(span, place)| (number(span.span_id), place))
                .collect(),
        )
    }

    pub(crate) fn find(&self, id: SpanId) -> Option<usize> {
        self.0.get(&number(id)).copied()
    }
}

fn number(id: SpanId) -> u64 {
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

    fn family(ids: &[(u64, u64)]) -> Family {
        let spans = spans(ids);
        Family::of(&spans, &Index::of(&spans))
    }

    #[test]
    fn children_come_before_their_parents_in_any_order() {
        let ids = [(4, 3), (3, 1), (2, 1), (1, 0)];
        let forwards = family(&ids);
        assert_eq!(forwards.parents, [Some(1), Some(3), Some(3), None]);
        assert_eq!(forwards.leaves_first, [0, 1, 2, 3]);

        let mut backwards = ids;
        backwards.reverse();
        let backwards = family(&backwards);
        assert_eq!(backwards.parents, [None, Some(0), Some(0), Some(2)]);
        assert_eq!(backwards.leaves_first, [1, 3, 2, 0]);
    }

    #[test]
    fn rings_and_unknown_parents_are_no_relatives() {
        let ring = family(&[(1, 2), (2, 1), (3, 3), (4, 9), (5, 1)]);
        assert_eq!(ring.parents, [Some(1), Some(0), None, None, Some(0)]);
        assert_eq!(ring.leaves_first, [2, 3, 4]);
        assert!(family(&[]).leaves_first.is_empty());
    }

    #[test]
    fn of_spans_with_one_id_the_last_is_the_parent() {
        let twice = family(&[(2, 1), (1, 0), (1, 0)]);
        assert_eq!(twice.parents, [Some(2), None, None]);
    }
}
