//! Mastra's spans.

use super::*;
use crate::Status;

/// A thread belongs to Mastra's memory, a session to the caller.
#[test]
fn a_mastra_thread_is_preferred_to_a_session() {
    for (session, thread) in [
        ("sessionId", "threadId"),
        ("mastra.metadata.sessionId", "mastra.metadata.threadId"),
    ] {
        let run = [
            ("mastra.span.type", "agent_run"),
            (session, "s"),
            (thread, "t"),
        ];
        let span = translated("@mastra/otel", "agent.x", &run);
        let conversation = span.attributes.text("gen_ai.conversation.id");
        assert_eq!(conversation, Some("t"), "{thread}");
    }
}

/// Mastra's spans report the status OK for a call that failed, and no details of the failure.
#[test]
fn mastra_failures_are_read_from_finish_reason_and_exception() {
    for (reason, status) in [
        (r#"["error"]"#, Status::Error),
        ("error", Status::Error),
        (r#"["stop"]"#, Status::Ok),
    ] {
        let call = [
            ("mastra.span.type", "model_inference"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.response.finish_reasons", reason),
        ];
        let span = translated("@mastra/otel-exporter", "chat m", &call);
        assert_eq!(span.status, status, "{reason}");
    }
    let mut span = testing::span("execute_tool t");
    span.attributes.push("mastra.span.type", "tool_call");
    span.attributes.push("error.type", "unknown");
    span.status = crate::SourceStatus::Error(Some("no such city".into()));
    let mut event = crate::SourceEvent::new("exception");
    event.attributes.push("exception.type", "RangeError");
    span.events.push(event);
    let span = Translator::new(TranslateOptions::default()).translate(span);
    assert_eq!(span.attributes.text("error.type"), Some("RangeError"));
}

#[test]
fn mastra_start_of_completion_gives_time_to_first_chunk() {
    let call = [
        ("mastra.span.type", "model_inference"),
        ("gen_ai.request.model", "m"),
        ("mastra.completion_start_time", "2026-11-20T17:57:17.250Z"),
    ];
    let span = translated("@mastra/otel-exporter", "chat m", &call);
    let first = span.attributes.get("gen_ai.response.time_to_first_chunk");
    assert_eq!(first, Some(Value::Double(0.25)));
}

/// The details of a failed call are in the last chunk of its stream.
#[test]
fn a_chunk_with_an_error_has_failed() {
    let error_type = |output| {
        let chunk = [
            ("gen_ai.operation.name", "model.chunk"),
            ("mastra.span.type", "model_chunk"),
            ("output", output),
        ];
        let span = translated("@mastra/otel", "chunk: 'error'", &chunk);
        let name = span.attributes.text("error.type").map(str::to_owned);
        (span.status, name)
    };
    let failed = r#"{"type":"error","error":{"name":"AI_APICallError","message":"Bad"}}"#;
    let name = Some("AI_APICallError".to_owned());
    assert_eq!(error_type(failed), (Status::Error, name));
    assert_eq!(error_type(r#"{"type":"text"}"#), (Status::Ok, None));
}

#[test]
fn tools_of_clients_are_tools_and_requests_to_servers_follow_mcp() {
    for key in ["mastra.client_tool_call.input", "mastra.metadata.args"] {
        let tool = [
            ("mastra.span.type", "client_tool_call"),
            ("gen_ai.operation.name", "client_tool_call"),
            (key, r#"{"city":"Paris"}"#),
        ];
        let span = translated("@mastra/otel-exporter", "client_tool_call get_place", &tool);
        assert_eq!(span.name, "execute_tool get_place");
        let arguments = span.attributes.text("gen_ai.tool.call.arguments");
        assert_eq!(arguments, Some(r#"{"city":"Paris"}"#), "{key}");
    }
    let request = [
        ("mastra.span.type", "mcp_server_request"),
        ("gen_ai.operation.name", "mcp_server_request"),
        ("mcp.method.name", "tools/list"),
    ];
    let mut span = source("@mastra/otel-exporter", "mcp_server_request shop", &request);
    span.kind = Some(SpanKind::Server);
    assert_eq!(with_content(span).op, "mcp.server");
}
