//! Observes single calls of a workload, or nothing at all.

use std::{collections::BTreeMap, time::Instant};

use serde::{Deserialize, Serialize};

/// A kind of call that the program makes on its own thread.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    NewRoot,
    NewAi,
    NewPlain,
    Record,
    EndRoot,
    EndAi,
    EndPlain,
}

impl Call {
    pub(crate) const ALL: [Self; 7] = [
        Self::NewRoot,
        Self::NewAi,
        Self::NewPlain,
        Self::Record,
        Self::EndAi,
        Self::EndPlain,
        Self::EndRoot,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NewRoot => "new_root",
            Self::NewAi => "new_ai",
            Self::NewPlain => "new_plain",
            Self::Record => "record",
            Self::EndRoot => "end_root",
            Self::EndAi => "end_ai",
            Self::EndPlain => "end_plain",
        }
    }
}

pub(crate) trait Probe: Default + Send {
    fn watch<R>(&mut self, call: Call, work: impl FnOnce() -> R) -> R;

    fn merge(&mut self, other: Self);
}

/// A probe that leaves no trace in the compiled workload.
#[derive(Debug, Default)]
pub(crate) struct NoProbe;

impl Probe for NoProbe {
    #[inline(always)]
    fn watch<R>(&mut self, _: Call, work: impl FnOnce() -> R) -> R {
        work()
    }

    fn merge(&mut self, _: Self) {}
}

/// A probe that measures the time of every call.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    nanoseconds: [Vec<u32>; Call::ALL.len()],
}

impl Probe for Stopwatch {
    #[inline(always)]
    fn watch<R>(&mut self, call: Call, work: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = work();
        let elapsed = start.elapsed().as_nanos();
        self.nanoseconds[call as usize].push(elapsed as u32);
        result
    }

    fn merge(&mut self, other: Self) {
        for (mine, theirs) in self.nanoseconds.iter_mut().zip(other.nanoseconds) {
            mine.extend(theirs);
        }
    }
}

/// The time that calls of one kind took, in microseconds.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Latency {
    pub(crate) calls: usize,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Stopwatch {
    pub(crate) fn latencies(mut self) -> BTreeMap<String, Latency> {
        let mut latencies = BTreeMap::new();
        for call in Call::ALL {
            let times = &mut self.nanoseconds[call as usize];
            if times.is_empty() {
                continue;
            }
            times.sort_unstable();
            let at = |share: f64| {
                let index = ((times.len() - 1) as f64 * share).round() as usize;
                f64::from(times[index]) / 1000.0
            };
            let latency = Latency {
                calls: times.len(),
                p50: at(0.5),
                p99: at(0.99),
                max: at(1.0),
            };
            latencies.insert(call.name().to_owned(), latency);
        }
        latencies
    }
}
