//! Measures what a span costs, in this workspace and in other ways to Sentry, side by side.
//!
//! The program runs itself again for every measurement, so that each has its own process.

mod allocator;
mod arrivals;
mod build_cost;
mod callgrind;
mod child;
mod command;
mod compression;
mod conditions;
mod curves;
mod distant;
mod doc;
mod driver;
mod figures;
mod gates;
mod guard;
mod peers;
mod plot;
mod probe;
mod profile;
mod scale;
mod sink;
mod table;
mod texts;
mod workloads;

use std::{env, error::Error, process::ExitCode};

use child::Mode;
use peers::{Fields, PeerName, Setup};
use workloads::Workload;

const USAGE: &str = "\
usage: sentry-genai-benches [options]    measures and prints tables

  --workload w1,w6             these workloads, instead of all
  --peer ours,sentry-tracing   these peers, instead of all
  --json                       a line for each workload and peer, instead of tables

or one of
  --scale [--axis spans,depth] [--peer ours] [--json]   what the cost of a span depends on
  --plot FILE                  draws the cost of a span against the spans of its trace, as SVG
  --distant                    how much arrives at a server that is far away
  --profile WORKLOAD PEER      which functions the instructions are spent in
  --build-cost                 what it takes to compile, from nothing
  --compression FOLDER         how small and how fast libraries compress its files
  --doc [SECTIONS]             writes figures,distant,scale,plot,build-cost into docs/performance.md
  --guard                      our own costs against benches/limits.json
  --record                     writes benches/limits.json";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["--child", ref setup @ ..] => measure_here(setup),
        ["--guard"] => guard::check(),
        ref arguments => command::run(arguments).map(|()| true),
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

/// Runs the measurement that another process of this program asks for.
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
