//! Reuses the memory of envelopes that have been sent.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Smaller buffers are left to the allocator, which can hand them out again at once.
const MIN_BYTES: usize = 32 * 1024;

/// Capacities are multiples of this, so that a buffer for one envelope fits the next.
const STEP: usize = 16 * 1024;

/// Buffers that wait for an envelope.
///
/// The allocator returns memory of this size to the system when it is freed. It would have to be requested again, and
/// the system would have to clear every page of it.
#[derive(Debug)]
pub(crate) struct BufferPool {
    free: Mutex<Vec<Vec<u8>>>,
    max_bytes: usize,
}

impl BufferPool {
    /// Keeps at most `max_bytes` bytes.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            free: Mutex::default(),
            max_bytes,
        }
    }

    /// Returns an empty buffer with a capacity of at least `capacity` bytes, but not much more.
    pub(crate) fn take(&self, capacity: usize) -> Vec<u8> {
        if capacity < MIN_BYTES {
            return Vec::with_capacity(capacity);
        }
        let mut free = self.lock();
        let fits = |buffer: &Vec<u8>| {
            (capacity..=capacity + capacity / 4 + STEP).contains(&buffer.capacity())
        };
        match free.iter().rposition(fits) {
            Some(index) => free.remove(index),
            None => {
                drop(free);
                Vec::with_capacity(capacity.next_multiple_of(STEP))
            }
        }
    }

    /// Takes back a buffer that is not needed any more. The oldest buffers are freed to make room for it.
    pub(crate) fn give_back(&self, mut buffer: Vec<u8>) {
        let bytes = buffer.capacity();
        if !(MIN_BYTES..=self.max_bytes).contains(&bytes) {
            return;
        }
        buffer.clear();
        let mut free = self.lock();
        let mut kept: usize = free.iter().map(Vec::capacity).sum();
        let mut outdated = 0;
        while kept + bytes > self.max_bytes {
            kept -= free[outdated].capacity();
            outdated += 1;
        }
        let outdated: Vec<_> = free.drain(..outdated).collect();
        free.push(buffer);
        drop(free);
        drop(outdated);
    }

    /// Frees all buffers.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    #[test]
    fn a_buffer_is_reused_for_an_envelope_of_its_size() {
        let buffers = BufferPool::new(1024 * KIB);
        let mut buffer = buffers.take(100 * KIB);
        buffer.extend_from_slice(b"{}");
        let (place, room) = (buffer.as_ptr(), buffer.capacity());
        buffers.give_back(buffer);

        for other in [50 * KIB, room + 1] {
            let buffer = buffers.take(other);
            assert_ne!(buffer.as_ptr(), place, "{other}");
        }
        let again = buffers.take(99 * KIB);
        assert_eq!(again.as_ptr(), place);
        assert!(again.is_empty());
        let buffer = buffers.take(99 * KIB);
        assert_ne!(buffer.as_ptr(), place, "it is taken");
    }

    #[test]
    fn the_pool_is_bounded() {
        let buffers = BufferPool::new(256 * KIB);
        let sizes = || -> Vec<usize> {
            let free = buffers.lock();
            free.iter().map(|buffer| buffer.capacity() / KIB).collect()
        };
        for size in [8, 512, 64, 96, 64] {
            buffers.give_back(Vec::with_capacity(size * KIB));
        }
        assert_eq!(
            sizes(),
            [64, 96, 64],
            "neither what is small nor what is huge"
        );
        buffers.give_back(Vec::with_capacity(128 * KIB));
        assert_eq!(sizes(), [64, 128], "the newest");
        buffers.clear();
        assert!(sizes().is_empty());
    }
}
