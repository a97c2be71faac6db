//! How much arrives at a server that is far away: at a steady load, every request takes a while.

use std::{error::Error, time::Duration};

use crate::{
    callgrind::Valgrind,
    driver::Driver,
    peers::PeerName,
    sink::Sink,
    table::{write_head, write_row},
    workloads::Workload,
};

/// How long the server takes to answer.
const ANSWER_TIME: Duration = Duration::from_millis(50);

const TRACES_PER_SECOND: [u64; 4] = [10, 50, 200, 500];

const PEERS: [PeerName; 6] = [
    PeerName::Ours,
    PeerName::OursOpentelemetry,
    PeerName::SentryTracing,
    PeerName::SentryOpentelemetry,
    PeerName::TracingOpentelemetrySentry,
    PeerName::TracingOpentelemetryOtlp,
];

/// Measures, and returns a table: which share of the spans arrives, for each way and load.
pub(crate) fn measure() -> Result<String, Box<dyn Error>> {
    let driver = Driver::with_sink(Sink::start(ANSWER_TIME)?, Valgrind::Missing)?;
    let mut table = String::new();
    let loads = TRACES_PER_SECOND.map(|rate| format!("{rate} traces per second"));
    write_head(&mut table, "peer", loads.into());
    for peer in PEERS {
        let mut cells = Vec::new();
        for rate in TRACES_PER_SECOND {
            eprintln!("{rate} traces per second, {}", peer.name());
            let (made, arrived) = driver.arrivals(Workload::Steady(rate), peer)?;
            let share = arrived.spans as f64 / made.spans as f64;
            cells.push(format!("{:.0} %", 100.0 * share));
        }
        write_row(&mut table, peer.name(), cells.into_iter());
    }
    Ok(table)
}
