//! A global allocator that counts allocations of all threads, once enabled.

#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

/// What was allocated since [`restart`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocated {
    /// Calls of `alloc`, `alloc_zeroed` and `realloc`.
    pub(crate) calls: u64,
    /// Requested bytes; for a `realloc`, only the growth.
    pub(crate) bytes: u64,
    /// The maximum number of bytes in use at a time, of those allocated since [`count`].
    pub(crate) peak: u64,
}

/// Starts counting. Memory allocated before is not counted, whatever happens to it.
pub(crate) fn count() {
    IS_COUNTING.store(true, Relaxed);
}

/// Resets the counts of calls and bytes, and the peak. Memory in use stays in use.
pub(crate) fn restart() {
    CALLS.store(0, Relaxed);
    BYTES.store(0, Relaxed);
    PEAK.store(LIVE.load(Relaxed), Relaxed);
}

/// Returns what was allocated since [`restart`].
pub(crate) fn allocated() -> Allocated {
    Allocated {
        calls: CALLS.load(Relaxed),
        bytes: BYTES.load(Relaxed),
        peak: PEAK.load(Relaxed).try_into().unwrap_or(0),
    }
}

struct CountingAllocator;

// Safety: every call is forwarded to the system's allocator unchanged.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IS_COUNTING.load(Relaxed) {
            record(layout.size(), layout.size() as i64);
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if IS_COUNTING.load(Relaxed) {
            record(layout.size(), layout.size() as i64);
        }
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if IS_COUNTING.load(Relaxed) {
            LIVE.fetch_sub(layout.size() as i64, Relaxed);
        }
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if IS_COUNTING.load(Relaxed) {
            let growth = size as i64 - layout.size() as i64;
            record(growth.max(0) as usize, growth);
        }
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Kept out of line, so that other modes pay only for a load and a branch.
#[cold]
fn record(bytes: usize, growth: i64) {
    CALLS.fetch_add(1, Relaxed);
    BYTES.fetch_add(bytes as u64, Relaxed);
    let live = LIVE.fetch_add(growth, Relaxed) + growth;
    PEAK.fetch_max(live, Relaxed);
}
