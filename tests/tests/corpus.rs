//! Replays captures of real libraries through the layer, and compares what Sentry receives of each span.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use insta::{assert_snapshot, glob};
use sentry_genai_testkit::{Capture, ReceivedSpan};
use sentry_genai_tests::{Bridge, ran_apart, readable, save_envelopes};

/// Returns the essentials of spans, for reviewers.
fn essentials(spans: &[ReceivedSpan]) -> String {
    let mut out = String::new();
    let mut ordered: Vec<_> = spans.iter().collect();
    ordered.sort_by(|a, b| a.start.total_cmp(&b.start));
    for span in &ordered {
        let parent = span.parent_span_id.as_ref();
        let parent = ordered.iter().find(|other| Some(&other.span_id) == parent);
        writeln!(out, "{} | {} | {}", span.op(), span.name, span.status).unwrap();
        writeln!(
            out,
            "  below: {}",
            parent.map_or("-", |parent| &parent.name)
        )
        .unwrap();
        if !span.links.is_empty() {
            writeln!(out, "  links: {}", span.links.len()).unwrap();
        }
        let attributes: BTreeMap<_, _> = span.attributes.iter().collect();
        for (key, attribute) in attributes {
            if COMMON.contains(&key.as_str()) {
                continue;
            }
            let (kind, value) = (&attribute["type"], readable(&attribute["value"]));
            writeln!(out, "  {key}: {} {value}", kind.as_str().unwrap()).unwrap();
        }
    }
    out
}

/// Attributes that are the same on every span, and tested elsewhere.
static COMMON: &[&str] = &[
    "process.runtime.name",
    "sentry.environment",
    "sentry.op",
    "sentry.platform",
    "sentry.release",
    "sentry.sdk.integrations",
    "sentry.sdk.name",
    "sentry.sdk.version",
    "sentry.segment.id",
    "sentry.segment.name.source",
    "sentry.trace_lifecycle",
    "server.address",
];

fn replay(path: &Path, bridge: &Bridge) -> (Capture, Vec<ReceivedSpan>) {
    let capture = Capture::parse(&fs::read_to_string(path).unwrap()).unwrap();
    bridge.run(|| capture.replay());
    let spans = bridge.spans();
    save_envelopes(&bridge.ingest, path);
    (capture, spans)
}

#[test]
fn with_content() {
    glob!("../corpus/rust", "*.tracing.json", |path| {
        let (capture, spans) = replay(path, &Bridge::with_content());
        assert_eq!(spans.len(), capture.span_count());
        assert_snapshot!("with_content", essentials(&spans));
    });
}

/// Spans of a known shape are translated by a plan, which must not change the result.
#[test]
fn again_and_again() {
    for start in [Bridge::with_content, Bridge::start] {
        glob!("../corpus/rust", "*.tracing.json", |path| {
            let capture = Capture::parse(&fs::read_to_string(path).unwrap()).unwrap();
            let bridge = start();
            let mut runs = Vec::new();
            let mut arrived = 0;
            for _ in 0..4 {
                bridge.run(|| capture.replay());
                let spans = bridge.spans();
                runs.push(essentials(&spans[arrived..]));
                arrived = spans.len();
            }
            assert_eq!(arrived, 4 * capture.span_count());
            for run in &runs[1..] {
                assert_eq!(*run, runs[0], "{}", path.display());
            }
        });
    }
}

/// With default settings the same spans arrive, without any of the words that were said.
#[test]
fn without_content() {
    if ran_apart(without_content) {
        return;
    }
    // What users, models and tools say in the captures.
    let said = [
        "Rayleigh",
        "sky blue",
        "2+3",
        "Use the tools",
        "one short sentence",
        "failed",
        "\"x\"",
        "Why?",
        "What is the weather?",
        "Be brief",
        "get_weather says",
    ];
    glob!("../corpus/rust", "*.tracing.json", |path| {
        let bridge = Bridge::start();
        let (capture, spans) = replay(path, &bridge);
        assert_eq!(spans.len(), capture.span_count());
        let bytes = String::from_utf8(bridge.ingest.bytes()).unwrap();
        for words in said {
            assert!(!bytes.contains(words), "{}: {words}", path.display());
        }
        for span in spans {
            let content = span
                .attributes
                .keys()
                .find(|key| CONTENT.contains(&key.as_str()));
            assert_eq!(content, None, "{}", path.display());
        }
    });
}

static CONTENT: &[&str] = &[
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.tool.definitions",
];
