//! Compares our own costs with recorded limits, and records the limits.

use std::{collections::BTreeMap, error::Error, fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    callgrind::Valgrind,
    driver::Driver,
    figures::Costs,
    peers::PeerName,
    workloads::{
        Workload,
        scaled::{Axis, Scaled},
    },
};

/// A trace of two spans, most of which is what a trace and a request cost.
const SMALL_TRACE: Workload = scaled(Axis::ConcurrentTraces, 1);

/// Chats with many attributes that no convention defines.
const WIDE_CHATS: Workload = scaled(Axis::Attributes, 100);

const GUARDED: [(Workload, PeerName); 12] = [
    (Workload::W1, PeerName::Ours),
    (Workload::W6, PeerName::Ours),
    (Workload::W6, PeerName::OursAttached),
    (Workload::W6, PeerName::OursClassic),
    (Workload::W10, PeerName::Ours),
    (Workload::W11, PeerName::Ours),
    (Workload::W12, PeerName::Ours),
    // Prompts of 2 MB that may not leave, and therefore cost nothing.
    (Workload::W5, PeerName::OursPrivate),
    (Workload::Unsampled, PeerName::Ours),
    (SMALL_TRACE, PeerName::Ours),
    (WIDE_CHATS, PeerName::Ours),
    (WIDE_CHATS, PeerName::OursPrivate),
];

/// The factor up to which a cost counts as unchanged.
const TOLERANCE: f64 = 1.05;

/// How many measurements a limit is the maximum of. Costs vary by chance: for example, which thread frees what is left at the
/// end.
const RUNS: usize = 5;

/// How many measurements are made of a cost beyond its limit; the minimum counts. Other work on the machine only adds: threads
/// that wait for each other find less memory to reuse.
const ATTEMPTS: usize = 5;

/// The tolerance of a limit of zero, for background work.
const ZERO_TOLERANCE: f64 = 0.02;

#[derive(Debug, Deserialize, Serialize)]
struct Limits {
    recorded_with: String,
    per_span: BTreeMap<String, Limit>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
struct Limit {
    instructions: f64,
    caller_instructions: f64,
    allocations: f64,
}

impl Limit {
    fn max(self, other: Self) -> Self {
        Self {
            instructions: self.instructions.max(other.instructions),
            caller_instructions: self.caller_instructions.max(other.caller_instructions),
            allocations: self.allocations.max(other.allocations),
        }
    }
}

const fn scaled(axis: Axis, size: u64) -> Workload {
    Workload::Scaled(Scaled { axis, size })
}

/// Returns what the limits of a workload are recorded under.
fn name(workload: Workload, peer: PeerName) -> String {
    match peer {
        PeerName::Ours => workload.name().into_owned(),
        peer => format!("{} {}", workload.name(), peer.name()),
    }
}

/// Measures, and rewrites the limits.
pub(crate) fn record() -> Result<(), Box<dyn Error>> {
    if Valgrind::find() == Valgrind::Missing {
        return Err("valgrind is missing, without which there is nothing to record".into());
    }
    if cfg!(debug_assertions) {
        return Err("instructions are recorded in the release profile only".into());
    }
    let driver = Driver::new(Valgrind::Present)?;
    let mut per_span = BTreeMap::new();
    for (workload, peer) in GUARDED {
        let mut limit = Limit::default();
        for _ in 0..RUNS {
            let costs = driver.costs(workload, peer)?;
            let instructions = costs.instructions.ok_or("callgrind counted nothing")?;
            limit = limit.max(Limit {
                instructions: instructions.all_threads.round(),
                caller_instructions: instructions.main_thread.round(),
                allocations: (costs.allocations_per_span * 100.0).round() / 100.0,
            });
        }
        let name = name(workload, peer);
        println!("{name}: {limit:?}");
        per_span.insert(name, limit);
    }
    let limits = Limits {
        recorded_with: "cargo run --release -p sentry-genai-benches -- --record".to_owned(),
        per_span,
    };
    let mut text = serde_json::to_string_pretty(&limits)?;
    text.push('\n');
    Ok(fs::write(path(), text)?)
}

/// Measures, and returns whether every cost stays within its limit.
///
/// Allocations are always compared. Instructions are compared only in the release profile and if valgrind is installed.
pub(crate) fn check() -> Result<bool, Box<dyn Error>> {
    let mut valgrind = Valgrind::find();
    if valgrind == Valgrind::Missing {
        println!("skipping instructions: valgrind is missing");
    } else if cfg!(debug_assertions) {
        println!("skipping instructions: the limits are for the release profile");
        valgrind = Valgrind::Missing;
    }
    let limits: Limits = serde_json::from_slice(&fs::read(path())?)?;
    let driver = Driver::new(valgrind)?;
    let mut kept = true;
    for (workload, peer) in GUARDED {
        let name = name(workload, peer);
        let limit = limits.per_span.get(&name);
        let limit = limit.ok_or("a workload has no limit; record them")?;
        let mut measured = compare(&driver.costs(workload, peer)?, limit);
        for _ in 1..ATTEMPTS {
            if measured.iter().all(Comparison::is_within) {
                break;
            }
            let again = compare(&driver.costs(workload, peer)?, limit);
            for (least, again) in measured.iter_mut().zip(again) {
                least.measured = least.measured.min(again.measured);
            }
        }
        for compared in measured {
            let within = compared.is_within();
            kept &= within;
            let Comparison {
                what,
                measured,
                limit,
            } = compared;
            let verdict = if within { "ok" } else { "TOO MUCH" };
            println!("{name:27} {what:20} {measured:10.2}, recorded {limit:10.2}: {verdict}");
        }
    }
    Ok(kept)
}

/// A figure and its limit.
struct Comparison {
    what: &'static str,
    measured: f64,
    limit: f64,
}

impl Comparison {
    fn is_within(&self) -> bool {
        self.measured <= self.limit * TOLERANCE + ZERO_TOLERANCE
    }
}

fn compare(costs: &Costs, limit: &Limit) -> Vec<Comparison> {
    let compared = |what, measured, limit| Comparison {
        what,
        measured,
        limit,
    };
    let allocations = costs.allocations_per_span;
    let mut all = vec![compared("allocations", allocations, limit.allocations)];
    if let Some(measured) = &costs.instructions {
        let (of_all, of_caller) = (measured.all_threads, measured.main_thread);
        all.push(compared("instructions", of_all, limit.instructions));
        all.push(compared(
            "caller instructions",
            of_caller,
            limit.caller_instructions,
        ));
    }
    all
}

fn path() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/limits.json"))
}
