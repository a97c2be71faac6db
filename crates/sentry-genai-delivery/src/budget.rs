//! The memory budget of waiting spans, over all stages.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the bytes reserved, and tells when there are too many.
#[derive(Debug)]
pub(crate) struct Budget {
    reserved: AtomicUsize,
    /// The part of `reserved` that is still in the queue.
    queued: AtomicUsize,
    limit: usize,
}

/// How much is reserved in relation to the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Normal,
    /// Memory runs short, and the worker should make room.
    High,
    /// The worker has not kept up.
    Exceeded,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            reserved: AtomicUsize::new(0),
            queued: AtomicUsize::new(0),
            limit,
        }
    }

    pub(crate) fn reserve(&self, bytes: usize) {
        self.reserved.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn release(&self, bytes: usize) {
        self.reserved.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Reserves bytes for a span in the queue.
    pub(crate) fn reserve_queued(&self, bytes: usize) -> Level {
        self.queued.fetch_add(bytes, Ordering::Relaxed);
        self.level(self.reserved.fetch_add(bytes, Ordering::Relaxed) + bytes)
    }

    pub(crate) fn release_queued(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
        self.release(bytes);
    }

    pub(crate) fn reserved(&self) -> usize {
        self.reserved.load(Ordering::Relaxed)
    }

    /// Whether so much is waiting for the worker that other threads should do what they can themselves.
    #[inline]
    pub(crate) fn is_behind(&self) -> bool {
        /// About as much as arrives during the worker's batch delay.
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
    pub(crate) fn is_over_worker_share(&self) -> bool {
        let queued = self.queued.load(Ordering::Relaxed);
        let passed_on = self.reserved().saturating_sub(queued);
        passed_on > self.limit - self.limit / 4
    }

    /// How much the worker may take from the queue at once. What it has taken cannot be dropped when memory runs short.
    pub(crate) fn max_batch_bytes(&self) -> usize {
        // The worker must make progress, however small the limit is.
        (self.limit / 16).max(1)
    }

    /// How many bytes to drop once the limit is exceeded. Frees a little more than necessary, so that it is not
    /// repeated for every span.
    pub(crate) fn excess(&self) -> usize {
        let target = self.limit - self.limit / 16;
        let reserved = self.reserved();
        if reserved > self.limit {
            reserved - target
        } else {
            0
        }
    }

    #[inline]
    fn level(&self, reserved: usize) -> Level {
        if reserved <= self.limit - self.limit / 8 {
            Level::Normal
        } else if reserved <= self.limit {
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
    fn only_queued_spans_count_as_backlog() {
        const MEBIBYTE: usize = 1024 * 1024;

        let budget = Budget::new(32 * MEBIBYTE);
        budget.reserve(8 * MEBIBYTE);
        budget.reserve_queued(2 * MEBIBYTE);
        assert!(!budget.is_behind());
        budget.reserve_queued(1);
        assert!(budget.is_behind());
        budget.release_queued(1);
        assert!(!budget.is_behind());
        assert_eq!(budget.reserved(), 10 * MEBIBYTE);
    }
}
