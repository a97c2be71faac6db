//! Places spans that were first seen when they had ended.

use std::{collections::HashMap, mem, sync::Arc};

use sentry_genai_conventions::{SourceSpan, SpanId};

use crate::{
    door::Parent,
    identity::Identity,
    node::{Node, Surroundings},
    open_spans::SpanTable,
};

/// Which segment is asked for.
pub(crate) enum Place<'a, S> {
    /// The segment that the span itself is the root of.
    Root(Parent),
    /// The segment of the span's parent, of which only the id is known. The option holds the segment that the span itself was
    /// expected to be the root of.
    Below(SpanId, Option<&'a S>),
}

/// Registers spans as open, each with the segment of its parent.
///
/// A parent that is not in the batch is assumed to be the root of the segment, and to come in a later batch.
pub(crate) fn place<'a, S: Clone>(
    table: &SpanTable<S>,
    spans: impl Iterator<Item = (&'a SourceSpan, Parent)>,
    segment: impl Fn(&SourceSpan, Place<'_, S>) -> S,
) {
    let mut by_start: Vec<_> = spans.collect();
    by_start.sort_by_key(|(source, _)| source.start);
    for (source, parent) in parents_first(&by_start) {
        let key = (source.trace_id, source.span_id);
        let known = table.find(key);
        let above = match parent {
            Parent::Local(parent) => {
                let key = (source.trace_id, parent);
                Some(table.find(key).unwrap_or_else(|| {
                    let known = known.as_ref().map(|node| &node.segment);
                    let expected = segment(source, Place::Below(parent, known));
                    let node =
                        Node::new(expected, None, Identity::default(), Surroundings::default());
                    table.insert(key, Arc::clone(&node));
                    node
                }))
            }
            Parent::None | Parent::Remote(_) => None,
        };
        let segment = match (&above, known) {
            (Some(above), _) => above.segment.clone(),
            (None, Some(expected)) => expected.segment.clone(),
            (None, None) => segment(source, Place::Root(parent)),
        };
        let identity = Identity::of(&source.attributes, &Identity::default());
        let node = Node::new(segment, above, identity, Surroundings::default());
        table.insert(key, node);
    }
}

/// Puts every span behind its parent, if the parent is in the batch. Start times do not suffice: a clock may have been set back
/// in between, or show the same time for both.
fn parents_first<'a>(spans: &[(&'a SourceSpan, Parent)]) -> Vec<(&'a SourceSpan, Parent)> {
    let keys = spans
        .iter()
        .map(|(source, _)| (source.trace_id, source.span_id));
    let places: HashMap<_, _> = keys.zip(0..).collect();
    let mut is_taken = vec![false; spans.len()];
    let mut ordered = Vec::with_capacity(spans.len());
    let mut upwards = Vec::new();
    for place in 0..spans.len() {
        let mut next = Some(place);
        while let Some(place) = next.filter(|place| !mem::replace(&mut is_taken[*place], true)) {
            let (source, parent) = spans[place];
            upwards.push((source, parent));
            next = match parent {
                Parent::Local(parent) => places.get(&(source.trace_id, parent)).copied(),
                Parent::None | Parent::Remote(_) => None,
            };
        }
        ordered.extend(upwards.drain(..).rev());
    }
    ordered
}
