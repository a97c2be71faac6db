//! Marks traces that have been dropped for lack of memory, so that no fragment of them is sent later.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How long the spans of a trace are dropped. A trace may be open for days, such as that of a span around `main`, and
/// must not be dropped forever.
const DROP_DURATION: Duration = Duration::from_secs(5 * 60);

/// The mark of a trace. It is stored in the trace itself, so it needs no cleanup.
#[derive(Debug, Default)]
pub(crate) struct Overflow {
    /// Read for every span.
    is_marked: AtomicBool,
    since: Mutex<Option<Instant>>,
}

impl Overflow {
    pub(crate) fn mark(&self, now: Instant) {
        let mut since = self.lock();
        *since = Some(now);
        self.is_marked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_marked(&self) -> bool {
        self.is_marked.load(Ordering::Relaxed) && self.is_marked_at(Instant::now())
    }

    fn is_marked_at(&self, now: Instant) -> bool {
        // Locked until the end, because another thread may be marking the trace again.
        let since = self.lock();
        let is_active =
            since.is_some_and(|since| now.saturating_duration_since(since) < DROP_DURATION);
        if !is_active {
            self.is_marked.store(false, Ordering::Relaxed);
        }
        is_active
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_expires() {
        let overflow = Overflow::default();
        assert!(!overflow.is_marked());
        let now = Instant::now();
        overflow.mark(now);
        assert!(overflow.is_marked() && overflow.is_marked_at(now + DROP_DURATION / 2));
        overflow.mark(now + DROP_DURATION / 2);
        assert!(overflow.is_marked_at(now + DROP_DURATION));
        assert!(!overflow.is_marked_at(now + 2 * DROP_DURATION));
        assert!(!overflow.is_marked());
    }
}
