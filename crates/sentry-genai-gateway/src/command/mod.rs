//! The commands, and what they share.

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
/// Files are OTLP traces as JSON (one request, one per line, or a list) or protobuf, or tracing-capture-v1, plain or compressed with
/// gzip. The format is detected by content. `-` is standard input.
///
/// If a file, or a part of one, cannot be read, the rest is processed and the exit code is 2.
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
    /// Files with spans; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// What may leave the process.
#[derive(Debug, Args)]
struct Privacy {
    /// Keep content (prompts, answers, tool arguments and results) and addresses of clients, which are left out by default
    #[arg(long)]
    pii: bool,
}

impl Privacy {
    fn translator(&self) -> Translator {
        let mut options = TranslateOptions::default();
        options.capture_inputs = self.pii;
        options.capture_outputs = self.pii;
        options.capture_client_addresses = self.pii;
        Translator::new(options)
    }
}

/// What the spans are labelled with.
#[derive(Debug, Args)]
struct Release {
    /// The release of all spans, such as shop@1.4.2; by default the service version of their resource
    #[arg(long)]
    release: Option<String>,
    /// The environment of all spans; by default that of their resource, or production
    #[arg(long)]
    environment: Option<String>,
}

impl Release {
    fn of(&self, mut client: Client) -> Client {
        client.release = non_empty(&self.release);
        client.environment = non_empty(&self.environment);
        client
    }
}

/// Returns an argument unless it is empty, as `--release "$VARIABLE"` is if the variable is not set.
fn non_empty(argument: &Option<String>) -> Option<String> {
    argument.clone().filter(|text| !text.is_empty())
}

/// Returns the client in whose name spans are written.
fn client(dsn: &str) -> Result<Client, Failure> {
    let url = if dsn.contains("://") {
        dsn.to_owned()
    } else {
        // An envelope contains only the key of a DSN, so the rest can be anything.
        format!("https://{dsn}@localhost/1")
    };
    let dsn = url.parse().map_err(|error| {
        let message =
            format!("--dsn: {error}: expected https://KEY@HOST/PROJECT, or the key alone");
        Failure::Usage(message)
    })?;
    Ok(Client::new(dsn))
}

/// The outcome of a command that could do its work.
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
    /// The result could not be written to standard output.
    Output(io::Error),
    /// The result could not be written to a file.
    File(PathBuf, io::Error),
    /// The arguments contradict each other, or do not fit the input.
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
        // The reader, such as `head`, has read enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            print_message(&failure);
            ExitCode::from(2)
        }
    }
}

/// Writes a line about a problem to standard error, and ignores a standard error that is closed.
fn print_message(message: &dyn fmt::Display) {
    let _ = writeln!(io::stderr(), "sentry-genai: {message}");
}
