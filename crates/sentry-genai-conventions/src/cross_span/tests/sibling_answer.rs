//! Answers to Letta's calls.

use super::*;

const LETTA: (&str, &str) = ("scope", "letta.otel.tracing");
const CALL: &[(&str, &str)] = &[
    LETTA,
    ("parameter.request_data", "{'model': 'm', 'messages': []}"),
];

#[test]
fn answers_beside_a_call_become_its_own() {
    let answer = "{'id': 'c1', 'choices': [{'finish_reason': 'stop', 'index': 0, 'message': {'content': 'Hello', 'role': 'assistant'}}], 'model': 'm-1', 'usage': {'completion_tokens': 17, 'prompt_tokens': 42, 'total_tokens': 59, 'completion_tokens_details': {'reasoning_tokens': 5}, 'prompt_tokens_details': {'cached_tokens': 16}}}";
    let stream = r#"{"content": {"tool_call": "{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"arguments\":\"{}\",\"name\":\"f\"}}", "content": ["{\"type\":\"text\",\"text\":\"Hello\"}"]}, "id": "c1", "model": "m-1", "role": "assistant", "usage": {"completion_tokens": 17, "prompt_tokens": 42}}"#;
    let text = r#"{"type":"text","content":"Hello"}"#;
    let call = r#"{"type":"tool_call","id":"t1","name":"f","arguments":{}}"#;
    for (method, key, answer, parts) in [
        (
            "OpenAIClient.convert_response_to_chat_completion",
            "parameter.response_data",
            answer,
            text.to_owned(),
        ),
        (
            "SimpleLLMStreamAdapter.log_provider_trace",
            "response_data",
            stream,
            format!("{text},{call}"),
        ),
    ] {
        let mut spans = Trace(Vec::new())
            .with(1, 0, "LettaAgentV3._step", &[LETTA])
            .with(2, 1, "OpenAIClient.request_async", CALL)
            .with(3, 1, method, &[LETTA, (key, answer)])
            .0;
        reconcile(&mut spans, &ContentLimits::default());
        let [_, call, answer] = &*spans else {
            unreachable!()
        };
        let output = call.attributes.text(OUTPUT).unwrap();
        assert!(
            output.contains(&format!(r#""parts":[{parts}]"#)),
            "{output}"
        );
        assert_eq!(call.attributes.text("gen_ai.response.model"), Some("m-1"));
        let counts = [COUNT, "gen_ai.usage.output_tokens"].map(|key| call.attributes.integer(key));
        assert_eq!(counts, [Some(42), Some(17)]);
        let is_of_answer = |key: &str| key.starts_with("letta.") || key.starts_with("gen_ai.");
        assert!(!answer.attributes.iter().any(|(key, _)| is_of_answer(key)));
    }
}

/// A call that failed is followed by one that is tried again.
#[test]
fn an_answer_belongs_to_the_last_call_before_it() {
    let answer = ("response_data", r#"{"usage": {"prompt_tokens": 42}}"#);
    let mut spans = Trace(Vec::new())
        .with(1, 0, "LettaAgentV3._step", &[LETTA])
        .with(2, 1, "OpenAIClient.stream_async", CALL)
        .with(3, 1, "OpenAIClient.stream_async", CALL)
        .with(4, 1, "A.log_provider_trace", &[LETTA, answer])
        .with(5, 1, "OpenAIClient.stream_async", CALL)
        .0;
    for (second, span) in (1..).zip(&mut spans) {
        span.start = Timestamp::from_nanos(second);
        span.end = span.start;
    }
    reconcile(&mut spans, &ContentLimits::default());
    let counts: Vec<_> = (spans.iter())
        .map(|span| span.attributes.integer(COUNT))
        .collect();
    assert_eq!(counts, [None, None, Some(42), None, None]);
}

#[test]
fn answers_of_anthropic_count_the_cache_apart() {
    let request = "{'model': 'claude', 'max_tokens': 100, 'system': [{'type': 'text', 'text': 'Be brief'}], 'messages': [{'role': 'user', 'content': 'Hi'}]}";
    let answer = "{'id': 'msg_1', 'content': [{'citations': None, 'text': 'Hello', 'type': 'text'}], 'model': 'claude-1', 'role': 'assistant', 'stop_reason': 'end_turn', 'type': 'message', 'usage': {'cache_creation_input_tokens': 30, 'cache_read_input_tokens': 100, 'input_tokens': 20, 'output_tokens': 17}}";
    let method = "AnthropicClient.convert_response_to_chat_completion";
    let mut spans = Trace(Vec::new())
        .with(1, 0, "LettaAgentV3._step", &[LETTA])
        .with(
            2,
            1,
            "AnthropicClient.request_async",
            &[LETTA, ("parameter.request_data", request)],
        )
        .with(3, 1, method, &[LETTA, ("parameter.response_data", answer)])
        .0;
    reconcile(&mut spans, &ContentLimits::default());
    let call = &spans[1].attributes;
    assert_eq!(call.integer(COUNT), Some(150));
    assert_eq!(call.integer(crate::tokens::CACHE_READ), Some(100));
    for (key, expected) in [
        (
            INPUT,
            r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#,
        ),
        (INSTRUCTIONS, r#"[{"type":"text","content":"Be brief"}]"#),
        (
            OUTPUT,
            r#"[{"role":"assistant","parts":[{"type":"text","content":"Hello"}],"finish_reason":"end_turn"}]"#,
        ),
        ("gen_ai.response.finish_reasons", r#"["end_turn"]"#),
        ("gen_ai.response.id", "msg_1"),
    ] {
        assert_eq!(call.text(key), Some(expected), "{key}");
    }
}
