//! Sends AI traces from many threads, for as long as asked, and prints what became of every span as one line of JSON.
//!
//! ```text
//! soak [--opentelemetry] [--threads 8] [--traces N] [--spans-per-trace 6] [--content-bytes 2000] [--seconds S] [--spans-per-second R]
//!      [--keep-ai-traces] [--rate 1.0] [--connections 32] [--tools]
//! ```
//!
//! Spans are made with `tracing`, or with `--opentelemetry` by its API. With `--tools`, models get histories in the form of
//! OpenAI's API, and the definitions of tools. It ends after `--traces` or `--seconds`, whichever comes first. Spans go to
//! `SENTRY_DSN`, or, if that is not set, to its own server in another process, which misbehaves at random and reports at the end
//! what it accepted.

#![expect(clippy::print_stdout, reason = "the result of a program")]

mod memory;
mod program;
mod server;

use std::{
    collections::BTreeMap,
    env,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use sentry::ClientOptions;
use sentry_genai_tests::NO_PROXY;
use serde_json::{Value, json};

use memory::{Memory, resident_kib};
use program::{Content, Program};
use server::OwnServer;

fn main() -> ExitCode {
    let outcome = match env::args().nth(1).as_deref() {
        Some("--serve") => server::serve(),
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
    opentelemetry: bool,
    has_tools: bool,
    rate: f32,
    connections: usize,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut given = BTreeMap::new();
        let (mut keep_ai_traces, mut opentelemetry, mut has_tools) = (false, false, false);
        while let Some(word) = words.next() {
            match word.strip_prefix("--") {
                Some("keep-ai-traces") => keep_ai_traces = true,
                Some("opentelemetry") => opentelemetry = true,
                Some("tools") => has_tools = true,
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
            opentelemetry,
            has_tools,
            rate: take("rate").unwrap_or(1.0) as f32,
            connections: take("connections").unwrap_or(32.0) as usize,
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
    let program = if arguments.opentelemetry {
        let options = sentry_genai_opentelemetry::Options::new()
            .with_keep_ai_traces(arguments.keep_ai_traces)
            .with_max_connections(arguments.connections);
        Program::with_opentelemetry(options, client_options)
    } else {
        let options = sentry_genai::Options::new()
            .with_keep_ai_traces(arguments.keep_ai_traces)
            .with_max_connections(arguments.connections);
        Program::with_layer(options, client_options).ok_or("no DSN")?
    };

    // Spans are sent with a delay; by then, the memory that the process needs anyway has been allocated.
    program.run_agent(arguments.spans_per_trace, &Content::question("warm up"));
    program.flush();
    let memory = Memory::start();
    let begin = Instant::now();
    let (middle, traces) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| memory.watch());
        let workers: Vec<_> = (0..arguments.threads)
            .map(|_| scope.spawn(|| work(&program, arguments, begin, &traces)))
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
    let flushed = program.flush();
    let end = resident_kib();
    let stats = program.end();
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

fn work(program: &Program, arguments: &Arguments, begin: Instant, traces: &AtomicU64) {
    /// More than the translation remembers the tools of.
    const AGENTS: u64 = 12;

    let text = "x".repeat(arguments.content_bytes);
    let contents: Vec<_> = if arguments.has_tools {
        let agents = 0..AGENTS;
        agents.map(|agent| Content::history(&text, agent)).collect()
    } else {
        vec![Content::question(&text)]
    };
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
            program.handle_request(arguments.spans_per_trace);
        } else {
            let content = &contents[number as usize % contents.len()];
            program.run_agent(arguments.spans_per_trace, content);
        }
    }
}
