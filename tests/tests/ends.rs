//! Tests how processes end, and what arrives then.

use std::{
    process::{Command, Output},
    time::{Duration, Instant},
};

use sentry_genai_testkit::{Fault, Ingest};
use sentry_genai_tests::{Bridge, command};

fn program(ingest: &Ingest, ending: &str) -> Command {
    let mut program = command(env!("CARGO_BIN_EXE_endings"));
    program.arg(ending).env("SENTRY_DSN", ingest.dsn());
    program
}

fn run(ingest: &Ingest, ending: &str) -> Output {
    let output = program(ingest, ending).output();
    output.expect("the program starts")
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(str::to_owned).collect()
}

fn names(ingest: &Ingest) -> Vec<String> {
    assert_eq!(ingest.violations(), [""; 0]);
    let figures = ingest.figures();
    assert_eq!(figures.duplicate_spans, 0);
    let mut names: Vec<_> = ingest.spans().into_iter().map(|span| span.name).collect();
    names.sort();
    names
}

#[test]
fn finished_children_of_a_root_that_is_still_open() {
    let ingest = Ingest::start().unwrap();
    assert!(run(&ingest, "open-root").status.success());
    assert_eq!(names(&ingest), ["first child", "second child"]);
}

#[test]
fn a_panic_that_ends_the_program() {
    let ingest = Ingest::start().unwrap();
    let output = run(&ingest, "panic");
    assert_eq!(output.status.code(), Some(101));
    assert_eq!(names(&ingest), ["before the panic", "root"]);
    // Nothing of ours appears on the program's standard error.
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("sentry"), "{errors}");
    // The panic itself is an event of the same trace.
    let trace_id = &ingest.spans()[0].trace_id;
    let events = ingest.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["contexts"]["trace"]["trace_id"], **trace_id);
}

#[test]
fn an_exit_after_the_guard_was_dropped() {
    let ingest = Ingest::start().unwrap();
    assert_eq!(run(&ingest, "exit").status.code(), Some(7));
    assert_eq!(names(&ingest), ["before the exit"]);
}

/// Whatever the program told Sentry arrives, not only its spans. Logs wait for seconds to be sent.
#[test]
fn an_exit_after_a_flush() {
    let ingest = Ingest::start().unwrap();
    let output = run(&ingest, "exit-after-flush");
    assert_eq!(
        (output.status.code(), lines(&output)),
        (Some(7), vec!["true".to_owned()])
    );
    assert_eq!(names(&ingest), ["before the exit"]);
    let logs = ingest.logs();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0]["body"], "it ends");
}

#[test]
fn the_environment_sets_the_sample_rate() {
    for (rate, spans) in [("1.0", 1), ("0", 0), ("", 0), ("all", 0), ("2", 0)] {
        let ingest = Ingest::start().unwrap();
        let mut program = program(&ingest, "exit");
        let status = program.env("SENTRY_TRACES_SAMPLE_RATE", rate).status();
        assert_eq!(status.unwrap().code(), Some(7));
        assert_eq!(ingest.spans().len(), spans, "{rate:?}");
    }
}

#[test]
fn a_server_that_hangs_when_the_program_ends() {
    let ingest = Ingest::start().unwrap();
    ingest.always(Fault::hang(Duration::from_secs(60)));
    let timeout = Duration::from_millis(600);
    let begin = Instant::now();
    let millis = timeout.as_millis().to_string();
    let output = program(&ingest, "trouble")
        .env("SHUTDOWN_MILLIS", millis)
        .output();
    let waited = begin.elapsed();
    // The request itself may take 30 seconds.
    assert!(
        (timeout..Duration::from_secs(15)).contains(&waited),
        "{waited:?}"
    );
    let lines = lines(&output.unwrap());
    assert_eq!(lines[1], "true", "every span is accounted for");
    assert!(lines[2].contains("no answer within"), "{}", lines[2]);
}

#[cfg(unix)]
#[test]
fn a_forked_child_sends_its_own_spans_only() {
    for ending in ["fork", "measured-fork"] {
        let ingest = Ingest::start().unwrap();
        let output = run(&ingest, ending);
        assert!(output.status.success(), "{ending}");
        assert_eq!(lines(&output), ["0"], "the child's status: {ending}");
        let expected = ["after the child", "in the child", "left to the parent"];
        assert_eq!(names(&ingest), expected, "{ending}");
    }
}

/// The child waits for the copies to Spotlight, too, for as long as it waits for its spans.
#[cfg(unix)]
#[test]
fn a_forked_child_waits_for_its_copies_to_spotlight() {
    let (ingest, spotlight) = (Ingest::start().unwrap(), Ingest::start().unwrap());
    let output = program(&ingest, "fork")
        .env("SENTRY_SPOTLIGHT", format!("{}/stream", spotlight.url()))
        .output();
    assert_eq!(lines(&output.unwrap()), ["0"], "the child's status");
    assert_eq!(names(&ingest).len(), 3);
    let copies = spotlight.envelopes();
    let copies = copies.iter().map(|it| String::from_utf8_lossy(&it.bytes));
    let copies: String = copies.collect();
    assert!(copies.contains("in the child"), "{copies}");
}

#[cfg(unix)]
#[test]
fn no_file_descriptors_left() {
    let ingest = Ingest::start().unwrap();
    let output = run(&ingest, "descriptors");
    assert_eq!(lines(&output), ["false", "true"]);
    assert_eq!(names(&ingest), ["without descriptors"]);
}

/// Nothing of ours writes a file, so that a full or read-only disk has no effect.
#[cfg(unix)]
#[test]
fn no_byte_can_be_written_to_any_file() {
    let ingest = Ingest::start().unwrap();
    let script = "ulimit -f 0 && trap '' XFSZ && exec \"$0\" files";
    let output = command("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_endings")])
        .env("SENTRY_DSN", ingest.dsn())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(lines(&output), ["false", "true"]);
    assert_eq!(names(&ingest), ["on a full disk"]);
}

#[test]
fn ten_thousand_spans_open_at_once() {
    let ingest = Ingest::start_counting().unwrap();
    assert_eq!(lines(&run(&ingest, "crowd")), ["true"]);
    assert_eq!(ingest.figures().accepted_spans, 20_000);
}

/// Without the thread's scope, which may have been dropped before.
#[test]
fn spans_that_start_as_their_thread_goes_away() {
    let ingest = Ingest::start().unwrap();
    let output = run(&ingest, "thread");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(lines(&output), ["true", "true"]);
    assert_eq!(
        names(&ingest),
        ["before the end", "chat", "child", "root", "root of the end"]
    );
}

#[test]
fn a_flush_tells_if_something_is_still_waiting() {
    let bridge = Bridge::start();
    let slow = Fault::none().with_delay(Duration::from_secs(1));
    bridge.ingest.script([slow]);
    bridge.run(|| drop(tracing::info_span!("work")));
    assert!(!bridge.guard().flush(Duration::from_millis(10)));
    assert_eq!(bridge.span("work").name, "work");
}
