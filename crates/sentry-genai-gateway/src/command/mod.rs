//! The commands, and what they have in common.

use std::{
    fmt,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use sentry_genai_conventions::{TranslateOptions, Translator};
use sentry_genai_gateway::Client;

mod check;
mod files;
mod progress;
#[cfg(feature = "serve")]
mod serve;
mod translate;
mod tree;

/// Turns OpenTelemetry traces of GenAI programs into what Sentry understands, shows them, and checks them.
///
/// Files are OTLP traces as JSON (one request, one per line, or a list) or protobuf, or tracing-capture-v1, each plain or compressed
/// with gzip; which one is told by content. `-` is the standard input.
///
/// The exit code is 2 when a file, or a line of one, cannot be read; the others are processed all the same.
#[derive(Debug, Parser)]
#[command(name = "sentry-genai", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Translate(translate::Translate),
    Tree(tree::Tree),
    Check(check::Check),
    #[cfg(feature = "serve")]
    Serve(serve::Serve),
}

/// Files to read.
#[derive(Debug, Args)]
struct Inputs {
    /// Files with spans; `-` is the standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// What may leave, and as whose.
#[derive(Debug, Args)]
struct Privacy {
    /// Keep content: prompts, answers, tool arguments and results. It is left out by default
    #[arg(long)]
    pii: bool,
}

impl Privacy {
    fn translator(&self) -> Translator {
        let mut options = TranslateOptions::default();
        options.capture_inputs = self.pii;
        options.capture_outputs = self.pii;
        Translator::new(options)
    }
}

/// The client in whose name spans are written.
fn client(dsn: &str) -> Result<Client, Failure> {
    let url = if dsn.contains("://") {
        dsn.to_owned()
    } else {
        // Of a DSN, only the key gets into an envelope.
        format!("https://{dsn}@localhost/1")
    };
    let dsn = url.parse().map_err(|error| {
        let message =
            format!("--dsn: {error}: expected https://KEY@HOST/PROJECT, or the key alone");
        Failure::Usage(message)
    })?;
    Ok(Client::new(dsn))
}

/// How a command ended that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Fine,
    /// A check found something.
    Findings,
    /// Some input could not be read.
    Unreadable,
}

/// Why a command could not do its work.
#[derive(Debug)]
enum Failure {
    /// The result could not be written to the standard output.
    Output(io::Error),
    /// The result could not be written to a file.
    File(PathBuf, io::Error),
    /// The arguments do not fit each other, or the input.
    Usage(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(error) => write!(f, "standard output: {error}"),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Usage(message) => f.write_str(message),
        }
    }
}

/// Runs a command and returns its exit code: 0, 1 for findings, 2 for unreadable input or wrong arguments.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let result = match arguments.command {
        Command::Translate(command) => command.run(),
        Command::Tree(command) => command.run(),
        Command::Check(command) => command.run(),
        #[cfg(feature = "serve")]
        Command::Serve(command) => command.run(),
    };
    match result {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::Unreadable) => ExitCode::from(2),
        // Whoever read has read enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            complain(&failure);
            ExitCode::from(2)
        }
    }
}

/// Writes a line about trouble to the standard error, if there is one.
fn complain(about: &dyn fmt::Display) {
    let _ = writeln!(io::stderr(), "sentry-genai: {about}");
}
