//! A server that misbehaves at random.

use std::{
    collections::BTreeMap,
    env,
    io::{self, BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use sentry_genai_testkit::{Fault, Ingest};
use serde_json::{Value, json};

/// This program again, as a server. It is a separate process so that its memory does not count as the sender's.
pub(crate) struct OwnServer {
    process: Child,
    output: BufReader<ChildStdout>,
    pub(crate) dsn: String,
}

impl OwnServer {
    pub(crate) fn start() -> io::Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut output = BufReader::new(output);
        let mut dsn = String::new();
        output.read_line(&mut dsn)?;
        Ok(Self {
            process,
            output,
            dsn: dsn.trim().to_owned(),
        })
    }

    /// Stops the server, which then reports its figures.
    pub(crate) fn stop(mut self) -> io::Result<Value> {
        drop(self.process.stdin.take());
        let mut figures = String::new();
        self.output.read_line(&mut figures)?;
        self.process.wait()?;
        Ok(serde_json::from_str(&figures)?)
    }
}

/// Serves until the standard input ends.
pub(crate) fn serve() -> Result<Value, String> {
    let ingest = Ingest::start_counting().map_err(|error| error.to_string())?;
    ingest.random(
        1,
        [
            (0.01, Fault::status(500)),
            (0.01, Fault::status(503)),
            (0.005, Fault::reset()),
            (0.005, Fault::close()),
            (0.005, Fault::reset_after(500)),
            (0.005, Fault::status(413)),
            (0.005, Fault::early_status(413)),
            (0.005, Fault::truncated_answer()),
            (0.002, Fault::trickle(Duration::from_millis(300))),
            (0.002, Fault::none().with_delay(Duration::from_millis(200))),
            (0.001, Fault::hang(Duration::from_millis(500))),
            (
                0.0005,
                Fault::status(429).with_rate_limits("1:span:organization"),
            ),
        ],
    );
    println!("{}", ingest.dsn());
    io::stdout().flush().map_err(|error| error.to_string())?;
    io::copy(&mut io::stdin(), &mut io::sink()).map_err(|error| error.to_string())?;
    let figures = ingest.figures();
    let client_reports: BTreeMap<_, _> = (ingest.client_reports().into_iter())
        .map(|((_, reason), quantity)| (reason, quantity))
        .collect();
    Ok(json!({
        "requests": figures.requests,
        "connections": figures.connections,
        "accepted_spans": figures.accepted_spans,
        "duplicate_spans": figures.duplicate_spans,
        "breaches": figures.breaches,
        "violations": figures.violations,
        "client_reports": client_reports,
    }))
}
