//! A program that ends in the way its argument names; `tests/ends.rs` checks what arrives.

#![expect(clippy::print_stdout, reason = "what the test wants to know")]

use std::{
    env,
    error::Error,
    fs, mem, panic, process, thread,
    time::{Duration, Instant},
};

#[cfg(unix)]
use fork::{Fork, fork, waitpid};
use sentry::ClientOptions;
use sentry_genai::{Guard, Options, RetryPolicy};
use tracing::info_span;
use tracing_subscriber::prelude::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn Error>> {
    let ending = env::args().nth(1).unwrap_or_default();
    let shutdown_timeout = env::var("SHUTDOWN_MILLIS").ok();
    let shutdown_timeout = shutdown_timeout.map_or(Ok(5000), |it| it.parse())?;
    let pause = Duration::from_millis(20);
    let retries = RetryPolicy::default().with_max_attempts(1000);
    let mut options =
        ClientOptions::new().shutdown_timeout(Duration::from_millis(shutdown_timeout));
    if env::var_os("SENTRY_TRACES_SAMPLE_RATE").is_none() {
        options = options.traces_sample_rate(1.0);
    }
    let guard = Options::new()
        .with_retries(retries.with_pauses(pause, pause))
        .init(options);
    tracing_subscriber::registry()
        .with(sentry_genai::layer())
        .init();
    match &*ending {
        "open-root" => open_root(),
        "panic" => in_panic(),
        "exit" => {
            work("before the exit");
            drop(guard);
            process::exit(7);
        }
        "exit-after-flush" => {
            work("before the exit");
            sentry::logger_error!("it ends");
            println!("{}", sentry_genai::flush(PATIENCE));
            process::exit(7);
        }
        "trouble" => {
            work("perhaps not accepted");
            let begin = Instant::now();
            let handle = guard.handle().cloned().ok_or("no client")?;
            drop(guard);
            println!("{}", begin.elapsed().as_millis());
            println!("{}", handle.stats().pending() == 0);
            println!("{:?}", handle.last_failure());
        }
        #[cfg(unix)]
        "fork" => forked(guard, None)?,
        #[cfg(unix)]
        "measured-fork" => {
            // It captures metrics on a client that nothing else keeps.
            let client = sentry::Client::from(ClientOptions::new());
            let measuring = Options::new().with_metrics(true).attach(&client);
            forked(guard, Some(measuring))?;
        }
        #[cfg(unix)]
        "descriptors" => without_descriptors(&guard)?,
        "files" => without_files(&guard),
        "crowd" => crowd(&guard),
        "thread" => end_of_a_thread(&guard),
        _ => return Err("no such ending".into()),
    }
    Ok(())
}

thread_local! {
    static LAST: Last = const { Last };
}

/// A value that a thread drops after Sentry's hub.
struct Last;

impl Drop for Last {
    fn drop(&mut self) {
        info_span!("root of the end").in_scope(|| {
            let _call = info_span!("call", gen_ai.operation.name = "chat").entered();
        });
    }
}

fn end_of_a_thread(guard: &Guard) {
    let root = info_span!("root");
    let thread = thread::spawn(move || {
        // `tracing`'s thread-locals are dropped after `LAST`. The hub, which a child span does not need, is dropped before.
        info_span!(parent: &root, "child").in_scope(|| {});
        LAST.with(|_| ());
        work("before the end");
    });
    println!("{}", thread.join().is_ok());
    println!("{}", guard.flush(PATIENCE));
}

fn work(name: &'static str) {
    info_span!("work", otel.name = name).in_scope(|| {});
}

/// The root is still open when the guard is dropped.
fn open_root() {
    let root = info_span!("root");
    root.in_scope(|| {
        work("first child");
        work("second child");
    });
    mem::forget(root);
}

fn in_panic() {
    let _root = info_span!("root").entered();
    work("before the panic");
    panic!("expected");
}

#[cfg(unix)]
fn forked(guard: Guard, measuring: Option<Guard>) -> Result<(), Box<dyn Error>> {
    work("left to the parent");
    match fork()? {
        Fork::Child => {
            drop(measuring);
            work("in the child");
            let handle = guard.handle().ok_or("disabled")?.clone();
            let complete = guard.flush(PATIENCE);
            drop(guard);
            let stats = handle.stats();
            process::exit(i32::from(
                !complete || stats.accepted != 1 || stats.produced != 1,
            ));
        }
        Fork::Parent(child) => {
            println!("{}", waitpid(child)?);
            work("after the child");
        }
    }
    Ok(())
}

#[cfg(unix)]
fn without_descriptors(guard: &Guard) -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    while let Ok(file) = fs::File::open("/dev/null") {
        files.push(file);
    }
    work("without descriptors");
    println!("{}", guard.flush(Duration::from_millis(300)));
    drop(files);
    println!("{}", guard.flush(PATIENCE));
    Ok(())
}

/// Prints whether a file can be written, and whether spans are sent.
fn without_files(guard: &Guard) {
    let file = env::temp_dir().join(format!("endings-{}", process::id()));
    // The signal is ignored, so that writing returns an error.
    let written = fs::write(&file, "x").is_ok();
    let _ = fs::remove_file(&file);
    println!("{written}");
    work("on a full disk");
    println!("{}", guard.flush(PATIENCE));
}

/// Many spans that are open at the same time, on several threads.
fn crowd(guard: &Guard) {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let open: Vec<_> = (0..2500)
                    .map(|_| {
                        let root = info_span!("root");
                        let child = info_span!(parent: &root, "child");
                        (child, root)
                    })
                    .collect();
                drop(open);
            });
        }
    });
    // Ten thousand traces take as many requests, and the machine may be busy.
    println!("{}", guard.flush(12 * PATIENCE));
}
