//! Holds our own costs against limits that were recorded, and records them.

use std::{collections::BTreeMap, error::Error, fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    callgrind::Valgrind, driver::Driver, figures::Costs, peers::PeerName, workloads::Workload,
};

const GUARDED: [Workload; 3] = [Workload::W1, Workload::W6, Workload::Unsampled];

/// How much more than recorded is still the same.
const TOLERANCE: f64 = 1.05;

/// How often is measured for a limit, the most of which it is. Which thread frees what is left at the end, for instance, is chance.
const RUNS: usize = 5;

/// What a limit of none at all leaves to the background.
const SLACK: f64 = 0.02;

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
    fn or_more(self, other: Self) -> Self {
        Self {
            instructions: self.instructions.max(other.instructions),
            caller_instructions: self.caller_instructions.max(other.caller_instructions),
            allocations: self.allocations.max(other.allocations),
        }
    }
}

/// Measures, and writes the limits anew.
pub(crate) fn record() -> Result<(), Box<dyn Error>> {
    if Valgrind::find() == Valgrind::Missing {
        return Err("valgrind is missing, without which there is nothing to record".into());
    }
    if cfg!(debug_assertions) {
        return Err("instructions are recorded in the release profile only".into());
    }
    let driver = Driver::new(Valgrind::Present)?;
    let mut per_span = BTreeMap::new();
    for workload in GUARDED {
        let mut limit = Limit::default();
        for _ in 0..RUNS {
            let costs = driver.costs(workload, PeerName::Ours)?;
            let instructions = costs.instructions.ok_or("callgrind counted nothing")?;
            limit = limit.or_more(Limit {
                instructions: instructions.all_threads.round(),
                caller_instructions: instructions.main_thread.round(),
                allocations: (costs.allocations_per_span * 100.0).round() / 100.0,
            });
        }
        println!("{}: {limit:?}", workload.name());
        per_span.insert(workload.name().into_owned(), limit);
    }
    let limits = Limits {
        recorded_with: "cargo run --release -p sentry-genai-benches -- --record".to_owned(),
        per_span,
    };
    let mut text = serde_json::to_string_pretty(&limits)?;
    text.push('\n');
    Ok(fs::write(path(), text)?)
}

/// Measures, and returns whether everything stays within its limit.
///
/// Instructions are compared in the release profile and where valgrind is at hand, allocations always.
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
    for workload in GUARDED {
        let limit = limits.per_span.get(&*workload.name());
        let limit = limit.ok_or("a workload has no limit; record them")?;
        let costs = driver.costs(workload, PeerName::Ours)?;
        for (what, measured, limit) in compare(&costs, limit) {
            let within = measured <= limit * TOLERANCE + SLACK;
            kept &= within;
            let verdict = if within { "ok" } else { "TOO MUCH" };
            let name = workload.name();
            println!("{name:10} {what:20} {measured:10.2}, recorded {limit:10.2}: {verdict}");
        }
    }
    Ok(kept)
}

fn compare(costs: &Costs, limit: &Limit) -> Vec<(&'static str, f64, f64)> {
    let mut all = vec![("allocations", costs.allocations_per_span, limit.allocations)];
    if let Some(measured) = &costs.instructions {
        let caller = (measured.main_thread, limit.caller_instructions);
        all.push(("instructions", measured.all_threads, limit.instructions));
        all.push(("caller instructions", caller.0, caller.1));
    }
    all
}

fn path() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/limits.json"))
}
