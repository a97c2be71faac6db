//! Any attributes: a span is translated the same way with a plan and without, counts are numbers, and nothing that people wrote leaves
//! unless it was asked for.
//!
//! A line is an attribute, `key=value`, of the type that the value reads as. An empty line ends a span; the next one is its child.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sentry_genai_conventions::{
    PlanningTranslator, SentrySpan, SourceSpan, SpanId, Timestamp, TraceId, TranslateOptions,
    Translator, Value,
};

/// Attributes that hold what people or models wrote.
const CONTENT: &[&str] = &[
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.tool.definitions",
];

/// Attributes that Sentry adds up.
const COUNTS: &[&str] = &[
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.input_tokens.cached",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.output_tokens.reasoning",
    "gen_ai.usage.total_tokens",
];

fuzz_target!(|text: &str| {
    let sources = sources(text);
    for captured in [false, true] {
        let mut options = TranslateOptions::default();
        options.capture_inputs = captured;
        options.capture_outputs = captured;
        let translator = Translator::new(options.clone());
        let mut planning = PlanningTranslator::new(translator.clone());
        let mut spans: Vec<_> = sources
            .iter()
            .cloned()
            .map(|span| translator.translate(span))
            .collect();
        // The first time a plan is made, at most; then it is followed.
        for _ in 0..3 {
            for (source, span) in sources.iter().zip(&spans) {
                let planned = planning.translate(&mut source.clone());
                assert_eq!(summary(&planned), summary(span));
            }
        }
        translator.reconcile(&mut spans);
        for span in &spans {
            assert!(!span.op.is_empty());
            for (key, value) in span.attributes.iter() {
                assert!(captured || !CONTENT.contains(&key), "{key}");
                let is_number = matches!(value, Value::Integer(_) | Value::Double(_));
                assert!(!COUNTS.contains(&key) || is_number, "{key} = {value:?}");
            }
        }
    }
});

/// The spans that `text` stands for, but not too many.
fn sources(text: &str) -> Vec<SourceSpan> {
    let mut spans = Vec::new();
    for (number, lines) in (1..9).zip(text.split("\n\n")) {
        let id = |number: u8| SpanId::from_bytes([number; 8]);
        let (Some(trace_id), Some(span_id)) = (TraceId::from_bytes([1; 16]), id(number)) else {
            break;
        };
        let (name, lines) = lines.split_once('\n').unwrap_or((lines, ""));
        let mut span = SourceSpan::new(trace_id, span_id, name.to_owned(), Timestamp::default());
        span.parent_span_id = id(number - 1);
        for (key, value) in lines.lines().filter_map(|line| line.split_once('=')) {
            if let Ok(number) = value.parse::<i64>() {
                span.attributes.push_owned_key(key, number);
            } else if let Ok(number) = value.parse::<f64>() {
                span.attributes.push_owned_key(key, number);
            } else if let Ok(truth) = value.parse::<bool>() {
                span.attributes.push_owned_key(key, truth);
            } else {
                span.attributes.push_owned_key(key, value);
            }
        }
        spans.push(span);
    }
    spans
}

/// All there is to a span but the order of its attributes.
fn summary(span: &SentrySpan) -> String {
    let mut attributes: Vec<_> = (span.attributes.iter())
        .map(|(key, value)| format!("{key} = {value:?}"))
        .collect();
    attributes.sort();
    let SentrySpan {
        name,
        op,
        ai,
        origin,
        kind,
        status,
        ..
    } = span;
    format!(
        "{name} {op} {ai:?} {origin} {kind:?} {status:?}\n{}",
        attributes.join("\n")
    )
}
