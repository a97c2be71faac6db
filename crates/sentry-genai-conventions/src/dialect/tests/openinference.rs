//! Requests and answers as OpenInference's instrumentations of the providers' SDKs record them.

mod autogen;
mod conventions;

use super::*;
use crate::Status;

const KIND: Attribute = ("openinference.span.kind", "LLM");
const OPENAI: &str = "openinference.instrumentation.openai";
const OUTPUT: &str = "gen_ai.output.messages";

#[test]
fn requests_that_call_no_model_are_not_model_calls() {
    let op = |scope, name, attributes: &[Attribute]| {
        let span = translated(scope, name, &[&[KIND], attributes].concat());
        span.op.into_owned()
    };
    let nothing = ("llm.invocation_parameters", "{}");
    let model = ("llm.invocation_parameters", r#"{"model": "gpt-5"}"#);
    let counts = ("llm.token_count.prompt", "42");
    assert_eq!(op(OPENAI, "SyncPage[Model]", &[nothing]), "function");
    assert_eq!(op(OPENAI, "InputTokenCountResponse", &[model]), "function");
    assert_eq!(op("any", "messages.count_tokens", &[]), "function");
    assert_eq!(op(OPENAI, "Response", &[model]), "gen_ai.chat");
    // A response in the background has its counts when it is looked up.
    assert_eq!(op(OPENAI, "Response", &[nothing, counts]), "gen_ai.chat");
    assert_eq!(op("any", "Response", &[nothing]), "gen_ai.chat");
    let images = op(OPENAI, "ImagesResponse", &[model]);
    assert_eq!(images, "gen_ai.generate_content");
    let prompt = ("llm.invocation_parameters", r#"{"prompt": "a cat"}"#);
    let images = op(OPENAI, "ImagesResponse", &[prompt]);
    assert_eq!(images, "gen_ai.generate_content");
    let moderation = op(OPENAI, "ModerationCreateResponse", &[nothing]);
    assert_eq!(moderation, "gen_ai.evaluate");
    for (name, expected) in [
        ("HttpxBinaryResponseContent", "gen_ai.generate_content"),
        ("Transcription", "gen_ai.generate_content"),
        ("TranslationVerbose", "gen_ai.generate_content"),
        ("ModerationCreateResponse", "gen_ai.evaluate"),
        ("FineTuningJob", "function"),
        ("CompactedResponse", "gen_ai.chat"),
    ] {
        assert_eq!(op(OPENAI, name, &[model]), expected, "{name}");
    }
    let stored = ("llm.invocation_parameters", r#"{"prompt": {"id": "p"}}"#);
    assert_eq!(op(OPENAI, "Response", &[stored]), "gen_ai.chat");
}

#[test]
fn a_text_that_looks_like_a_response_is_none() {
    let answer =
        r#"{"model": "other", "id": "r1", "usage": {"prompt_tokens": 9, "completion_tokens": 9}}"#;
    let model = |mime_type| {
        let output = [("output.value", answer), ("output.mime_type", mime_type)];
        let span = translated("any", "Chat", &[&[KIND][..], &output].concat());
        span.attributes
            .text("gen_ai.response.model")
            .map(str::to_owned)
    };
    assert_eq!(model("application/json").as_deref(), Some("other"));
    assert_eq!(model("text/plain"), None);
}

#[test]
fn the_finish_reason_follows_from_the_response_status() {
    let response = |rest: &str| {
        let answer = format!(
            r#"{{"id": "r", "object": "response", "model": "m", "reasoning": null, {rest}}}"#
        );
        let whole = [("output.value", &*answer), KIND];
        let span = translated(OPENAI, "Response", &whole.map(|(key, value)| (key, value)));
        let text = |key| span.attributes.text(key).unwrap_or_default().to_owned();
        let reasons = text("gen_ai.response.finish_reasons");
        (reasons, span.status, text("error.type"))
    };
    let ok = |reason: &str| (reason.to_owned(), Status::Ok, String::new());
    let message = r#""output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}]"#;
    let call =
        r#""output": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]"#;
    let outcome = |status: &str| response(&format!(r#""status": {status}, {message}"#));
    assert_eq!(outcome(r#""completed""#), ok(r#"["stop"]"#));
    let called = response(&format!(r#""status": "completed", {call}"#));
    assert_eq!(called, ok(r#"["tool_calls"]"#));
    let cut = outcome(r#""incomplete", "incomplete_details": {"reason": "max_output_tokens"}"#);
    assert_eq!(cut, ok(r#"["length"]"#));
    let filtered = outcome(r#""incomplete", "incomplete_details": {"reason": "content_filter"}"#);
    assert_eq!(filtered, ok(r#"["content_filter"]"#));
    let failed = outcome(r#""failed", "error": {"code": "server_error", "message": "no"}"#);
    let error = "server_error".to_owned();
    assert_eq!(failed, (r#"["error"]"#.to_owned(), Status::Error, error));
}

/// The instrumentation of OpenAI's agents only states that the response is completed.
#[test]
fn agent_responses_with_tool_calls_end_with_tool_calls() {
    let answer = r#"{"object": "response", "status": "completed", "reasoning": null, "output": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]}"#;
    let attributes = [
        KIND,
        ("llm.finish_reason", "stop"),
        ("output.value", answer),
    ];
    for (scope, expected) in [
        ("openinference.instrumentation.openai_agents", "tool_calls"),
        (OPENAI, "stop"),
    ] {
        let span = translated(scope, "response", &attributes);
        let reasons = span.attributes.text("gen_ai.response.finish_reasons");
        assert_eq!(reasons, Some(&*format!("[\"{expected}\"]")), "{scope}");
    }
}

/// The instrumentation of LangChain4j.
#[test]
fn finish_reasons_may_be_a_list() {
    let attributes = [KIND, ("llm.response.finish_reasons", r#"["STOP"]"#)];
    let span = translated(
        "com.arize.instrumentation.langchain4j",
        "generate",
        &attributes,
    );
    let reasons = span.attributes.text("gen_ai.response.finish_reasons");
    assert_eq!(reasons, Some(r#"["STOP"]"#));
}

/// The text to speak or to draw is the input. An audio file is not.
#[test]
fn speech_and_image_requests_keep_only_their_text() {
    let input_of = |name, request| {
        let attributes = [
            KIND,
            ("llm.invocation_parameters", r#"{"model": "m"}"#),
            ("input.value", request),
        ];
        let span = translated(OPENAI, name, &attributes);
        let text = span.attributes.text("gen_ai.input.messages");
        text.map(str::to_owned)
    };
    let speech = r#"{"model": "m", "input": "Hi", "voice": "alloy"}"#;
    let question = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
    let speech = input_of("HttpxBinaryResponseContent", speech);
    assert_eq!(speech.as_deref(), Some(question));
    assert_eq!(input_of("Transcription", r#"{"model": "m"}"#), None);
    let image = input_of("ImagesResponse", r#"{"model": "m", "prompt": "Hi"}"#);
    assert_eq!(image.as_deref(), Some(question));
}

#[test]
fn finish_reasons_of_older_versions_are_read_from_the_response() {
    let answer = r#"{"choices": [{"finish_reason": "length", "message": {"role": "assistant", "content": "Hi"}}]}"#;
    let attributes = [
        KIND,
        ("output.value", answer),
        ("llm.output_messages.0.message.role", "assistant"),
        ("llm.output_messages.0.message.content", "Hi"),
    ];
    let span = translated(OPENAI, "ChatCompletion", &attributes);
    let reasons = span.attributes.text("gen_ai.response.finish_reasons");
    assert_eq!(reasons, Some(r#"["length"]"#));
}

#[test]
fn missing_counts_are_read_from_the_response() {
    let counts = |name, attributes: &[Attribute]| {
        let span = translated("any", name, &[&[KIND], attributes].concat());
        ["input_tokens", "output_tokens", "cache_read.input_tokens"]
            .map(|count| span.attributes.integer(&format!("gen_ai.usage.{count}")))
    };
    // An image, for which the instrumentation has no counts.
    let usage = (
        "output.value",
        r#"{"data": [], "usage": {"input_tokens": 10, "output_tokens": 1000}}"#,
    );
    let image = counts("ImagesResponse", &[usage]);
    assert_eq!(image, [Some(10), Some(1000), None]);
    // A stream by Claude on Bedrock. Counts that are already there stay.
    let usage = (
        "output.value",
        r#"{"usage": {"input_tokens": 20, "output_tokens": 40, "cache_read_input_tokens": 50}}"#,
    );
    let own = [
        ("llm.token_count.prompt", "70"),
        ("llm.token_count.completion", "40"),
    ];
    let stream = counts("bedrock.invoke_model", &[&own[..], &[usage]].concat());
    assert_eq!(stream, [Some(70), Some(40), Some(50)]);
}

#[test]
fn provider_tools_and_reasoning_are_read_from_the_response() {
    let output = |answer: &str| {
        let attributes = [
            KIND,
            ("output.value", answer),
            ("llm.output_messages.0.message.role", "assistant"),
            ("llm.output_messages.0.message.content", "Hi"),
        ];
        let span = translated("any", "x", &attributes.map(|(key, value)| (key, value)));
        span.attributes.text(OUTPUT).unwrap_or_default().to_owned()
    };
    let response = r#"{"object": "response", "output": [{"type": "web_search_call", "id": "w", "status": "completed", "action": {"query": "weather"}}]}"#;
    assert!(output(response).contains("weather"));
    let generations = r#"{"generations": [[{"message": {"type": "constructor", "id": ["AIMessage"], "kwargs": {"content": [{"type": "thinking", "thinking": "weather"}]}}}]]}"#;
    assert!(output(generations).contains(r#"{"type":"reasoning","content":"weather"}"#));
    let other = r#"{"answer": {"type": "thinking", "thinking": "weather"}}"#;
    assert!(!output(other).contains("weather"));
}

#[test]
fn litellm_image_generation_is_not_a_chat() {
    let scope = "openinference.instrumentation.litellm";
    for name in ["image_generation", "aimage_generation"] {
        let op = translated(scope, name, &[KIND]).op;
        assert_eq!(op, "gen_ai.generate_content", "{name}");
    }
}

/// In Mistral's instrumentation, the flattened calls have only a name and arguments.
#[test]
fn tool_call_ids_are_read_from_the_payload() {
    let call = r#"{"id": "c1", "function": {"name": "w", "arguments": "{}"}}"#;
    let request = format!(
        r#"{{"model": "m", "messages": [{{"role": "user", "content": "q"}}, {{"role": "assistant", "content": "", "tool_calls": [{call}]}}, {{"role": "tool", "content": "a", "tool_call_id": "c1"}}]}}"#
    );
    let answer = format!(
        r#"{{"id": "x", "model": "m", "choices": [{{"index": 0, "finish_reason": "tool_calls", "message": {{"role": "assistant", "content": "", "tool_calls": [{call}]}}}}]}}"#
    );
    let name = "llm.input_messages.1.message.tool_calls.0.tool_call.function.name";
    let called = "llm.output_messages.0.message.tool_calls.0.tool_call.function.name";
    let span = translated(
        "openinference.instrumentation.mistralai",
        "MistralClient.chat",
        &[
            KIND,
            ("input.value", &request),
            ("output.value", &answer),
            ("llm.input_messages.0.message.role", "user"),
            ("llm.input_messages.0.message.content", "q"),
            ("llm.input_messages.1.message.role", "assistant"),
            (name, "w"),
            ("llm.input_messages.2.message.role", "tool"),
            ("llm.input_messages.2.message.content", "a"),
            ("llm.output_messages.0.message.role", "assistant"),
            (called, "w"),
        ],
    );
    let read = |key| {
        let text = span.attributes.text(key).unwrap();
        serde_json::from_str::<serde_json::Value>(text).unwrap()
    };
    let input = read("gen_ai.input.messages");
    assert_eq!(input[1]["parts"][0]["id"], "c1");
    assert_eq!(input[2]["parts"][0]["id"], "c1");
    assert_eq!(read(OUTPUT)[0]["parts"][0]["id"], "c1");
}

#[test]
fn tool_names_lose_the_method() {
    let kind = ("openinference.span.kind", "TOOL");
    for (name, expected) in [
        ("get_weather.__call__", "get_weather"),
        ("get_weather.run", "get_weather"),
        ("get_weather", "get_weather"),
    ] {
        let span = translated("any", name, &[kind]);
        assert_eq!(span.name, format!("execute_tool {expected}"));
    }
}

#[test]
fn llama_index_tool_results_are_their_text() {
    let result = |output: &str| {
        let kind = ("openinference.span.kind", "TOOL");
        let attributes = [kind, ("tool.name", "w"), ("output.value", output)];
        let scope = "openinference.instrumentation.llama_index";
        let span = translated(scope, "FunctionTool.acall", &attributes);
        let result = span.attributes.text("gen_ai.tool.call.result");
        result.map(str::to_owned)
    };
    let text = r#"{"blocks":[{"text":"21"},{"text":"C"}],"tool_name":"w","raw_input":{"args":[],"kwargs":{}},"raw_output":"21C","is_error":false}"#;
    assert_eq!(result(text).as_deref(), Some("21\nC"));
    let image = r#"{"blocks":[{"url":"u"}],"raw_output":1}"#;
    assert_eq!(result(image).as_deref(), Some(image));
}

#[test]
fn autogen_messages_are_read_from_reprs() {
    let scope = "openinference.instrumentation.autogen_agentchat";
    let read = |span: &SentrySpan, key| {
        let text = span.attributes.text(key).unwrap();
        serde_json::from_str::<serde_json::Value>(text).unwrap()
    };
    let message = |source: &str, content: &str| {
        let text = format!(
            "id='1' source='{source}' models_usage=None metadata={{}} created_at=datetime.datetime(2026, 1, 1) content={content} type='TextMessage'"
        );
        serde_json::Value::String(text)
    };
    let handoff_content = r"'it\'s content=1' target='w' context=[]";
    let reprs = [
        message("user", r#""What's up?""#),
        message("critic", "'a'"),
        message("critic", handoff_content),
    ];
    let parameters = serde_json::json!({"messages": reprs, "cancellation_token": null});
    let span = translated(
        scope,
        "main.on_messages_stream",
        &[
            ("openinference.span.kind", "AGENT"),
            ("input.value", &parameters.to_string()),
        ],
    );
    let input = read(&span, "gen_ai.input.messages");
    assert_eq!(input[0]["parts"][0]["content"], "What's up?");
    assert_eq!(input[1]["parts"][0]["content"], "a");
    assert_eq!(input[2]["parts"][0]["content"], "it's content=1");

    let answers = r#"{"name": "w", "content": "21", "call_id": "c1", "is_error": false}"#;
    let output = r#"{"finish_reason": "function_calls", "content": "a", "usage": {"prompt_tokens": 1, "completion_tokens": 1}}"#;
    let span = translated(
        scope,
        "OpenAIChatCompletionClient.create",
        &[
            KIND,
            ("llm.input_messages.0.message.role", "function"),
            ("llm.input_messages.0.function.0", answers),
            ("output.value", output),
        ],
    );
    let part = &read(&span, "gen_ai.input.messages")[0]["parts"][0];
    let expected = serde_json::json!({"type": "tool_call_response", "id": "c1", "name": "w", "response": "21", "result": "21"});
    assert_eq!(part, &expected);
    let reasons = span.attributes.text("gen_ai.response.finish_reasons");
    assert_eq!(reasons, Some(r#"["function_calls"]"#));
}

/// In JavaScript's instrumentation of Anthropic, only the request has the instructions. Anthropic's own tools are missing.
#[test]
fn anthropic_in_javascript_is_read() {
    let span = translated(
        "@arizeai/openinference-instrumentation-anthropic",
        "Anthropic Messages",
        &[
            ("openinference.span.kind", "LLM"),
            (
                "input.value",
                r#"{"model":"m","system":"Be brief","messages":[{"role":"user","content":"Hi"}]}"#,
            ),
            ("llm.input_messages.0.message.role", "user"),
            ("llm.input_messages.0.message.content", "Hi"),
            (
                "output.value",
                r#"{"type":"message","role":"assistant","content":[{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"q"}},{"type":"text","text":"Ho"}]}"#,
            ),
            ("llm.output_messages.0.message.role", "assistant"),
            (
                "llm.output_messages.0.message.contents.1.message_content.type",
                "text",
            ),
            (
                "llm.output_messages.0.message.contents.1.message_content.text",
                "Ho",
            ),
        ],
    );
    for (key, text) in [
        (
            "gen_ai.system_instructions",
            r#"[{"type":"text","content":"Be brief"}]"#,
        ),
        (
            INPUT,
            r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#,
        ),
        (
            OUTPUT,
            r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"s1","name":"web_search","arguments":{"query":"q"}},{"type":"text","content":"Ho"}]}]"#,
        ),
    ] {
        assert_eq!(span.attributes.text(key), Some(text), "{key}");
    }
}

/// JavaScript's instrumentation of LangChain flattens only their names and arguments.
#[test]
fn langchain_call_ids_in_javascript_are_read() {
    let span = translated(
        "@arizeai/openinference-instrumentation-langchain",
        "ChatOpenAI",
        &[
            ("openinference.span.kind", "LLM"),
            (
                "output.value",
                r#"{"generations":[[{"text":"","message":{"lc":1,"type":"constructor","id":["langchain_core","messages","AIMessage"],"kwargs":{"content":"","tool_calls":[{"name":"w","args":{"a":1},"id":"c1","type":"tool_call"}]}}}]]}"#,
            ),
            ("llm.output_messages.0.message.role", "assistant"),
            (
                "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
                "w",
            ),
            (
                "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
                r#"{"a":1}"#,
            ),
        ],
    );
    let called = r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{"a":1}}]}]"#;
    assert_eq!(span.attributes.text(OUTPUT), Some(called));
}

/// OpenInference's processor for Vercel's AI SDK repeats everything.
#[test]
fn vercel_attributes_are_not_duplicated() {
    let span = translated(
        "ai",
        "ai.generateText.doGenerate",
        &[
            ("ai.operationId", "ai.generateText.doGenerate"),
            ("ai.prompt.messages", r#"[{"role":"user","content":"Hi"}]"#),
            KIND,
            ("input.value", "Hi"),
            ("llm.input_messages.0.message.content", "Hi"),
            ("llm.model_name", "m"),
            ("metadata.plan", "pro"),
        ],
    );
    let expected = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
    let attributes = &span.attributes;
    assert_eq!(attributes.text(INPUT), Some(expected));
    assert_eq!(attributes.text("metadata.plan"), Some("pro"));
    for key in [
        KIND.0,
        "input.value",
        "llm.input_messages.0.message.content",
        "llm.model_name",
    ] {
        assert!(!attributes.contains(key), "{key}");
    }
}

#[test]
fn many_prompt_variables_are_moved_in_linear_time() {
    const THERE: &str = "gen_ai.prompt.variable.7";
    assert_linear(2_000, |many| {
        let texts: Vec<_> = (0..many)
            .map(|number| format!(r#""{number}":"x""#))
            .collect();
        let variables = format!("{{{}}}", texts.join(","));
        let attributes = [
            KIND,
            (THERE, "there before"),
            ("llm.prompt_template.variables", &*variables),
        ];
        let span = translated("any", "ask", &attributes.map(|(key, value)| (key, value)));
        assert_eq!(span.attributes.text(THERE), Some("there before"));
        let other = span.attributes.text("gen_ai.prompt.variable.8");
        assert_eq!(other, Some("x"));
    });
}

#[test]
fn an_id_in_structured_output_is_not_the_response_id() {
    for (answer, id) in [
        (r#"{"id":"patient 44","model":"secret"}"#, None),
        (r#"{"id":"r-1","object":"chat.completion"}"#, Some("r-1")),
        (
            r#"{"id":"r-1","type":"message","role":"assistant"}"#,
            Some("r-1"),
        ),
    ] {
        let attributes = [KIND, ("llm.model_name", "m"), ("output.value", answer)];
        let span = translated("any", "ask", &attributes);
        assert_eq!(span.attributes.text("gen_ai.response.id"), id, "{answer}");
    }
}

/// Claude Code answers by itself if the API fails.
#[test]
fn the_synthetic_model_is_removed() {
    let attributes = [
        ("openinference.span.kind", "AGENT"),
        ("llm.model_name", "<synthetic>"),
    ];
    let scope = "openinference.instrumentation.claude_agent_sdk";
    let span = translated(scope, "ClaudeAgentSDK.query", &attributes);
    assert!(!span.attributes.contains("gen_ai.request.model"));
    assert!(!span.attributes.contains("gen_ai.response.model"));
}

#[test]
fn a_conventional_span_name_in_openinference_is_no_name_of_an_agent() {
    let run = [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.request.model", "gpt-5-mini"),
        ("openinference.span.kind", "AGENT"),
    ];
    let span = translated("gen_ai", "invoke_agent gpt-5-mini", &run);
    assert_eq!(span.attributes.text("gen_ai.agent.name"), None);
}
