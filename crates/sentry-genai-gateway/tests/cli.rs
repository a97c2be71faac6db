//! Runs the program `sentry-genai` as users do, on files of the corpus.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::{
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use flate2::read::GzDecoder;
use sentry_genai_testkit::{Ingest, ReceivedSpan, assert_spans};
use serde_json::Value;

mod cli {
    mod check;
    mod docs;
    mod formats;
    mod translate;
    mod tree;
}

/// Returns the path of a file of the corpus.
fn corpus(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/corpus")
        .join(path)
}

/// One agent run with a tool, in one trace.
fn agent() -> PathBuf {
    corpus("otlp/google-adk/agent-tool.latest.json.gz")
}

fn decompressed(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).unwrap();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

/// Creates an empty folder for a test.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sentry-genai"))
}

/// Runs the program on files until it exits.
fn run(arguments: &[&str], files: &[PathBuf]) -> Ran {
    Ran::of(program().args(arguments).args(files).output().unwrap())
}

fn spawn_piped(arguments: &[&str]) -> Child {
    program()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs the program with input, and with a standard output that is closed before anything is written.
fn run_unread(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = spawn_piped(arguments);
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// Runs the program with input.
fn run_on(input: &[u8], arguments: &[&str]) -> Ran {
    let mut child = spawn_piped(arguments);
    child.stdin.take().unwrap().write_all(input).unwrap();
    Ran::of(child.wait_with_output().unwrap())
}

/// The result of a run.
#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Returns the output of a run in which nothing went wrong.
    fn text(&self) -> String {
        assert_eq!((self.code, &*self.stderr), (0, ""));
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    /// Returns the spans that `--format json` has written.
    fn spans(&self) -> Vec<Value> {
        let lines = self.text();
        let spans = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        spans.collect()
    }
}

/// Sends envelopes to a local Sentry, as a client would, and returns the spans that it accepted.
fn sent(envelopes: &[Vec<u8>]) -> Vec<ReceivedSpan> {
    let ingest = Ingest::start().unwrap();
    // The proxy settings of the environment do not apply to loopback.
    let agent = ureq::Agent::config_builder()
        .proxy(None)
        .build()
        .new_agent();
    for envelope in envelopes {
        let answer = agent
            .post(format!("{}/api/1/envelope/", ingest.url()))
            .header("Content-Type", "application/x-sentry-envelope")
            .header(
                "X-Sentry-Auth",
                "Sentry sentry_key=public, sentry_version=7",
            )
            .send(&envelope[..]);
        assert!(answer.is_ok(), "{answer:?}: {:#?}", ingest.violations());
    }
    assert_eq!(ingest.violations(), [""; 0]);
    ingest.spans()
}

/// Returns the envelopes in a folder, with their names.
fn envelopes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// Returns OTLP/JSON with `count` model calls in one trace, each with `bytes` of content.
fn calls(count: usize, bytes: usize) -> String {
    let attribute =
        |key: &str, value: &str| serde_json::json!({"key": key, "value": {"stringValue": value}});
    let spans = (1..=count).map(|number| {
        serde_json::json!({
            "traceId": "4c79f60c11214eb38604f4ae0781bfb2", "spanId": format!("{number:016x}"), "name": "chat",
            "startTimeUnixNano": "1795132800000000000", "endTimeUnixNano": "1795132801000000000",
            "attributes": [
                attribute("gen_ai.operation.name", "chat"),
                attribute("gen_ai.request.model", "gpt-5-mini"),
                attribute("gen_ai.conversation.id", "c"),
                attribute("gen_ai.input.messages", &"x".repeat(bytes)),
            ],
        })
    });
    let spans: Vec<_> = spans.collect();
    serde_json::json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string()
}

#[test]
fn an_agent_run_reaches_sentry() {
    let arguments = [
        "translate",
        "--release",
        "shop@1.4.2",
        "--environment",
        "staging",
    ];
    let envelope = run(&arguments, &[agent()]).text();
    let header: Value = serde_json::from_str(envelope.lines().next().unwrap()).unwrap();
    assert_eq!(header["trace"]["public_key"], "public");
    assert_eq!(header["trace"]["release"], "shop@1.4.2");
    assert_eq!(header["trace"]["environment"], "staging");

    let spans = sent(&[envelope.into_bytes()]);
    assert_eq!(spans.len(), 5);
    assert_spans(&spans)
        .one("execute_tool get_weather")
        .has_op("gen_ai.execute_tool")
        .in_conversation("adk-session-1")
        .lacks("gen_ai.tool.call.arguments")
        .is_ok();
    for span in &spans {
        let root = &spans.iter().find(|span| span.is_segment).unwrap().span_id;
        assert_eq!(span.str("sentry.segment.id"), Some(&**root));
        assert_eq!(span.str("sentry.environment"), Some("staging"));
        assert_eq!(span.str("sentry.platform"), Some("python"));
    }
}
