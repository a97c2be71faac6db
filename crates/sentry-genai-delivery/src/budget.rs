//! The memory budget of waiting spans, over all stages.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the bytes held, and tells when there are too many.
#[derive(Debug)]
pub(crate) struct Budget {
    held: AtomicUsize,
    /// The part of `held` that is still in the queue.
    queued: AtomicUsize,
    limit: usize,
}

/// How much is held in relation to the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Fine,
    /// Memory runs short, and the worker should make room.
    High,
    /// The worker has not kept up.
    Exceeded,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            held: AtomicUsize::new(0),
            queued: AtomicUsize::new(0),
            limit,
        }
    }

    pub(crate) fn hold(&self, bytes: usize) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Reserves bytes for a span in the queue.
    pub(crate) fn hold_queued(&self, bytes: usize) -> Level {
        self.queued.fetch_add(bytes, Ordering::Relaxed);
        self.level(self.held.fetch_add(bytes, Ordering::Relaxed) + bytes)
    }

    pub(crate) fn release_queued(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
        self.release(bytes);
    }

    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether so much is waiting for the worker that other threads should do what they can themselves.
    #[inline]
    pub(crate) fn is_behind(&self) -> bool {
        /// About as much as arrives while the worker naps.
        const BACKLOG: usize = 2 * 1024 * 1024;

        self.queued.load(Ordering::Relaxed) > BACKLOG
    }

    /// Whether the spans that the worker has passed on leave too little room for more, so that the oldest traces must
    /// be dropped.
    ///
    /// Spans in the queue do not count. If a program produced more than can be sent for a long time, spans that are
    /// about to be sent would otherwise be dropped again and again, and nothing would ever arrive. Conversely, the
    /// spans passed on must not take up the room of the queue. Concurrent traces would then lose one span after the
    /// other in the queue, until none of them is complete.
    pub(crate) fn is_crowded(&self) -> bool {
        let queued = self.queued.load(Ordering::Relaxed);
        let passed_on = self.held().saturating_sub(queued);
        passed_on > self.limit - self.limit / 4
    }

    /// How much the worker may take from the queue at once. What it has taken cannot be dropped when memory runs short.
    pub(crate) fn portion(&self) -> usize {
        // The worker must make progress, however small the limit is.
        (self.limit / 16).max(1)
    }

    /// How many bytes to drop once the limit is exceeded. Frees a little more than necessary, so that it is not
    /// repeated for every span.
    pub(crate) fn excess(&self) -> usize {
        let aim = self.limit - self.limit / 16;
        let held = self.held();
        if held > self.limit { held - aim } else { 0 }
    }

    #[inline]
    fn level(&self, held: usize) -> Level {
        if held <= self.limit - self.limit / 8 {
            Level::Fine
        } else if held <= self.limit {
            Level::High
        } else {
            Level::Exceeded
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worker_is_behind_by_what_it_has_not_come_to() {
        const MEBIBYTE: usize = 1024 * 1024;

        let budget = Budget::new(32 * MEBIBYTE);
        budget.hold(8 * MEBIBYTE);
        budget.hold_queued(2 * MEBIBYTE);
        assert!(!budget.is_behind());
        budget.hold_queued(1);
        assert!(budget.is_behind());
        budget.release_queued(1);
        assert!(!budget.is_behind());
        assert_eq!(budget.held(), 10 * MEBIBYTE);
    }
}
