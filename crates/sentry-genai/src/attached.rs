//! The list of what is attached to this process.

use std::{
    process,
    sync::{OnceLock, PoisonError, RwLock, TryLockError},
};

/// A list in the order of attachment. Each process changes a list of its own.
///
/// A lock that a thread held at a fork is never released in the child, where that thread does not exist. If it was only reading,
/// others still can.
pub(crate) struct Attached<T> {
    /// The process that changes this list: the first that did.
    process: OnceLock<u32>,
    items: RwLock<Vec<T>>,
    /// The list of a process that was forked from that one.
    forked: OnceLock<Box<Self>>,
}

impl<T: Clone> Attached<T> {
    pub(crate) const fn new() -> Self {
        Self {
            process: OnceLock::new(),
            items: RwLock::new(Vec::new()),
            forked: OnceLock::new(),
        }
    }

    /// Passes the latest item to `f`, which must be quick: a lock is held meanwhile.
    #[inline]
    pub(crate) fn with_last<R>(&self, f: impl FnOnce(&T) -> R) -> Option<R> {
        let items = &self.current().items;
        let items = items.read().unwrap_or_else(PoisonError::into_inner);
        items.last().map(f)
    }

    /// Returns all items.
    pub(crate) fn all(&self) -> Vec<T> {
        let items = &self.current().items;
        items.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn push(&self, item: T) {
        self.change(|items| items.push(item));
    }

    pub(crate) fn retain(&self, keep: impl FnMut(&T) -> bool) {
        self.change(|items| items.retain(keep));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<T>)) {
        let items = &self.of_this_process().items;
        change(&mut items.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Returns the list that was started last.
    #[inline]
    fn current(&self) -> &Self {
        self.forked.get().map_or(self, |forked| forked.current())
    }

    fn of_this_process(&self) -> &Self {
        let current = self.current();
        let process = process::id();
        if *current.process.get_or_init(|| process) == process {
            return current;
        }
        current
            .forked
            .get_or_init(|| Box::new(current.copy_for(process)))
    }

    fn copy_for(&self, process: u32) -> Self {
        let items = match self.items.try_read() {
            Ok(items) => items.clone(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().clone(),
            // It was being changed at the fork.
            Err(TryLockError::WouldBlock) => Vec::new(),
        };
        Self {
            process: process.into(),
            items: RwLock::new(items),
            forked: OnceLock::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_process_does_not_wait_for_threads_that_it_does_not_have() {
        let attached = Attached {
            process: (process::id() + 1).into(),
            items: RwLock::new(vec!["parent's"]),
            forked: OnceLock::new(),
        };
        let read_at_the_fork = attached.items.read();
        assert_eq!(attached.with_last(|last| *last), Some("parent's"));
        attached.push("child's");
        assert_eq!(attached.with_last(|last| *last), Some("child's"));
        attached.retain(|item| *item != "child's");
        assert_eq!(attached.with_last(|last| *last), Some("parent's"));
        drop(read_at_the_fork);

        let attached = Attached {
            process: (process::id() + 1).into(),
            items: RwLock::new(vec!["parent's"]),
            forked: OnceLock::new(),
        };
        let _changed_at_the_fork = attached.items.write();
        attached.retain(|_| true);
        assert_eq!(attached.with_last(|last| *last), None);
    }
}
