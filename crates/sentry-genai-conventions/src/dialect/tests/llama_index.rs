//! LlamaIndex's own package for OpenTelemetry.

use super::*;
use crate::{SourceEvent, tokens};

const SCOPE: &str = "llamaindex.opentelemetry.tracer";
const SUMMARY: &str = "llamaindex.step.input_summary";

fn span(name: &'static str, attributes: &[Attribute], events: &[Event<'_>]) -> SourceSpan {
    let mut span = testing::span(name);
    span.scope = SCOPE.into();
    for (key, value) in attributes {
        span.attributes.push(key, *value);
    }
    for (name, attributes) in events {
        let mut event = SourceEvent::new(*name);
        for (key, value) in *attributes {
            match value.parse::<i64>() {
                Ok(number) => event.attributes.push(key, number),
                Err(_) => event.attributes.push(key, *value),
            }
        }
        span.events.push(event);
    }
    span
}

type Event<'a> = (&'static str, &'a [Attribute]);

#[test]
fn model_calls_are_read_from_events() {
    let span = with_content(span(
        "OpenAI.chat",
        &[],
        &[
            (
                "LLMChatStartEvent",
                &[
                    (
                        "messages",
                        r#"[{"role": "user", "additional_kwargs": {}, "blocks": [{"block_type": "text", "text": "q"}, {"block_type": "image", "image": "b'iVBORw0KGgo='", "image_mimetype": "image/png"}]}, {"role": "assistant", "additional_kwargs": {}, "blocks": [{"block_type": "tool_call", "tool_call_id": "c1", "tool_name": "w", "tool_kwargs": "{\"city\": \"Paris\"}"}]}, {"role": "tool", "additional_kwargs": {"tool_call_id": "c1"}, "blocks": [{"block_type": "text", "text": "22C"}]}]"#,
                    ),
                    ("model_dict.class_name", "openai_llm"),
                    ("model_dict.model_name", "gpt-4o"),
                    (
                        "additional_kwargs.tools",
                        r#"[{"type": "function", "function": {"name": "w"}}]"#,
                    ),
                ],
            ),
            (
                "LLMChatEndEvent",
                &[
                    ("response.message.role", "assistant"),
                    (
                        "response.message.blocks",
                        r#"[{"block_type": "text", "text": "a"}]"#,
                    ),
                    ("response.raw.id", "r1"),
                    ("response.raw.model", "gpt-4o-2024"),
                    (
                        "response.raw.choices",
                        r#"[{"finish_reason": "stop", "message": {"content": "a"}}]"#,
                    ),
                    ("response.raw.usage.prompt_tokens", "42"),
                    ("response.raw.usage.completion_tokens", "17"),
                    (
                        "response.raw.usage.prompt_tokens_details.cached_tokens",
                        "16",
                    ),
                    (
                        "response.raw.usage.prompt_tokens_details.cache_write_tokens",
                        "null",
                    ),
                    ("response.additional_kwargs.prompt_tokens", "42"),
                ],
            ),
        ],
    ));
    assert_eq!(span.name, "chat gpt-4o");
    for (key, value) in [
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.response.model", "gpt-4o-2024"),
        ("gen_ai.response.id", "r1"),
        ("gen_ai.response.finish_reasons", r#"["stop"]"#),
    ] {
        assert_eq!(span.attributes.text(key), Some(value), "{key}");
    }
    assert_eq!(
        [tokens::INPUT, tokens::CACHE_READ, tokens::OUTPUT].map(|key| span.attributes.integer(key)),
        [Some(42), Some(16), Some(17)]
    );
    let read = |key| -> serde_json::Value {
        serde_json::from_str(span.attributes.text(key).unwrap()).unwrap()
    };
    assert_eq!(
        read(INPUT),
        serde_json::json!([
            {"role": "user", "parts": [
                {"type": "text", "content": "q"},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "[Blob substitute]"},
            ]},
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "w", "arguments": {"city": "Paris"}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "22C", "result": "22C"}]},
        ])
    );
    assert_eq!(
        read(OUTPUT)[0]["parts"],
        serde_json::json!([{"type": "text", "content": "a"}])
    );
    assert_eq!(read(DEFINITIONS)[0]["name"], "w");
}

#[test]
fn embeddings_are_read_from_events() {
    let span = with_content(span(
        "OpenAIEmbedding.get_query_embedding",
        &[],
        &[
            (
                "EmbeddingStartEvent",
                &[
                    ("model_dict.class_name", "OpenAIEmbedding"),
                    ("model_dict.model_name", "e"),
                ],
            ),
            ("EmbeddingEndEvent", &[("chunks", r#"["q"]"#)]),
        ],
    ));
    assert_eq!(span.name, "embeddings e");
    assert!(span.attributes.contains("gen_ai.embeddings.input"));
    assert!(!span.attributes.contains("gen_ai.provider.name"));
}

const TOOL_CALL: &str = "ToolCall(tool_name='w', tool_kwargs={'city': 'Paris'}, tool_id='c1')";

#[test]
fn tool_calls_are_read_from_workflow_steps() {
    let attributes = [(SUMMARY, TOOL_CALL)];
    let output = "ToolCallResult(tool_name='w', tool_kwargs={'city': 'Paris'}, tool_id='c1', tool_output=ToolOutput(blocks=[TextBlock(block_type='text', text='22C')], tool_name='w'))";
    let tool = with_content(span(
        "BaseWorkflowAgent.call_tool",
        &attributes,
        &[("step.output", &[("output", output)])],
    ));
    assert_eq!(tool.name, "execute_tool w");
    for (key, value) in [
        (ARGUMENTS, r#"{"city":"Paris"}"#),
        (RESULT, "22C"),
        ("gen_ai.tool.call.id", "c1"),
    ] {
        assert_eq!(tool.attributes.text(key), Some(value), "{key}");
    }
    // A repr that was cut still has the name.
    let cut = [(
        SUMMARY,
        "ToolCall(tool_name='w', tool_kwargs={'city': 'Par...",
    )];
    let tool = with_content(span("BaseWorkflowAgent.call_tool", &cut, &[]));
    assert_eq!(tool.name, "execute_tool w");

    // A returned value of any other form stays unchanged.
    for output in [
        "ToolCallResult('x')",
        "ToolCallResult(tool_output='x')",
        "x",
    ] {
        let events = [("step.output", &[("output", output)][..])];
        let tool = with_content(span("BaseWorkflowAgent.call_tool", &attributes, &events));
        assert_eq!(tool.attributes.text(RESULT), Some(output));
    }

    // The span below it has the same summary and is the same call.
    let below = with_content(span("FunctionTool.acall", &attributes, &[]));
    assert_eq!(below.op, "function");
    let agent = with_content(span("FunctionAgent.run", &[], &[]));
    assert_eq!(agent.name, "invoke_agent FunctionAgent");
    let workflow = with_content(span("AgentWorkflow.run", &[], &[]));
    assert_eq!(workflow.op, "function");
}

#[test]
fn the_input_of_steps_is_content() {
    for summary in [TOOL_CALL, "Start(user_msg='secret')"] {
        let source = span("FunctionTool.acall", &[(SUMMARY, summary)], &[]);
        let span = Translator::new(TranslateOptions::default()).translate(source);
        assert_eq!(
            span.attributes
                .iter()
                .find(|(key, _)| key.starts_with("llamaindex.")),
            None
        );
    }
}

/// LlamaIndex records the first 200 characters of what steps return.
#[test]
fn truncated_results_and_answers_are_read() {
    let output = "ToolCallResult(tool_name='w', tool_kwargs={'city': 'Paris'}, tool_id='c1', tool_output=ToolOutput(blocks=[TextBlock(block_type='text', text='It\\'s 22C')], tool_na...";
    let tool = with_content(span(
        "BaseWorkflowAgent.call_tool",
        &[(SUMMARY, TOOL_CALL)],
        &[("step.output", &[("output", output)])],
    ));
    assert_eq!(tool.attributes.text(RESULT), Some("It's 22C"));

    let failed = "ToolCallResult(tool_name='w', tool_output=ToolOutput(blocks=[TextBlock(block_type='text', text='no')], is_error=True))";
    let tool = with_content(span(
        "BaseWorkflowAgent.call_tool",
        &[(SUMMARY, TOOL_CALL)],
        &[("step.output", &[("output", failed)])],
    ));
    assert_eq!(tool.status, crate::Status::Error);

    const STOP: &str = "StopEvent(result=AgentOutput(response=ChatMessage(role=<MessageRole.ASSISTANT: 'assistant'>, additional_kwargs={}, blocks=[TextBlock(block_type='text', text='a')]), structured_response=N...";
    let own = with_content(span(
        "FunctionAgent.run",
        &[],
        &[("workflow.output", &[("output", STOP)])],
    ));
    // OpenInference reports a chain, with its initial state as the input.
    let seen = translated(
        "openinference.instrumentation.llama_index",
        "FunctionAgent.run",
        &[
            ("openinference.span.kind", "CHAIN"),
            (
                "input.value",
                r#"{"init_state": {"is_running": false}, "start_event": "AgentWorkflowStartEvent(user_msg='q', chat_history=None)"}"#,
            ),
            ("output.value", STOP),
        ],
    );
    for agent in [&own, &seen] {
        assert_eq!(agent.name, "invoke_agent FunctionAgent");
        let output = agent.attributes.text(OUTPUT).unwrap();
        let output: serde_json::Value = serde_json::from_str(output).unwrap();
        assert_eq!(
            output[0]["parts"],
            serde_json::json!([{"type": "text", "content": "a"}])
        );
    }
    assert_eq!(
        seen.attributes.text(INPUT),
        Some(r#"[{"role":"user","parts":[{"type":"text","content":"q"}]}]"#)
    );
    assert!(!seen.attributes.contains("input.value"));
    let step = translated(
        "openinference.instrumentation.llama_index",
        "AgentWorkflow.run",
        &[("openinference.span.kind", "CHAIN")],
    );
    assert_eq!(step.op, "function");
}

#[test]
fn why_a_response_of_openai_ended_follows_from_its_status() {
    let reasons = |status| {
        let response = [
            ("response.message.role", "assistant"),
            ("response.raw.object", "response"),
            ("response.raw.status", status),
            (
                "response.raw.incomplete_details.reason",
                "max_output_tokens",
            ),
            (
                "response.raw.output",
                r#"[{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}]"#,
            ),
        ];
        let events: [Event<'_>; 1] = [("LLMChatEndEvent", &response)];
        let span = with_content(span("OpenAIResponses.chat", &[], &events));
        let reasons = span.attributes.text("gen_ai.response.finish_reasons");
        reasons.map(str::to_owned)
    };
    assert_eq!(reasons("completed").as_deref(), Some(r#"["stop"]"#));
    assert_eq!(reasons("incomplete").as_deref(), Some(r#"["length"]"#));
}

/// OpenInference also records the method that fills in a template, around the call with the messages.
#[test]
fn templates_are_not_messages() {
    let input = |prompt: &str| {
        let input = serde_json::json!({"prompt": prompt}).to_string();
        let attributes = [
            ("input.mime_type", "application/json"),
            ("input.value", &*input),
            ("llm.model_name", "gpt-5-mini"),
            ("openinference.span.kind", "LLM"),
        ];
        let scope = "openinference.instrumentation.llama_index";
        let span = translated(scope, "OpenAI.stream", &attributes);
        span.attributes.text(INPUT).map(str::to_owned)
    };
    let template = "SelectorPromptTemplate(metadata={}, kwargs={'query_str': 'Sunny?'}, default_template=PromptTemplate(template='{query_str}'))";
    assert_eq!(input(template), None);
    assert!(input("Sunny?").is_some());
}
