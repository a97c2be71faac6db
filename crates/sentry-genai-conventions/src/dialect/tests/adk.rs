use super::*;

const SCOPE: &str = "gcp.vertex.agent";

/// Up to version 1.2 a tool has two spans: one for its call, and one beside it for its answer.
#[test]
fn tool_spans_of_early_versions_are_tool_calls() {
    let arguments = ("gcp.vertex.agent.tool_call_args", r#"{"city":"Oslo"}"#);
    let span = translated(SCOPE, "tool_call [get_weather]", &[arguments]);
    assert_eq!(span.op.as_ref(), "gen_ai.execute_tool");
    assert_eq!(span.name, "execute_tool get_weather");
    let read = |key| span.attributes.text(key);
    assert_eq!(read("gen_ai.tool.name"), Some("get_weather"));
    assert_eq!(
        read("gen_ai.tool.call.arguments"),
        Some(r#"{"city":"Oslo"}"#)
    );
    let answer = translated(SCOPE, "tool_response [get_weather]", &[]);
    assert_ne!(answer.op.as_ref(), "gen_ai.execute_tool");
}

/// Returns the texts and calls in the answer's only message.
#[test]
fn tool_calls_of_java_have_their_id() {
    let tool = |id| {
        let tool = [
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", "get_weather"),
            ("gen_ai.tool_call.id", id),
        ];
        let span = translated("gcp.vertex.agent", "execute_tool get_weather", &tool);
        let id = span.attributes.text("gen_ai.tool.call.id");
        id.map(str::to_owned)
    };
    assert_eq!(tool("c1").as_deref(), Some("c1"));
    assert_eq!(tool("<not specified>"), None);
}

fn answer(messages: &str) -> Vec<String> {
    let attributes = [
        ("gen_ai.operation.name", "generate_content"),
        ("gen_ai.output.messages", messages),
    ];
    let span = translated(SCOPE, "generate_content gemini-2.5-flash", &attributes);
    let written = span.attributes.text("gen_ai.output.messages").unwrap();
    let messages: Vec<serde_json::Value> = serde_json::from_str(written).unwrap();
    assert_eq!(messages.len(), 1, "{written}");
    let parts = messages[0]["parts"].as_array().unwrap();
    let content = |part: &serde_json::Value| {
        let content = part.get("content").unwrap_or(&part["arguments"]);
        (content.as_str()).map_or_else(|| content.to_string(), str::to_owned)
    };
    parts.iter().map(content).collect()
}

#[test]
fn streamed_chunks_become_one_message() {
    let chunks = r#"[
        {"role": "assistant", "parts": [{"type": "text", "content": "It is "}], "finish_reason": ""},
        {"role": "assistant", "parts": [{"type": "text", "content": "warm."}], "finish_reason": "stop"}]"#;
    assert_eq!(answer(chunks), ["It is warm."]);

    let chunks_and_whole_answer = r#"[
        {"role": "assistant", "parts": [{"type": "text", "content": "It is "}], "finish_reason": ""},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "w", "arguments": null}], "finish_reason": ""},
        {"role": "assistant", "parts": [{"type": "text", "content": "It is "},
            {"type": "tool_call", "id": "c1", "name": "w", "arguments": {"city": "Oslo"}}], "finish_reason": "stop"}]"#;
    assert_eq!(
        answer(chunks_and_whole_answer),
        ["It is ", r#"{"city":"Oslo"}"#]
    );

    let calls = r#"[
        {"role": "assistant", "parts": [{"type": "text", "content": "Let me see."}], "finish_reason": ""},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "w", "arguments": {"city": "Oslo"}}], "finish_reason": "stop"}]"#;
    assert_eq!(answer(calls), ["Let me see.", r#"{"city":"Oslo"}"#]);
}

#[test]
fn many_chunks_are_merged_in_linear_time() {
    assert_linear(500, |size| {
        let chunk = r#"{"role": "assistant", "parts": [{"type": "tool_call", "id": "N", "name": "w", "arguments": null}], "finish_reason": ""}"#;
        let mut messages: Vec<_> = (0..size)
            .map(|id| chunk.replace('N', &id.to_string()))
            .collect();
        let parts: Vec<_> = (0..size)
            .map(|id| format!(r#"{{"type": "tool_call", "id": "x{id}", "name": "w"}}"#))
            .collect();
        let last = parts.join(",");
        messages.push(format!(
            r#"{{"role": "assistant", "parts": [{last}], "finish_reason": "stop"}}"#
        ));
        let messages = format!("[{}]", messages.join(","));
        let attributes = [
            ("gen_ai.operation.name", "generate_content"),
            ("gen_ai.output.messages", &*messages),
        ];
        translated(SCOPE, "generate_content m", &attributes);
    });
}

/// Version 2.3 of adk-rust streams every answer.
#[test]
fn pieces_of_an_answer_are_joined() {
    let answer = r#"{"role":"model","parts":[{"thinking":"Wea"},{"thinking":"ther?"},{"text":"It "},{"text":"rains."}]}"#;
    let request = format!(
        r#"{{"model":"m","contents":[{{"role":"user","parts":[{{"text":"Hi."}},{{"text":"Rain?"}}]}},{answer}]}}"#
    );
    let attributes = [
        ("gcp.vertex.agent.llm_request", &*request),
        ("gcp.vertex.agent.llm_response", answer),
    ];
    let span = translated("adk_agent::llm_agent", "call_llm", &attributes);
    let question = r#"{"role":"user","parts":[{"type":"text","content":"Hi."},{"type":"text","content":"Rain?"}]}"#;
    let expected = r#"{"role":"assistant","parts":[{"type":"reasoning","content":"Weather?"},{"type":"text","content":"It rains."}]}"#;
    let text = |key| span.attributes.text(key);
    assert_eq!(text(INPUT), Some(&*format!("[{question},{expected}]")));
    assert_eq!(text(OUTPUT), Some(&*format!("[{expected}]")));
}

#[test]
fn a_response_withheld_by_adk_is_not_output() {
    for response in [
        r#"{"finish_reason":"SAFETY","error_code":"SAFETY","usage_metadata":{"prompt_token_count":42,"candidates_token_count":12}}"#,
        r#"{"error_code":"SAFETY","usage_metadata":{"prompt_token_count":42}}"#,
        r#"{"errorCode":"SAFETY","usageMetadata":{"promptTokenCount":42}}"#,
    ] {
        let span = translated(
            SCOPE,
            "call_llm",
            &[("gcp.vertex.agent.llm_response", response)],
        );
        assert_eq!(span.attributes.text(OUTPUT), None, "{response}");
        assert_eq!(
            span.attributes.text("gen_ai.response.finish_reasons"),
            Some(r#"["SAFETY"]"#)
        );
        assert_eq!(
            span.attributes.integer("gen_ai.usage.input_tokens"),
            Some(42)
        );
    }
}

const TRPC: &str = "trpc.agent.go";

/// The messages in the conventions' own form have what is missing or encoded in the others.
#[test]
fn trpc_agents_messages_are_the_conventional_ones() {
    let call = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.system", "trpc.go.agent"),
        ("gen_ai.request.model", "m"),
        ("trpc.go.agent.runner.user_id", "u-1"),
        (
            "trpc.go.agent.llm_request",
            r#"{"messages":[{"role":"user","content":"Rain?"}]}"#,
        ),
        ("trpc_agent_go.client.time_to_first_token", "0.5"),
        ("gen_ai.request.tool.definitions", r#"[{"name":"w"}]"#),
        (
            INPUT,
            r#"[{"role":"user","content":"","content_parts":[{"type":"text","text":"Rain?"}]}]"#,
        ),
        (
            "gen_ai.input.messages.otel",
            r#"[{"role":"user","parts":[{"type":"text","content":"Rain?"}]}]"#,
        ),
    ];
    let attributes = translated(TRPC, "chat m", &call).attributes;
    let expected = r#"[{"role":"user","parts":[{"type":"text","content":"Rain?"}]}]"#;
    assert_eq!(attributes.text(INPUT), Some(expected));
    assert_eq!(attributes.text("user.id"), Some("u-1"));
    let definitions = attributes.text("gen_ai.tool.definitions");
    assert_eq!(definitions, Some(r#"[{"type":"function","name":"w"}]"#));
    let first_chunk = attributes.get("gen_ai.response.time_to_first_chunk");
    assert_eq!(first_chunk, Some(Value::Double(0.5)));
    assert!(!attributes.contains("gen_ai.provider.name"));
    assert!(
        !attributes
            .iter()
            .any(|(key, _)| key.ends_with("llm_request"))
    );
}

#[test]
fn trpc_agents_tools_answer_without_an_envelope() {
    let tool = |name| {
        let answer = r#"{"object":"tool.response","choices":[{"index":0,"message":{"role":"tool","content":"rain"}}]}"#;
        let call = [
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", name),
            ("gen_ai.tool.call.result", answer),
        ];
        translated(TRPC, "execute_tool", &call)
    };
    let result = tool("w").attributes;
    assert_eq!(result.text("gen_ai.tool.call.result"), Some("rain"));
    assert_eq!(tool("(merged tools)").op, "function");
}
