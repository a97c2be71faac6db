//! One measurement of one peer, in its own process.

use std::{collections::BTreeMap, time::Instant};

use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};

use crate::{
    allocator,
    peers::{Peer, Setup},
    probe::{Latency, NoProbe, Stopwatch},
    texts::Texts,
    workloads::Created,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Counts allocations.
    Count,
    /// Runs only the workload, while another process counts instructions.
    Run,
    /// Measures the time of single calls.
    Latency,
    /// Measures time and CPU time of the whole run.
    Time,
    /// Runs the peer with everything at its defaults, so that the driver can look at what arrives.
    Verify,
}

impl Mode {
    const ALL: [Self; 5] = [
        Self::Count,
        Self::Run,
        Self::Latency,
        Self::Time,
        Self::Verify,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Run => "run",
            Self::Latency => "latency",
            Self::Time => "time",
            Self::Verify => "verify",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// The results of a process; those that its mode does not measure stay at their defaults.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Report {
    pub(crate) spans: u64,
    pub(crate) ai_spans: u64,
    pub(crate) allocations: u64,
    pub(crate) allocated_bytes: u64,
    pub(crate) peak_heap_bytes: u64,
    pub(crate) wall_ns_per_span: f64,
    pub(crate) cpu_ns_per_span: f64,
    pub(crate) latencies: BTreeMap<String, Latency>,
}

impl Report {
    fn of(created: Created) -> Self {
        Self {
            spans: created.spans,
            ai_spans: created.ai,
            ..Self::default()
        }
    }
}

/// Starts a peer and measures it.
pub(crate) fn measure<T: Peer>(setup: &Setup, start: impl FnOnce() -> T) -> Report {
    let texts = Texts::new(setup.workload);
    match setup.mode {
        Mode::Count => count(setup, &texts, start),
        Mode::Run => Report::of(run(&start(), setup, &texts, setup.repeats)),
        Mode::Latency => latency(&start(), setup, &texts),
        Mode::Time => time(&start(), setup, &texts),
        Mode::Verify => {
            let peer = start();
            let mut created = Created::default();
            for _ in 0..setup.repeats {
                created += peer.run(setup.workload, &texts, &mut NoProbe);
            }
            peer.flush();
            Report::of(created)
        }
    }
}

fn run(peer: &impl Peer, setup: &Setup, texts: &Texts, repeats: u64) -> Created {
    let flush_every = setup.workload.repeats().flush_every;
    let mut created = Created::default();
    for index in 1..=repeats {
        created += peer.run(setup.workload, texts, &mut NoProbe);
        if index % flush_every == 0 || index == repeats {
            peer.flush();
        }
    }
    created
}

/// Counts after a warm-up. Memory that the peer held before belongs to the peak, too.
fn count<T: Peer>(setup: &Setup, texts: &Texts, start: impl FnOnce() -> T) -> Report {
    allocator::count();
    let peer = start();
    run(&peer, setup, texts, setup.workload.repeats().warm_up);
    allocator::restart();
    let created = run(&peer, setup, texts, setup.repeats);
    let allocated = allocator::allocated();
    Report {
        allocations: allocated.calls,
        allocated_bytes: allocated.bytes,
        peak_heap_bytes: allocated.peak,
        ..Report::of(created)
    }
}

fn latency(peer: &impl Peer, setup: &Setup, texts: &Texts) -> Report {
    let flush_every = setup.workload.repeats().flush_every;
    run(peer, setup, texts, flush_every);
    let mut watch = Stopwatch::default();
    let mut created = Created::default();
    for index in 1..=setup.repeats {
        created += peer.run(setup.workload, texts, &mut watch);
        if index % flush_every == 0 {
            peer.flush();
        }
    }
    peer.flush();
    Report {
        latencies: watch.latencies(),
        ..Report::of(created)
    }
}

/// Returns medians over chunks of runs, flushes included.
fn time(peer: &impl Peer, setup: &Setup, texts: &Texts) -> Report {
    let chunk = setup.workload.repeats().chunk;
    // A workload that is run once takes so long that its start does not matter.
    if setup.repeats > 1 {
        run(peer, setup, texts, chunk);
    }
    let (mut walls, mut cpus) = (Vec::new(), Vec::new());
    let mut created = Created::default();
    for _ in 0..setup.repeats {
        let (wall, cpu) = (Instant::now(), ProcessTime::now());
        let created_now = run(peer, setup, texts, chunk);
        walls.push(wall.elapsed().as_nanos() as f64 / created_now.spans as f64);
        cpus.push(cpu.elapsed().as_nanos() as f64 / created_now.spans as f64);
        created += created_now;
    }
    Report {
        wall_ns_per_span: median(walls),
        cpu_ns_per_span: median(cpus),
        ..Report::of(created)
    }
}

/// Returns the median; zero if there are no values.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
