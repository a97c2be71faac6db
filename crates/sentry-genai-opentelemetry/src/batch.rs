//! Assigns segments to spans that were first seen when they had ended.

use std::{mem, sync::Arc};

use sentry_genai_conventions::{SourceSpan, SpanId};

use crate::{
    door::Parent,
    identity::Identity,
    node::{AmbientContext, Node},
    open_spans::{SpanKey, SpanMap, SpanTable},
};

/// Which segment is asked for.
pub(crate) enum SegmentQuery<'a, S> {
    /// The segment that the span itself is the root of.
    Root(Parent),
    /// The segment of the span's parent, of which only the id is known. The option holds the segment that the span itself was
    /// expected to be the root of.
    Child(SpanId, Option<&'a S>),
}

/// Registers spans as open, each with the segment of its parent.
///
/// A parent that is not in the batch is assumed to be the root of the segment, and to come in a later batch.
pub(crate) fn register<'a, S: Clone>(
    table: &SpanTable<S>,
    spans: impl Iterator<Item = (&'a SourceSpan, Parent)>,
    segment: impl Fn(&SourceSpan, SegmentQuery<'_, S>) -> S,
) {
    let mut by_start: Vec<_> = spans.collect();
    by_start.sort_by_key(|(source, _)| source.start);
    for (source, parent) in parents_first(&by_start) {
        let key = (source.trace_id, source.span_id);
        let known = table.find(key);
        let parent_node = match parent {
            Parent::Local(parent) => {
                let key = (source.trace_id, parent);
                Some(table.find(key).unwrap_or_else(|| {
                    let known = known.as_ref().map(|node| &node.segment);
                    let expected = segment(source, SegmentQuery::Child(parent, known));
                    let node = Node::new(
                        expected,
                        None,
                        Identity::default(),
                        AmbientContext::default(),
                    );
                    table.insert(key, Arc::clone(&node));
                    node
                }))
            }
            Parent::None | Parent::Remote(_) => None,
        };
        let segment = match (&parent_node, known) {
            (Some(parent_node), _) => parent_node.segment.clone(),
            (None, Some(expected)) => expected.segment.clone(),
            (None, None) => segment(source, SegmentQuery::Root(parent)),
        };
        let identity = Identity::of(&source.attributes, &Identity::default());
        let node = Node::new(segment, parent_node, identity, AmbientContext::default());
        table.insert(key, node);
    }
}

/// Puts every span behind its parent, if the parent is in the batch. Start times do not suffice: a clock may have been set back
/// in between, or show the same time for both.
fn parents_first<'a>(spans: &[(&'a SourceSpan, Parent)]) -> Vec<(&'a SourceSpan, Parent)> {
    let keys = spans
        .iter()
        .map(|(source, _)| SpanKey((source.trace_id, source.span_id)));
    let indices: SpanMap<_> = keys.zip(0..).collect();
    let mut is_visited = vec![false; spans.len()];
    let mut ordered = Vec::with_capacity(spans.len());
    let mut path = Vec::new();
    for index in 0..spans.len() {
        let mut next = Some(index);
        while let Some(index) = next.filter(|index| !mem::replace(&mut is_visited[*index], true)) {
            let (source, parent) = spans[index];
            path.push((source, parent));
            next = match parent {
                Parent::Local(parent) => indices.get(&SpanKey((source.trace_id, parent))).copied(),
                Parent::None | Parent::Remote(_) => None,
            };
        }
        ordered.extend(path.drain(..).rev());
    }
    ordered
}
