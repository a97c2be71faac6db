//! The memory that waiting spans may occupy, over all stages.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the bytes held and says when there are too many.
#[derive(Debug)]
pub(crate) struct Budget {
    held: AtomicUsize,
    limit: usize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            held: AtomicUsize::new(0),
            limit,
        }
    }

    pub(crate) fn hold(&self, bytes: usize) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// The bytes above the mark where the worker, who knows which traces are oldest, makes room.
    pub(crate) fn above_mark(&self) -> usize {
        let mark = self.limit - self.limit / 8;
        self.held.load(Ordering::Relaxed).saturating_sub(mark)
    }

    /// Whether the limit itself is exceeded: the worker did not keep up.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.limit
    }
}
