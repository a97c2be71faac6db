//! Passes what a sampler has read of a starting span on to the processor.
//!
//! The SDK calls the sampler and then starts the span on the same thread. The sampler can read the attributes in place; once a
//! span has started, they can only be copied.

use std::{cell::Cell, ptr};

use sentry_genai_conventions::TraceId;

use crate::{
    door::{Door, Parent, SegmentNode},
    identity::Identity,
    node::Surroundings,
};

thread_local! {
    static ANNOUNCED: Cell<Option<Announced>> = const { Cell::new(None) };
}

/// A span that is about to start.
pub(crate) struct Announced {
    /// The address of the door that it was read for.
    door: usize,
    trace_id: TraceId,
    parent: Parent,
    seen: Seen,
}

/// What was read of a span that is about to start.
pub(crate) enum Seen {
    /// The span starts below a known one; this is its node.
    Below(SegmentNode),
    /// The span is the root of a segment.
    Root(Box<Root>),
}

/// What is known of the root of a segment before it has an id.
pub(crate) struct Root {
    pub(crate) name: String,
    pub(crate) operation: Option<String>,
    pub(crate) identity: Identity,
    pub(crate) surroundings: Surroundings,
}

/// Announces the span that this thread starts next.
pub(crate) fn announce(door: &Door, trace_id: TraceId, parent: Parent, seen: Seen) {
    let announced = Announced {
        door: ptr::from_ref(door).addr(),
        trace_id,
        parent,
        seen,
    };
    // On a thread that is being destroyed, the processor reads the span itself.
    let _ = ANNOUNCED.try_with(|next| next.set(Some(announced)));
}

/// Withdraws an announcement: a span that is not recorded does not start.
pub(crate) fn withdraw() {
    let _ = ANNOUNCED.try_with(|next| next.take());
}

/// Returns what was read of a span that starts, unless another announcement came in between.
pub(crate) fn take(door: &Door, trace_id: TraceId, parent: Parent) -> Option<Seen> {
    let announced = ANNOUNCED.try_with(Cell::take).ok()??;
    let is_it = announced.door == ptr::from_ref(door).addr()
        && announced.trace_id == trace_id
        && announced.parent == parent;
    is_it.then_some(announced.seen)
}

#[cfg(test)]
mod tests {
    use sentry_core::{Client, ClientOptions};
    use sentry_genai_conventions::SpanId;
    use sentry_genai_delivery::Options;

    use super::*;

    fn seen(name: &str) -> Seen {
        Seen::Root(Box::new(Root {
            name: name.to_owned(),
            operation: None,
            identity: Identity::default(),
            surroundings: Surroundings::default(),
        }))
    }

    fn name(seen: Option<Seen>) -> Option<String> {
        match seen? {
            Seen::Root(root) => Some(root.name),
            Seen::Below(_) => None,
        }
    }

    #[test]
    fn what_was_seen_is_for_one_span_of_one_door() {
        let door = || Door::new(&Client::from(ClientOptions::new()), Options::new());
        let (door, other) = (door(), door());
        let trace_id = TraceId::from_bytes([1; 16]).unwrap();
        let parent = Parent::Local(SpanId::from_bytes([2; 8]).unwrap());
        assert_eq!(name(take(&door, trace_id, parent)), None);

        announce(&door, trace_id, parent, seen("earlier"));
        announce(&door, trace_id, parent, seen("a"));
        assert_eq!(name(take(&door, trace_id, parent)).as_deref(), Some("a"));
        assert_eq!(name(take(&door, trace_id, parent)), None, "it is taken");

        announce(&door, trace_id, parent, seen("a"));
        withdraw();
        assert_eq!(name(take(&door, trace_id, parent)), None);

        for (door, parent) in [(&other, parent), (&door, Parent::None)] {
            announce(&other, trace_id, Parent::None, seen("a"));
            let is_it = std::ptr::eq(door, &other) && parent == Parent::None;
            assert_eq!(name(take(door, trace_id, parent)).is_some(), is_it);
        }
    }
}
