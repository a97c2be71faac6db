//! Spans as Rust libraries and hand-written code create them, in addition to the captures in `corpus.rs`.
//!
//! goose and adk-rust cannot be driven offline, so their spans are reconstructed from their sources: names, targets, fields, and
//! the way in which each value is recorded.

use sentry_genai_testkit::assert_spans;
use sentry_genai_tests::Bridge;
use serde_json::json;
use tracing::{debug_span, field::Empty, info_span};

#[test]
fn goose() {
    let bridge = Bridge::with_content();
    bridge.run(|| {
        let reply = info_span!(
            target: "goose::agents::agent",
            "reply",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = Empty,
            session.id = "20261120_7",
            user_message = "List the files",
            trace_input = Empty,
        );
        reply.record("gen_ai.agent.name", "goose");
        reply.record("trace_input", "List the files");
        let stream = info_span!(
            target: "goose::agents::reply_parts",
            parent: &reply,
            "stream_response_from_provider",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = %"claude-sonnet-5",
            gen_ai.provider.name = %"anthropic",
            gen_ai.request.stream = true,
            gen_ai.conversation.id = %"20261120_7",
            session.id = %"20261120_7",
            gen_ai.usage.input_tokens = Some(20_i32),
            gen_ai.usage.output_tokens = None::<i32>,
            gen_ai.usage.cache_read.input_tokens = 100_i64,
        );
        drop(stream);
        let _tool = info_span!(
            target: "goose::agents::agent",
            parent: &reply,
            "dispatch_tool_call",
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = "developer__shell",
            gen_ai.tool.call.id = ?"req_1",
            error.type = Empty,
            input = r#"{"command":"ls"}"#,
            output = "Cargo.toml",
        );
    });
    let spans = bridge.spans();
    let spans = assert_spans(&spans).count(3);
    let agent = spans.one("invoke_agent goose");
    agent
        .has_op("gen_ai.invoke_agent")
        .in_conversation("20261120_7");
    agent
        .has("sentry.origin", "auto.ai.rust.goose")
        .lacks("user_message");
    assert_eq!(
        agent.span().input_messages().unwrap(),
        json!([{"role": "user", "parts": [{"type": "text", "content": "List the files"}]}])
    );
    let chat = spans.one("chat claude-sonnet-5");
    chat.is_child_of(&agent).in_conversation("20261120_7");
    chat.has("gen_ai.agent.name", "goose");
    chat.has("gen_ai.usage.input_tokens", 120)
        .has("gen_ai.response.streaming", true);
    let tool = spans.one("execute_tool developer__shell");
    tool.is_child_of(&agent).in_conversation("20261120_7");
    tool.has("gen_ai.tool.call.id", "req_1");
    tool.has("gen_ai.tool.call.arguments", r#"{"command":"ls"}"#);
    tool.has("gen_ai.tool.call.result", "Cargo.toml");
}

#[test]
fn adk_rust() {
    let bridge = Bridge::with_content();
    bridge.run(|| {
        let agent = info_span!(
            target: "adk_agent::llm_agent",
            "agent.execute",
            gcp.vertex.agent.invocation_id = %"inv_1",
            gcp.vertex.agent.session_id = %"session_9",
            gen_ai.agent.name = %"weather",
        );
        let call = info_span!(
            target: "adk_agent::llm_agent",
            parent: &agent,
            "call_llm",
            gcp.vertex.agent.event_id = %"event_1",
            gcp.vertex.agent.llm_request = Empty,
            gcp.vertex.agent.llm_response = Empty,
            gen_ai.request.model = %"gemini-3-flash",
            gen_ai.usage.input_tokens = 42_i64,
            gen_ai.usage.output_tokens = 12_i64,
            gen_ai.usage.thinking_tokens = 5_i64,
            gen_ai.usage.cache_read_tokens = 16_i64,
        );
        let request = json!({
            "config": {"system_instruction": {"parts": [{"text": "Be brief."}]}},
            "contents": [{"role": "user", "parts": [{"text": "Weather in Wien?"}]}],
        });
        let response = json!({"content": {"role": "model", "parts": [
            {"function_call": {"id": "c1", "name": "get_weather", "args": {"city": "Wien"}}},
        ]}});
        call.record("gcp.vertex.agent.llm_request", request.to_string());
        call.record("gcp.vertex.agent.llm_response", response.to_string());
        drop(call);
        let _tool = info_span!(
            target: "adk_agent::llm_agent",
            parent: &agent,
            "",
            otel.name = %"execute_tool get_weather",
            gen_ai.tool.call_id = %"c1",
            gcp.vertex.agent.tool_call_args = r#"{"city":"Wien"}"#,
            gcp.vertex.agent.tool_response = r#"{"temp":4}"#,
            gcp.vertex.agent.llm_request = "{}",
            gcp.vertex.agent.llm_response = "{}",
        );
    });
    let spans = bridge.spans();
    let spans = assert_spans(&spans).count(3);
    let agent = spans.one("invoke_agent weather");
    agent.in_conversation("session_9");
    let call = spans.one("generate_content gemini-3-flash");
    call.has_op("gen_ai.generate_content")
        .in_conversation("session_9");
    call.has("gen_ai.usage.cache_read.input_tokens", 16);
    call.has("gen_ai.usage.reasoning.output_tokens", 5);
    let input = call.span().input_messages().unwrap();
    assert_eq!(input[0]["role"], "user");
    let output = call.span().output_messages().unwrap();
    assert_eq!(output[0]["role"], "assistant");
    assert_eq!(output[0]["parts"][0]["arguments"]["city"], "Wien");
    let tool = spans.one("execute_tool get_weather");
    tool.has_op("gen_ai.execute_tool")
        .in_conversation("session_9");
    tool.has("gen_ai.tool.call.id", "c1")
        .has("gen_ai.tool.name", "get_weather");
    tool.lacks("gen_ai.input.messages");
}

#[test]
fn hand_written() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let _span = info_span!(
            "model_request",
            "otel.name" = format!("chat {}", "llama-4"),
            "gen_ai.system" = "ollama",
            "gen_ai.agent.id" = ?"agent-1",
            "gen_ai.request.model" = ?"llama-4",
            "gen_ai.response.id" = "",
            "gen_ai.usage.prompt_tokens" = 42_usize,
            "gen_ai.usage.completion_tokens" = ?Some(17),
            "gen_ai.response.finish_reasons" = ?vec!["stop"],
            "gen_ai.request.seed" = 7,
        );
        let _lower = debug_span!(
            "agent.run",
            gen_ai.agent.name = "Bot",
            gen_ai.operation.name = "invoke_agent"
        );
    });
    let spans = bridge.spans();
    let chat = assert_spans(&spans).one("chat llama-4");
    chat.has_op("gen_ai.chat")
        .has("gen_ai.provider.name", "ollama");
    chat.has("gen_ai.request.model", "llama-4")
        .has("gen_ai.request.seed", "7");
    chat.has("gen_ai.usage.input_tokens", 42)
        .has("gen_ai.usage.output_tokens", 17);
    chat.has("gen_ai.response.finish_reasons", r#"["stop"]"#);
    chat.lacks("gen_ai.response.id")
        .lacks("gen_ai.system")
        .lacks("gen_ai.usage.prompt_tokens");
}
