//! Content that is too long is cut inside its structure.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use sentry_genai_tests::Bridge;
use serde_json::{Value, json};
use tracing::info_span;

/// Twice this fits easily into what Sentry accepts of a span.
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

/// Otherwise, Sentry would cut the longest of them in the middle of its JSON.
#[test]
fn contents_that_are_too_long_together_are_shortened_together() {
    /// What Sentry accepts of a span.
    const SPAN: usize = 1_000_000;

    let history = |role| {
        let messages = (0..6).map(|_| message(role, &"word ".repeat(10_000)));
        json!(messages.collect::<Vec<_>>()).to_string()
    };
    let tool = |number: usize| json!({"type": "function", "name": format!("tool {number}"), "description": "word ".repeat(10_000)});
    let tools = json!((0..6).map(tool).collect::<Vec<_>>()).to_string();
    let note = "word ".repeat(19_000);
    let bridge = Bridge::with_content();
    bridge.run(|| {
        for number in 0..3 {
            drop(info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.request.model = number.to_string(),
                gen_ai.input.messages = history("user"),
                gen_ai.output.messages = history("assistant"),
                gen_ai.tool.definitions = tools,
                app.one = note,
                app.two = note,
                app.three = note,
            ));
        }
    });
    for number in 0..3 {
        let span = bridge.span(&format!("chat {number}"));
        let contents = [
            "gen_ai.input.messages",
            "gen_ai.output.messages",
            "gen_ai.tool.definitions",
        ];
        let texts = contents.iter().chain(&["app.one", "app.two", "app.three"]);
        let length: usize = texts.map(|key| span.str(key).unwrap().len()).sum();
        assert!((SPAN / 2..SPAN).contains(&length), "{length}");
        for key in contents {
            let kept: Vec<Value> = serde_json::from_str(span.str(key).unwrap()).unwrap();
            assert!(kept.len() > 1, "{key}");
        }
        assert_eq!(span.int("gen_ai.request.messages.original_length"), Some(6));
    }
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
