//! What a span costs: this workspace and the other ways to Sentry, side by side.
//!
//! ```text
//! cargo run --release -p sentry-genai-benches -- [--workload w1,w6] [--peer ours,sentry-tracing] [--json]
//! cargo run --release -p sentry-genai-benches -- --guard     # our own costs against limits.json
//! cargo run --release -p sentry-genai-benches -- --record    # writes limits.json
//! ```
//!
//! The program runs itself again for every measurement, so that each has a process of its own.

mod allocator;
mod arrivals;
mod callgrind;
mod child;
mod driver;
mod guard;
mod peers;
mod probe;
mod profile;
mod scale;
mod sink;
mod table;
mod texts;
mod workloads;

use std::{env, error::Error, process::ExitCode};

use callgrind::Valgrind;
use child::Mode;
use driver::Driver;
use peers::{Fields, PeerName, Setup};
use workloads::{Workload, scaled::Axis};

const USAGE: &str = "usage: sentry-genai-benches [--workload w1,w6] [--peer ours,sentry-tracing] [--json] | --guard | --record";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["--child", ref setup @ ..] => measure_here(setup),
        ["--guard"] => guard::check(),
        ["--scale", ref arguments @ ..] => measure_scale(arguments),
        ["--profile", workload, peer] => profile(workload, peer),
        ["--record"] => guard::record().map(|()| true),
        _ => compare(&arguments),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures what another process of this program asks for.
fn measure_here(arguments: &[&str]) -> Result<bool, Box<dyn Error>> {
    let [peer, workload, mode, repeats, fields, sink] = arguments else {
        return Err(USAGE.into());
    };
    let peer = PeerName::named(peer).ok_or(USAGE)?;
    let setup = Setup {
        workload: Workload::named(workload).ok_or(USAGE)?,
        mode: Mode::named(mode).ok_or(USAGE)?,
        fields: match *fields {
            "neutral" => Fields::Neutral,
            _ => Fields::Own,
        },
        repeats: repeats.parse()?,
        sink: sink.parse()?,
    };
    println!("{}", serde_json::to_string(&peer.run(&setup))?);
    Ok(true)
}

/// Measures what the command line asks for, and everything by default.
fn compare(arguments: &[&str]) -> Result<bool, Box<dyn Error>> {
    let mut workloads = Workload::ALL.to_vec();
    let mut peers = PeerName::ALL.to_vec();
    let mut output = Output::Tables;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--workload" => workloads = list(arguments.next(), Workload::named)?,
            "--peer" => peers = list(arguments.next(), PeerName::named)?,
            "--json" => output = Output::Json,
            _ => return Err(USAGE.into()),
        }
    }
    let driver = Driver::new(find_valgrind())?;
    let mut all = Vec::new();
    for workload in workloads {
        for &peer in peers.iter().filter(|peer| peer.takes_part_in(workload)) {
            eprintln!("{} {}", workload.name(), peer.name());
            let figures = driver.figures(workload, peer)?;
            if output == Output::Json {
                println!("{}", serde_json::to_string(&figures)?);
            }
            all.push(figures);
        }
    }
    if output == Output::Tables {
        print!("{}", table::render(&all));
    }
    Ok(true)
}

/// Measures at growing sizes.
fn measure_scale(arguments: &[&str]) -> Result<bool, Box<dyn Error>> {
    let mut axes = Axis::ALL.to_vec();
    let mut peers = scale::PEERS.to_vec();
    let mut output = Output::Tables;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--axis" => axes = list(arguments.next(), Axis::named)?,
            "--peer" => peers = list(arguments.next(), PeerName::named)?,
            "--json" => output = Output::Json,
            _ => return Err(USAGE.into()),
        }
    }
    let driver = Driver::new(find_valgrind())?;
    let points = scale::measure(&driver, &axes, &peers, |point| {
        if output == Output::Json {
            println!("{}", serde_json::to_string(point)?);
        }
        Ok(())
    })?;
    if output == Output::Tables {
        print!("{}", scale::render(&points));
    }
    Ok(true)
}

/// Says where the instructions go.
fn profile(workload: &str, peer: &str) -> Result<bool, Box<dyn Error>> {
    let workload = Workload::named(workload).ok_or(USAGE)?;
    let peer = PeerName::named(peer).ok_or(USAGE)?;
    let driver = Driver::new(Valgrind::Present)?;
    print!("{}", profile::render(&driver, workload, peer)?);
    Ok(true)
}

fn find_valgrind() -> Valgrind {
    let valgrind = Valgrind::find();
    if valgrind == Valgrind::Missing {
        eprintln!("valgrind is missing, so there will be no counts of instructions");
    }
    valgrind
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Tables,
    Json,
}

fn list<T>(names: Option<&&str>, named: fn(&str) -> Option<T>) -> Result<Vec<T>, Box<dyn Error>> {
    let unknown = |name: &str| format!("there is no {name}\n{USAGE}");
    let names = names.ok_or(USAGE)?.split(',');
    let all = names.map(|name| named(name).ok_or_else(|| unknown(name).into()));
    all.collect()
}
