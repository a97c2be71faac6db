//! Measures what the cost of a span depends on, by repeating measurements at increasing sizes.

use std::{error::Error, fmt::Write as _};

use serde::Serialize;

use crate::{
    driver::Driver,
    peers::PeerName,
    table::{count, write_head, write_row},
    workloads::{
        Workload,
        scaled::{Axis, Scaled},
    },
};

/// The peers that `--scale` measures by default: ours, and the floors.
pub(crate) const PEERS: [PeerName; 4] = [
    PeerName::Ours,
    PeerName::OursOpentelemetry,
    PeerName::FloorTracing,
    PeerName::FloorOpentelemetry,
];

/// The largest run that every peer has to do.
const MAX_SPANS_FOR_ALL_PEERS: u64 = 250_000;

/// What a span costs at one size. Serialized, it is a line of `--scale --json`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Point {
    pub(crate) axis: &'static str,
    pub(crate) size: u64,
    pub(crate) peer: &'static str,
    pub(crate) created: u64,
    /// `None` for a floor, and if there are too many to examine each.
    pub(crate) arrived: Option<u64>,
    /// `None` without valgrind, and where it would take too long.
    pub(crate) instructions_per_span: Option<f64>,
    pub(crate) caller_instructions_per_span: Option<f64>,
    /// CPU time of all threads.
    pub(crate) cpu_ns_per_span: f64,
    /// CPU time over wall time.
    pub(crate) parallelism: f64,
    pub(crate) allocations_per_span: Option<f64>,
    pub(crate) peak_heap_bytes: Option<u64>,
    /// Medians on the caller's thread.
    pub(crate) start_us: Option<f64>,
    pub(crate) end_us: Option<f64>,
    pub(crate) end_root_us: Option<f64>,
}

pub(crate) fn measure(
    driver: &Driver,
    axes: &[Axis],
    peers: &[PeerName],
    mut measured: impl FnMut(&Point) -> Result<(), Box<dyn Error>>,
) -> Result<Vec<Point>, Box<dyn Error>> {
    let mut points = Vec::new();
    for &axis in axes {
        for &peer in peers {
            for &size in axis.sizes() {
                let workload = Workload::Scaled(Scaled { axis, size });
                eprintln!("{} {}", workload.name(), peer.name());
                let point = driver.point(Scaled { axis, size }, peer)?;
                measured(&point)?;
                points.push(point);
            }
        }
    }
    Ok(points)
}

/// Measures only CPU time and arrivals. The largest sizes are left to the peers that can be expected to manage them.
pub(crate) fn measure_times(
    driver: &Driver,
    axis: Axis,
    peers: &[PeerName],
) -> Result<Vec<Point>, Box<dyn Error>> {
    let mut points = Vec::new();
    for &peer in peers {
        for &size in axis.sizes() {
            let scaled = Scaled { axis, size };
            if scaled.spans() > MAX_SPANS_FOR_ALL_PEERS && !PEERS.contains(&peer) {
                continue;
            }
            eprintln!("{} {}", Workload::Scaled(scaled).name(), peer.name());
            points.push(driver.timed_point(scaled, peer)?);
        }
    }
    Ok(points)
}

pub(crate) fn render(points: &[Point]) -> String {
    let mut out = String::new();
    for axis in Axis::ALL {
        let mut of_axis = points
            .iter()
            .filter(|point| point.axis == axis.name())
            .peekable();
        if of_axis.peek().is_none() {
            continue;
        }
        let _ = writeln!(out, "### {}\n", axis.title());
        let columns = [
            &axis.title().to_lowercase(),
            "spans that arrived",
            "instructions",
            "on the caller",
            "CPU ns",
            "parallelism",
            "allocations",
            "peak heap, KiB",
            "start, µs",
            "end, µs",
            "end of the root, µs",
        ];
        write_head(&mut out, "peer", columns.map(str::to_owned).to_vec());
        for point in of_axis {
            write_row(&mut out, point.peer, cells(point).into_iter());
        }
        out.push('\n');
    }
    out
}

fn cells(point: &Point) -> [String; 11] {
    let counted = |figure: Option<f64>| figure.map(count).unwrap_or_default();
    let micros = |figure: Option<f64>| figure.map(|us| format!("{us:.2}")).unwrap_or_default();
    [
        count(point.size as f64),
        match point.arrived {
            Some(arrived) => format!("{arrived} of {}", point.created),
            None => format!("({})", point.created),
        },
        counted(point.instructions_per_span),
        counted(point.caller_instructions_per_span),
        count(point.cpu_ns_per_span),
        format!("{:.2}", point.parallelism),
        (point.allocations_per_span)
            .map(|allocations| format!("{allocations:.1}"))
            .unwrap_or_default(),
        counted(point.peak_heap_bytes.map(|bytes| bytes as f64 / 1024.0)),
        micros(point.start_us),
        micros(point.end_us),
        micros(point.end_root_us),
    ]
}
