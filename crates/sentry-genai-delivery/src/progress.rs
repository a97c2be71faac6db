//! How far the delivery has come, for those who wait for it.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A point in the stream of spans. Once it is reached, the outcome of everything handed over before it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(pub(crate) u64);

#[derive(Debug)]
pub(crate) struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    reached: Ticket,
    running: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                reached: Ticket(0),
                running: true,
            }),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn reach(&self, ticket: Ticket) {
        let mut state = self.lock();
        state.reached = state.reached.max(ticket);
        self.changed.notify_all();
    }

    /// Signals that no further ticket will be reached.
    pub(crate) fn stop(&self) {
        self.lock().running = false;
        self.changed.notify_all();
    }

    /// Waits until `ticket` is reached. Returns false if the time ran out or everything stopped before that.
    pub(crate) fn wait(&self, ticket: Ticket, timeout: Duration) -> bool {
        let start = Instant::now();
        let mut state = self.lock();
        while state.reached < ticket && state.running {
            let Some(remaining) = timeout.checked_sub(start.elapsed()) else {
                break;
            };
            if remaining.is_zero() {
                break;
            }
            let woken = self.changed.wait_timeout(state, remaining);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.reached >= ticket
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
