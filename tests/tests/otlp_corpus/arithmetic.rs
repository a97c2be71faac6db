//! The model server behind the captures reports the same usage for every call, so totals can be computed.

use std::collections::BTreeMap;

use sentry_genai_conventions::{AiKind, SentrySpan, Status};

use crate::{Capture, corpus};

/// Input tokens, the cached and the written part of them, output tokens, and the reasoning tokens in them.
type Usage = [i64; 5];

const KEYS: [&str; 5] = [
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.reasoning.output_tokens",
];

/// What a single call may report. A library that does not report a part has zeros there.
#[rustfmt::skip]
static CALLS: &[(&str, Usage)] = &[
    ("openai, gemini", [42, 16, 0, 17, 5]),
    ("openai, without reasoning", [42, 16, 0, 17, 0]),
    ("openai, gemini, totals only", [42, 0, 0, 17, 0]),
    ("anthropic, bedrock, with a cache", [150, 100, 30, 17, 0]),
    ("anthropic, bedrock", [20, 0, 0, 17, 0]),
    // The instrumentation adds what the first event of a stream counts.
    ("anthropic, streamed, by traceloop", [150, 100, 30, 18, 0]),
    ("anthropic, streamed, by traceloop", [20, 0, 0, 18, 0]),
    ("openai, a completion", [6, 0, 0, 2, 0]),
    // One span for two calls.
    ("mastra, a loop", [84, 32, 0, 34, 10]),
];

fn usage(span: &SentrySpan) -> Usage {
    KEYS.map(|key| span.attributes.integer(key).unwrap_or(0))
}

fn is_inference(span: &SentrySpan) -> bool {
    span.ai == Some(AiKind::LlmCall) && span.op != "gen_ai.embeddings"
}

#[test]
fn every_call_reports_what_the_server_counted() {
    let mut wrong = Vec::new();
    for capture in corpus() {
        // These count tokens by the length of the prompt, or exist to test the limits.
        if capture.name.contains("long-prompt") || capture.library() == "openinference-smolagents" {
            continue;
        }
        for span in capture
            .traces()
            .iter()
            .flatten()
            .filter(|span| is_inference(span))
        {
            let counts = usage(span);
            let is_known = CALLS.iter().any(|(_, usage)| *usage == counts);
            let is_cached = capture.name.contains("messages-cache");
            if (counts != [0; 5] && !is_known) || (is_cached && counts[0] != 150) {
                wrong.push(format!("{}: {} {counts:?}", capture.name, span.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_call_counts_once() {
    let mut wrong = Vec::new();
    for capture in corpus() {
        let calls = calls_by_response(&capture);
        for (id, spans) in calls {
            if spans > 1 {
                wrong.push(format!("{}: {id} {spans}", capture.name));
            }
        }
        for trace in capture.traces() {
            for span in &trace {
                if span.ai != Some(AiKind::LlmCall) && usage(span) != [0; 5] {
                    let calls = trace.iter().filter(|span| is_inference(span));
                    if calls.map(usage).any(|usage| usage != [0; 5]) {
                        wrong.push(format!("{}: totals on {}", capture.name, span.name));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Counts, for each response id, the model calls of one trace that carry it.
fn calls_by_response(capture: &Capture) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for trace in capture.traces() {
        for span in trace.iter().filter(|span| is_inference(span)) {
            if let Some(id) = span.attributes.text("gen_ai.response.id") {
                *calls.entry(format!("{} {id}", span.trace_id)).or_default() += 1;
            }
        }
    }
    calls
}

/// The scenario with a tool makes two calls, whichever library describes it.
#[test]
fn an_agent_with_a_tool_makes_two_calls() {
    let mut seen = 0;
    for capture in corpus() {
        let scenario = capture.name.split('/').nth(1).unwrap();
        let is_tool_loop = [
            "agent-tool.",
            "agent-tool-loop",
            "lc-agent-tool.",
            "tool-runner.",
        ]
        .iter()
        .any(|name| format!("{scenario}.").starts_with(name));
        // These describe no model calls, or one for both.
        if !is_tool_loop
            || matches!(
                capture.library(),
                "otel-genai-openai-agents" | "mastra-otel-exporter"
            )
        {
            continue;
        }
        seen += 1;
        let traces = capture.traces();
        let calls: Vec<_> = traces
            .iter()
            .flatten()
            .filter(|span| is_inference(span) && span.status == Status::Ok)
            .collect();
        assert_eq!(calls.len(), 2, "{}", capture.name);
        let input: i64 = calls.iter().map(|call| usage(call)[0]).sum();
        assert!(matches!(input, 84 | 40 | 300), "{}: {input}", capture.name);
        let tools = traces.iter().flatten();
        let tools = tools.filter(|span| span.ai == Some(AiKind::Tool)).count();
        assert_eq!(tools, 1, "{}", capture.name);
    }
    assert!(seen > 20, "{seen}");
}
