//! promptfoo.

use super::*;
use crate::tokens;

fn call(is_cached: bool) -> SourceSpan {
    let mut span = source(
        "promptfoo.providers",
        "chat m",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m"),
            ("promptfoo.request.body", "q"),
            ("promptfoo.response.body", "a"),
        ],
    );
    span.attributes.push(tokens::TOTAL, 59);
    span.attributes.push("promptfoo.cache_hit", is_cached);
    span
}

#[test]
fn requests_and_answers_are_messages() {
    let span = with_content(call(false));
    for (key, role, content) in [(INPUT, "user", "q"), (OUTPUT, "assistant", "a")] {
        let parts = format!(r#"[{{"type":"text","content":"{content}"}}]"#);
        let messages = format!(r#"[{{"role":"{role}","parts":{parts}}}]"#);
        assert_eq!(span.attributes.text(key), Some(&*messages), "{key}");
    }
}

#[test]
fn an_answer_from_the_cache_is_no_call_and_still_content() {
    let span = Translator::new(TranslateOptions::default()).translate(call(true));
    assert_eq!(span.ai, None);
    for key in [
        tokens::TOTAL,
        "promptfoo.request.body",
        "promptfoo.response.body",
    ] {
        assert!(!span.attributes.contains(key), "{key}");
    }
}

#[test]
fn the_request_for_embeddings_is_their_input() {
    let call = [
        ("gen_ai.operation.name", "embeddings"),
        ("promptfoo.request.body", "q"),
    ];
    let span = translated("promptfoo.providers", "embeddings m", &call);
    assert_eq!(span.attributes.text("gen_ai.embeddings.input"), Some("q"));
}
