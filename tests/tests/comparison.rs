//! Keeps the table in `docs/comparison.md` up to date: the same runs of rig and genai, through Sentry's own crates and through
//! this workspace.
//!
//! `UPDATE_DOCS=1 cargo test -p sentry-genai-tests --test comparison` rewrites it.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::{fmt::Write as _, fs, path::PathBuf};

use sentry_genai_testkit::{Capture, ReceivedSpan};
use sentry_genai_tests::Bridge;
use serde_json::Value;

static RUNS: &[(&str, &str)] = &[
    ("rig-0.44.0-agent-tools", "rig 0.44: an agent with a tool"),
    (
        "rig-0.44.0-agent-tools-ambient",
        "rig 0.44: the same inside a request handler's span",
    ),
    ("genai-0.7.2-chat", "genai 0.7: a chat"),
    ("genai-0.7.2-error", "genai 0.7: a chat answered with 429"),
];

static WAYS: &[(&str, &str)] = &[
    ("sentry-spanlayer", "sentry-tracing `SpanLayer`"),
    (
        "sentry-otelprocessor",
        "tracing-opentelemetry + `SentrySpanProcessor`",
    ),
];

const START: &str = "<!-- table -->";

/// What Sentry sees of a span.
struct Row {
    op: String,
    name: String,
    status: String,
    input_tokens: String,
}

fn corpus(file: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus/rust");
    fs::read_to_string(folder.join(file)).unwrap()
}

fn token_count(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => format!("\"{text}\" (text)"),
        Some(number) => number.to_string(),
        None => String::new(),
    }
}

/// Reads the transactions that Sentry's crates created.
fn theirs(run: &str, way: &str) -> Vec<Row> {
    let capture: Value = serde_json::from_str(&corpus(&format!("{run}.{way}.json"))).unwrap();
    let row = |span: &Value, name: &Value| Row {
        op: span["op"].as_str().unwrap_or_default().to_owned(),
        name: name.as_str().unwrap_or_default().to_owned(),
        status: span["status"].as_str().unwrap_or("none").to_owned(),
        input_tokens: token_count(span["data"].get("gen_ai.usage.input_tokens")),
    };
    let transactions = capture["transactions"].as_array().unwrap();
    let rows = transactions.iter().flat_map(|transaction| {
        let root = row(
            &transaction["contexts"]["trace"],
            &transaction["transaction"],
        );
        let spans = transaction["spans"].as_array().into_iter().flatten();
        std::iter::once(root).chain(spans.map(|span| row(span, &span["description"])))
    });
    rows.collect()
}

/// Replays the run through the layer.
fn ours(run: &str) -> Vec<Row> {
    let capture = Capture::parse(&corpus(&format!("{run}.tracing.json"))).unwrap();
    let bridge = Bridge::start();
    bridge.run(|| capture.replay());
    let mut spans = bridge.spans();
    spans.sort_by(|a, b| a.start.total_cmp(&b.start));
    let row = |span: &ReceivedSpan| Row {
        op: span.op().to_owned(),
        name: span.name.clone(),
        status: span.status.clone(),
        input_tokens: token_count(span.attr("gen_ai.usage.input_tokens")),
    };
    spans.iter().map(row).collect()
}

fn render() -> String {
    let mut out = String::new();
    for (run, title) in RUNS {
        writeln!(out, "\n## {title}\n").unwrap();
        writeln!(
            out,
            "| Way | op | name | status | input tokens |\n|---|---|---|---|---|"
        )
        .unwrap();
        let ways = WAYS.iter().map(|(way, name)| (*name, theirs(run, way)));
        for (way, rows) in ways.chain([("**sentry-genai**", ours(run))]) {
            for (index, row) in rows.iter().enumerate() {
                let way = if index == 0 { way } else { "" };
                let Row {
                    op,
                    name,
                    status,
                    input_tokens,
                } = row;
                writeln!(
                    out,
                    "| {way} | `{op}` | {name} | {status} | {input_tokens} |"
                )
                .unwrap();
            }
        }
    }
    out
}

#[test]
fn the_table_in_the_docs_is_what_happens() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/comparison.md");
    let page = fs::read_to_string(&path).unwrap();
    let (intro, _) = page.split_once(START).unwrap();
    let expected = format!("{intro}{START}\n{}", render());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "docs/comparison.md is out of date; run with UPDATE_DOCS=1"
    );
}
