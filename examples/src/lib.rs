//! Code that the examples share: a Sentry to send to, and a report of what it received.

use std::{
    env,
    fmt::Display,
    io::{self, Write as _},
    process::{self, Command},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use sentry_genai::{
    Guard, Handle, SendFailure, Stats,
    sentry::{protocol::Value, types::Dsn},
};
use sentry_genai_testkit::{FakeLlm, Ingest, ReceivedSpan, render_transcript, render_tree};

mod otlp;

pub use otlp::OtlpCapture;

/// How long an example waits for its spans to be sent.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Where an example sends its spans: a Sentry on loopback, or the one that `SENTRY_DSN` names.
#[derive(Debug)]
pub struct Backend {
    dsn: String,
    local: Option<Ingest>,
}

impl Backend {
    /// Reads `SENTRY_DSN`, or starts a Sentry on loopback if it is not set.
    ///
    /// # Errors
    ///
    /// Returns an error if the DSN cannot be parsed, or if the server cannot be started.
    pub fn start() -> anyhow::Result<Self> {
        let Some(dsn) = env::var("SENTRY_DSN").ok().filter(|dsn| !dsn.is_empty()) else {
            without_proxies()?;
            let local = Ingest::start().context("cannot start a Sentry on loopback")?;
            return Ok(Self {
                dsn: local.dsn(),
                local: Some(local),
            });
        };
        let parsed: Dsn = dsn.parse().context("SENTRY_DSN is not a DSN")?;
        let (host, project) = (parsed.host(), parsed.project_id());
        show(format_args!(
            "Sending to project {project} at {host}, as SENTRY_DSN says."
        ));
        Ok(Self { dsn, local: None })
    }

    /// Returns the DSN to initialise Sentry with.
    #[must_use]
    pub fn dsn(&self) -> &str {
        &self.dsn
    }

    /// Flushes, and prints what Sentry shows of the spans: traces, conversations and errors.
    ///
    /// # Errors
    ///
    /// Returns an error if no span arrived, or if any was lost or malformed.
    pub fn finish(&self, sentry: &Guard) -> anyhow::Result<()> {
        let is_flushed = sentry.flush(FLUSH_TIMEOUT);
        let handle = handle(sentry)?;
        self.report(is_flushed, handle.stats(), handle.last_failure())
    }

    /// Prints what Sentry shows of spans that have been flushed: traces, conversations and errors.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`finish`](Self::finish).
    pub fn report(
        &self,
        is_flushed: bool,
        stats: Stats,
        last_failure: Option<SendFailure>,
    ) -> anyhow::Result<()> {
        let spans = self.spans(is_flushed, stats, last_failure)?;
        let Some(local) = &self.local else {
            return Ok(());
        };
        show(render_tree(&spans));
        show(render_transcript(&spans));
        for error in local.events() {
            show(describe_error(&error, &spans));
        }
        Ok(())
    }

    /// Flushes, and takes the spans that the local Sentry has received; none with `SENTRY_DSN`.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`finish`](Self::finish).
    pub fn take(&self, sentry: &Guard) -> anyhow::Result<Vec<ReceivedSpan>> {
        let is_flushed = sentry.flush(FLUSH_TIMEOUT);
        let handle = handle(sentry)?;
        let spans = self.spans(is_flushed, handle.stats(), handle.last_failure())?;
        if let Some(local) = &self.local {
            local.clear();
        }
        Ok(spans)
    }

    fn spans(
        &self,
        is_flushed: bool,
        stats: Stats,
        last_failure: Option<SendFailure>,
    ) -> anyhow::Result<Vec<ReceivedSpan>> {
        let losses = stats
            .losses()
            .map(|(reason, spans)| format!("{} {spans}", reason.as_str()));
        let mut lost = losses.collect::<Vec<_>>().join(", ");
        if lost.is_empty() {
            lost.push_str("none");
        }
        let failure =
            last_failure.map_or_else(|| "no request failed".to_owned(), |it| it.to_string());
        ensure!(
            is_flushed,
            "not all spans arrived within 5 seconds ({} spans were accepted, lost: {lost}; {failure})",
            stats.accepted
        );
        ensure!(
            stats.accepted > 0,
            "no span arrived (lost: {lost}; {failure})"
        );
        let Some(local) = &self.local else {
            show(format_args!(
                "{} spans were accepted, lost: {lost}",
                stats.accepted
            ));
            return Ok(Vec::new());
        };
        if let Some(violation) = local.violations().first() {
            bail!("what was sent is malformed: {violation}");
        }
        Ok(local.spans())
    }
}

fn handle(sentry: &Guard) -> anyhow::Result<&Handle> {
    sentry.handle().context("Sentry is not enabled")
}

/// Writes a line to the standard output. Unlike `println!`, does not panic if the reader is gone, as behind `| head`.
pub fn show(line: impl Display) {
    _ = writeln!(io::stdout(), "{line}");
}

/// Returns whether the program was started with `--pii`, which lets prompts and answers leave the process.
#[must_use]
pub fn pii() -> bool {
    env::args().any(|argument| argument == "--pii")
}

/// Restarts this program with the environment variable that permits `genai` to record content. Then this call does not return.
/// Does nothing if the variable is set.
///
/// The variable has to be in the environment from the start: `genai` has no other switch, and setting a variable from within the
/// process is unsafe.
///
/// # Errors
///
/// Returns an error if the program cannot be started.
pub fn let_genai_record_content() -> anyhow::Result<()> {
    let variable = genai::otel::CAPTURE_CONTENT_ENV;
    if env::var_os(variable).is_some() {
        return Ok(());
    }
    restart_with(|program| _ = program.env(variable, "true"))
}

/// Restarts this program without the environment variables that name a proxy. Then this call does not return. Does nothing if
/// there are no such variables.
///
/// A proxy cannot reach loopback addresses of this machine, and `NO_PROXY` would not help, since Sentry's client does not read
/// it.
///
/// # Errors
///
/// Returns an error if the program cannot be started.
pub fn without_proxies() -> anyhow::Result<()> {
    let proxies = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    if proxies.iter().all(|name| env::var_os(name).is_none()) {
        return Ok(());
    }
    restart_with(|program| {
        for name in proxies {
            program.env_remove(name);
        }
    })
}

/// Restarts this program with another environment, and exits as the new process does.
fn restart_with(change: impl FnOnce(&mut Command)) -> anyhow::Result<()> {
    let program = env::current_exe().context("cannot find this program")?;
    let mut program = Command::new(program);
    program.args(env::args_os().skip(1));
    change(&mut program);
    let status = program.status()?;
    process::exit(status.code().unwrap_or(1));
}

/// Creates a `genai` client that uses the fake model server for every provider.
///
/// To use the real providers, create it with `genai::Client::default()`, with their keys in the environment.
///
/// # Errors
///
/// Returns an error if the HTTP client cannot be built.
pub fn genai_client(llm: &FakeLlm) -> anyhow::Result<genai::Client> {
    let url = format!("{}/", llm.openai_url());
    let client = genai::Client::builder()
        .with_service_target_resolver_fn(move |mut target: genai::ServiceTarget| {
            target.endpoint = genai::resolver::Endpoint::from_owned(url.clone());
            target.auth = genai::resolver::AuthData::from_single("no key");
            Ok(target)
        })
        .build()?;
    Ok(client)
}

/// Describes an error event in one line, with the span it is linked to.
fn describe_error(event: &Value, spans: &[ReceivedSpan]) -> String {
    let text = |pointer: &str| {
        event
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("?")
    };
    // The last exception is the one that was reported; the others are its causes.
    let exception = event
        .pointer("/exception/values")
        .and_then(|values| values.as_array()?.last());
    let part = |key: &str| {
        exception
            .and_then(|it| it.get(key)?.as_str())
            .unwrap_or("?")
    };
    let span_id = text("/contexts/trace/span_id");
    let span = spans.iter().find(|span| span.span_id == span_id);
    let span_name = span.map_or("no span of these", |span| &span.name);
    format!(
        "error {}: {}\n  in {span_name}",
        part("type"),
        part("value")
    )
}
