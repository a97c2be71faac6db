//! Mistral's SDK itself, and OpenInference's instrumentation of it.

use super::*;
use crate::tokens;

#[test]
fn streaming_is_read_from_the_url() {
    for (url, streams) in [
        ("https://api.mistral.ai/v1/chat/completions#stream", true),
        ("https://api.mistral.ai/v1/chat/completions", false),
    ] {
        let span = translated(
            "mistralai_sdk_tracer",
            "chat mistral-large-latest",
            &[
                ("gen_ai.operation.name", "chat"),
                ("gen_ai.request.model", "mistral-large-latest"),
                ("http.request.method", "POST"),
                ("http.url", url),
            ],
        );
        assert_eq!(span.name, "chat mistral-large-latest");
        let streaming = span.attributes.get("gen_ai.response.streaming");
        assert_eq!(streaming == Some(Value::Bool(true)), streams, "{url}");
    }
}

const SCOPE: &str = "openinference.instrumentation.mistralai";
const KIND: Attribute = ("openinference.span.kind", "LLM");

#[test]
fn streamed_responses_are_unwrapped() {
    let answer = |message: &str, rest: &str| {
        let answer = format!(
            r#"{{"data": {{"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [{{"index": 0, "message": {message}}}]{rest}}}}}"#
        );
        translated(
            SCOPE,
            "MistralClient.chat",
            &[
                KIND,
                ("output.value", &answer),
                ("llm.model_name", "m"),
                ("llm.output_messages.0.message.role", "assistant"),
            ],
        )
    };
    let span = answer(
        r#"{"role": "assistant", "content": "a"}"#,
        r#", "usage": {"prompt_tokens": 42, "completion_tokens": 17, "prompt_tokens_details": {"cached_tokens": 16}}"#,
    );
    assert_eq!(span.attributes.text("gen_ai.response.id"), Some("c1"));
    assert_eq!(
        [tokens::INPUT, tokens::CACHE_READ, tokens::OUTPUT].map(|key| span.attributes.integer(key)),
        [Some(42), Some(16), Some(17)]
    );
    // A stream that was abandoned has no answer.
    let span = answer(r#"{"role": "assistant"}"#, "");
    assert_eq!(span.attributes.text("gen_ai.response.id"), Some("c1"));
    assert!(!span.attributes.contains(OUTPUT));
}

#[test]
fn failed_requests_have_a_provider() {
    let span = translated(
        SCOPE,
        "MistralClient.chat",
        &[KIND, ("input.value", r#"{"model": "m"}"#)],
    );
    assert_eq!(
        span.attributes.text("gen_ai.provider.name"),
        Some("mistral_ai")
    );
}
