//! Any text in the place of content: what comes out is JSON within the limits, and the translation does not panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sentry_genai_conventions::{
    SourceSpan, SpanId, Timestamp, TraceId, TranslateOptions, Translator, Value,
};

/// Attributes that hold JSON lists once they are translated.
const LISTS: &[&str] = &[
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
];

fuzz_target!(|text: &str| {
    let mut options = TranslateOptions::default();
    options.capture_inputs = true;
    options.capture_outputs = true;
    options.limits.text_bytes = 2_000;
    options.limits.attribute_bytes = 4_000;
    let translator = Translator::new(options);

    let (Some(trace_id), Some(span_id)) =
        (TraceId::from_bytes([1; 16]), SpanId::from_bytes([1; 8]))
    else {
        return;
    };
    let mut span = SourceSpan::new(trace_id, span_id, "chat", Timestamp::default());
    span.attributes.push("gen_ai.operation.name", "chat");
    for key in LISTS {
        span.attributes.push(key, text);
    }
    span.attributes.push("gen_ai.tool.call.arguments", text);
    let span = translator.translate(span);

    for (key, value) in span.attributes.iter() {
        let Value::Str(content) = value else {
            continue;
        };
        if LISTS.contains(&key) {
            assert!(content.len() <= 4_000, "{key} is too long");
            let list: Vec<serde_json::Value> = serde_json::from_str(content).expect("a JSON list");
            assert!(!list.is_empty(), "{key} says nothing");
        }
    }
});
