//! Marks traces that have been given up for lack of memory, so that no fragment of them is sent later.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How long the spans of a trace are dropped. A trace may be open for days, such as that of a span around `main`, and
/// must not be dropped forever.
const SILENCE: Duration = Duration::from_secs(5 * 60);

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
        let lasts = since.is_some_and(|since| now.saturating_duration_since(since) < SILENCE);
        if !lasts {
            self.is_marked.store(false, Ordering::Relaxed);
        }
        lasts
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_silent_for_a_while() {
        let overflow = Overflow::default();
        assert!(!overflow.is_marked());
        let now = Instant::now();
        overflow.mark(now);
        assert!(overflow.is_marked() && overflow.is_marked_at(now + SILENCE / 2));
        overflow.mark(now + SILENCE / 2);
        assert!(overflow.is_marked_at(now + SILENCE));
        assert!(!overflow.is_marked_at(now + 2 * SILENCE));
        assert!(!overflow.is_marked());
    }
}
