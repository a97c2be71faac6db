//! Renders figures as Markdown: one table for each, with a row for each peer and a column for each workload.

use std::fmt::Write as _;

use crate::{figures::Figures, peers::PeerName, probe::Call, workloads::Workload};

/// A figure, and how a cell of its table is written. A figure without any values gets no table.
struct Table {
    title: &'static str,
    cell: fn(&Figures) -> Option<String>,
}

const TABLES: &[Table] = &[
    Table {
        title: "Instructions per span, all threads",
        cell: |it| it.instructions_per_span.map(count),
    },
    Table {
        title: "Instructions per span, the caller's thread",
        cell: |it| it.caller_instructions_per_span.map(count),
    },
    Table {
        title: "Instructions per poll (one enter and exit)",
        cell: |it| it.instructions_per_poll.map(count),
    },
    Table {
        title: "Instructions per event (a log line inside a span)",
        cell: |it| it.instructions_per_event.map(count),
    },
    Table {
        title: "Allocations per span",
        cell: |it| Some(format!("{:.1}", it.allocations_per_span)),
    },
    Table {
        title: "Allocated bytes per span",
        cell: |it| Some(count(it.allocated_bytes_per_span)),
    },
    Table {
        title: "Peak heap, KiB",
        cell: |it| Some(count(it.peak_heap_bytes as f64 / 1024.0)),
    },
    Table {
        title: "CPU nanoseconds per span, and in multiples of the floor",
        cell: |it| {
            let (ns, ratio) = (count(it.cpu_ns_per_span), it.cpu_ratio_to_floor);
            Some(format!("{ns} ({ratio:.1}x)"))
        },
    },
    Table {
        title: "Wall time in multiples of the floor, and the parallelism (CPU over wall time)",
        cell: |it| {
            let (ratio, parallelism) = (it.wall_ratio_to_floor, it.parallelism);
            Some(format!("{ratio:.1}x ({parallelism:.2})"))
        },
    },
    Table {
        title: "Bytes on the wire per span that arrived",
        cell: |it| it.wire_bytes_per_span.map(count),
    },
    Table {
        title: "Spans that arrived, of those created",
        cell: arrived,
    },
    Table {
        title: "Right ops: with neutral fields; with the peer's own fields",
        cell: |it| shares(it, |sent| (sent.right_ops, sent.ai)),
    },
    Table {
        title: "Right names: with neutral fields; with the peer's own fields",
        cell: |it| shares(it, |sent| (sent.right_names, sent.ai)),
    },
    Table {
        title: "Token counts that are numbers: with neutral fields; with the peer's own fields",
        cell: |it| shares(it, |sent| (sent.typed, sent.counted)),
    },
];

pub(crate) fn render(all: &[Figures]) -> String {
    let mut out = String::new();
    for table in TABLES {
        write_table(&mut out, table, all);
    }
    write_latencies(&mut out, all);
    out
}

fn write_table(out: &mut String, table: &Table, all: &[Figures]) {
    let has_cells = |workload: &Workload| {
        let mut of_it = all.iter().filter(|it| it.workload == *workload);
        of_it.any(|it| (table.cell)(it).is_some())
    };
    let mut workloads: Vec<Workload> = all.iter().map(|it| it.workload).collect();
    workloads.sort_unstable();
    workloads.dedup();
    workloads.retain(has_cells);
    if workloads.is_empty() {
        return;
    }
    let names = workloads.iter().map(|it| it.name().into_owned()).collect();
    let _ = writeln!(out, "### {}\n", table.title);
    write_head(out, "peer", names);
    for peer in PeerName::ALL {
        let mut its = all.iter().filter(|it| it.peer == peer);
        if !its.any(|it| (table.cell)(it).is_some()) {
            continue;
        }
        let cell = |workload: &Workload| {
            let mut figures = all.iter();
            let figures = figures.find(|it| it.peer == peer && it.workload == *workload);
            figures.and_then(table.cell).unwrap_or_default()
        };
        write_row(out, peer.name(), workloads.iter().map(cell));
    }
    out.push('\n');
}

fn write_latencies(out: &mut String, all: &[Figures]) {
    out.push_str("### Calls on the caller's thread, microseconds, p50 / p99\n\n");
    let names = Call::ALL.iter().map(|call| call.name().replace('_', " "));
    write_head(out, "workload, peer", names.collect());
    for figures in all {
        let cell = |call: &Call| {
            let latency = figures.latency_us.get(call.name())?;
            Some(format!("{:.2} / {:.1}", latency.p50, latency.p99))
        };
        let row = format!("{} {}", figures.workload.name(), figures.peer.name());
        let cells = Call::ALL.iter().map(|call| cell(call).unwrap_or_default());
        write_row(out, &row, cells);
    }
}

pub(crate) fn write_head(out: &mut String, first: &str, columns: Vec<String>) {
    let rule = "---|".repeat(columns.len() + 1);
    write_row(out, first, columns.into_iter());
    let _ = writeln!(out, "|{rule}");
}

pub(crate) fn write_row(out: &mut String, first: &str, cells: impl Iterator<Item = String>) {
    let _ = write!(out, "| {first} |");
    for cell in cells {
        let _ = write!(out, " {cell} |");
    }
    out.push('\n');
}

fn arrived(figures: &Figures) -> Option<String> {
    let arrived = figures.arrived?;
    let mut cell = format!("{arrived} of {}", figures.created);
    if figures.sent.too_large > 0 {
        let _ = write!(cell, ", {} in items over 1 MiB", figures.sent.too_large);
    }
    if figures.sent.roots > 1 && figures.workload != Workload::W4 {
        let _ = write!(cell, ", {} roots", figures.sent.roots);
    }
    if figures.sent.reported_lost > 0 {
        let _ = write!(cell, ", {} reported lost", figures.sent.reported_lost);
    }
    Some(cell)
}

fn shares(
    figures: &Figures,
    share: fn(&crate::arrivals::Arrivals) -> (u64, u64),
) -> Option<String> {
    if figures.peer.is_floor() || figures.created_ai == 0 || !figures.workload.sends() {
        return None;
    }
    let (right, of) = share(&figures.sent_neutral);
    let neutral = format!("{right}/{of}");
    if !figures.peer.has_own_fields() {
        return Some(neutral);
    }
    let (right, of) = share(&figures.sent);
    Some(format!("{neutral}; {right}/{of}"))
}

/// Writes a number with commas between thousands.
pub(crate) fn count(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn thousands_are_separated() {
        let written = [0.4, 999.0, 1000.0, 1_234_567.8].map(count);
        assert_eq!(written, ["0", "999", "1,000", "1,234,568"]);
    }
}
