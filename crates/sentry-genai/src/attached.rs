//! The list of what is attached to this process.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, TryLockError};

use sentry_genai_delivery::PerProcess;

/// A list in the order of attachment. Each process changes a list of its own.
///
/// If a thread was only reading it at a fork, others in the child still can.
pub(crate) struct Attached<T>(PerProcess<RwLock<Vec<T>>>);

impl<T: Clone> Attached<T> {
    pub(crate) const fn new() -> Self {
        Self(PerProcess::new(RwLock::new(Vec::new())))
    }

    /// Passes the latest item to `f`, which must be quick: a lock is held meanwhile.
    #[inline]
    pub(crate) fn with_last<R>(&self, f: impl FnOnce(&T) -> R) -> Option<R> {
        self.read().last().map(f)
    }

    /// Returns all items.
    pub(crate) fn all(&self) -> Vec<T> {
        self.read().clone()
    }

    pub(crate) fn push(&self, item: T) {
        self.change(|items| items.push(item));
    }

    pub(crate) fn retain(&self, keep: impl FnMut(&T) -> bool) {
        self.change(|items| items.retain(keep));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<T>)) {
        let items = self.of_this_process();
        change(&mut items.write().unwrap_or_else(PoisonError::into_inner));
    }

    #[inline]
    fn read(&self) -> RwLockReadGuard<'_, Vec<T>> {
        match self.0.latest().try_read() {
            Ok(items) => items,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let items = self.of_this_process().read();
                items.unwrap_or_else(PoisonError::into_inner)
            }
        }
    }

    fn of_this_process(&self) -> &RwLock<Vec<T>> {
        self.0.of_this_process(|parents| {
            RwLock::new(match parents.try_read() {
                Ok(items) => items.clone(),
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().clone(),
                // It was being changed at the fork.
                Err(TryLockError::WouldBlock) => Vec::new(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    #[test]
    fn a_forked_process_does_not_wait_for_threads_that_it_does_not_have() {
        let of_parent = || {
            let items = RwLock::new(vec!["parent's"]);
            Attached(PerProcess::made_by(process::id() + 1, items))
        };
        let attached = of_parent();
        let read_at_the_fork = attached.0.latest().read();
        assert_eq!(attached.with_last(|last| *last), Some("parent's"));
        attached.push("child's");
        assert_eq!(attached.with_last(|last| *last), Some("child's"));
        attached.retain(|item| *item != "child's");
        assert_eq!(attached.with_last(|last| *last), Some("parent's"));
        drop(read_at_the_fork);

        let attached = of_parent();
        let _changed_at_the_fork = attached.0.latest().write();
        assert_eq!(attached.with_last(|last| *last), None);
        attached.retain(|_| true);
    }
}
