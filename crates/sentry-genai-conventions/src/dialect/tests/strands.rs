//! Spans of Strands Agents.

use super::*;
use crate::{SourceEvent, Status, Value, tokens};

/// It reports the time to the first token in milliseconds, and up to 1.12 the system prompt beside the messages.
#[test]
fn time_to_first_token_and_system_prompt_are_read() {
    let mut span = testing::span("chat");
    span.scope = "strands.telemetry.tracer".into();
    span.attributes.push("gen_ai.operation.name", "chat");
    span.attributes
        .push("gen_ai.server.time_to_first_token", 139_i64);
    let span = Translator::new(TranslateOptions::default()).translate(span);
    assert_eq!(
        span.attributes.get("gen_ai.response.time_to_first_chunk"),
        Some(Value::Double(0.139))
    );

    let span = translated(
        "strands.telemetry.tracer",
        "invoke_agent w",
        &[
            ("gen_ai.operation.name", "invoke_agent"),
            ("system_prompt", "Be brief."),
        ],
    );
    assert_eq!(
        span.attributes.text("gen_ai.system_instructions"),
        Some(r#"[{"type":"text","content":"Be brief."}]"#)
    );
}

/// In conversations by voice, only the session has a model and counts. An answer knows when it began to be heard.
#[test]
fn conversations_by_voice_are_runs_of_an_agent() {
    const SCOPE: &str = "strands.telemetry.tracer";
    let session = [
        ("gen_ai.operation.name", "bidi_session"),
        ("gen_ai.agent.name", "Voice"),
        ("gen_ai.request.model", "amazon.nova-sonic-v1:0"),
        ("gen_ai.usage.input_tokens", "100"),
        ("gen_ai.usage.output_tokens", "60"),
    ];
    let span = translated(SCOPE, "bidi_session Voice", &session);
    let count = |key| span.attributes.integer(key);
    assert_eq!(count(tokens::INPUT), Some(100));
    assert_eq!(count(tokens::TOTAL), Some(160));
    let answer = [
        ("gen_ai.operation.name", "bidi_response"),
        ("gen_ai.response.id", "r1"),
        ("gen_ai.server.time_to_first_audio", "300"),
    ];
    let span = translated(SCOPE, "bidi_response", &answer);
    let first_chunk = span.attributes.get("gen_ai.response.time_to_first_chunk");
    assert_eq!(first_chunk, Some(Value::Double(0.3)));
}

#[test]
fn the_tool_status_sets_the_span_status() {
    for (status, expected) in [("error", Status::Error), ("success", Status::Ok)] {
        let span = translated(
            "strands.telemetry.tracer",
            "execute_tool w",
            &[
                ("gen_ai.operation.name", "execute_tool"),
                ("gen_ai.tool.name", "w"),
                ("tool.status", status),
            ],
        );
        assert_eq!(span.status, expected, "{status}");
    }
}

#[test]
fn cycles_lose_their_id() {
    let id = "d9f3adcd-cc9f-409f-9f9b-b5547fd2dd27";
    let name: &str = &format!("Cycle {id}");
    let attributes = [("event_loop.cycle_id", id)];
    let span = translated("strands.telemetry.tracer", name, &attributes);
    assert_eq!((&*span.op, &*span.name), ("function", "Cycle"));
}

/// In the newest conventions, too, reasoning is in Bedrock's format, and an answer is a list of its contents.
#[test]
fn bedrock_contents_are_unwrapped() {
    let answer = r#"[{"role":"assistant","parts":[{"type":"reasoningContent","content":{"reasoningText":{"text":"Hm.","signature":"s"}}},{"type":"text","content":"Rain."}],"finish_reason":"end_turn"}]"#;
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.output.messages", answer),
    ];
    let span = translated("strands.telemetry.tracer", "chat", &attributes);
    assert_eq!(
        span.attributes.text(OUTPUT),
        Some(
            r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"Hm."},{"type":"text","content":"Rain."}],"finish_reason":"end_turn"}]"#
        )
    );

    let attributes = [
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "w"),
        (
            "gen_ai.tool.call.result",
            r#"[{"text": "22C"}, {"text": "dry"}]"#,
        ),
    ];
    let span = translated("strands.telemetry.tracer", "execute_tool w", &attributes);
    assert_eq!(span.attributes.text(RESULT), Some("22C\ndry"));
}

/// `Agent.structured_output` has one span for its run, and none for the call.
#[test]
fn a_run_with_structured_output_is_an_agents() {
    let attributes = [
        ("gen_ai.operation.name", "execute_structured_output"),
        ("gen_ai.system", "strands-agents"),
        ("gen_ai.agent.name", "weather bot"),
    ];
    let name = "execute_structured_output";
    let span = translated("strands.telemetry.tracer", name, &attributes);
    assert_eq!(
        (&*span.op, &*span.name),
        ("gen_ai.invoke_agent", "invoke_agent weather bot")
    );
}

/// In JavaScript, both the scope and the provider are what `OTEL_SERVICE_NAME` says.
#[test]
fn a_service_is_no_provider_and_its_spans_are_strands() {
    let call = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.event.start_time", "2026-11-30T01:00:00Z"),
        ("gen_ai.system", "shop"),
        ("gen_ai.request.model", "m"),
    ];
    let span = translated("shop", "chat", &call);
    assert!(span.origin.ends_with(".strands"), "{}", span.origin);
    assert!(!span.attributes.contains("gen_ai.provider.name"));
}

/// JavaScript has a shorter name for Bedrock's reasoning.
#[test]
fn reasoning_in_events_of_javascript_is_read() {
    let mut span = source(
        "strands-agents",
        "chat",
        &[("gen_ai.operation.name", "chat")],
    );
    let mut event = SourceEvent::new("gen_ai.assistant.message");
    event.attributes.push(
        "content",
        r#"[{"reasoning":{"text":"Hm.","signature":"s"}},{"toolUse":{"name":"w","toolUseId":"c1","input":{}}}]"#,
    );
    span.events.push(event);
    let span = with_content(span);
    assert_eq!(
        span.attributes.text(INPUT),
        Some(
            r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"Hm."},{"type":"tool_call","id":"c1","name":"w","arguments":{}}]}]"#
        )
    );
}

#[test]
fn memory_is_read_from_events() {
    let mut span = source(
        "strands.telemetry.tracer",
        "memory.search",
        &[("gen_ai.operation.name", "memory.search")],
    );
    span.attributes.push("memory.result.count", 1);
    for (name, content) in [
        ("memory.query", "What does he like?"),
        ("memory.results", r#"[{"content":"Tea"}]"#),
    ] {
        let mut event = SourceEvent::new(name);
        event.attributes.push("content", content);
        span.events.push(event);
    }
    let span = with_content(span);
    assert_eq!(span.name, "search_memory");
    assert_eq!(span.op, "gen_ai.memory.client");
    let text = |key| span.attributes.text(key);
    assert_eq!(text("gen_ai.memory.query.text"), Some("What does he like?"));
    assert_eq!(
        text("gen_ai.memory.records"),
        Some(r#"[{"content":"Tea"}]"#)
    );
    let count = span.attributes.integer("gen_ai.memory.record.count");
    assert_eq!(count, Some(1));
    let added = [("gen_ai.operation.name", "memory.add")];
    let span = translated("strands.telemetry.tracer", "memory.add", &added);
    assert_eq!(span.name, "create_memory");
}

/// With `gen_ai_span_attributes_only`. What was found replaces what was searched for.
#[test]
fn memory_is_read_from_attributes() {
    for (name, content, key) in [
        (
            "memory.search",
            r#"[{"content":"Tea"}]"#,
            "gen_ai.memory.records",
        ),
        (
            "memory.search",
            "What does he like?",
            "gen_ai.memory.query.text",
        ),
        ("memory.add", "He likes tea", "gen_ai.memory.records"),
    ] {
        let attributes = [("gen_ai.operation.name", name), ("content", content)];
        let span = translated("strands.telemetry.tracer", name, &attributes);
        assert_eq!(span.attributes.text(key), Some(content));
    }
}
