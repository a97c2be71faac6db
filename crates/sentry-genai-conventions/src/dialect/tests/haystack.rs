//! Haystack's own tracer, and OpenInference's instrumentation.

use super::*;
use crate::tokens;

const TYPE: &str = "haystack.component.type";
const PATH: &str = "haystack.component.fully_qualified_type";

/// In OpenInference, the calls and tools inside have no spans.
#[test]
fn openinference_components_may_be_agents() {
    let message_repr = |role: &str, part: &str| {
        format!(
            "ChatMessage(_role=<ChatRole.{}: '{role}'>, _content=[{part}], _name=None, _meta={{}})",
            role.to_uppercase()
        )
    };
    let question = message_repr("user", "TextContent(text='Weather?')");
    let call = message_repr(
        "assistant",
        "ToolCall(tool_name='w', arguments={'city': 'Rome'}, id='c1', extra=None)",
    );
    let answer = message_repr("assistant", "TextContent(text='Rain')");
    let input = serde_json::json!({"messages": [question], "tools": null}).to_string();
    let output = serde_json::json!({
        "messages": [question, call, answer],
        "token_usage": {"prompt_tokens": 200, "completion_tokens": 80, "total_tokens": 280, "prompt_tokens_details": {"cached_tokens": 120}},
        "step_count": 2,
    });
    let scope = "openinference.instrumentation.haystack";
    let span = translated(
        scope,
        "Agent.run",
        &[
            ("openinference.span.kind", "CHAIN"),
            ("input.value", &input),
            ("output.value", &output.to_string()),
        ],
    );
    assert_eq!(span.op, "gen_ai.invoke_agent");
    let read = |key| {
        let text = span.attributes.text(key).unwrap();
        serde_json::from_str::<serde_json::Value>(text).unwrap()
    };
    let input = read("gen_ai.input.messages");
    assert_eq!(input[0]["parts"][0]["content"], "Weather?");
    let output = read("gen_ai.output.messages");
    assert_eq!(output[0]["parts"][0]["name"], "w");
    assert_eq!(output[1]["parts"][0]["content"], "Rain");
    let count = |key| span.attributes.integer(key);
    assert_eq!(count("gen_ai.usage.input_tokens"), Some(200));
    assert_eq!(count("gen_ai.usage.output_tokens"), Some(80));
    assert_eq!(count("gen_ai.usage.cache_read.input_tokens"), Some(120));
    let pipeline = [("openinference.span.kind", "CHAIN")];
    assert_eq!(translated(scope, "Pipeline.run", &pipeline).op, "function");
}

#[test]
fn generator_components_are_model_calls() {
    let span = translated(
        "my-app",
        "haystack.component.run",
        &[
            (TYPE, "OpenAIChatGenerator"),
            (
                PATH,
                "haystack.components.generators.chat.openai.OpenAIChatGenerator",
            ),
            ("haystack.component.input_types", r#"{"messages": "list"}"#),
            (
                "haystack.component.input",
                r#"{"messages": [{"role": "user", "meta": {}, "name": null, "content": [{"text": "q"}]}], "tools": null}"#,
            ),
            (
                "haystack.component.output",
                r#"{"replies": [{"role": "assistant", "meta": {"model": "gpt-4o", "finish_reason": "stop", "usage": {"prompt_tokens": 42, "completion_tokens": 17, "prompt_tokens_details": {"cached_tokens": 16}}}, "name": null, "content": [{"text": "a"}]}]}"#,
            ),
        ],
    );
    assert_eq!(span.name, "chat gpt-4o");
    for (key, value) in [
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.response.model", "gpt-4o"),
        (
            INPUT,
            r#"[{"role":"user","parts":[{"type":"text","content":"q"}]}]"#,
        ),
    ] {
        assert_eq!(span.attributes.text(key), Some(value), "{key}");
    }
    let output = span.attributes.text(OUTPUT).unwrap();
    assert!(output.contains(r#""content":"a""#), "{output}");
    assert_eq!(
        [tokens::INPUT, tokens::CACHE_READ, tokens::OUTPUT].map(|key| span.attributes.integer(key)),
        [Some(42), Some(16), Some(17)]
    );
    assert!(!span.attributes.contains("haystack.component.input_types"));
}

#[test]
fn plain_text_replies_have_separate_metadata() {
    let span = translated(
        "haystack",
        "haystack.component.run",
        &[
            (TYPE, "AnthropicGenerator"),
            (
                PATH,
                "haystack_integrations.components.generators.anthropic.generator.AnthropicGenerator",
            ),
            ("haystack.component.input", r#"{"prompt": "q"}"#),
            (
                "haystack.component.output",
                r#"{"replies": ["a"], "meta": [{"model": "claude", "usage": {"input_tokens": 42}}]}"#,
            ),
        ],
    );
    assert_eq!(span.name, "chat claude");
    assert_eq!(
        span.attributes.text("gen_ai.provider.name"),
        Some("anthropic")
    );
    assert!(
        span.attributes
            .text(OUTPUT)
            .unwrap()
            .contains(r#""content":"a""#)
    );
    assert_eq!(span.attributes.integer(tokens::INPUT), Some(42));
}

#[test]
fn agent_steps_are_model_and_tool_calls() {
    let call = r#"{"tool_call": {"tool_name": "w", "arguments": {"city": "Paris"}, "id": "c1"}}"#;
    let answer = r#"{"tool_call_result": {"result": "22C", "origin": {"tool_name": "w", "arguments": {"city": "Paris"}, "id": "c1"}, "error": false}}"#;
    let input = format!(
        r#"{{"messages": [{{"role": "assistant", "content": [{call}]}}, {{"role": "tool", "content": [{answer}]}}], "tools": [{{"type": "haystack.tools.tool.Tool", "data": {{"name": "w", "parameters": {{}}}}}}]}}"#
    );
    let span = translated(
        "haystack",
        "haystack.agent.step.llm",
        &[("haystack.agent.step.llm.input", &input)],
    );
    let read = |key| -> serde_json::Value {
        serde_json::from_str(span.attributes.text(key).unwrap()).unwrap()
    };
    assert_eq!(
        read(INPUT),
        serde_json::json!([
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "w", "arguments": {"city": "Paris"}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "name": "w", "response": "22C", "result": "22C"}]},
        ])
    );
    assert_eq!(read(DEFINITIONS)[0]["name"], "w");

    let span = translated(
        "haystack",
        "haystack.agent.step.tool",
        &[
            ("haystack.tool.name", "w"),
            ("haystack.agent.step.tool.input", r#"{"city": "Paris"}"#),
            ("haystack.agent.step.tool.output", "22C"),
        ],
    );
    assert_eq!(span.name, "execute_tool w");
    assert_eq!(span.attributes.text(RESULT), Some("22C"));
}

#[test]
fn other_components_and_pipelines_are_not_model_calls() {
    // Without content, only the name of this span shows that an agent calls a model.
    let op = |name, attributes: &[_]| translated("haystack", name, attributes).op;
    assert_eq!(op("haystack.agent.step.llm", &[]), "gen_ai.chat");
    assert_eq!(op("haystack.agent.run", &[]), "gen_ai.invoke_agent");
    assert_eq!(op("haystack.agent.step", &[]), "function");
    assert_eq!(op("haystack.pipeline.run", &[]), "function");
    for (component, expected) in [
        ("Agent", "function"),
        ("ChatPromptBuilder", "function"),
        ("OpenAITextEmbedder", "gen_ai.embeddings"),
    ] {
        assert_eq!(
            op("haystack.component.run", &[(TYPE, component)]),
            expected,
            "{component}"
        );
    }
}

#[test]
fn openinference_tool_calls_are_read_from_reprs() {
    let input = r#"{"messages": ["ChatMessage(_role=<ChatRole.USER: 'user'>, _content=[TextContent(text='q')], _name=None, _meta={})", "ChatMessage(_role=<ChatRole.ASSISTANT: 'assistant'>, _content=[ToolCall(tool_name='w', arguments={'city': 'Paris'}, id='c1', extra=None)], _name=None, _meta={'finish_reason': 'tool_calls'})", "ChatMessage(_role=<ChatRole.TOOL: 'tool'>, _content=[ToolCallResult(result='22C', origin=ToolCall(tool_name='w', arguments={'city': 'Paris'}, id='c1', extra=None), error=False)], _name=None, _meta={})"]}"#;
    let span = translated(
        "openinference.instrumentation.haystack",
        "OpenAIChatGenerator.run",
        &[
            ("openinference.span.kind", "LLM"),
            ("input.value", input),
            ("llm.input_messages.0.message.role", "user"),
            ("llm.input_messages.0.message.content", "q"),
            ("llm.input_messages.1.message.role", "assistant"),
            ("llm.input_messages.2.message.role", "tool"),
        ],
    );
    let input: serde_json::Value =
        serde_json::from_str(span.attributes.text(INPUT).unwrap()).unwrap();
    assert_eq!(
        input,
        serde_json::json!([
            {"role": "user", "parts": [{"type": "text", "content": "q"}]},
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "w", "arguments": {"city": "Paris"}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "name": "w", "response": "22C", "result": "22C"}]},
        ])
    );

    // Anything other than its messages stays unchanged.
    for odd in ["ChatMessage('x')", "ChatMessage(_content='x')", "x"] {
        let input = format!(r#"{{"messages": ["{odd}"]}}"#);
        let attributes = [("openinference.span.kind", "LLM"), ("input.value", &*input)];
        let span = translated("openinference.instrumentation.haystack", "x", &attributes);
        assert!(span.attributes.text(INPUT).unwrap().contains(odd), "{odd}");
    }
}

#[test]
fn openinference_token_counts_are_read_from_reprs() {
    let output = r#"{"replies": ["ChatMessage(_role=<ChatRole.ASSISTANT: 'assistant'>, _content=[TextContent(text='a')], _name=None, _meta={'model': 'm', 'index': 0, 'finish_reason': 'stop', 'usage': {'completion_tokens': 40, 'prompt_tokens': 100, 'total_tokens': 140, 'completion_tokens_details': {'reasoning_tokens': 15}, 'prompt_tokens_details': {'cached_tokens': 60}}})"]}"#;
    let mut span = source(
        "openinference.instrumentation.haystack",
        "OpenAIChatGenerator.run",
        &[
            ("openinference.span.kind", "LLM"),
            ("output.value", output),
            ("llm.model_name", "m"),
        ],
    );
    for (key, count) in [("prompt", 100_i64), ("completion", 40), ("total", 140)] {
        let key: &'static str = format!("llm.token_count.{key}").leak();
        span.attributes.push(key, count);
    }
    let span = with_content(span);
    for (key, expected) in [
        ("gen_ai.usage.input_tokens", 100),
        ("gen_ai.usage.cache_read.input_tokens", 60),
        ("gen_ai.usage.reasoning.output_tokens", 15),
    ] {
        assert_eq!(span.attributes.integer(key), Some(expected), "{key}");
    }
    let reasons = span.attributes.text("gen_ai.response.finish_reasons");
    assert_eq!(reasons, Some(r#"["stop"]"#));
    let answer = span.attributes.text(OUTPUT).unwrap();
    assert!(!answer.contains("usage"), "{answer}");
}

const OPENINFERENCE: &str = "openinference.instrumentation.haystack";

/// OpenInference takes it for a model.
#[test]
fn prompt_builders_are_not_model_calls() {
    for (name, op) in [
        ("PromptBuilder.run", "function"),
        ("ChatPromptBuilder.run_async", "function"),
        ("OpenAIGenerator.run", "gen_ai.chat"),
    ] {
        let attributes = [
            ("openinference.span.kind", "LLM"),
            ("llm.prompt_template.template", "say {{q}}"),
            ("output.value", "say it"),
        ];
        assert_eq!(translated(OPENINFERENCE, name, &attributes).op, op);
    }
}

#[test]
fn reasoning_and_response_model_are_read_from_replies() {
    let reply = "ChatMessage(_role=<ChatRole.ASSISTANT: 'assistant'>, _content=[ReasoningContent(reasoning_text='hm', extra={'x': [1]}), TextContent(text='a')], _name=None, _meta={'model': 'claude-1'})";
    let openinference = translated(
        OPENINFERENCE,
        "AnthropicChatGenerator.run",
        &[
            ("openinference.span.kind", "LLM"),
            ("llm.model_name", "claude-1"),
            (
                "output.value",
                &serde_json::json!({"replies": [reply]}).to_string(),
            ),
        ],
    );
    let own_tracer = translated(
        "haystack",
        "haystack.agent.step.llm",
        &[(
            "haystack.agent.step.llm.output",
            r#"{"replies": [{"role": "assistant", "meta": {"model": "claude-1"}, "content": [{"reasoning": {"reasoning_text": "hm", "extra": {"x": [1]}}}, {"text": "a"}]}]}"#,
        )],
    );
    for span in [openinference, own_tracer] {
        let output = span.attributes.text(OUTPUT).unwrap();
        let output: serde_json::Value = serde_json::from_str(output).unwrap();
        assert_eq!(
            output[0]["parts"],
            serde_json::json!([{"type": "reasoning", "content": "hm"}, {"type": "text", "content": "a"}])
        );
        assert_eq!(
            span.attributes.text("gen_ai.response.model"),
            Some("claude-1")
        );
        assert!(!span.attributes.contains("gen_ai.request.model"));
    }
}

#[test]
fn document_contents_are_the_input_of_embedders_and_rankers() {
    const ASKED: &str = "gen_ai.embeddings.input";
    let component = |class: &'static str, path: &str| {
        translated(
            "haystack",
            "haystack.component.run",
            &[
                (TYPE, class),
                (PATH, path),
                (
                    "haystack.component.input",
                    r#"{"query": "q", "documents": [{"id": "1", "content": "d", "blob": null}]}"#,
                ),
            ],
        )
    };
    let embeds = component(
        "OpenAIDocumentEmbedder",
        "haystack.components.embedders.openai_document_embedder.OpenAIDocumentEmbedder",
    );
    assert_eq!(embeds.attributes.text(ASKED), Some(r#"["d"]"#));
    let ranks = component(
        "CohereRanker",
        "haystack_integrations.components.rankers.cohere.ranker.CohereRanker",
    );
    assert_eq!(ranks.op, "gen_ai.rerank");
    assert_eq!(
        ranks.attributes.text("gen_ai.provider.name"),
        Some("cohere")
    );
    let ranked: serde_json::Value =
        serde_json::from_str(ranks.attributes.text(ASKED).unwrap()).unwrap();
    assert_eq!(
        ranked,
        serde_json::json!({"query": "q", "documents": ["d"]})
    );
    // It uses what is known about the documents.
    let sorts = component(
        "MetaFieldRanker",
        "haystack.components.rankers.meta_field.MetaFieldRanker",
    );
    assert_eq!(sorts.op, "function");
}

#[test]
fn a_tool_with_an_error_as_result_failed() {
    for (result, status) in [
        (r#"{"error": "no such city"}"#, crate::Status::Error),
        (r#"{"error": null, "city": "Paris"}"#, crate::Status::Ok),
        ("22C", crate::Status::Ok),
    ] {
        let tool = translated(
            "haystack",
            "haystack.agent.step.tool",
            &[
                ("haystack.tool.name", "w"),
                ("haystack.agent.step.tool.output", result),
            ],
        );
        assert_eq!(tool.status, status, "{result}");
        assert_eq!(
            tool.attributes.text("gen_ai.tool.call.result"),
            Some(result)
        );
    }
}

/// If content is not traced, the span has only its name, and a tracer whose name the program chose.
#[test]
fn agent_model_calls_are_recognised_by_name_alone() {
    let span = translated("my-app", "haystack.agent.step.llm", &[]);
    assert_eq!(span.op, "gen_ai.chat");
    assert_eq!(
        translated("my-app", "haystack.agent.step", &[]).op,
        "function"
    );
}

/// What is no JSON, such as the callback of a stream, turns the whole request into what Python shows.
#[test]
fn requests_with_a_callback_are_read() {
    let message = |role: &str, text: &str| {
        format!(
            "ChatMessage(_role=<ChatRole.{}: '{role}'>, _content=[TextContent(text='{text}')], _name=None, _meta={{}})",
            role.to_uppercase()
        )
    };
    let input = format!(
        "{{'messages': [{}, {}], 'streaming_callback': <function tools.<locals>.<lambda> at 0x7f77b4869580>, 'tools': [{}]}}",
        message("system", "Be brief"),
        message("user", "Weather?"),
        "Tool(name='get_weather', description='d', parameters={'type': 'object'}, function=<function get_weather at 0x7f77b4958040>, async_function=None)",
    );
    let attributes = [("haystack.agent.step.llm.input", &*input)];
    let span = translated("haystack", "haystack.agent.step.llm", &attributes);
    let attribute = |key| span.attributes.text(key).unwrap_or_default();
    assert_eq!(
        attribute("gen_ai.input.messages"),
        r#"[{"role":"user","parts":[{"type":"text","content":"Weather?"}]}]"#
    );
    assert_eq!(
        attribute("gen_ai.system_instructions"),
        r#"[{"type":"text","content":"Be brief"}]"#
    );
    assert_eq!(
        attribute("gen_ai.tool.definitions"),
        r#"[{"type":"function","name":"get_weather","description":"d","parameters":{"type":"object"}}]"#
    );
}
