//! `sentry-genai`: shows OpenTelemetry traces of GenAI programs as Sentry understands them, on the command line.

use std::process::ExitCode;

use clap::Parser;

mod command;

fn main() -> ExitCode {
    command::run(command::Arguments::parse())
}
