//! Mistral's SDK itself, and OpenInference's instrumentation of it.

use super::*;
use crate::{Status, tokens};

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

#[test]
fn requests_without_a_response_have_failed() {
    let operation = ("gen_ai.operation.name", "chat");
    let request = [
        ("gen_ai.request.model", "mistral-large-latest"),
        (
            "http.url",
            "https://api.mistral.ai/v1/chat/completions#stream",
        ),
    ];
    let status = |more: &[Attribute]| {
        let attributes = [&request, more].concat();
        translated(
            "mistralai_sdk_tracer",
            "chat mistral-large-latest",
            &attributes,
        )
        .status
    };
    let code = ("http.response.status_code", "200");
    assert_eq!(status(&[operation]), Status::Error);
    assert_eq!(status(&[operation, code]), Status::Ok);
    // The first version does not record the operation, nor how streams end.
    assert_eq!(status(&[]), Status::Ok);
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

/// The instrumentation flattens only messages that are maps. Those of the SDK's own types are texts in the request.
#[test]
fn messages_of_the_sdk_are_read_from_the_request() {
    let translated_with = |request: &str, last: &[Attribute]| {
        let first = [
            KIND,
            ("input.value", request),
            ("llm.input_messages.0.message.role", "user"),
            ("llm.input_messages.0.message.content", "Sun?"),
        ];
        translated(SCOPE, "MistralClient.chat", &[&first, last].concat())
    };
    let request = r#"{"model": "m", "messages": [{"role": "user", "content": "Sun?"}, "role='assistant' content=\"It's\" tool_calls=[ToolCall(function=FunctionCall(name='w', arguments='{\"a\": 1}'), id='c1', type='function', index=0)] prefix=False", {"role": "tool", "tool_call_id": "c1", "name": "w", "content": "21"}], "tools": [{"type": "function", "function": {"name": "w"}}], "stop": ""}"#;
    let tool = [
        ("llm.input_messages.2.message.role", "tool"),
        ("llm.input_messages.2.message.content", "21"),
        ("llm.input_messages.2.message.name", "w"),
    ];
    let span = translated_with(request, &tool);
    let expected = r#"[{"role":"user","parts":[{"type":"text","content":"Sun?"}]},{"role":"assistant","parts":[{"type":"text","content":"It's"}]},{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{"a":1}}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","name":"w","response":"21","result":"21"}]}]"#;
    assert_eq!(span.attributes.text(INPUT), Some(expected));
    let tools = span.attributes.text("gen_ai.tool.definitions");
    assert!(tools.is_some_and(|tools| tools.contains(r#""w""#)));

    // No answer of a tool is missing, but an answer of the model is.
    let request = r#"{"model": "m", "messages": [{"role": "user", "content": "Sun?"}, "role='assistant' content='No.' tool_calls=Unset() prefix=False", {"role": "user", "content": "And now?"}], "tools": ""}"#;
    let question = [
        ("llm.input_messages.2.message.role", "user"),
        ("llm.input_messages.2.message.content", "And now?"),
    ];
    let span = translated_with(request, &question);
    let expected = r#"[{"role":"user","parts":[{"type":"text","content":"Sun?"}]},{"role":"assistant","parts":[{"type":"text","content":"No."}]},{"role":"user","parts":[{"type":"text","content":"And now?"}]}]"#;
    assert_eq!(span.attributes.text(INPUT), Some(expected));
}
