//! Passes what a sampler has read of a starting span on to the processor.
//!
//! The SDK calls the sampler and then starts the span on the same thread. The sampler can read the attributes in place; once a
//! span has started, they can only be copied.

use std::{cell::Cell, ptr};

use sentry_genai_conventions::TraceId;

use crate::door::{Door, Parent, StartInfo};

thread_local! {
    static PENDING: Cell<Option<PendingStart>> = const { Cell::new(None) };
}

/// A span that is about to start.
pub(crate) struct PendingStart {
    /// The address of the door that it was read for.
    door: usize,
    trace_id: TraceId,
    parent: Parent,
    info: StartInfo,
}

/// Stores what was read of the span that this thread starts next.
pub(crate) fn set(door: &Door, trace_id: TraceId, parent: Parent, info: StartInfo) {
    let pending_start = PendingStart {
        door: ptr::from_ref(door).addr(),
        trace_id,
        parent,
        info,
    };
    // On a thread that is being destroyed, the processor reads the span itself.
    let _ = PENDING.try_with(|next| next.set(Some(pending_start)));
}

/// Discards a pending start: a span that is not recorded does not start.
pub(crate) fn clear() {
    let _ = PENDING.try_with(|next| next.take());
}

/// Returns what was read of a span that starts, unless another start was stored in between.
pub(crate) fn take(door: &Door, trace_id: TraceId, parent: Parent) -> Option<StartInfo> {
    let pending_start = PENDING.try_with(Cell::take).ok()??;
    let is_match = pending_start.door == ptr::from_ref(door).addr()
        && pending_start.trace_id == trace_id
        && pending_start.parent == parent;
    is_match.then_some(pending_start.info)
}

#[cfg(test)]
mod tests {
    use sentry_core::{Client, ClientOptions};
    use sentry_genai_conventions::SpanId;
    use sentry_genai_delivery::Options;

    use super::*;
    use crate::{door::Root, identity::IdentityAtStart, node::AmbientContext};

    fn info(name: &str) -> StartInfo {
        StartInfo::Root(Box::new(Root {
            name: name.to_owned(),
            op: String::new(),
            is_gen_ai: false,
            segment_name: None,
            identity: IdentityAtStart::default(),
            ambient_context: AmbientContext::default(),
        }))
    }

    fn name(info: Option<StartInfo>) -> Option<String> {
        match info? {
            StartInfo::Root(root) => Some(root.name),
            StartInfo::Child(_) => None,
        }
    }

    #[test]
    fn pending_start_is_taken_once_by_its_own_span_and_door() {
        let door = || Door::new(&Client::from(ClientOptions::new()), Options::new());
        let (door, other) = (door(), door());
        let trace_id = TraceId::from_bytes([1; 16]).unwrap();
        let parent = Parent::Local(SpanId::from_bytes([2; 8]).unwrap());
        assert_eq!(name(take(&door, trace_id, parent)), None);

        set(&door, trace_id, parent, info("earlier"));
        set(&door, trace_id, parent, info("a"));
        assert_eq!(name(take(&door, trace_id, parent)).as_deref(), Some("a"));
        assert_eq!(name(take(&door, trace_id, parent)), None, "it is taken");

        set(&door, trace_id, parent, info("a"));
        clear();
        assert_eq!(name(take(&door, trace_id, parent)), None);

        let another = TraceId::from_bytes([3; 16]).unwrap();
        set(&door, trace_id, parent, info("a"));
        assert_eq!(name(take(&door, another, parent)), None);

        for (door, parent) in [(&other, parent), (&door, Parent::None)] {
            set(&other, trace_id, Parent::None, info("a"));
            let is_match = std::ptr::eq(door, &other) && parent == Parent::None;
            assert_eq!(name(take(door, trace_id, parent)).is_some(), is_match);
        }
    }
}
