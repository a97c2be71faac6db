//! The results for one peer in one workload.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{arrivals::Arrivals, peers::PeerName, probe::Latency, workloads::Workload};

/// What one peer costs in one workload. Serialized, it is a line of `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    #[serde(serialize_with = "workload_name")]
    pub(crate) workload: Workload,
    #[serde(serialize_with = "peer_name")]
    pub(crate) peer: PeerName,
    /// Spans that the program created in one run of the workload.
    pub(crate) created: u64,
    /// Spans that were sent; `None` for a floor, which sends nothing.
    pub(crate) arrived: Option<u64>,
    /// Instructions of all threads; `None` without valgrind.
    pub(crate) instructions_per_span: Option<f64>,
    /// Instructions of the program's thread; `None` without valgrind, and in W4, which has eight threads.
    pub(crate) caller_instructions_per_span: Option<f64>,
    pub(crate) allocations_per_span: f64,
    pub(crate) allocated_bytes_per_span: f64,
    /// CPU time of all threads, in multiples of the floor.
    pub(crate) cpu_ratio_to_floor: f64,
    pub(crate) peak_heap_bytes: u64,
    pub(crate) wire_bytes_per_span: Option<f64>,
    /// The share of AI spans with the right op, with neutral fields only; `None` if no AI span arrives.
    pub(crate) right_ops: Option<f64>,
    pub(crate) latency_us: BTreeMap<String, Latency>,

    #[serde(skip)]
    pub(crate) created_ai: u64,
    /// What arrives if the program also writes the fields that the peer asks for.
    #[serde(skip)]
    pub(crate) sent: Arrivals,
    #[serde(skip)]
    pub(crate) sent_neutral: Arrivals,
    #[serde(skip)]
    pub(crate) wall_ratio_to_floor: f64,
    #[serde(skip)]
    pub(crate) cpu_ns_per_span: f64,
    /// CPU time over wall time.
    #[serde(skip)]
    pub(crate) parallelism: f64,
    /// Instructions of all threads, in multiples of the floor; only for W1 without a DSN.
    #[serde(skip)]
    pub(crate) instructions_ratio_to_floor: Option<f64>,
    /// Instructions for one enter and exit; only for W8.
    #[serde(skip)]
    pub(crate) instructions_per_poll: Option<f64>,
    /// Instructions for one event that is a log line; only for W8.
    #[serde(skip)]
    pub(crate) instructions_per_event: Option<f64>,
}

/// The costs that are exactly repeatable, or nearly so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    pub(crate) allocations_per_span: f64,
    pub(crate) instructions: Option<InstructionCounts>,
}

/// Instructions per span.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InstructionCounts {
    pub(crate) all_threads: f64,
    pub(crate) main_thread: f64,
}

fn workload_name<S: serde::Serializer>(workload: &Workload, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&workload.name())
}

fn peer_name<S: serde::Serializer>(peer: &PeerName, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(peer.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_lines_contain_every_figure() {
        let figures = Figures {
            workload: Workload::W1,
            peer: PeerName::Ours,
            created: 52,
            arrived: Some(52),
            instructions_per_span: None,
            caller_instructions_per_span: None,
            allocations_per_span: 1.0,
            allocated_bytes_per_span: 100.0,
            cpu_ratio_to_floor: 2.0,
            peak_heap_bytes: 1000,
            wire_bytes_per_span: Some(500.0),
            right_ops: Some(1.0),
            latency_us: BTreeMap::new(),
            created_ai: 21,
            sent: Arrivals::default(),
            sent_neutral: Arrivals::default(),
            wall_ratio_to_floor: 2.0,
            cpu_ns_per_span: 100.0,
            parallelism: 1.0,
            instructions_ratio_to_floor: None,
            instructions_per_poll: None,
            instructions_per_event: None,
        };
        let line = serde_json::to_value(&figures).unwrap();
        let mut keys: Vec<&String> = line.as_object().unwrap().keys().collect();
        let mut expected = [
            "workload",
            "peer",
            "created",
            "arrived",
            "instructions_per_span",
            "caller_instructions_per_span",
            "allocations_per_span",
            "allocated_bytes_per_span",
            "cpu_ratio_to_floor",
            "peak_heap_bytes",
            "wire_bytes_per_span",
            "right_ops",
            "latency_us",
        ];
        keys.sort_unstable();
        expected.sort_unstable();
        assert_eq!(keys, expected);
    }
}
