//! What a sampler has seen of the span that is about to start.
//!
//! The SDK shows a span to its sampler and, on the same thread, starts it. The sampler can read the attributes where they are;
//! those of a span that has started can only be copied.

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
    /// The address of the door it was seen for.
    door: usize,
    trace_id: TraceId,
    parent: Parent,
    seen: Seen,
}

/// What was seen of it.
pub(crate) enum Seen {
    /// It is below a span that is known: what is to be found under its id.
    Below(SegmentNode),
    /// It is the root of a segment.
    Root(Box<Root>),
}

/// What there is to be known of the root of a segment before it has an id.
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
    // A thread that is going away has its spans read in another way.
    let _ = ANNOUNCED.try_with(|next| next.set(Some(announced)));
}

/// Takes back what may have been announced: a span that is not recorded does not start.
pub(crate) fn withdraw() {
    let _ = ANNOUNCED.try_with(|next| next.take());
}

/// Returns what was seen of a span that starts, unless another one came between.
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
