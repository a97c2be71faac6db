//! Shows which functions the instructions of a span are spent in.

use std::{cmp::Reverse, collections::BTreeMap, error::Error, process::Command};

use crate::{
    callgrind::Callgrind,
    driver::Driver,
    peers::PeerName,
    table::{count, write_head, write_row},
    workloads::Workload,
};

/// The minimum share of the whole; functions below it are left out.
const MIN_SHARE: f64 = 0.01;

/// Returns two tables of what functions cost: including the functions they call, and excluding them. Start-up is included.
pub(crate) fn render(
    driver: &Driver,
    workload: Workload,
    peer: PeerName,
) -> Result<String, Box<dyn Error>> {
    let callgrind = Callgrind::new()?;
    let report = driver.profile(&callgrind, workload, peer)?;
    let mut out = String::new();
    for (title, inclusive) in [
        ("With what it calls", Inclusive::Yes),
        ("By itself", Inclusive::No),
    ] {
        let output = Command::new("callgrind_annotate")
            .arg(match inclusive {
                Inclusive::Yes => "--inclusive=yes",
                Inclusive::No => "--inclusive=no",
            })
            .args(["--auto=no", "--threshold=100", "--show-percs=no"])
            .arg(callgrind.file())
            .output()?;
        let annotated = String::from_utf8(output.stdout)?;
        let functions = functions(&annotated, inclusive);
        let total = match inclusive {
            Inclusive::Yes => functions.iter().map(|(_, cost)| *cost).max().unwrap_or(0),
            Inclusive::No => functions.iter().map(|(_, cost)| cost).sum(),
        };
        out.push_str(&format!("### {title}\n\n"));
        write_head(
            &mut out,
            "function",
            vec!["instructions per span".to_owned()],
        );
        for (name, instructions) in functions {
            if instructions as f64 >= total as f64 * MIN_SHARE {
                let per_span = count(instructions as f64 / report.spans as f64);
                write_row(&mut out, &format!("`{name}`"), std::iter::once(per_span));
            }
        }
        out.push('\n');
    }
    Ok(out)
}

/// Whether a function's cost includes that of the functions it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inclusive {
    Yes,
    No,
}

/// Returns the costs of functions, the most expensive first. Parts inlined from other files count towards the function.
fn functions(annotated: &str, inclusive: Inclusive) -> Vec<(&str, u64)> {
    let mut costs: BTreeMap<&str, u64> = BTreeMap::new();
    for (instructions, name) in annotated.lines().filter_map(function) {
        let cost = costs.entry(name).or_default();
        *cost = match inclusive {
            Inclusive::Yes => instructions.max(*cost),
            Inclusive::No => instructions + *cost,
        };
    }
    let mut functions: Vec<_> = costs.into_iter().collect();
    functions.sort_by_key(|&(_, cost)| Reverse(cost));
    functions
}

/// Reads a line such as `1,234  path/to/file.rs:crate::function [path/to/program]`.
fn function(line: &str) -> Option<(u64, &str)> {
    let (instructions, place) = line.trim_start().split_once("  ")?;
    let instructions = instructions.replace(',', "").parse().ok()?;
    let place = place.trim();
    let (_, name) = place.split_once(':')?;
    let name = name.rsplit_once(" [").map_or(name, |(name, _)| name);
    // A recursive function is listed once for each level.
    let name = name.split_once('\'').map_or(name, |(name, _)| name);
    Some((instructions, name))
}

#[cfg(test)]
mod tests {
    use super::function;

    #[test]
    fn callgrind_annotate_lines_are_parsed() {
        let line = "  1,234,567  ./crates/a/src/b.rs:a::b::<u8>::c [/target/release/program]";
        assert_eq!(function(line), Some((1_234_567, "a::b::<u8>::c")));
        assert_eq!(function("Ir"), None);
        assert_eq!(
            function("Profiled target:  program --child (PID 12, part 1)"),
            None
        );
    }
}
