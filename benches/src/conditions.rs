//! Describes the machine, the versions and the date of a measurement.

use std::{fs, process::Command};

/// The crates whose versions affect the figures.
const CRATES: [&str; 10] = [
    "sentry",
    "sentry-tracing",
    "sentry-opentelemetry",
    "tracing",
    "tracing-subscriber",
    "opentelemetry",
    "opentelemetry_sdk",
    "opentelemetry-proto",
    "tracing-opentelemetry",
    "ureq",
];

/// Returns a paragraph about date, machine and versions; what cannot be determined is left out.
pub(crate) fn describe() -> String {
    let mut machine = vec![
        first_line(Command::new("date").args(["-u", "+%-d %B %Y"])),
        processor(),
        first_line(Command::new("rustc").arg("--version"))
            .map(|version| version.split(" (").next().unwrap_or_default().to_owned()),
        Some("release profile".to_owned()),
        first_line(Command::new("ldd").arg("--version"))
            .and_then(|line| Some(format!("glibc {}", line.rsplit(' ').next()?))),
        first_line(Command::new("valgrind").arg("--version")),
    ];
    machine.retain(Option::is_some);
    let machine: Vec<String> = machine.into_iter().flatten().collect();
    let lock = include_str!("../../Cargo.lock");
    // If there are several versions, the first is measured: the peers need the older ones.
    let crates = CRATES.map(|name| match versions(lock, name).first() {
        Some(version) => format!("{name} {version}"),
        None => name.to_owned(),
    });
    format!("{}. {}.", machine.join(", "), crates.join(", "))
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().next()?.trim().to_owned())
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let mut names = info
        .lines()
        .filter_map(|line| line.strip_prefix("model name"));
    let name = names
        .next()?
        .trim_start_matches([' ', '\t', ':'])
        .to_owned();
    let cores = std::thread::available_parallelism().ok()?;
    Some(format!(
        "{} on {cores} cores of {name}",
        std::env::consts::OS
    ))
}

fn versions<'a>(lock: &'a str, name: &str) -> Vec<&'a str> {
    let head = format!("name = \"{name}\"\nversion = \"");
    let found = lock.match_indices(&head).filter_map(|(at, head)| {
        let rest = &lock[at + head.len()..];
        rest.split('"').next()
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_crate_is_in_the_lock_file() {
        let lock = include_str!("../../Cargo.lock");
        for name in CRATES {
            assert!(!versions(lock, name).is_empty(), "{name}");
        }
    }
}
