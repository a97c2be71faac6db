//! A global allocator that counts, over all threads, once it is told to.

#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ON: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

/// What was allocated since [`restart`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocated {
    /// Calls of `alloc`, `alloc_zeroed` and `realloc`.
    pub(crate) calls: u64,
    /// Bytes asked for; of a `realloc` only the growth.
    pub(crate) bytes: u64,
    /// The most bytes that were in use at a time, of those allocated since [`count`].
    pub(crate) peak: u64,
}

/// Starts to count. Everything allocated before is left out, whatever becomes of it.
pub(crate) fn count() {
    ON.store(true, Relaxed);
}

/// Forgets the calls and bytes so far, and the peak; what is in use stays in use.
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

struct Counting;

// Safety: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if ON.load(Relaxed) {
            note(layout.size(), layout.size() as i64);
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if ON.load(Relaxed) {
            note(layout.size(), layout.size() as i64);
        }
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if ON.load(Relaxed) {
            LIVE.fetch_sub(layout.size() as i64, Relaxed);
        }
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if ON.load(Relaxed) {
            let growth = size as i64 - layout.size() as i64;
            note(growth.max(0) as usize, growth);
        }
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Kept out of line, so that it costs the other modes a load and a branch.
#[cold]
fn note(bytes: usize, growth: i64) {
    CALLS.fetch_add(1, Relaxed);
    BYTES.fetch_add(bytes as u64, Relaxed);
    let live = LIVE.fetch_add(growth, Relaxed) + growth;
    PEAK.fetch_max(live, Relaxed);
}
