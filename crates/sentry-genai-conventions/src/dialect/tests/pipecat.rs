//! Pipecat's tracing.

use super::*;

#[test]
fn messages_and_tools_are_read() {
    let span = translated(
        "pipecat",
        "llm",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "gpt-4o"),
            ("input", r#"[{"role": "user", "content": "q"}]"#),
            ("output", "a"),
            (
                "tools",
                r#"[{"type": "function", "function": {"name": "w"}}]"#,
            ),
        ],
    );
    assert_eq!(span.name, "chat gpt-4o");
    for (key, value) in [
        (
            INPUT,
            r#"[{"role":"user","parts":[{"type":"text","content":"q"}]}]"#,
        ),
        (
            OUTPUT,
            r#"[{"role":"assistant","parts":[{"type":"text","content":"a"}]}]"#,
        ),
    ] {
        assert_eq!(span.attributes.text(key), Some(value), "{key}");
    }
    assert!(span.attributes.contains(DEFINITIONS) && !span.attributes.contains("tools"));
}

#[test]
fn a_speech_to_speech_response_is_a_model_call() {
    let op = |operation| {
        let attributes = [
            ("gen_ai.operation.name", operation),
            ("gen_ai.request.model", "gpt-realtime"),
        ];
        translated("pipecat", operation, &attributes).op
    };
    assert_eq!(op("llm_response"), "gen_ai.chat");
    for around in ["llm_setup", "llm_request", "stt", "tts"] {
        assert_eq!(op(around), "function", "{around}");
    }
}

#[test]
fn a_conversation_span_has_the_session_id() {
    let mut span = testing::span("turn");
    span.scope = "pipecat.turn".into();
    span.attributes.push("conversation.id", "c1");
    let identity = Translator::new(TranslateOptions::default()).identify(&span);
    assert!(identity.is_gen_ai && identity.ai.is_none());
    assert_eq!(identity.session_id.as_deref(), Some("c1"));
}
