//! Peculiarities of instrumentations by OpenInference and OpenLLMetry.

use super::*;

#[test]
fn the_host_of_a_model_is_preferred_to_its_maker() {
    let provider = |attributes: &[Attribute]| {
        let kind = [("openinference.span.kind", "LLM")];
        let span = translated("any", "x", &[&kind, attributes].concat());
        (span.attributes.text("gen_ai.provider.name")).map(str::to_owned)
    };
    let of = |system, runs| provider(&[("llm.system", system), ("llm.provider", runs)]);
    assert_eq!(of("anthropic", "aws").as_deref(), Some("aws.bedrock"));
    assert_eq!(of("openai", "azure").as_deref(), Some("azure.ai.openai"));
    assert_eq!(of("vertexai", "google").as_deref(), Some("gcp.vertex_ai"));
    assert_eq!(of("openai", "openai").as_deref(), Some("openai"));
}

#[test]
fn conversation_and_embedding_input_are_read_from_the_request() {
    let span = translated(
        "any",
        "Response",
        &[
            ("openinference.span.kind", "LLM"),
            (
                "llm.invocation_parameters",
                r#"{"conversation": "conv_1", "model": "m"}"#,
            ),
        ],
    );
    let conversation = span.attributes.text("gen_ai.conversation.id");
    assert_eq!(conversation, Some("conv_1"));

    let span = translated(
        "any",
        "CreateEmbeddings",
        &[
            ("openinference.span.kind", "EMBEDDING"),
            ("input.value", r#"{"input": [[1, 2]], "model": "m"}"#),
        ],
    );
    let input = span.attributes.text("gen_ai.embeddings.input");
    assert_eq!(input, Some("[[1,2]]"));
}

#[test]
fn an_object_repr_is_not_output() {
    let output = |value| {
        let attributes = [("openinference.span.kind", "LLM"), ("output.value", value)];
        translated("any", "x", &attributes)
            .attributes
            .contains(OUTPUT)
    };
    assert!(!output("<groq.Stream object at 0x7f4ddf12bb90>"));
    assert!(output("<b>an object at 0x10</b> is shown"));
}

#[test]
fn traceloop_users_are_kept_and_headers_removed() {
    let span = translated(
        "opentelemetry.instrumentation.openai.v1",
        "openai.chat",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.user", "u-1"),
            ("gen_ai.headers", "{'Authorization': 'Bearer x'}"),
        ],
    );
    assert_eq!(span.attributes.text("user.id"), Some("u-1"));
    let headers = |(key, _): &(&str, _)| key.contains("headers");
    assert!(!span.attributes.iter().any(|attribute| headers(&attribute)));
}

#[test]
fn traceloops_first_bedrock_instrumentation_is_read() {
    let scope = "opentelemetry.instrumentation.bedrock";
    let failed = translated(scope, "bedrock.converse", &[]);
    assert_eq!(failed.op, "gen_ai.chat");
    let call = translated(
        scope,
        "bedrock.completion",
        &[
            ("gen_ai.system", "anthropic"),
            ("gen_ai.request.model", "claude-3"),
            ("llm.request.type", "chat"),
            ("gen_ai.prompt.0.role", "user"),
            ("gen_ai.prompt.0.content", r#""Hello""#),
        ],
    );
    let text = |key| call.attributes.text(key).unwrap_or_default();
    assert_eq!(text("gen_ai.provider.name"), "aws.bedrock");
    let messages = r#"[{"role":"user","parts":[{"type":"text","content":"Hello"}]}]"#;
    assert_eq!(text(INPUT), messages);
}

#[test]
fn embedding_models_make_embeddings() {
    for (scope, key, attributes) in [
        (
            "openinference.instrumentation.bedrock",
            "llm.model_name",
            [("openinference.span.kind", "LLM")],
        ),
        (
            "opentelemetry.instrumentation.bedrock",
            "gen_ai.request.model",
            [("gen_ai.operation.name", "text_completion")],
        ),
        (
            "opentelemetry.instrumentation.botocore.bedrock-runtime",
            "gen_ai.request.model",
            [("gen_ai.operation.name", "chat")],
        ),
    ] {
        let model = [(key, "amazon.titan-embed-text-v2:0")];
        let span = translated(scope, "x", &[&attributes[..], &model].concat());
        assert_eq!(span.name, "embeddings amazon.titan-embed-text-v2:0");
    }
}

#[test]
fn traceloop_reasoning_is_derived_from_the_total() {
    for (scope, total) in [
        ("google_generativeai", "gen_ai.usage.total_tokens"),
        ("google_generativeai", "llm.usage.total_tokens"),
        ("vertexai", "llm.usage.total_tokens"),
    ] {
        let mut span = testing::span("generate_content m");
        span.scope = format!("opentelemetry.instrumentation.{scope}").into();
        (span.attributes).push("gen_ai.operation.name", "generate_content");
        (span.attributes).push("gen_ai.usage.input_tokens", 42);
        (span.attributes).push("gen_ai.usage.output_tokens", 12);
        span.attributes.push(total, 59);
        let span = Translator::new(TranslateOptions::default()).translate(span);
        let count = |key| span.attributes.integer(key);
        assert_eq!(count("gen_ai.usage.output_tokens"), Some(17), "{scope}");
        assert_eq!(count("gen_ai.usage.reasoning.output_tokens"), Some(5));
        assert_eq!(count("gen_ai.usage.total_tokens"), Some(59));
    }
}

/// Python's `str` is in place of the text of an answer or of a part.
#[test]
fn openai_agents_messages_are_read_from_str() {
    // The order of fields depends on a feature of serde_json that other crates may enable.
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let read = |key: &'static str, role: &str, text: &str| {
        let part =
            serde_json::json!([{"role": role, "parts": [{"type": "text", "content": text}]}]);
        let span = translated(
            "opentelemetry.instrumentation.openai_agents",
            "chat",
            &[("gen_ai.operation.name", "chat"), (key, &part.to_string())],
        );
        parsed(span.attributes.text(key).unwrap_or_default())
    };
    for (text, expected) in [
        (
            "{'content': None, 'refusal': None, 'role': 'assistant', 'tool_calls': [{'id': 'c1', 'function': {'arguments': '{\"a\": 1}', 'name': 'f'}, 'type': 'function'}]}",
            r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"f","arguments":{"a":1}}]}]"#,
        ),
        (
            "{'id': 'x', 'object': 'response', 'output': [{'content': [{'text': 'hi', 'type': 'output_text'}], 'role': 'assistant', 'type': 'message'}]}",
            r#"[{"role":"assistant","parts":[{"type":"text","content":"hi"}]}]"#,
        ),
        (
            "ResponseReasoningItem(id='r', summary=[Summary(text='hm', type='summary_text')], type='reasoning', content=None)",
            r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"hm"}]}]"#,
        ),
        (
            "ResponseOutputMessage(id='m', content=[ResponseOutputRefusal(refusal='no', type='refusal')], role='assistant', type='message')",
            r#"[{"role":"assistant","parts":[{"type":"text","content":"no"}]}]"#,
        ),
        (
            "{'kind': 'a dict of its own'}",
            r#"[{"parts":[{"content":"{'kind': 'a dict of its own'}","type":"text"}],"role":"assistant"}]"#,
        ),
    ] {
        assert_eq!(read(OUTPUT, "assistant", text), parsed(expected), "{text}");
    }
    assert_eq!(
        read(INPUT, "user", "{'type': 'input_text', 'text': 'see'}"),
        parsed(r#"[{"role":"user","parts":[{"type":"text","content":"see"}]}]"#),
    );
}

#[test]
fn mcp_calls_are_read_from_the_response() {
    let output = |items: &str| {
        let response = format!(r#"{{"object": "response", "id": "r", "output": [{items}]}}"#);
        let span = translated(
            "any",
            "response",
            &[
                ("openinference.span.kind", "LLM"),
                ("llm.output_messages.0.message.role", "assistant"),
                ("llm.output_messages.0.message.content", ""),
                ("output.value", &response),
            ],
        );
        span.attributes.text(OUTPUT).unwrap_or_default().to_owned()
    };
    assert_eq!(
        output(r#"{"type": "mcp_call", "id": "c", "name": "f", "arguments": "{}", "output": "1"}"#),
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c","name":"f","arguments":{}},{"type":"tool_call_response","id":"c","name":"f","response":"1","result":"1"}]}]"#,
    );
}

#[test]
fn an_empty_response_is_not_output() {
    let response = r#"{"id": "r", "object": "response", "status": "completed", "output": [], "text": {"format": {}}}"#;
    let kind = ("openinference.span.kind", "LLM");
    let span = translated("any", "response", &[kind, ("output.value", response)]);
    assert_eq!(span.attributes.text(OUTPUT), None);
}

/// OpenLLMetry's instrumentation of LangChain for Python records Anthropic's answers like this.
#[test]
fn langchain_blocks_are_restored_from_texts() {
    let answer = r#"[{"role": "assistant", "parts": [
        {"type": "text", "content": "{\"type\": \"thinking\", \"thinking\": \"hm\", \"signature\": \"s\"}"},
        {"type": "text", "content": "{\"type\": \"tool_use\", \"id\": \"t1\", \"name\": \"f\", \"input\": {}}"},
        {"type": "text", "content": "{\"type\": \"sunny\"}"},
        {"type": "tool_call", "id": "t1", "name": "f", "arguments": {}},
        {"type": "tool_call", "id": "t2", "name": "f", "arguments": {}}]}]"#;
    let attributes = [("gen_ai.operation.name", "chat"), (OUTPUT, answer)];
    let scope = "opentelemetry.instrumentation.langchain";
    let span = translated(scope, "ChatAnthropic.chat", &attributes);
    let text = span.attributes.text(OUTPUT).unwrap();
    let messages: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(
        messages[0]["parts"],
        serde_json::json!([
            {"type": "reasoning", "content": "hm"},
            {"type": "tool_call", "id": "t1", "name": "f", "arguments": {}},
            {"type": "text", "content": r#"{"type": "sunny"}"#},
            {"type": "tool_call", "id": "t2", "name": "f", "arguments": {}},
        ])
    );
}

#[test]
fn logfire_embeddings_have_counts() {
    let op = |counts: &[Attribute]| {
        let request = [
            ("gen_ai.operation.name", "embeddings"),
            ("request_data", r#"{"model":"m"}"#),
        ];
        let name = "Embedding Creation with {request_data[model]!r}";
        let span = translated("logfire.openai", name, &[&request, counts].concat());
        span.op.into_owned()
    };
    assert_eq!(
        op(&[("gen_ai.usage.input_tokens", "8")]),
        "gen_ai.embeddings"
    );
    assert_eq!(op(&[]), "function");
}

#[test]
fn logfire_streams_start_before_their_log_record() {
    let trace_id = TraceId::from_bytes([1; 16]).unwrap();
    let span_id = SpanId::from_bytes([2; 8]).unwrap();
    let end = Timestamp::from_nanos(1_795_197_437_000_000_000);
    let mut span = SourceSpan::new(trace_id, span_id, "streaming response from", end);
    span.scope = "logfire.openai".into();
    span.attributes.push("duration", 0.5);
    let start = with_content(span).start;
    assert_eq!(end.as_nanos() - start.as_nanos(), 500_000_000);
}

/// Voice pipelines of OpenAI's agents.
#[test]
fn logfire_speech_is_generated() {
    let model = ("gen_ai.request.model", "m");
    let sound = r#"{"format":"pcm"}"#;
    for (name, input, output) in [
        ("Text → Speech", "Hi", sound),
        ("Speech → Text with {gen_ai.request.model!r}", sound, "Hi"),
    ] {
        let attributes = [model, ("input", input), ("output", output)];
        let span = translated("logfire.openai_agents", name, &attributes);
        assert_eq!(span.op, "gen_ai.generate_content", "{name}");
        for (key, text) in [(INPUT, input), (OUTPUT, output)] {
            let messages = span.attributes.text(key);
            assert_eq!(messages.is_some(), text != sound, "{name}: {key}");
        }
    }
    let attributes = [("gen_ai.operation.name", "speech_generation"), model];
    let span = translated(
        "opentelemetry.instrumentation.openai_agents",
        "s",
        &attributes,
    );
    assert_eq!(span.op, "gen_ai.generate_content");
}

/// Chat Completions by OpenAI's agents, and what the provider's own tools did beside an answer.
#[test]
fn logfire_input_and_output_are_separated() {
    let messages = |attributes: &[(&'static str, &str)]| {
        let span = translated(
            "logfire.openai_agents",
            "Chat completion with {gen_ai.request.model!r}",
            attributes,
        );
        [INPUT, OUTPUT].map(|key| span.attributes.text(key).unwrap_or_default().to_owned())
    };
    let question = r#"[{"role":"user","parts":[{"type":"text","content":"q"}]}]"#;
    let generation = messages(&[
        ("input", r#"[{"role": "user", "content": "q"}]"#),
        ("output", r#"[{"role": "assistant", "content": "a"}]"#),
        (
            "request_data",
            r#"{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}"#,
        ),
    ]);
    let answer = r#"[{"role":"assistant","parts":[{"type":"text","content":"a"}]}]"#;
    assert_eq!(generation, [question, answer]);

    for answer in [
        r#"{"event.name": "gen_ai.choice", "message": {"role": "assistant", "content": "a"}}"#,
        r#"{"event.name": "gen_ai.assistant.message", "role": "assistant", "content": "a"}"#,
    ] {
        let events = format!(
            r#"[{{"event.name": "gen_ai.user.message", "role": "user", "content": "q"}},
            {{"event.name": "gen_ai.unknown", "role": "assistant", "content": "web_search_call\n\nSee JSON for details",
             "data": {{"type": "web_search_call", "id": "w", "action": {{"query": "x"}}}}}},
            {answer}]"#,
        );
        let [input, output] = messages(&[("events", &events)]);
        assert_eq!(input, question);
        assert!(output.contains(r#""name":"web_search""#), "{output}");
        assert!(output.contains(r#""content":"a""#), "{output}");
        assert!(!output.contains("See JSON"), "{output}");
    }
}

/// In OpenInference, DSPy's answer has Python reprs of the calls.
#[test]
fn dspy_tool_calls_are_read_from_reprs() {
    let call = r#""ChatCompletionMessageToolCall(function=Function(arguments='{\"city\": \"Paris\"}', name='w'), id='c1', type='function')""#;
    let output = format!(r#"[{{"text": null, "tool_calls": [{call}]}}]"#);
    let span = translated(
        "openinference.instrumentation.dspy",
        "LM.__call__",
        &[
            ("openinference.span.kind", "LLM"),
            ("output.value", &output),
        ],
    );
    let output: serde_json::Value =
        serde_json::from_str(span.attributes.text(OUTPUT).unwrap()).unwrap();
    assert_eq!(
        output[0]["parts"],
        serde_json::json!([{"type": "tool_call", "id": "c1", "name": "w", "arguments": {"city": "Paris"}}])
    );
}

/// The output of CrewAI's agents includes the question, and has the answer beside the messages.
#[test]
fn crewai_output_is_split_into_input_and_output() {
    for (rest, answers) in [
        ("", 1),
        (r#", {"role": "assistant", "content": "a"}"#, 1),
        (
            r#", {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "w", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "c1", "content": "22C"}"#,
            3,
        ),
    ] {
        let output = format!(
            r#"{{"description": "d", "raw": "a", "usage_metrics": {{"prompt_tokens": 42, "cached_prompt_tokens": 16, "completion_tokens": 17}}, "messages": [{{"role": "system", "content": "s"}}, {{"role": "user", "content": "q"}}{rest}]}}"#
        );
        let span = translated(
            "openinference.instrumentation.crewai",
            "Writer._execute_core",
            &[
                ("openinference.span.kind", "AGENT"),
                ("graph.node.id", "Writer"),
                (
                    "input.value",
                    r#"{"agent": {"role": "Writer"}, "context": "", "tools": []}"#,
                ),
                ("output.value", &output),
            ],
        );
        assert_eq!(span.name, "invoke_agent Writer");
        assert_eq!(
            [
                "gen_ai.usage.input_tokens",
                "gen_ai.usage.cache_read.input_tokens",
                "gen_ai.usage.output_tokens",
            ]
            .map(|key| span.attributes.integer(key)),
            [Some(42), Some(16), Some(17)]
        );
        let read = |key| -> serde_json::Value {
            serde_json::from_str(span.attributes.text(key).unwrap()).unwrap()
        };
        assert_eq!(
            read(INPUT),
            serde_json::json!([{"role": "user", "parts": [{"type": "text", "content": "q"}]}])
        );
        let output = read(OUTPUT);
        let output = output.as_array().unwrap();
        assert_eq!(output.len(), answers, "{output:?}");
        assert_eq!(output[answers - 1]["parts"][0]["content"], "a");
    }
}

#[test]
fn llama_index_prompts_and_arguments_are_read() {
    const SCOPE: &str = "openinference.instrumentation.llama_index";
    let tool = translated(
        SCOPE,
        "FunctionTool.acall",
        &[
            ("openinference.span.kind", "TOOL"),
            ("tool.name", "w"),
            ("input.value", r#"{"kwargs": {"city": "Paris"}}"#),
        ],
    );
    assert_eq!(tool.attributes.text(ARGUMENTS), Some(r#"{"city":"Paris"}"#));

    let mut span = testing::span("OpenAI.complete");
    span.scope = SCOPE.into();
    span.attributes.push("openinference.span.kind", "LLM");
    span.attributes.push("input.value", r#"{"args": ["q"]}"#);
    span.attributes.push("llm.prompts", ["q"].as_slice());
    let options = TranslateOptions {
        capture_inputs: true,
        ..TranslateOptions::default()
    };
    let span = Translator::new(options).translate(span);
    assert_eq!(
        span.attributes.text(INPUT),
        Some(r#"[{"role":"user","parts":[{"type":"text","content":"q"}]}]"#)
    );
}

#[test]
fn koogs_placeholder_is_no_content() {
    let run = |content| {
        let run = [
            ("koog.event.id", "e1"),
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.input.messages", content),
            (
                "system_instructions",
                r#"[{"type":"text","content":"Be brief"}]"#,
            ),
        ];
        translated("shop", "chat m", &run)
    };
    let span = run("HIDDEN:non-empty");
    assert!(!span.attributes.contains("gen_ai.input.messages"));
    let instructions = span.attributes.text("gen_ai.system_instructions").unwrap();
    assert!(instructions.contains("Be brief"));
    let span = run(r#"[{"role":"User","parts":[{"type":"text","content":"Hi"}]}]"#);
    assert!(span.attributes.contains("gen_ai.input.messages"));
}

#[test]
fn what_an_agent_was_asked_and_answered_is_read_by_its_older_names() {
    let span = translated(
        "semantic_kernel.agents",
        "invoke_agent Host",
        &[
            ("gen_ai.operation.name", "invoke_agent"),
            ("gen_ai.agent.name", "Host"),
            ("gen_ai.agent.invocation_input", r#"["Hi"]"#),
            (
                "gen_ai.agent.invocation_output",
                r#"[{"role":"assistant","content":"Hello"}]"#,
            ),
        ],
    );
    assert!(span.attributes.text(INPUT).unwrap().contains("Hi"));
    let output = span.attributes.text("gen_ai.output.messages").unwrap();
    assert!(output.contains("Hello"));
}

/// LoongSuite's instrumentations of agents in Go.
#[test]
fn an_agents_other_inputs_are_its_user_its_session_and_the_question() {
    let attributes = [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.other_input.session_id", "s-1"),
        ("gen_ai.other_input.user_id", "u-1"),
        ("gen_ai.other_input.user_message", "Hi!"),
    ];
    let span = translated("any", "invoke_agent", &attributes);
    let text = |key| span.attributes.text(key);
    assert_eq!(text("gen_ai.conversation.id"), Some("s-1"));
    assert_eq!(text("user.id"), Some("u-1"));
    assert!(text(INPUT).is_some_and(|input| input.contains("Hi!")));
}
