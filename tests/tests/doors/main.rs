//! Replays captures of GenAI libraries through each door, that is through each way in which spans come in: Sentry receives the
//! same spans from all.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod layer;
mod processor;
mod told;

use std::collections::BTreeSet;

use sentry_genai_conventions::{TranslateOptions, Translator};
use sentry_genai_gateway::{Client, otlp_json, translate_batch};
use sentry_genai_testkit::ReceivedSpan;
use sentry_genai_tests::{differences, otlp_corpus};
use serde_json::Value as Json;
use told::{NUMBER, Told, Values};

/// Known differences of a door from the command line: an attribute, the prefix of the captures' names, and the reason.
type Known = &'static [(&'static str, &'static str, &'static str)];

/// Only the command line differs: it knows neither the program's language nor its client.
static OF_PROGRAM: &[&str] = &[
    "process.runtime.name",
    "sentry.platform",
    "sentry.sdk.integrations",
];

const SESSION: &str = "a plain span of a library names the session, under a key of its own";
const STAND_IN: &str = "an agent is named at its start by what stands in for its name";
const START: &str = "its parent has ended by then, so that it is a segment of its own";
const CLOCK: &str = "a replay is of now, the time that an attribute tells is not";
const EVENT_TIME: &str = "an event tells it by its time, which the layer does not read";
const BRIDGE: &str = "`tracing-opentelemetry` adds it to spans, and a layer sees none of those";
const CHAIN: &str = "a chain of calls has the name of an agent, which it is not";

static PROCESSOR: Known = &[
    ("gen_ai.conversation.id", "logfire-openai-agents", SESSION),
    ("gen_ai.agent.name", "otel-openai-agents-v2", STAND_IN),
    ("gen_ai.agent.name", "traceloop-langchain/lc-chain", CHAIN),
];

static LAYER: Known = &[
    ("gen_ai.conversation.id", "logfire-openai-agents", SESSION),
    ("gen_ai.agent.name", "otel-openai-agents-v2", STAND_IN),
    ("gen_ai.agent.name", "traceloop-langchain/lc-chain", CHAIN),
    ("gen_ai.agent.name", "vercel-ai-v7/tool-loop-agent", START),
    ("is_segment", "vercel-ai-v7/tool-loop-agent", START),
    ("parent", "vercel-ai-v7/tool-loop-agent", START),
    ("sentry.segment.name", "vercel-ai-v7/tool-loop-agent", START),
    (
        "sentry.segment.name.source",
        "vercel-ai-v7/tool-loop-agent",
        START,
    ),
    ("gen_ai.response.streaming", "langfuse-sdk", CLOCK),
    ("gen_ai.response.time_to_first_chunk", "langfuse-sdk", CLOCK),
    (
        "gen_ai.response.streaming",
        "mastra-otel-exporter-1.4",
        CLOCK,
    ),
    (
        "gen_ai.response.time_to_first_chunk",
        "mastra-otel-exporter-1.4",
        CLOCK,
    ),
    (
        "gen_ai.response.time_to_first_chunk",
        "traceloop-openai",
        EVENT_TIME,
    ),
    ("busy_ns", "goose", BRIDGE),
    ("idle_ns", "goose", BRIDGE),
    ("target", "goose", BRIDGE),
    ("thread.id", "goose", BRIDGE),
    ("thread.name", "goose", BRIDGE),
];

#[test]
fn the_processor_makes_of_a_program_what_the_command_line_makes_of_its_file() {
    compare(Values::All, PROCESSOR, processor::send);
}

#[test]
fn the_layer_makes_of_a_program_what_the_command_line_makes_of_its_file() {
    compare(Values::Scalars, LAYER, layer::send);
}

fn compare(values: Values, known: Known, send: impl Fn(&[Told]) -> Vec<ReceivedSpan>) {
    let mut unexpected = Vec::new();
    let mut met = BTreeSet::new();
    let mut spans = 0;
    for (name, text) in otlp_corpus() {
        let told = told::read(&serde_json::from_str(&text).unwrap(), values);
        spans += told.len();
        for (key, detail) in differences(&command_line(&told), &in_order(send(&told))) {
            let is_known =
                |(_, it): &(usize, &(&str, &str, &str))| it.0 == key && name.starts_with(it.1);
            match known.iter().enumerate().find(is_known) {
                Some((index, _)) => _ = met.insert(index),
                None if OF_PROGRAM.contains(&&*key) => {}
                None => unexpected.push(format!("{name}: {key}: {detail}")),
            }
        }
    }
    assert!(spans > 1000, "{spans} spans");
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    for (index, (key, name, _)) in known.iter().enumerate() {
        assert!(
            met.contains(&index),
            "{key} of {name} does not differ any more"
        );
    }
}

fn command_line(told: &[Told]) -> Vec<ReceivedSpan> {
    let mut options = TranslateOptions::default();
    options.capture_inputs = true;
    options.capture_outputs = true;
    let received = otlp_json::parse(&told::request(told).to_string()).unwrap();
    let client = Client::new("https://public@localhost/1".parse().unwrap());
    let traces = translate_batch(&Translator::new(options), received);
    let spans = traces.iter().flat_map(|trace| trace.json(&client));
    let spans = spans.map(|span| serde_json::from_slice::<Json>(&span).unwrap());
    in_order(
        spans
            .map(|span| ReceivedSpan::from_json(&span).unwrap())
            .collect(),
    )
}

/// Sorts spans by number: behind a door, ids and times are not those of the capture.
fn in_order(mut spans: Vec<ReceivedSpan>) -> Vec<ReceivedSpan> {
    spans.sort_by_key(|span| span.int(NUMBER));
    spans
}
