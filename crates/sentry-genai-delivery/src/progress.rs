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

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn woken_by(change: impl FnOnce(&Progress)) -> [bool; 2] {
        const PATIENCE: Duration = Duration::from_secs(10);

        let progress = Progress::new();
        thread::scope(|scope| {
            let wait = || {
                let begin = Instant::now();
                let is_complete = progress.wait(FlushId(1), PATIENCE);
                assert!(begin.elapsed() < PATIENCE, "nobody woke this thread");
                is_complete
            };
            let waiting = [(); 2].map(|()| scope.spawn(wait));
            thread::sleep(Duration::from_millis(50));
            change(&progress);
            waiting.map(|thread| thread.join().unwrap())
        })
    }

    #[test]
    fn all_who_wait_are_woken_by_the_flush_and_by_the_end() {
        assert_eq!(
            woken_by(|progress| progress.complete(FlushId(1))),
            [true; 2]
        );
        assert_eq!(woken_by(Progress::stop), [false; 2]);
    }
}
