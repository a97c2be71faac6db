//! OpenInference's instrumentation of OpenAI's agents.

use super::translated;

/// The span around a run is not an agent, and an item without a role is reasoning.
#[test]
fn openinference_openai_agents_are_read() {
    let scope = "@arizeai/openinference-instrumentation-openai-agents";
    let agent = ("openinference.span.kind", "AGENT");
    assert_ne!(
        translated(scope, "Agent workflow", &[agent]).op,
        "gen_ai.invoke_agent"
    );
    let node = ("graph.node.id", "Weather");
    let span = translated(scope, "Weather", &[agent, node]);
    assert_eq!(span.op, "gen_ai.invoke_agent");
    let call = [
        ("openinference.span.kind", "LLM"),
        ("llm.model_name", "m"),
        ("llm.input_messages.0.message.role", "user"),
        ("llm.input_messages.0.message.content", "Hello"),
        (
            "llm.input_messages.1.message.contents.0.message_content.type",
            "text",
        ),
        (
            "llm.input_messages.1.message.contents.0.message_content.text",
            "Let me think",
        ),
    ];
    let span = translated(scope, "response", &call);
    let input = span.attributes.text("gen_ai.input.messages").unwrap();
    let input: serde_json::Value = serde_json::from_str(input).unwrap();
    assert_eq!(input[1]["role"], "assistant");
}

/// An earlier answer has only its role among the flattened attributes.
#[test]
fn earlier_answers_of_openai_agents_are_read_from_the_items() {
    let scope = "@arizeai/openinference-instrumentation-openai-agents";
    let items = r#"[
        {"role":"system","content":"Be kind."},
        {"role":"user","content":"Hi"},
        {"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hello"}]}
    ]"#;
    let call = [
        ("openinference.span.kind", "LLM"),
        ("input.value", items),
        ("llm.input_messages.0.message.role", "system"),
        ("llm.input_messages.0.message.content", "Be brief."),
        ("llm.input_messages.1.message.role", "system"),
        ("llm.input_messages.1.message.content", "Be kind."),
        ("llm.input_messages.2.message.role", "user"),
        ("llm.input_messages.2.message.content", "Hi"),
        ("llm.input_messages.3.message.role", "assistant"),
    ];
    let span = translated(scope, "response", &call);
    let input = span.attributes.text("gen_ai.input.messages").unwrap();
    assert!(input.contains("Hello"), "{input}");
    let instructions = span.attributes.text("gen_ai.system_instructions").unwrap();
    assert_eq!(instructions.matches("Be brief.").count(), 1);
    assert_eq!(instructions.matches("Be kind.").count(), 1);
}

/// The instrumentation of OpenAI's agents has chat completions in lists.
#[test]
fn what_only_a_whole_completion_has_is_read_from_it() {
    let completion = r#"{"id":"c-1","model":"m-2026","choices":[{"index":0,"finish_reason":"stop",
        "message":{"role":"assistant","content":"4","reasoning_content":"2+2"}}]}"#;
    for answer in [completion.to_owned(), format!("[{completion}]")] {
        let call = [
            ("openinference.span.kind", "LLM"),
            ("llm.model_name", "m"),
            ("output.value", &*answer),
            ("llm.output_messages.0.message.role", "assistant"),
            ("llm.output_messages.0.message.content", "4"),
        ];
        let span = translated("any", "ask", &call);
        let text = |key| span.attributes.text(key);
        assert_eq!(text("gen_ai.request.model"), Some("m"));
        assert_eq!(text("gen_ai.response.model"), Some("m-2026"));
        assert_eq!(text("gen_ai.response.id"), Some("c-1"));
        let output = text("gen_ai.output.messages").unwrap();
        assert!(
            output.contains(r#"{"type":"reasoning","content":"2+2"}"#),
            "{output}"
        );
        assert_eq!(output.matches(r#""content":"4""#).count(), 1, "{output}");
    }
}

/// In JavaScript, the answer that is put together from a stream names the requested model.
#[test]
fn the_model_of_a_generation_is_the_requested_one() {
    let answer = r#"[{"id":"c-1","model":"m","object":"chat.completion","choices":[]}]"#;
    let call = [
        ("openinference.span.kind", "LLM"),
        ("llm.model_name", "m"),
        ("llm.token_count.completion", "9"),
        ("output.value", answer),
    ];
    let scope = "@arizeai/openinference-instrumentation-openai-agents";
    for (name, requested) in [("generation", Some("m")), ("response", None)] {
        let span = translated(scope, name, &call);
        let text = |key| span.attributes.text(key);
        assert_eq!(text("gen_ai.request.model"), requested, "{name}");
        assert_eq!(text("gen_ai.response.model"), Some("m"), "{name}");
    }
}

/// Images are only in the whole request, and the counts of a stream's parts only in the whole answer.
#[test]
fn images_and_counts_of_chat_completions_are_read() {
    let request = r#"[{"role": "system", "content": "Be kind"}, {"role": "user", "content": [{"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}]"#;
    let answer = r#"[{"object": "response", "id": "__fake_id__", "output": [{"type": "message", "role": "assistant", "content":
        [{"type": "output_text", "text": "A zebra"}]}], "usage": {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 2}}}]"#;
    let attributes = [
        ("openinference.span.kind", "LLM"),
        ("llm.model_name", "m"),
        ("input.value", request),
        ("llm.input_messages.0.message.role", "system"),
        ("llm.input_messages.0.message.content", "Be kind"),
        ("llm.input_messages.1.message.role", "user"),
        (
            "llm.input_messages.1.message.contents.0.message_content.type",
            "text",
        ),
        (
            "llm.input_messages.1.message.contents.0.message_content.text",
            "What is it?",
        ),
        ("output.value", answer),
        ("llm.token_count.prompt", "9"),
        ("llm.token_count.completion", "5"),
    ];
    let scope = "openinference.instrumentation.openai_agents";
    let span = translated(scope, "generation", &attributes);
    let input = span.attributes.text("gen_ai.input.messages").unwrap();
    assert!(
        input.contains("What is it?") && input.contains("image/png"),
        "{input}"
    );
    assert!(
        span.attributes
            .text("gen_ai.output.messages")
            .unwrap()
            .contains("A zebra")
    );
    let count = |key| span.attributes.integer(key);
    assert_eq!(count("gen_ai.usage.cache_read.input_tokens"), Some(4));
    assert_eq!(count("gen_ai.usage.reasoning.output_tokens"), Some(2));
    assert!(!span.attributes.contains("gen_ai.response.id"));
}
