//! How far the delivery has come, for those who wait for it.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Identifies a flush: a point in the stream of spans. The flush is complete when the outcome of everything handed over
/// before it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FlushId(pub(crate) u64);

#[derive(Debug)]
pub(crate) struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    completed: FlushId,
    is_running: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                completed: FlushId(0),
                is_running: true,
            }),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn complete(&self, flush: FlushId) {
        let mut state = self.lock();
        state.completed = state.completed.max(flush);
        self.changed.notify_all();
    }

    /// Signals that no further flush will complete.
    pub(crate) fn stop(&self) {
        self.lock().is_running = false;
        self.changed.notify_all();
    }

    /// Waits until `flush` is complete. Returns false if the time ran out or everything stopped before that.
    pub(crate) fn wait(&self, flush: FlushId, timeout: Duration) -> bool {
        let start = Instant::now();
        let mut state = self.lock();
        while state.completed < flush && state.is_running {
            let Some(remaining) = timeout.checked_sub(start.elapsed()) else {
                break;
            };
            if remaining.is_zero() {
                break;
            }
            let woken = self.changed.wait_timeout(state, remaining);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.completed >= flush
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
