//! Finds the spans through which a panic unwinds.
//!
//! While a panic unwinds, destructors end spans that it does not come from, such as those of other futures of the same task.
//! A panic comes from the span that is active when it is reported, and then unwinds through the parents of that span.

use std::{cell::Cell, thread};

use crate::{door::Parent, open_spans::Key};

thread_local! {
    /// The next span that the panic on this thread unwinds through.
    static NEXT: Cell<Option<Key>> = const { Cell::new(None) };
}

/// Notes the active span of a panic that is reported on this thread.
pub(crate) fn start(active: Option<Key>) {
    NEXT.set(active);
}

/// Returns whether a span that ends on this thread does so because a panic unwinds through it.
#[inline]
pub(crate) fn ends(span: Key, parent: Parent) -> bool {
    thread::panicking() && is_next(span, parent)
}

#[cold]
fn is_next((trace_id, span_id): Key, parent: Parent) -> bool {
    if NEXT.get() != Some((trace_id, span_id)) {
        return false;
    }
    NEXT.set(match parent {
        Parent::Local(parent) => Some((trace_id, parent)),
        Parent::None | Parent::Remote(_) => None,
    });
    true
}
