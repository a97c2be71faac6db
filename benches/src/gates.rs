//! The targets for our own costs, next to the measured figures.

use crate::{
    figures::Figures,
    peers::PeerName,
    probe::Call,
    table::{count, write_head, write_row},
    workloads::Workload::{self, NoDsn, Unsampled, Unwanted, W1, W2, W3, W4, W5, W6, W7, W8, W9},
};

/// A limit, and the stretch goal beyond it. Of several workloads, the worst counts.
struct Gate {
    title: &'static str,
    workloads: &'static [Workload],
    ours: &'static [PeerName],
    figure: fn(&Figures) -> Option<f64>,
    format: fn(f64) -> String,
    target: Target,
}

enum Target {
    AtMost { gate: f64, stretch: f64 },
    AtLeast { gate: f64, stretch: f64 },
}

use Target::{AtLeast, AtMost};

/// The tolerance of a limit of zero, for background work.
const ZERO_TOLERANCE: f64 = 0.02;

const TRACING: &[PeerName] = &[PeerName::Ours];
const BOTH_DOORS: &[PeerName] = &[PeerName::Ours, PeerName::OursOpentelemetry];

const GATES: &[Gate] = &[
    Gate {
        title: "W1 instructions per span, all threads",
        workloads: &[W1],
        ours: BOTH_DOORS,
        figure: |it| it.instructions_per_span,
        format: count,
        target: AtMost {
            gate: 14_000.0,
            stretch: 9_000.0,
        },
    },
    Gate {
        title: "W1 instructions per span on the caller's thread",
        workloads: &[W1],
        ours: BOTH_DOORS,
        figure: |it| it.caller_instructions_per_span,
        format: count,
        target: AtMost {
            gate: 8_000.0,
            stretch: 6_000.0,
        },
    },
    Gate {
        title: "W1 allocations per span",
        workloads: &[W1],
        ours: BOTH_DOORS,
        figure: |it| Some(it.allocations_per_span),
        format: tenths,
        target: AtMost {
            gate: 3.0,
            stretch: 1.0,
        },
    },
    Gate {
        title: "W6 instructions per plain span, forwarded",
        workloads: &[W6],
        ours: BOTH_DOORS,
        figure: |it| it.instructions_per_span,
        format: count,
        target: AtMost {
            gate: 5_000.0,
            stretch: 4_000.0,
        },
    },
    Gate {
        title: "W6 instructions per plain span, not wanted",
        workloads: &[Unwanted],
        ours: TRACING,
        figure: |it| it.instructions_per_span,
        format: count,
        target: AtMost {
            gate: 2_400.0,
            stretch: 1_700.0,
        },
    },
    Gate {
        title: "unsampled, instructions per span",
        workloads: &[Unsampled],
        ours: BOTH_DOORS,
        figure: |it| it.instructions_per_span,
        format: count,
        target: AtMost {
            gate: 2_500.0,
            stretch: 2_000.0,
        },
    },
    Gate {
        title: "unsampled, allocations per span",
        workloads: &[Unsampled],
        ours: BOTH_DOORS,
        figure: |it| Some(it.allocations_per_span),
        format: tenths,
        target: AtMost {
            gate: 0.0,
            stretch: 0.0,
        },
    },
    Gate {
        title: "no DSN, instructions per span, in multiples of the floor",
        workloads: &[NoDsn],
        ours: BOTH_DOORS,
        figure: |it| it.instructions_ratio_to_floor,
        format: hundredths,
        target: AtMost {
            gate: 1.0,
            stretch: 1.0,
        },
    },
    Gate {
        title: "poll (enter and exit), instructions",
        workloads: &[W8],
        ours: BOTH_DOORS,
        figure: |it| it.instructions_per_poll,
        format: count,
        target: AtMost {
            gate: 170.0,
            stretch: 166.0,
        },
    },
    Gate {
        title: "poll, instructions, with errors, logs and metrics linked to spans",
        workloads: &[W8],
        // By the integration `Correlation`, which does nothing until something is captured.
        ours: BOTH_DOORS,
        figure: |it| it.instructions_per_poll,
        format: count,
        target: AtMost {
            gate: 400.0,
            stretch: 250.0,
        },
    },
    Gate {
        title: "poll, instructions, with the entered span kept on Sentry's scope",
        workloads: &[W8],
        ours: &[PeerName::OursAttached],
        figure: |it| it.instructions_per_poll,
        format: count,
        target: AtMost {
            gate: 400.0,
            stretch: 250.0,
        },
    },
    Gate {
        title: "end of the root on the caller's thread, p50, µs, the worst of W1 to W9",
        workloads: &[W1, W2, W3, W4, W5, W6, W7, W8, W9],
        ours: BOTH_DOORS,
        figure: |it| median(it, Call::EndRoot),
        format: hundredths,
        target: AtMost {
            gate: 1.0,
            stretch: 0.3,
        },
    },
    Gate {
        title: "start of a chat with a prompt of 2 MB on the caller's thread, p50, µs",
        workloads: &[W5],
        ours: BOTH_DOORS,
        figure: |it| median(it, Call::NewAi),
        format: tenths,
        target: AtMost {
            gate: 50.0,
            stretch: 50.0,
        },
    },
    Gate {
        title: "W2, W3, W4, W5, W7: share of the spans that arrives, the worst",
        workloads: &[W2, W3, W4, W5, W7],
        ours: BOTH_DOORS,
        figure: |it| Some(it.arrived? as f64 / it.created as f64),
        format: |share| format!("{:.0} %", share * 100.0),
        target: AtLeast {
            gate: 1.0,
            stretch: 1.0,
        },
    },
    Gate {
        title: "W5 peak heap, MiB",
        workloads: &[W5],
        ours: BOTH_DOORS,
        figure: |it| Some(it.peak_heap_bytes as f64 / 1024.0 / 1024.0),
        format: tenths,
        target: AtMost {
            gate: 16.0,
            stretch: 4.0,
        },
    },
    Gate {
        title: "W4 parallelism on two cores",
        workloads: &[W4],
        ours: BOTH_DOORS,
        figure: |it| Some(it.parallelism),
        format: hundredths,
        target: AtLeast {
            gate: 1.7,
            stretch: 1.85,
        },
    },
];

/// Renders the gates as a table; those without measurements are left out.
pub(crate) fn render(all: &[Figures]) -> String {
    let mut out = String::new();
    let columns = [
        "the others' best",
        "ours",
        "ours-otel",
        "gate",
        "stretch",
        "",
    ];
    write_head(&mut out, "", columns.map(str::to_owned).to_vec());
    for gate in GATES {
        let ours: Vec<Option<f64>> = (gate.ours.iter()).map(|peer| gate.of(all, *peer)).collect();
        if ours.iter().all(Option::is_none) {
            continue;
        }
        let format = |figure: Option<f64>| figure.map(gate.format).unwrap_or_default();
        let (limit, stretch) = gate.limits();
        let verdicts: Vec<_> = ours.iter().flatten().map(|it| gate.verdict(*it)).collect();
        let cells = [
            format(gate.best_of_others(all)),
            format(ours[0]),
            format(ours.get(1).copied().flatten()),
            (gate.format)(limit),
            (gate.format)(stretch),
            verdicts.join(", "),
        ];
        write_row(&mut out, gate.title, cells.into_iter());
    }
    out
}

impl Gate {
    /// Returns the worst figure of a peer over the gate's workloads, if there is one for all that it takes part in.
    fn of(&self, all: &[Figures], peer: PeerName) -> Option<f64> {
        let mut worst = None;
        for &workload in self.workloads {
            if !peer.takes_part_in(workload) {
                continue;
            }
            let mut figures = all.iter();
            let figures = figures.find(|it| it.peer == peer && it.workload == workload)?;
            let figure = (self.figure)(figures)?;
            worst = Some(match (worst, &self.target) {
                (None, _) => figure,
                (Some(worst), AtMost { .. }) => figure.max(worst),
                (Some(worst), AtLeast { .. }) => figure.min(worst),
            });
        }
        worst
    }

    fn best_of_others(&self, all: &[Figures]) -> Option<f64> {
        let others = PeerName::ALL
            .into_iter()
            .filter(|peer| !peer.is_floor() && !peer.is_ours());
        let figures = others.filter_map(|peer| self.of(all, peer));
        match self.target {
            AtMost { .. } => figures.reduce(f64::min),
            AtLeast { .. } => figures.reduce(f64::max),
        }
    }

    fn limits(&self) -> (f64, f64) {
        let (AtMost { gate, stretch } | AtLeast { gate, stretch }) = self.target;
        (gate, stretch)
    }

    fn verdict(&self, figure: f64) -> &'static str {
        let (gate, stretch) = self.limits();
        let meets = |limit: f64| match self.target {
            AtMost { .. } => figure <= limit + ZERO_TOLERANCE,
            AtLeast { .. } => figure >= limit,
        };
        match (meets(gate), meets(stretch)) {
            (true, true) => "beyond the stretch",
            (true, false) => "met",
            (false, _) => "missed",
        }
    }
}

fn median(figures: &Figures, call: Call) -> Option<f64> {
    Some(figures.latency_us.get(call.name())?.p50)
}

fn tenths(number: f64) -> String {
    format!("{number:.1}")
}

fn hundredths(number: f64) -> String {
    format!("{number:.2}")
}
