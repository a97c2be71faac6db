//! MLflow's tracing exported over OTLP, and LiveKit's agents.

use super::*;
use crate::tokens;

#[test]
fn model_calls_are_read() {
    let span = translated(
        "mlflow.tracing.provider",
        "Completions",
        &[
            ("mlflow.spanType", r#""CHAT_MODEL""#),
            ("mlflow.message.format", r#""openai""#),
            ("mlflow.llm.model", r#""gpt-4o-2024""#),
            (
                "mlflow.chat.tokenUsage",
                r#"{"input_tokens": 42, "output_tokens": 17, "total_tokens": 59, "cache_read_input_tokens": 16}"#,
            ),
            (
                "mlflow.spanInputs",
                r#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "q"}], "temperature": 0.2, "prompt": "<openai.Omit object at 0x7f>"}"#,
            ),
            (
                "mlflow.spanOutputs",
                r#"{"id": "c1", "choices": [{"finish_reason": "stop", "index": 0, "message": {"role": "assistant", "content": "a"}}], "usage": {"completion_tokens": 17, "completion_tokens_details": {"reasoning_tokens": 5}}}"#,
            ),
            ("model", r#""gpt-4o""#),
            ("prompt", r#""<openai.Omit object at 0x7f>""#),
            ("own", "kept"),
        ],
    );
    assert_eq!(span.name, "chat gpt-4o");
    for (key, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "gpt-4o"),
        ("gen_ai.response.model", "gpt-4o-2024"),
        ("gen_ai.response.id", "c1"),
        (
            INPUT,
            r#"[{"role":"user","parts":[{"type":"text","content":"q"}]}]"#,
        ),
    ] {
        assert_eq!(span.attributes.text(key), Some(value), "{key}");
    }
    assert!(
        span.attributes
            .text(OUTPUT)
            .unwrap()
            .contains(r#""content":"a""#)
    );
    let tokens = [
        tokens::INPUT,
        tokens::CACHE_READ,
        tokens::OUTPUT,
        tokens::REASONING,
    ];
    assert_eq!(
        tokens.map(|key| span.attributes.integer(key)),
        [Some(42), Some(16), Some(17), Some(5)]
    );
    assert!(!span.attributes.contains("model") && !span.attributes.contains("prompt"));
    assert_eq!(span.attributes.text("own"), Some("kept"));
}

#[test]
fn geminis_requests_and_counts_are_read() {
    let span = translated(
        "mlflow.tracing.provider",
        "Models.generate_content",
        &[
            ("mlflow.spanType", r#""LLM""#),
            ("mlflow.message.format", r#""gemini""#),
            (
                "mlflow.chat.tokenUsage",
                r#"{"input_tokens": 103, "output_tokens": 999, "total_tokens": 1106, "cache_read_input_tokens": 4}"#,
            ),
            (
                "mlflow.spanInputs",
                r#"{"model": "gemini-2.5-flash", "contents": "q", "config": {"system_instruction": "Be brief.", "temperature": 0.2, "top_k": null}}"#,
            ),
            (
                "mlflow.spanOutputs",
                r#"{"candidates": [{"content": {"parts": [{"text": "a"}], "role": "model"}, "finish_reason": "STOP"}], "usage_metadata": {"prompt_token_count": 103, "candidates_token_count": 999, "thoughts_token_count": 4, "total_token_count": 1106}}"#,
            ),
        ],
    );
    let text = |key| span.attributes.text(key);
    let question = r#"[{"role":"user","parts":[{"type":"text","content":"q"}]}]"#;
    assert_eq!(text(INPUT), Some(question));
    assert!(text("gen_ai.system_instructions").is_some_and(|system| system.contains("Be brief.")));
    assert!(span.attributes.contains("gen_ai.request.temperature"));
    let tokens = [tokens::INPUT, tokens::OUTPUT, tokens::REASONING];
    let tokens = tokens.map(|key| span.attributes.integer(key));
    assert_eq!(tokens, [Some(103), Some(1003), Some(4)]);
}

#[test]
fn an_answer_that_gemini_blocks_has_only_its_reason() {
    let attributes = [
        ("mlflow.spanType", r#""LLM""#),
        (
            "mlflow.spanOutputs",
            r#"{"candidates": [{"content": null, "finish_reason": "SAFETY", "index": 0}], "model_version": "gemini-2.5-flash"}"#,
        ),
    ];
    let name = "Models.generate_content";
    let span = translated("mlflow.tracing.provider", name, &attributes);
    assert_eq!(span.attributes.text(OUTPUT), None);
    let reasons = span.attributes.text("gen_ai.response.finish_reasons");
    assert_eq!(reasons, Some(r#"["SAFETY"]"#));
}

#[test]
fn a_stream_that_was_not_read_is_no_answer() {
    let attributes = [
        ("mlflow.spanType", r#""CHAT_MODEL""#),
        (
            "mlflow.spanOutputs",
            r#""<anthropic.Stream object at 0x7f956ad20310>""#,
        ),
    ];
    let span = translated("mlflow.tracing.provider", "Messages.create", &attributes);
    assert_eq!(span.attributes.text(OUTPUT), None);

    let response =
        r#""<AsyncAPIResponse [200 OK] type=<class 'openai.types.responses.response.Response'>>""#;
    let attributes = [attributes[0], ("mlflow.spanOutputs", response)];
    let span = translated("mlflow.tracing.provider", "AsyncResponses", &attributes);
    assert_eq!(span.attributes.text(OUTPUT), None);
}

#[test]
fn tools_and_agents_are_named_after_their_spans() {
    let read = |kind| {
        let span = translated(
            "mlflow.tracing.provider",
            "search",
            &[
                ("mlflow.spanType", kind),
                ("mlflow.spanInputs", r#"{"q": "x"}"#),
                ("mlflow.spanOutputs", r#""found""#),
            ],
        );
        let result = span.attributes.text(RESULT).map(str::to_owned);
        (span.name.to_string(), result)
    };
    let result = Some("found".to_owned());
    assert_eq!(
        read(r#""TOOL""#),
        ("execute_tool search".to_owned(), result)
    );
    assert_eq!(read(r#""AGENT""#).0, "invoke_agent search");
    assert_eq!(read(r#""RETRIEVER""#).0, "search");
}

#[test]
fn langchain_names_the_agent_and_the_thread() {
    let metadata = r#"{"ls_integration": "langchain_create_agent", "lc_agent_name": "weather_bot", "thread_id": "t-5"}"#;
    let read = |kind, name, output| {
        let attributes = [
            ("mlflow.spanType", kind),
            ("metadata", metadata),
            ("mlflow.spanOutputs", output),
        ];
        translated("mlflow.tracing.provider", name, &attributes)
    };
    let agent = read(r#""CHAIN""#, "weather_bot", "{}");
    assert_eq!(agent.name, "invoke_agent weather_bot");
    assert_eq!(agent.attributes.text("gen_ai.conversation.id"), Some("t-5"));
    // A node of its graph.
    assert_eq!(&*read(r#""CHAIN""#, "model", "{}").op, "function");

    let answer =
        r#"{"content": "sunny", "type": "tool", "tool_call_id": "call_1", "status": "success"}"#;
    let tool = read(r#""TOOL""#, "get_weather", answer);
    assert_eq!(tool.name, "execute_tool get_weather");
    for (key, value) in [
        ("gen_ai.agent.name", "weather_bot"),
        ("gen_ai.tool.call.id", "call_1"),
        ("gen_ai.conversation.id", "t-5"),
        (RESULT, "sunny"),
    ] {
        assert_eq!(tool.attributes.text(key), Some(value), "{key}");
    }
}

#[test]
fn a_failed_langchain_tool_keeps_the_id_of_its_call() {
    let attributes = [
        ("mlflow.spanType", r#""TOOL""#),
        ("tool_call_id", r#""call_2""#),
    ];
    let tool = translated("mlflow.tracing.provider", "get_weather", &attributes);
    assert_eq!(tool.attributes.text("gen_ai.tool.call.id"), Some("call_2"));
    assert!(!tool.attributes.contains("tool_call_id"));
}

#[test]
fn a_run_of_openai_agents_is_around_its_agents() {
    let run = translated(
        "mlflow.tracing.provider",
        "AgentRunner.run",
        &[
            ("mlflow.spanType", r#""AGENT""#),
            ("mlflow.openai.agent_run_root", "true"),
            (
                "kwargs",
                r#"{"max_turns": 10, "run_config": {"workflow_name": "w", "group_id": "g-7"}}"#,
            ),
        ],
    );
    assert_eq!(&*run.op, "function");
    assert_eq!(run.attributes.text("session.id"), Some("g-7"));

    let agent = translated(
        "mlflow.tracing.provider",
        "weather bot",
        &[
            ("mlflow.spanType", r#""AGENT""#),
            ("mlflow.spanOutputs", r#"{"output_type": "str"}"#),
            ("handoffs", "[]"),
        ],
    );
    assert_eq!(agent.name, "invoke_agent weather bot");
    assert_eq!(agent.attributes.text(OUTPUT), None);
}

#[test]
fn a_streamed_response_of_openai_agents_is_read() {
    let span = translated(
        "mlflow.tracing.provider",
        "Response",
        &[
            ("mlflow.spanType", r#""CHAT_MODEL""#),
            ("mlflow.message.format", r#""openai-agent""#),
            ("object", r#""response""#),
            ("id", r#""resp_4""#),
            ("model", r#""gpt-5-mini""#),
            (
                "usage",
                r#"{"input_tokens": 104, "input_tokens_details": {"cached_tokens": 5}, "output_tokens": 1004, "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 1108}"#,
            ),
        ],
    );
    assert_eq!(span.name, "chat gpt-5-mini");
    assert_eq!(span.attributes.text("gen_ai.response.id"), Some("resp_4"));
    let tokens = [tokens::INPUT, tokens::CACHE_READ, tokens::REASONING];
    let tokens = tokens.map(|key| span.attributes.integer(key));
    assert_eq!(tokens, [Some(104), Some(5), Some(3)]);
}

#[test]
fn pydantic_ais_agents_have_their_name() {
    let attributes = [
        ("mlflow.spanType", r#""AGENT""#),
        ("mlflow.message.format", r#""pydantic_ai""#),
        ("name", r#""weather bot""#),
    ];
    let span = translated("mlflow.tracing.provider", "Agent.run", &attributes);
    assert_eq!(span.name, "invoke_agent weather bot");
}

#[test]
fn livekit_tools_before_the_conventions_are_read() {
    let attributes = [
        ("lk.function_tool.name", "f"),
        ("lk.function_tool.arguments", r#"{"a": 1}"#),
        ("lk.function_tool.output", "done"),
    ];
    let span = translated("livekit-agents", "function_tool", &attributes);
    assert_eq!(span.name, "execute_tool f");
    assert_eq!(span.attributes.text(ARGUMENTS), Some(r#"{"a": 1}"#));
    assert_eq!(span.attributes.text(RESULT), Some("done"));
}

/// What MLflow's integrations record is the model that was asked.
#[test]
fn models_and_costs_are_read() {
    let own = [
        ("mlflow.llm.model", r#""gpt-4o""#),
        (
            "mlflow.chat.tokenUsage",
            r#"{"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}"#,
        ),
        (
            "mlflow.llm.cost",
            r#"{"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3}"#,
        ),
    ];
    let request = (
        "mlflow.spanInputs",
        r#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "q"}]}"#,
    );
    let answer = (
        "mlflow.spanOutputs",
        r#"{"model": "gpt-4o-2024", "choices": []}"#,
    );
    let chat = ("mlflow.spanType", r#""CHAT_MODEL""#);
    let embedding = ("mlflow.spanType", r#""EMBEDDING""#);
    for (attributes, answered) in [
        (vec![chat, request, answer], Some("gpt-4o-2024")),
        (vec![chat, request], None),
        // LlamaIndex and DSPy do not repeat the model in the request.
        (vec![chat], None),
        (vec![embedding], None),
    ] {
        let attributes: Vec<_> = attributes.into_iter().chain(own).collect();
        let span = translated("mlflow.tracing.provider", "Completions", &attributes);
        let attributes = &span.attributes;
        assert_eq!(attributes.text("gen_ai.request.model"), Some("gpt-4o"));
        assert_eq!(attributes.text("gen_ai.response.model"), answered);
        assert_eq!(attributes.integer(tokens::INPUT), Some(10));
        let cost = attributes.get("gen_ai.cost.total_tokens");
        assert_eq!(cost, Some(crate::Value::Double(0.3)));
        assert!(!attributes.contains("mlflow.llm.cost"));
    }
}

#[test]
fn the_input_of_embeddings_is_read_from_the_request() {
    let call = [
        ("mlflow.spanType", r#""EMBEDDING""#),
        ("mlflow.llm.provider", r#""openai""#),
        (
            "mlflow.spanInputs",
            r#"{"model": "e", "input": ["Paris", "Rome"]}"#,
        ),
        (
            "mlflow.spanOutputs",
            r#"{"data": [{"embedding": [0.1]}], "usage": {"prompt_tokens": 2, "total_tokens": 2}}"#,
        ),
    ];
    let span = translated("mlflow.tracing.provider", "Embeddings", &call);
    let attributes = &span.attributes;
    assert_eq!(span.name, "embeddings e");
    assert_eq!(attributes.text("gen_ai.provider.name"), Some("openai"));
    assert_eq!(attributes.integer(tokens::INPUT), Some(2));
    let input = attributes.text("gen_ai.embeddings.input");
    assert_eq!(input, Some(r#"["Paris","Rome"]"#));
    assert!(!attributes.iter().any(|(key, _)| key.starts_with("mlflow.")));
}
