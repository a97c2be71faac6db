//! Draws the plot of the cost of a span against the spans of its trace.

use std::{error::Error, fs, path::Path};

use crate::{
    driver::Driver,
    peers::PeerName,
    plot::{Fill, Mark, Plot, Series, Stroke, Weight},
    scale::{self, Point},
    workloads::scaled::Axis,
};

/// In drawing order: the first is drawn below the others.
const PEERS: [PeerName; 8] = [
    PeerName::FloorTracing,
    PeerName::FloorOpentelemetry,
    PeerName::SentryTracing,
    PeerName::SentryOpentelemetry,
    PeerName::TracingOpentelemetrySentry,
    PeerName::TracingOpentelemetryOtlp,
    PeerName::OursOpentelemetry,
    PeerName::Ours,
];

/// Measures every peer at every size, and draws the plot.
pub(crate) fn draw(driver: &Driver, to: &Path) -> Result<(), Box<dyn Error>> {
    let points = scale::measure_times(driver, Axis::SpansPerTrace, &PEERS)?;
    if let Some(directory) = to.parent() {
        fs::create_dir_all(directory)?;
    }
    Ok(fs::write(to, plot(&points).to_svg())?)
}

fn plot(points: &[Point]) -> Plot {
    let series = |peer: PeerName| Series {
        name: peer.name(),
        stroke: stroke(peer),
        points: (points.iter())
            .filter(|point| point.peer == peer.name())
            .map(mark)
            .collect(),
    };
    Plot {
        title: "What a span costs, by the size of its trace".to_owned(),
        x: "spans per trace",
        y: "CPU time of all threads per span, ns",
        note: "Hollow: not all spans arrive, and a span that is lost is cheap. Ours include HTTP."
            .to_owned(),
        series: PEERS.map(series).into(),
    }
}

fn mark(point: &Point) -> Mark {
    let lost = point.arrived.is_some_and(|arrived| arrived < point.created);
    Mark {
        x: point.size as f64,
        y: point.cpu_ns_per_span,
        fill: if lost { Fill::Hollow } else { Fill::Full },
    }
}

fn stroke(peer: PeerName) -> Stroke {
    let (color, weight) = match peer {
        PeerName::Ours
        | PeerName::OursAttached
        | PeerName::OursPrivate
        | PeerName::OursGzip
        | PeerName::OursZstd
        | PeerName::OursClassic => ("#e0457b", Weight::Strong),
        PeerName::OursOpentelemetry | PeerName::TracingOpentelemetryOurs => {
            ("#e8713a", Weight::Strong)
        }
        PeerName::SentryTracing => ("#8a63d2", Weight::Plain),
        PeerName::SentryOpentelemetry => ("#3b86d1", Weight::Plain),
        PeerName::TracingOpentelemetrySentry => ("#1d9e8f", Weight::Plain),
        PeerName::TracingOpentelemetryOtlp => ("#7a9a1f", Weight::Plain),
        PeerName::FloorTracing | PeerName::FloorOpentelemetry => ("#808790", Weight::Dashed),
    };
    Stroke { color, weight }
}
