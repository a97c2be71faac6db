//! Ax.

use super::*;
use crate::{SourceEvent, tokens};

/// Its counts are in an event, with the cache only in the total. Of messages it records only their number.
#[test]
fn ax_counts_are_read_from_events() {
    let mut span = source(
        "my-app",
        "AI Chat Request",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.system", "GoogleGeminiAI"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.request.stop_sequences", "Not set"),
        ],
    );
    span.attributes
        .push("gen_ai.request.llm_is_streaming", true);
    let mut user_event = SourceEvent::new("gen_ai.user.message");
    user_event.attributes.push("part_count", 1);
    let mut call_choice = SourceEvent::new("gen_ai.choice");
    call_choice
        .attributes
        .push("finish_reason", "function_call");
    call_choice.attributes.push("has_content", false);
    call_choice.attributes.push("tool_names", "get_weather");
    let mut usage_event = SourceEvent::new("gen_ai.usage");
    for (key, count) in [
        ("gen_ai.usage.input_tokens", 40),
        ("gen_ai.usage.output_tokens", 25),
        ("gen_ai.usage.thoughts_tokens", 15),
        ("gen_ai.usage.total_tokens", 140),
    ] {
        usage_event.attributes.push(key, count);
    }
    let mut answer_choice = SourceEvent::new("gen_ai.choice");
    answer_choice.attributes.push("has_content", true);
    span.events = vec![user_event, usage_event, call_choice, answer_choice];
    let span = with_content(span);
    let attributes = &span.attributes;
    for (key, count) in [
        (tokens::INPUT, 100),
        (tokens::OUTPUT, 40),
        (tokens::REASONING, 15),
        (tokens::TOTAL, 140),
    ] {
        assert_eq!(attributes.integer(key), Some(count), "{key}");
    }
    let reasons = attributes.text("gen_ai.response.finish_reasons");
    assert_eq!(reasons, Some(r#"["function_call"]"#));
    assert_eq!(attributes.text("gen_ai.provider.name"), Some("gcp.gemini"));
    assert_eq!(
        attributes.get("gen_ai.response.streaming"),
        Some(Value::Bool(true))
    );
    for key in [INPUT, OUTPUT, "gen_ai.request.stop_sequences"] {
        assert!(!attributes.contains(key), "{key}");
    }
}
