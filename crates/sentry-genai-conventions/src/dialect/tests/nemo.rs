//! NVIDIA's NeMo Agent Toolkit, which marks its spans as OpenInference does.

use super::*;

const FRAMEWORK: Attribute = ("nat.framework", "langchain");

fn call(output: &str, metadata: &str) -> SentrySpan {
    let attributes = [
        FRAMEWORK,
        ("openinference.span.kind", "LLM"),
        ("llm.model_name", "gpt-5-mini"),
        ("llm.provider", "langchain"),
        (
            "input.value",
            r#"[{"content":"Be kind","type":"system","name":null},{"content":"Hi","type":"human","name":null}]"#,
        ),
        (
            "input.value_obj",
            r#"[{"content":"Be kind","type":"system"},{"content":"Hi","type":"human"}]"#,
        ),
        ("output.value", output),
        ("output.value_obj", "..."),
        ("nat.metadata", metadata),
    ];
    translated("nat", "gpt-5-mini", &attributes)
}

#[test]
fn the_metadata_say_what_the_provider_says_about_the_answer() {
    let span = call(
        "Hello",
        r#"{"chat_responses":[{"text":"","message":{"content":"","response_metadata":{"model_provider":"openai",
        "finish_reason":"stop","model_name":"gpt-5-mini-2025-08-07"},"type":"AIMessageChunk"}}],
        "tools_schema":[{"type":"function","function":{"name":"now","description":"The time"}}]}"#,
    );
    assert_eq!(span.name, "chat gpt-5-mini");
    for (key, value) in [
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.response.model", "gpt-5-mini-2025-08-07"),
        ("gen_ai.response.finish_reasons", r#"["stop"]"#),
        (INSTRUCTIONS, r#"[{"type":"text","content":"Be kind"}]"#),
        (
            INPUT,
            r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#,
        ),
    ] {
        assert_eq!(span.attributes.text(key), Some(value), "{key}");
    }
    let tools = span.attributes.text(DEFINITIONS).unwrap();
    assert!(tools.contains(r#""name":"now""#), "{tools}");
    for key in ["input.value_obj", "output.value_obj"] {
        assert!(!span.attributes.contains(key), "{key}");
    }
}

#[test]
fn calls_behind_the_text_of_an_answer_are_calls() {
    let answer = "Wait\n\nTool calls: [{'name': 'now', 'args': {'unused': \"it's\"}, 'id': 'call_6', 'type': 'tool_call'}]";
    assert_eq!(
        call(answer, "{}").attributes.text(OUTPUT),
        Some(
            r#"[{"role":"assistant","parts":[{"type":"text","content":"Wait"},{"type":"tool_call","id":"call_6","name":"now","arguments":{"unused":"it's"}}]}]"#
        )
    );
    let only_text = "These are my\n\nTool calls: none";
    let output = call(only_text, "{}");
    let output = output.attributes.text(OUTPUT).unwrap();
    assert!(output.contains("calls: none"), "{output}");
}

#[test]
fn a_framework_is_no_provider() {
    for framework in ["langchain", "crewai", "semantic_kernel"] {
        let attributes = [
            ("openinference.span.kind", "LLM"),
            ("llm.model_name", "m"),
            ("llm.provider", framework),
            ("nat.framework", framework),
        ];
        let span = translated("nat", "m", &attributes);
        assert!(!span.attributes.contains("gen_ai.provider.name"));
    }
}
