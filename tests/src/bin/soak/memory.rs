//! The resident set size of this process over time.

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

pub(crate) struct Memory {
    pub(crate) start: u64,
    pub(crate) peak: AtomicU64,
    pub(crate) stop: AtomicBool,
}

impl Memory {
    pub(crate) fn start() -> Self {
        let start = resident_kib();
        Self {
            start,
            peak: AtomicU64::new(start),
            stop: AtomicBool::new(false),
        }
    }

    pub(crate) fn watch(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            self.peak.fetch_max(resident_kib(), Ordering::Relaxed);
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Reads Linux's figure; 0 on other systems.
pub(crate) fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let digits = line.and_then(|line| line.split_whitespace().next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
