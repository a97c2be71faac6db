//! Content that is too long is cut inside of its structure.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use sentry_genai_tests::Bridge;
use serde_json::{Value, json};
use tracing::info_span;

/// Twice this fits easily into what Sentry takes of a span.
const ATTRIBUTE: usize = 256_000;

fn message(role: &str, text: &str) -> Value {
    json!({"role": role, "parts": [{"type": "text", "content": text}]})
}

fn sent(input: &Value) -> sentry_genai_testkit::ReceivedSpan {
    let bridge = Bridge::with_content();
    bridge.run(|| {
        drop(info_span!("chat", gen_ai.operation.name = "chat", gen_ai.input.messages = %input));
        drop(info_span!(
            "other",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m",
            gen_ai.prompt = input.to_string()
        ));
    });
    assert_eq!(
        bridge
            .span("chat m")
            .input_messages()
            .unwrap()
            .as_array()
            .map(Vec::is_empty),
        Some(false)
    );
    bridge.span("chat")
}

#[test]
fn a_long_history_loses_its_oldest_messages() {
    let history = (0..20_000).map(|number| {
        message(
            ["user", "assistant"][number % 2],
            &format!("message {number}: äöü 🙂"),
        )
    });
    let question = message("user", "and what now?");
    let input: Vec<_> = history.chain([question.clone()]).collect();
    let span = sent(&input.into());
    assert!(span.str("gen_ai.input.messages").unwrap().len() <= ATTRIBUTE);
    let kept = span.input_messages().unwrap();
    let kept = kept.as_array().unwrap();
    assert!(kept.len() > 1000);
    assert_eq!(kept.last(), Some(&question));
    assert!(span.int("gen_ai.request.messages.original_length").unwrap() > kept.len() as i64);
}

#[test]
fn a_single_message_of_two_megabytes_stays_a_message() {
    let input = json!([message("user", &"Lorem \"ipsum\" 🙂\n".repeat(120_000))]);
    let span = sent(&input);
    let kept = span.input_messages().unwrap();
    let text = kept[0]["parts"][0]["content"].as_str().unwrap();
    assert!(text.starts_with("Lorem \"ipsum\" 🙂\n") && text.len() <= 100_000);
    assert!(text.ends_with("bytes cut]"));
}
