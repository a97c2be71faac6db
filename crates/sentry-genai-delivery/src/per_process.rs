//! State of which a forked process needs its own.

use std::{process, sync::OnceLock};

/// A value that every process has for itself.
///
/// At a fork, threads stay with the parent. A lock that one of them held is never released in the child.
#[derive(Debug)]
pub struct PerProcess<T> {
    /// The process whose value it is. Without one, it is that of the first process that asks for its own.
    process: OnceLock<u32>,
    value: T,
    /// The value of a process that was forked from that one.
    forked: OnceLock<Box<Self>>,
}

impl<T> PerProcess<T> {
    /// Creates the value of the process that is first to ask for its own.
    pub const fn new(value: T) -> Self {
        Self {
            process: OnceLock::new(),
            value,
            forked: OnceLock::new(),
        }
    }

    /// Creates the value of the process with the id `process`.
    pub fn made_by(process: u32, value: T) -> Self {
        Self {
            process: process.into(),
            ..Self::new(value)
        }
    }

    /// Returns the value that was made last. In a forked process it may still be the parent's.
    #[inline]
    pub fn latest(&self) -> &T {
        &self.latest_entry().value
    }

    /// Returns the value of this process. A forked one makes it from its parent's when it first asks. To find out takes a
    /// system call, which is too expensive for every span.
    pub fn of_this_process(&self, fork: impl FnOnce(&T) -> T) -> &T {
        let latest = self.latest_entry();
        let process = process::id();
        if *latest.process.get_or_init(|| process) == process {
            return &latest.value;
        }
        let forked = || Box::new(Self::made_by(process, fork(&latest.value)));
        latest.forked.get_or_init(forked).latest()
    }

    #[inline]
    fn latest_entry(&self) -> &Self {
        self.forked.get().map_or(self, |it| it.latest_entry())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_process_makes_its_own_once() {
        let value = PerProcess::made_by(process::id() + 1, 1);
        assert_eq!(*value.latest(), 1);
        for _ in 0..2 {
            assert_eq!(*value.of_this_process(|parents| parents + 1), 2);
            assert_eq!(*value.latest(), 2);
        }
        let value = PerProcess::new(1);
        assert_eq!(*value.of_this_process(|_| unreachable!()), 1);
    }

    #[test]
    fn the_child_of_a_forked_process_makes_its_own_from_that_of_its_parent() {
        let parents = PerProcess::made_by(process::id() + 1, 2);
        let value = PerProcess {
            forked: Box::new(parents).into(),
            ..PerProcess::made_by(process::id() + 2, 1)
        };
        assert_eq!(*value.latest(), 2);
        assert_eq!(*value.of_this_process(|parents| parents + 1), 3);
        assert_eq!(*value.latest(), 3);
    }
}
