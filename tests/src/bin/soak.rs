//! Sends AI traces from many threads, for as long as asked, and prints what became of every span as one line of JSON.
//!
//! ```text
//! soak [--threads 8] [--traces N] [--spans-per-trace 6] [--content-bytes 2000] [--seconds S] [--spans-per-second R]
//!      [--keep-ai-traces] [--rate 1.0]
//! ```
//!
//! It ends after `--traces` or `--seconds`, whichever comes first. Spans go to `SENTRY_DSN`, or, if that is not set, to its own
//! server in another process, which misbehaves at random and reports at the end what it accepted.

#![expect(clippy::print_stdout, reason = "the result of a program")]

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, BufRead as _, BufReader, Write as _},
    process::{Child, Command, ExitCode, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use sentry::ClientOptions;
use sentry_genai::Options;
use sentry_genai_testkit::{Fault, Ingest};
use sentry_genai_tests::NO_PROXY;
use serde_json::{Value, json};
use tracing::info_span;
use tracing_subscriber::prelude::*;

fn main() -> ExitCode {
    let outcome = match env::args().nth(1).as_deref() {
        Some("--serve") => serve(),
        _ => Arguments::parse(env::args().skip(1)).and_then(|arguments| soak(&arguments)),
    };
    match outcome {
        Ok(result) => {
            println!("{result}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{}", json!({ "error": error }));
            ExitCode::FAILURE
        }
    }
}

struct Arguments {
    threads: u64,
    traces: u64,
    spans_per_trace: u64,
    content_bytes: usize,
    seconds: f64,
    spans_per_second: f64,
    keep_ai_traces: bool,
    rate: f32,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut given = BTreeMap::new();
        let mut keep_ai_traces = false;
        while let Some(word) = words.next() {
            match word.strip_prefix("--") {
                Some("keep-ai-traces") => keep_ai_traces = true,
                Some(name) => {
                    let value = words.next().ok_or(format!("{word} needs a value"))?;
                    let value: f64 = value.parse().map_err(|_| format!("{word} {value}"))?;
                    given.insert(name.to_owned(), value);
                }
                None => return Err(format!("{word} is not understood")),
            }
        }
        let mut take = |name: &str| given.remove(name);
        let (traces, seconds) = (take("traces"), take("seconds"));
        let arguments = Self {
            threads: take("threads").unwrap_or(8.0).max(1.0) as u64,
            traces: match (traces, seconds) {
                (Some(traces), _) => traces as u64,
                (None, Some(_)) => u64::MAX,
                (None, None) => 10_000,
            },
            spans_per_trace: take("spans-per-trace").unwrap_or(6.0).max(1.0) as u64,
            content_bytes: take("content-bytes").unwrap_or(2000.0) as usize,
            seconds: seconds.unwrap_or(f64::INFINITY),
            spans_per_second: take("spans-per-second").unwrap_or(f64::INFINITY),
            keep_ai_traces,
            rate: take("rate").unwrap_or(1.0) as f32,
        };
        match given.into_keys().next() {
            Some(unknown) => Err(format!("--{unknown} is not understood")),
            None => Ok(arguments),
        }
    }
}

fn soak(arguments: &Arguments) -> Result<Value, String> {
    let server = match env::var("SENTRY_DSN") {
        Ok(dsn) if !dsn.is_empty() => None,
        _ => Some(OwnServer::start().map_err(|error| error.to_string())?),
    };
    let mut client_options = ClientOptions::new()
        .traces_sample_rate(arguments.rate)
        .shutdown_timeout(Duration::from_secs(30))
        .send_default_pii(true);
    if let Some(server) = &server {
        client_options = client_options.dsn(&server.dsn).http_proxy(NO_PROXY);
    }
    let guard = Options::new()
        .with_keep_ai_traces(arguments.keep_ai_traces)
        .init(client_options);
    let handle = guard.handle().ok_or("no DSN")?.clone();
    tracing_subscriber::registry()
        .with(sentry_genai::layer())
        .init();

    // Spans are sent with a delay; by then, the memory that the process needs anyway has been allocated.
    trace(arguments, "warm up");
    guard.flush(Duration::from_secs(5));
    let memory = Memory::start();
    let begin = Instant::now();
    let (middle, traces) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| memory.watch());
        let workers: Vec<_> = (0..arguments.threads)
            .map(|_| scope.spawn(|| work(arguments, begin, &traces)))
            .collect();
        let half = Duration::from_secs_f64(arguments.seconds.min(1e6) / 2.0);
        while workers.iter().any(|worker| !worker.is_finished()) {
            if begin.elapsed() >= half && middle.load(Ordering::Relaxed) == 0 {
                middle.store(resident_kib(), Ordering::Relaxed);
            }
            thread::sleep(Duration::from_millis(20));
        }
        memory.stop.store(true, Ordering::Relaxed);
    });
    let produced_in = begin.elapsed();
    let flushed = guard.flush(Duration::from_secs(60));
    let end = resident_kib();
    drop(guard);
    let stats = handle.stats();
    let reported: serde_json::Map<_, _> = stats
        .losses()
        .map(|(reason, spans)| (reason.as_str().to_owned(), spans.into()))
        .collect();
    let mib = |kib: u64| (kib as f64 / 102.4).round() / 10.0;
    let mut result = json!({
        "produced": stats.produced,
        "accepted": stats.accepted,
        "reported": reported,
        "unaccounted": stats.pending(),
        "flush_complete": flushed,
        "rss_mib": {
            "start": mib(memory.start),
            "middle": mib(middle.into_inner()),
            "peak": mib(memory.peak.load(Ordering::Relaxed)),
            "end": mib(end),
        },
        "seconds": (produced_in.as_secs_f64() * 10.0).round() / 10.0,
    });
    if let Some(server) = server {
        result["server"] = server.stop().map_err(|error| error.to_string())?;
    }
    Ok(result)
}

fn work(arguments: &Arguments, begin: Instant, traces: &AtomicU64) {
    let content = "x".repeat(arguments.content_bytes);
    while begin.elapsed().as_secs_f64() < arguments.seconds {
        let number = traces.fetch_add(1, Ordering::Relaxed);
        if number >= arguments.traces {
            break;
        }
        let due = number as f64 * arguments.spans_per_trace as f64 / arguments.spans_per_second;
        let early = due - begin.elapsed().as_secs_f64();
        if early > 0.0 {
            thread::sleep(Duration::from_secs_f64(early.min(1.0)));
        }
        // Every fourth trace has no AI spans, to exercise `--keep-ai-traces`.
        if number % 4 == 3 {
            plain_trace(arguments);
        } else {
            trace(arguments, &content);
        }
    }
}

/// An agent run: model calls and tools alternate.
fn trace(arguments: &Arguments, content: &str) {
    let message = json!([{"role": "user", "parts": [{"type": "text", "content": content}]}]);
    let message = message.to_string();
    let _agent = info_span!(
        "invoke_agent",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = "Soak",
        gen_ai.conversation.id = "conv_soak",
    )
    .entered();
    for number in 1..arguments.spans_per_trace {
        if number % 2 == 1 {
            let _chat = info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.request.model = "gpt-5-mini",
                gen_ai.input.messages = message,
                gen_ai.usage.input_tokens = 100,
                gen_ai.usage.output_tokens = 20,
            )
            .entered();
        } else {
            let _tool = info_span!(
                "execute_tool",
                gen_ai.operation.name = "execute_tool",
                gen_ai.tool.name = "search",
                gen_ai.tool.call.result = content,
            )
            .entered();
        }
    }
}

fn plain_trace(arguments: &Arguments) {
    let _root = info_span!("GET /health", otel.kind = "server").entered();
    for _ in 1..arguments.spans_per_trace {
        info_span!("query", otel.kind = "client").in_scope(|| {});
    }
}

/// The resident set size of this process over time.
struct Memory {
    start: u64,
    peak: AtomicU64,
    stop: AtomicBool,
}

impl Memory {
    fn start() -> Self {
        let start = resident_kib();
        Self {
            start,
            peak: AtomicU64::new(start),
            stop: AtomicBool::new(false),
        }
    }

    fn watch(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            self.peak.fetch_max(resident_kib(), Ordering::Relaxed);
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Reads Linux's figure; 0 on other systems.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let digits = line.and_then(|line| line.split_whitespace().next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// This program again, as a server. It is a separate process so that its memory does not count as the sender's.
struct OwnServer {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
    dsn: String,
}

impl OwnServer {
    fn start() -> io::Result<Self> {
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
    fn stop(mut self) -> io::Result<Value> {
        drop(self.process.stdin.take());
        let mut figures = String::new();
        self.output.read_line(&mut figures)?;
        self.process.wait()?;
        Ok(serde_json::from_str(&figures)?)
    }
}

/// Serves until the standard input ends.
fn serve() -> Result<Value, String> {
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
