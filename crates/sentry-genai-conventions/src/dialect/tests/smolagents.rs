//! Spans of smolagents in OpenInference's spelling.

use super::*;

const SCOPE: &str = "openinference.instrumentation.smolagents";

/// The instrumentation records all parameters of the method that runs an agent or a tool.
#[test]
fn the_task_is_the_input_of_an_agent() {
    for (input, expected) in [
        (
            r#"{"task": "Weather?", "stream": false, "reset": true, "images": null, "additional_args": null}"#,
            r#"[{"role":"user","parts":[{"type":"text","content":"Weather?"}]}]"#,
        ),
        // Additional arguments of the task stay.
        (
            r#"{"task":"Weather?","additional_args":{"city":"Paris"}}"#,
            r#"[{"role":"user","parts":[{"type":"text","content":"{\"task\":\"Weather?\",\"additional_args\":{\"city\":\"Paris\"}}"}]}]"#,
        ),
    ] {
        let span = translated(
            SCOPE,
            "CodeAgent.run",
            &[("openinference.span.kind", "AGENT"), ("input.value", input)],
        );
        assert_eq!(span.attributes.text(INPUT), Some(expected));
    }
}

#[test]
fn named_and_positional_arguments_are_read() {
    for (input, parameters, expected) in [
        (
            r#"{"args": [], "sanitize_inputs_outputs": true, "kwargs": {"city": "Paris"}}"#,
            r#"{"city": {"type": "string"}}"#,
            r#"{"city":"Paris"}"#,
        ),
        (
            r#"{"args": ["Paris"], "sanitize_inputs_outputs": false, "kwargs": {}}"#,
            r#"{"city": {"type": "string"}}"#,
            r#"{"city":"Paris"}"#,
        ),
        (
            r#"{"args": ["Paris", 3], "sanitize_inputs_outputs": false, "kwargs": {}}"#,
            r#"{"city": {"type": "string"}, "days": {"type": "integer"}}"#,
            r#"["Paris",3]"#,
        ),
        (
            r#"{"args": ["Paris"], "kwargs": {"days": 3}}"#,
            r#"{"city": {"type": "string"}, "days": {"type": "integer"}}"#,
            r#"{"args": ["Paris"], "kwargs": {"days": 3}}"#,
        ),
    ] {
        let span = translated(
            SCOPE,
            "SimpleTool",
            &[
                ("openinference.span.kind", "TOOL"),
                ("tool.name", "get_weather"),
                ("input.value", input),
                ("tool.parameters", parameters),
            ],
        );
        assert_eq!(span.attributes.text(ARGUMENTS), Some(expected));
    }
}

/// The provider's response is a repr inside the answer.
#[test]
fn the_response_of_the_provider_is_read() {
    let response = "ChatCompletion(id='r', choices=[Choice(finish_reason='stop', index=0, message=ChatCompletionMessage(\
        content='Rain.', role='assistant', tool_calls=None))], model='m-1', object='chat.completion', \
        usage=CompletionUsage(completion_tokens=5, prompt_tokens=9, prompt_tokens_details=PromptTokensDetails(cached_tokens=4)))";
    let answer = serde_json::json!({"role": "assistant", "content": "Rain.", "raw": response});
    let span = translated(
        SCOPE,
        "OpenAIModel.generate",
        &[
            ("openinference.span.kind", "LLM"),
            ("llm.model_name", "m"),
            ("llm.invocation_parameters", r#"{"model": "m"}"#),
            ("llm.token_count.prompt", "9"),
            ("output.value", &answer.to_string()),
        ],
    );
    for (key, value) in [
        ("gen_ai.request.model", "m"),
        ("gen_ai.response.model", "m-1"),
        ("gen_ai.response.id", "r"),
        ("gen_ai.response.finish_reasons", r#"["stop"]"#),
        (
            OUTPUT,
            r#"[{"role":"assistant","parts":[{"type":"text","content":"Rain."}],"finish_reason":"stop"}]"#,
        ),
    ] {
        assert_eq!(span.attributes.text(key), Some(value), "{key}");
    }
    let cached = span
        .attributes
        .integer("gen_ai.usage.cache_read.input_tokens");
    assert_eq!(cached, Some(4));
}

/// A model that was told to answer with JSON may write of models.
#[test]
fn an_answer_in_json_does_not_name_the_model() {
    let span = translated(
        SCOPE,
        "OpenAIModel.generate",
        &[
            ("openinference.span.kind", "LLM"),
            ("llm.model_name", "m"),
            ("output.value", r#"{"model": "Beetle", "year": 1960}"#),
        ],
    );
    assert!(!span.attributes.contains("gen_ai.response.model"));
}

/// Versions of early 2026 flatten no messages of a request.
#[test]
fn messages_of_a_request_are_read_from_their_reprs() {
    let request = r#"{"messages": [
        "ChatMessage(role=<MessageRole.SYSTEM: 'system'>, content=[{'type': 'text', 'text': 'Be kind'}], tool_calls=None, raw=None)",
        "ChatMessage(role=<MessageRole.USER: 'user'>, content=[{'type': 'text', 'text': 'Weather?'}], tool_calls=None, raw=None)",
        "ChatMessage(role=<MessageRole.TOOL_CALL: 'tool-call'>, content=[{'type': 'text', 'text': 'Calling'}], tool_calls=None, raw=None)"]}"#;
    let attributes = [
        ("openinference.span.kind", "LLM"),
        ("llm.model_name", "m"),
        ("input.value", request),
    ];
    let span = translated(SCOPE, "OpenAIModel.generate", &attributes);
    let text = |key| span.attributes.text(key);
    let instructions = r#"[{"type":"text","content":"Be kind"}]"#;
    assert_eq!(text("gen_ai.system_instructions"), Some(instructions));
    let question = r#"[{"role":"user","parts":[{"type":"text","content":"Weather?"}]},{"role":"assistant","parts":[{"type":"text","content":"Calling"}]}]"#;
    assert_eq!(text(INPUT), Some(question));

    let other = ("input.value", r#"{"messages": ["ChatMessage('x')"]}"#);
    let span = translated(SCOPE, "OpenAIModel.generate", &[attributes[0], other]);
    assert!(span.attributes.text(INPUT).unwrap().contains("ChatMessage"));
}
