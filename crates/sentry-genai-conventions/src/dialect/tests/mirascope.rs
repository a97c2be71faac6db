//! Spans of Mirascope.

use super::*;

#[test]
fn counts_are_completed_from_the_usage_object() {
    let usage = r#"{"input_tokens":42,"output_tokens":17,"cache_read_tokens":16,"cache_write_tokens":0,"reasoning_tokens":5,"total_tokens":59}"#;
    let mut span = testing::span("chat m");
    span.attributes.push("gen_ai.operation.name", "chat");
    span.attributes.push("gen_ai.usage.input_tokens", 42_i64);
    span.attributes.push("gen_ai.usage.output_tokens", 17_i64);
    span.attributes.push("mirascope.response.usage", usage);
    let span = Translator::new(TranslateOptions::default()).translate(span);
    for (key, count) in [
        ("gen_ai.usage.input_tokens", Some(42)),
        ("gen_ai.usage.output_tokens", Some(17)),
        ("gen_ai.usage.cache_read.input_tokens", Some(16)),
        ("gen_ai.usage.cache_creation.input_tokens", None),
        ("gen_ai.usage.reasoning.output_tokens", Some(5)),
    ] {
        assert_eq!(span.attributes.integer(key), count, "{key}");
    }
}
