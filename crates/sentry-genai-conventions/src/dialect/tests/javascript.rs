//! Spellings that only libraries for JavaScript use.

use super::*;
use crate::{SourceEvent, SourceStatus, Status};

/// Version 7 of the AI SDK follows the conventions, and on request adds what they have no names for. The tracer may be the
/// program's own.
#[test]
fn supplements_of_version_7_of_the_ai_sdk_are_read() {
    for scope in ["gen_ai", "shop"] {
        let call = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "gpt-5"),
            ("gen_ai.usage.input_tokens", "42"),
            ("gen_ai.usage.output_tokens", "17"),
            ("ai.usage.outputTokenDetails.reasoningTokens", "5"),
            ("ai.settings.context.sessionId", "s-1"),
            ("ai.settings.context.userId", "u-1"),
        ];
        let attributes = translated(scope, "chat gpt-5", &call).attributes;
        let thoughts = attributes.integer("gen_ai.usage.reasoning.output_tokens");
        assert_eq!(thoughts, Some(5), "{scope}");
        assert_eq!(attributes.text("gen_ai.conversation.id"), Some("s-1"));
        assert_eq!(attributes.text("user.id"), Some("u-1"));

        let speech = [
            ("gen_ai.operation.name", "ai.generateSpeech"),
            ("ai.request.text", "Hi"),
        ];
        let span = translated(scope, "ai.generateSpeech tts-1", &speech);
        assert_eq!(span.op, "gen_ai.generate_content", "{scope}");
        let expected_input = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
        assert_eq!(span.attributes.text(INPUT), Some(expected_input));
        assert!(!span.attributes.contains("vercel.ai.request.text"));
    }
}

/// A stream that breaks off has no status and no exception, but a finish reason.
#[test]
fn an_ai_sdk_call_with_finish_reason_error_failed() {
    for (key, value, status) in [
        ("ai.response.finishReason", "error", Status::Error),
        ("ai.response.finishReason", "stop", Status::Ok),
    ] {
        let id = ("ai.operationId", "ai.streamText.doStream");
        let span = translated("ai", "ai.streamText.doStream", &[id, (key, value)]);
        assert_eq!(span.status, status, "{value}");
    }
}

/// Version 7 follows the conventions.
#[test]
fn a_failure_that_openinference_copies_to_a_call_of_the_ai_sdk_is_not_its_own() {
    let copied = SourceStatus::Error(Some("the tool broke".to_owned()));
    for (scope, key, operation) in [
        ("ai", "ai.operationId", "ai.generateText.doGenerate"),
        ("gen_ai", "gen_ai.operation.name", "chat"),
    ] {
        for (exceptions, status) in [(0, Status::Ok), (1, Status::Error)] {
            let call = [(key, operation), ("openinference.span.kind", "LLM")];
            let mut span = source(scope, operation, &call);
            span.status = copied.clone();
            span.events = vec![SourceEvent::new("exception"); exceptions];
            assert_eq!(with_content(span).status, status, "{scope} {exceptions}");
        }
    }
}

/// The cache is only in the total. The provider is the cloud, even for models made by others.
#[test]
fn openinference_bedrock_counts_are_completed() {
    let answer = r#"{"stopReason":"end_turn","usage":{"inputTokens":20,"outputTokens":17,"totalTokens":167,"cacheReadInputTokens":100,"cacheWriteInputTokens":30}}"#;
    let span = translated(
        "@arizeai/openinference-instrumentation-bedrock",
        "bedrock.converse",
        &[
            ("openinference.span.kind", "LLM"),
            ("llm.system", "anthropic"),
            ("llm.provider", "aws"),
            ("llm.model_name", "claude"),
            ("llm.token_count.prompt", "20"),
            ("llm.token_count.completion", "17"),
            ("llm.token_count.total", "167"),
            ("output.value", answer),
        ],
    );
    let count = |key| span.attributes.integer(key);
    assert_eq!(count("gen_ai.usage.input_tokens"), Some(150));
    assert_eq!(count("gen_ai.usage.cache_read.input_tokens"), Some(100));
    assert_eq!(count("gen_ai.usage.cache_creation.input_tokens"), Some(30));
    assert_eq!(count("gen_ai.usage.total_tokens"), Some(167));
    let provider = span.attributes.text("gen_ai.provider.name");
    assert_eq!(provider, Some("aws.bedrock"));
}

/// JavaScript's wrapper of OpenAI's SDK omits the role of such an answer, and has the instructions in the metadata.
#[test]
fn streamed_langfuse_tool_calls_are_output() {
    let span = translated(
        "langfuse-sdk",
        "OpenAI-chat",
        &[
            ("langfuse.observation.type", "generation"),
            (
                "langfuse.observation.output",
                r#"{"tool_calls":[{"function":{"name":"w","arguments":"{}"}}]}"#,
            ),
            ("langfuse.observation.metadata.instructions", "Be nice"),
        ],
    );
    assert_eq!(
        span.attributes.text(OUTPUT),
        Some(r#"[{"role":"assistant","parts":[{"type":"tool_call","name":"w","arguments":{}}]}]"#)
    );
    assert_eq!(
        span.attributes.text("gen_ai.system_instructions"),
        Some(r#"[{"type":"text","content":"Be nice"}]"#)
    );
}

/// Its counts are only in the response, in the spelling of the API.
#[test]
fn adk_reasoning_is_read_from_the_response() {
    let response = r#"{"usageMetadata":{"promptTokenCount":42,"candidatesTokenCount":12,"cachedContentTokenCount":16,"thoughtsTokenCount":5,"totalTokenCount":59}}"#;
    let span = translated(
        "gcp.vertex.agent",
        "call_llm",
        &[
            ("gcp.vertex.agent.llm_response", response),
            ("gen_ai.usage.input_tokens", "42"),
            ("gen_ai.usage.output_tokens", "12"),
        ],
    );
    let count = |key| span.attributes.integer(key);
    assert_eq!(count("gen_ai.usage.output_tokens"), Some(17));
    assert_eq!(count("gen_ai.usage.reasoning.output_tokens"), Some(5));
    assert_eq!(count("gen_ai.usage.cache_read.input_tokens"), Some(16));
}

/// Its own counts lack the cache, while those of the conventions include it.
#[test]
fn claude_code_cache_is_added_to_the_input() {
    let own = [
        ("span.type", "llm_request"),
        ("input_tokens", "200"),
        ("output_tokens", "17"),
        ("cache_read_tokens", "100"),
        ("cache_creation_tokens", "30"),
        ("user_prompt", "<REDACTED>"),
    ];
    let conventional = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.usage.input_tokens", "330"),
        ("gen_ai.usage.cache_write.input_tokens", "30"),
    ];
    let both = [&own[..], &conventional].concat();
    for attributes in [&own[..], &both] {
        let scope = "com.anthropic.claude_code.tracing";
        let span = translated(scope, "claude_code.llm_request", attributes);
        let count = |key| span.attributes.integer(key);
        assert_eq!(count("gen_ai.usage.input_tokens"), Some(330));
        assert_eq!(count("gen_ai.usage.cache_read.input_tokens"), Some(100));
        assert_eq!(count("gen_ai.usage.cache_creation.input_tokens"), Some(30));
        assert_eq!(count("gen_ai.usage.total_tokens"), Some(347));
        assert!(!span.attributes.contains(INPUT));
        assert!(!span.attributes.contains("input_tokens"));
    }
}

/// Sentry's SDK marks Vercel's spans before it translates them.
#[test]
fn vercel_spans_that_sentry_only_marked_are_translated() {
    let marked = [
        ("sentry.origin", "auto.vercelai.otel"),
        ("sentry.op", "gen_ai.execute_tool"),
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "ls"),
        ("ai.operationId", "ai.toolCall"),
        ("ai.toolCall.args", r#"{"path":"."}"#),
        ("ai.toolCall.result", r#""README""#),
    ];
    let span = translated("ai", "execute_tool ls", &marked);
    assert_eq!(span.op, "gen_ai.execute_tool");
    assert_eq!(span.origin, "auto.vercelai.otel");
    assert_eq!(span.attributes.text(ARGUMENTS), Some(r#"{"path":"."}"#));
    assert!(span.attributes.contains(RESULT));
    assert!(!span.attributes.contains("vercel.ai.toolCall.result"));
}

/// Versions of Sentry's SDK mark the same call with different ops.
#[test]
fn a_call_that_sentry_has_marked_is_a_call_whatever_the_op() {
    for op in [
        "ai.run.doStream",
        "gen_ai.generate_content",
        "gen_ai.stream_object",
        "gen_ai.stream_text",
        "gen_ai.structured_stream",
    ] {
        let marked = [
            ("sentry.origin", "auto.vercelai.otel"),
            ("sentry.op", op),
            ("ai.operationId", "ai.streamText.doStream"),
            ("ai.model.id", "m"),
        ];
        let span = translated("ai", "stream_text m", &marked);
        assert_eq!((&*span.op, &*span.name), ("gen_ai.chat", "chat m"), "{op}");
    }
    let other_program = [
        ("sentry.op", "gen_ai.embed_many"),
        ("gen_ai.request.model", "m"),
    ];
    let span = translated("any", "embed", &other_program);
    assert_eq!(span.op, "gen_ai.embeddings");
}

/// A tool's input is a single text, and the message that it answers with has its name.
#[test]
fn openllmetry_langchain_tools_are_read() {
    let output = r#"{"lc":1,"type":"constructor","kwargs":{"content":"14 C","tool_call_id":"c1","name":"get_weather"}}"#;
    let span = translated(
        "@traceloop/instrumentation-langchain",
        "execute_tool DynamicStructuredTool",
        &[
            ("traceloop.span.kind", "task"),
            ("gen_ai.operation.name", "execute_tool"),
            ("traceloop.entity.name", "DynamicStructuredTool"),
            (
                "traceloop.entity.input",
                r#"{"args":["{\"city\":\"Paris\"}"]}"#,
            ),
            ("traceloop.entity.output", output),
        ],
    );
    let attributes = &span.attributes;
    assert_eq!(attributes.text(ARGUMENTS), Some(r#"{"city":"Paris"}"#));
    assert_eq!(attributes.text(RESULT), Some("14 C"));
    assert_eq!(attributes.text("gen_ai.tool.call.id"), Some("c1"));
}

/// The items of a request are a single user text.
#[test]
fn openllmetry_response_items_are_restored() {
    let items = r#"[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"}]"#;
    for (text, roles) in [(items, &["user", "assistant"][..]), ("[1]", &["user"])] {
        let parts = serde_json::json!([{"type": "text", "content": text}]);
        let input = serde_json::json!([{"role": "user", "parts": parts}]);
        let input = input.to_string().leak();
        let span = translated(
            "@traceloop/instrumentation-openai",
            "chat m",
            &[("gen_ai.operation.name", "chat"), (INPUT, input)],
        );
        let read = crate::messages::read_json(span.attributes.text(INPUT).unwrap()).unwrap();
        let found = read.as_array().unwrap().iter();
        let found: Vec<_> = found
            .filter_map(|message| message["role"].as_str())
            .collect();
        assert_eq!(found, roles, "{text}");
    }
}

/// The instrumentation takes the second word of `us.anthropic.claude-...`.
#[test]
fn a_model_maker_is_not_a_model() {
    let span = translated(
        "@arizeai/openinference-instrumentation-bedrock",
        "bedrock.invoke_model",
        &[
            ("openinference.span.kind", "LLM"),
            ("llm.system", "anthropic"),
            ("llm.model_name", "anthropic"),
            (
                "output.value",
                r#"{"model":"claude-sonnet-4","content":[]}"#,
            ),
        ],
    );
    let attributes = &span.attributes;
    assert!(!attributes.contains("gen_ai.request.model"));
    let model = attributes.text("gen_ai.response.model");
    assert_eq!(model, Some("claude-sonnet-4"));

    let request = r#"{"modelId":"us.anthropic.claude-sonnet-4","messages":[]}"#;
    let span = translated(
        "@arizeai/openinference-instrumentation-bedrock",
        "bedrock.converse",
        &[
            ("openinference.span.kind", "LLM"),
            ("llm.system", "anthropic"),
            ("llm.model_name", "anthropic"),
            ("input.value", request),
        ],
    );
    let model = span.attributes.text("gen_ai.request.model");
    assert_eq!(model, Some("us.anthropic.claude-sonnet-4"));
}

/// Gemini CLI records every chunk of a stream as a message, and a tool's call in its own format.
#[test]
fn gemini_cli_chunks_and_tool_records_are_read() {
    let scope = "gemini-cli";
    let chunks = r#"[{"role":"model","parts":[{"text":"Hm","thought":true}]},{"role":"model","parts":[{"text":"It "}]},{"role":"model","parts":[{"text":"rains"}]}]"#;
    let call = [
        ("gen_ai.operation.name", "llm_call"),
        ("gen_ai.prompt.name", "0b5"),
        (OUTPUT, chunks),
    ];
    let span = translated(scope, "llm_call", &call);
    let answer = r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"Hm"},{"type":"text","content":"It rains"}]}]"#;
    assert_eq!(span.attributes.text(OUTPUT), Some(answer));
    assert!(!span.attributes.contains("gen_ai.prompt.name"));

    for (outcome, status) in [("success", Status::Ok), ("error", Status::Error)] {
        let record = format!(
            r#"{{"status":"{outcome}","response":{{"responseParts":[{{"functionResponse":{{"name":"ls","response":{{"output":"README"}}}}}}]}}}}"#
        );
        let tool = [
            ("gen_ai.operation.name", "tool_call"),
            ("gen_ai.tool.name", "ls"),
            ("gen_ai.tool.call_id", "c1"),
            (INPUT, r#"{"callId":"c1","name":"ls","args":{"path":"."}}"#),
            (OUTPUT, record.leak()),
        ];
        let span = translated(scope, "tool_call", &tool);
        assert_eq!(span.status, status);
        let attributes = &span.attributes;
        assert_eq!(attributes.text("gen_ai.tool.call.id"), Some("c1"));
        assert_eq!(attributes.text(ARGUMENTS), Some(r#"{"path":"."}"#));
        assert_eq!(attributes.text(RESULT), Some("README"));
    }
}

/// LangSmith reports the status OK for a run that failed.
#[test]
fn a_langsmith_exception_overrides_status_ok() {
    for (event, status) in [("exception", Status::Error), ("new_token", Status::Ok)] {
        let mut span = testing::span("ChatOpenAI");
        span.attributes.push("langsmith.span.kind", "llm");
        span.status = crate::SourceStatus::Ok;
        span.events.push(crate::SourceEvent::new(event));
        let span = Translator::new(TranslateOptions::default()).translate(span);
        assert_eq!(span.status, status, "{event}");
    }
}

/// LangChain's messages may consist of blocks, which OpenLLMetry's instrumentation writes as one text.
#[test]
fn openllmetry_langchain_blocks_are_restored() {
    let block = r#"{"type":"text","text":"Be brief."}"#;
    let text = serde_json::Value::from(format!("[{block}]"));
    let messages = serde_json::json!([
        {"role": "system", "parts": [{"type": "text", "content": text}]},
        {"role": "user", "parts": [{"type": "text", "content": "[{\"a\": 1}]"}]},
    ])
    .to_string();
    let content = |scope: &str| {
        let call = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.input.messages", messages.as_str()),
        ];
        let span = translated(scope, "chat m", &call);
        let input = span.attributes.text("gen_ai.input.messages").unwrap();
        let system = span.attributes.text("gen_ai.system_instructions");
        format!("{}{input}", system.unwrap_or_default())
    };
    let read = content("@traceloop/instrumentation-langchain");
    assert!(read.contains(r#""content":"Be brief.""#), "{read}");
    assert!(read.contains(r#"[{\"a\": 1}]"#), "{read}");
    assert!(!content("x").contains(r#""content":"Be brief.""#));
}

/// OpenInference's instrumentation omits messages that consist of blocks. The request has all messages.
#[test]
fn openinference_langchain_blocks_are_read_from_the_request() {
    let request = r#"{"messages": [[
        {"lc": 1, "id": ["langchain_core", "messages", "SystemMessage"], "kwargs": {"content": [{"type": "text", "text": "Be brief."}]}},
        {"lc": 1, "id": ["langchain_core", "messages", "HumanMessage"], "kwargs": {"content": "Hello"}}
    ]]}"#;
    let answer = r#"{"generations": [[{"text": "Hi", "message": {"lc": 1, "id": ["AIMessage"], "kwargs": {
        "content": "Hi", "response_metadata": {"model_name": "m-2024"},
        "usage_metadata": {"input_tokens": 120, "input_token_details": {"cache_read": 40, "cache_creation": 30}}
    }}}]]}"#;
    let call = |secret: &'static str| {
        [
            ("openinference.span.kind", "LLM"),
            ("llm.model_name", "m"),
            ("llm.input_messages.0.message.role", "system"),
            ("llm.input_messages.1.message.role", "user"),
            ("llm.input_messages.1.message.content", secret),
            ("input.value", request),
            ("output.value", answer),
        ]
    };
    let scope = "@arizeai/openinference-instrumentation-langchain";
    let span = translated(scope, "ChatOpenAI", &call("Hello"));
    let text = |key| span.attributes.text(key).unwrap();
    let input = text("gen_ai.input.messages");
    assert!(input.contains("Hello"), "{input}");
    assert!(input.contains("Be brief."), "{input}");
    assert_eq!(text("gen_ai.request.model"), "m");
    assert_eq!(text("gen_ai.response.model"), "m-2024");
    let written = "gen_ai.usage.cache_creation.input_tokens";
    assert_eq!(span.attributes.integer(written), Some(30));
    // Content that the program hides in one place is not shown from another.
    let span = translated(scope, "ChatOpenAI", &call("__REDACTED__"));
    let input = span.attributes.text("gen_ai.input.messages");
    assert!(!input.is_some_and(|input| input.contains("Hello")));
}

/// The first versions of OpenInference's instrumentation of Anthropic record what Anthropic calls input.
#[test]
fn the_input_includes_the_cache_of_anthropics_answer() {
    let answer = r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}],
        "usage":{"input_tokens":100,"cache_read_input_tokens":20,"cache_creation_input_tokens":3,"output_tokens":7}}"#;
    for (prompt, total) in [(100_i64, 107_i64), (123, 130)] {
        let call = [("openinference.span.kind", "LLM"), ("output.value", answer)];
        let mut span = source("any", "Anthropic Messages", &call);
        span.attributes.push("llm.token_count.prompt", prompt);
        span.attributes.push("llm.token_count.completion", 7_i64);
        span.attributes.push("llm.token_count.total", total);
        let span = with_content(span);
        let counts = ["input_tokens", "total_tokens", "cache_read.input_tokens"]
            .map(|count| span.attributes.integer(&format!("gen_ai.usage.{count}")));
        assert_eq!(counts, [Some(123), Some(130), Some(20)], "{prompt}");
    }
}

/// OpenLLMetry's processor assembles the messages of the AI SDK without the reasoning.
#[test]
fn reasoning_of_the_ai_sdk_joins_assembled_messages() {
    let answer = |reasoning: &str| {
        format!(
            r#"[{{"role":"assistant","parts":[{reasoning}{{"type":"text","content":"4"}}],"finish_reason":"stop"}}]"#
        )
    };
    let with_reasoning = answer(r#"{"type":"reasoning","content":"2+2"},"#);
    for output in [&answer(""), &with_reasoning] {
        let call = [
            ("ai.operationId", "ai.generateText.doGenerate"),
            ("ai.response.reasoning", "2+2"),
            ("gen_ai.output.messages", output),
        ];
        let span = translated("ai", "chat m", &call);
        assert_eq!(
            span.attributes.text("gen_ai.output.messages"),
            Some(&*with_reasoning)
        );
    }
}

#[test]
fn the_model_that_streamed_an_answer_to_langchain_is_beside_the_message() {
    let answer = r#"{"generations":[[{"text":"Hi","generationInfo":{"model_name":"m-2024"},"message":{"lc":1,"kwargs":{"content":"Hi"}}}]]}"#;
    let call = [
        ("openinference.span.kind", "LLM"),
        ("llm.invocation_parameters", r#"{"model":"m"}"#),
        ("llm.model_name", "m"),
        ("output.value", answer),
    ];
    let span = translated("any", "ChatOpenAI", &call);
    let text = |key| span.attributes.text(key);
    assert_eq!(text("gen_ai.request.model"), Some("m"));
    assert_eq!(text("gen_ai.response.model"), Some("m-2024"));
}

#[test]
fn a_message_of_langchain_may_have_the_id_of_the_response() {
    let response_id = |id: &str| {
        let answer = format!(
            r#"{{"generations":[[{{"text":"Hi","message":{{"lc":1,"kwargs":{{"id":"{id}","content":"Hi"}}}}}}]]}}"#
        );
        let call = [
            ("openinference.span.kind", "LLM"),
            ("output.value", &*answer),
        ];
        let scope = "@arizeai/openinference-instrumentation-langchain";
        let span = translated(scope, "ChatOpenAI", &call);
        (span.attributes.text("gen_ai.response.id")).map(str::to_owned)
    };
    assert_eq!(response_id("chatcmpl-7").as_deref(), Some("chatcmpl-7"));
    assert_eq!(response_id("run--0199"), None);
}
