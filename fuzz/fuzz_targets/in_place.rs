//! Any list of messages: what is read in place becomes what the full parser makes of it, and both are within the limits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sentry_genai_conventions::{
    SourceSpan, SpanId, Timestamp, TraceId, TranslateOptions, Translator, Value,
};
use serde_json::{Number, Value as Json};

const INPUT: &str = "gen_ai.input.messages";
const OUTPUT: &str = "gen_ai.output.messages";

/// Attributes that hold JSON once they are translated.
const LISTS: [&str; 4] = [
    INPUT,
    OUTPUT,
    "gen_ai.system_instructions",
    "gen_ai.response.finish_reasons",
];

const ORIGINAL_LENGTH: &str = "gen_ai.request.messages.original_length";

fuzz_target!(|text: &str| {
    let Ok(list) = serde_json::from_str::<Vec<Json>>(text) else {
        return;
    };
    let compact = Json::from(list).to_string();
    for key in [INPUT, OUTPUT] {
        assert_eq!(
            translated(key, text, 256_000),
            translated(key, &quoted(text), 256_000)
        );
        // If something has to be dropped, the result depends on the spaces that stay, but not the limit.
        for share in [3, 2] {
            let limit = (compact.len() * share / 4).max(300);
            let _ = translated(key, text, limit);
            assert_eq!(
                translated(key, &compact, limit),
                translated(key, &quoted(&compact), limit)
            );
        }
    }
});

/// What only the full parser reads, and reads as the text.
fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

fn translated(key: &'static str, text: &str, attribute_bytes: usize) -> Vec<(String, Json)> {
    let mut options = TranslateOptions::default();
    options.capture_inputs = true;
    options.capture_outputs = true;
    options.limits.attribute_bytes = attribute_bytes;
    let (Some(trace_id), Some(span_id)) =
        (TraceId::from_bytes([1; 16]), SpanId::from_bytes([1; 8]))
    else {
        return Vec::new();
    };
    let mut span = SourceSpan::new(trace_id, span_id, "chat", Timestamp::default());
    span.attributes.push("gen_ai.operation.name", "chat");
    span.attributes.push(key, text);
    let span = Translator::new(options).translate(span);

    let mut found = Vec::new();
    for (key, value) in span.attributes.iter() {
        match value {
            Value::Str(content) if LISTS.contains(&key) => {
                assert!(content.len() <= attribute_bytes, "{key} is too long");
                let mut json = serde_json::from_str(content).expect("JSON");
                round(&mut json);
                found.push((key.to_owned(), json));
            }
            Value::Integer(length) if key == ORIGINAL_LENGTH => {
                found.push((key.to_owned(), length.to_string().into()));
            }
            _ => {}
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// Rounds fractions: their last digit may change when they are read and written.
fn round(value: &mut Json) {
    match value {
        Json::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().map(|it| f64::from(it as f32));
            *number = rounded.and_then(Number::from_f64).unwrap_or_else(|| 0.into());
        }
        Json::Array(items) => items.iter_mut().for_each(round),
        Json::Object(fields) => fields.values_mut().for_each(round),
        _ => {}
    }
}
