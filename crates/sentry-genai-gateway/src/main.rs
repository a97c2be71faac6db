//! `sentry-genai`: OpenTelemetry traces of GenAI on the command line, as Sentry would understand them.

use std::process::ExitCode;

use clap::Parser;

mod command;

fn main() -> ExitCode {
    command::run(command::Arguments::parse())
}
