//! The memory that waiting spans may occupy, over all stages.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the bytes held and says when there are too many.
#[derive(Debug)]
pub(crate) struct Budget {
    held: AtomicUsize,
    /// Of these, what the worker has not come to yet.
    queued: AtomicUsize,
    limit: usize,
}

/// How much is held, measured against what may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Fine,
    /// Room runs short, and the worker should see to it.
    High,
    /// The worker did not keep up.
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

    /// Holds bytes that wait for the worker.
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

    /// Whether so much waits for the worker that others had better do what they can.
    #[inline]
    pub(crate) fn is_behind(&self) -> bool {
        /// About what comes together while the worker naps.
        const BACKLOG: usize = 2 * 1024 * 1024;

        self.queued.load(Ordering::Relaxed) > BACKLOG
    }

    /// Whether what the worker has passed on leaves too little room for more, so that it has to drop the oldest traces.
    ///
    /// What is still in the queue does not count: if the program produces more than can be sent for long, what is nearest to
    /// being sent would otherwise be dropped again and again, and nothing would ever arrive. Nor may it take the room of the
    /// queue: traces that grow side by side would then be dropped there, one span after the other, until none is whole.
    pub(crate) fn is_crowded(&self) -> bool {
        let queued = self.queued.load(Ordering::Relaxed);
        let passed_on = self.held().saturating_sub(queued);
        passed_on > self.limit - self.limit / 4
    }

    /// How much the worker may take from the queue at once. What it has taken is out of reach when room runs short.
    pub(crate) fn portion(&self) -> usize {
        // However small the limit is, something has to be taken.
        (self.limit / 16).max(1)
    }

    /// The bytes that are to be given up once the limit is exceeded: some more than that, so that it is not done for every span.
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
