//! Spans of OpenLIT for Python in several versions.

mod frameworks;

use super::*;
use crate::{Scalar, SourceEvent, SourceStatus, Status, Value};

const CALL: &[Attribute] = &[
    ("gen_ai.operation.name", "chat"),
    ("gen_ai.system", "openai"),
    ("gen_ai.request.model", "gpt-5"),
];

fn push_event(span: &mut SourceSpan, event: &'static str, key: &'static str, text: &str) {
    let mut event = SourceEvent::new(event);
    event.attributes.push(key, text);
    span.events.push(event);
}

/// Up to 1.36, all messages are one text in an event.
#[test]
fn a_text_of_several_messages_is_split() {
    let mut span = source("openlit.otel.tracing", "chat gpt-5", CALL);
    let prompt = "system: Be brief.\nuser: Hi\nthere: you\nassistant: None\ntool: 22C";
    push_event(&mut span, "gen_ai.content.prompt", "gen_ai.prompt", prompt);
    push_event(
        &mut span,
        "gen_ai.content.completion",
        "gen_ai.completion",
        "Rain.",
    );
    let span = with_content(span);
    assert_eq!(
        span.attributes.text("gen_ai.system_instructions"),
        Some(r#"[{"type":"text","content":"Be brief."}]"#)
    );
    let input = span.attributes.text(INPUT).unwrap();
    let input: serde_json::Value = serde_json::from_str(input).unwrap();
    assert_eq!(input[0]["role"], "user");
    assert_eq!(input[0]["parts"][0]["content"], "Hi\nthere: you");
    assert_eq!(input[1]["role"], "tool");
    assert_eq!(input[2], serde_json::Value::Null);
    assert_eq!(
        span.attributes.text(OUTPUT),
        Some(r#"[{"role":"assistant","parts":[{"type":"text","content":"Rain."}]}]"#)
    );
}

/// An event with one text from any other library has one message.
#[test]
fn other_libraries_have_one_message_per_event() {
    let mut span = source("acme", "chat gpt-5", CALL);
    push_event(&mut span, "gen_ai.content.prompt", "gen_ai.prompt", "Hi");
    push_event(
        &mut span,
        "gen_ai.content.completion",
        "gen_ai.completion",
        "Rain.",
    );
    let span = with_content(span);
    for (key, role, text) in [(INPUT, "user", "Hi"), (OUTPUT, "assistant", "Rain.")] {
        let messages = span.attributes.text(key).unwrap();
        let messages: serde_json::Value = serde_json::from_str(messages).unwrap();
        assert_eq!(messages[0]["role"], role);
        assert_eq!(messages[0]["parts"][0]["content"], text);
    }
}

#[test]
fn separate_tool_calls_become_output() {
    let listed =
        "[{'id': 'c1', 'function': {'arguments': '{\"n\":1}', 'name': 'w'}, 'type': 'function'}]";
    let texts: [&[Attribute]; 3] = [
        &[
            ("gen_ai.completion", "None"),
            ("gen_ai.response.tool_calls", listed),
        ],
        &[
            ("gen_ai.completion", ""),
            ("gen_ai.tool.name", "w"),
            ("gen_ai.tool.call.id", "c1"),
            ("gen_ai.tool.args", r#"{"n":1}"#),
        ],
        // In newer versions, the messages include them, too.
        &[
            (
                "gen_ai.output.messages",
                r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{"n":1}}]}]"#,
            ),
            ("gen_ai.tool.name", "w"),
            ("gen_ai.tool.call.id", "c1"),
            ("gen_ai.tool.args", r#"{"n":1}"#),
        ],
    ];
    for attributes in texts {
        let all = [CALL, attributes].concat();
        let span = translated("openlit.otel.tracing", "chat gpt-5", &all);
        let output = span.attributes.text(OUTPUT).unwrap();
        let output: serde_json::Value = serde_json::from_str(output).unwrap();
        assert_eq!(
            output[0]["parts"],
            serde_json::json!([{"type": "tool_call", "id": "c1", "name": "w", "arguments": {"n": 1}}])
        );
        assert!(!span.attributes.contains("gen_ai.tool.name"));
    }
    let all = [
        CALL,
        &[
            ("gen_ai.tool.name", "w, v"),
            ("gen_ai.tool.call.id", "c1, c2"),
            ("gen_ai.tool.args", r#"{"n":1}, {"n":2}"#),
        ],
    ];
    let span = translated("openlit.otel.tracing", "chat gpt-5", &all.concat());
    let output = span.attributes.text(OUTPUT).unwrap();
    let output: serde_json::Value = serde_json::from_str(output).unwrap();
    assert_eq!(output[0]["parts"][1]["id"], "c2");
    assert_eq!(output[0]["parts"][1]["name"], "v");
    assert_eq!(output[0]["parts"][1]["arguments"]["n"], 2);
}

#[test]
fn lists_of_arguments_are_those_of_calls() {
    let mut span = SourceSpan::new(
        TraceId::from_bytes([1; 16]).unwrap(),
        SpanId::from_bytes([2; 8]).unwrap(),
        "chat m",
        Timestamp::from_nanos(1),
    );
    span.scope = "openlit.anthropic".into();
    for (key, value) in CALL {
        span.attributes.push(key, *value);
    }
    span.attributes.push("gen_ai.tool.name", "w, v");
    let arguments = [r#"{"n":1}"#, r#"{"n":2}"#].as_slice();
    span.attributes
        .push("gen_ai.tool.call.arguments", arguments);
    let options = TranslateOptions {
        capture_outputs: true,
        ..TranslateOptions::default()
    };
    let span = Translator::new(options).translate(span);
    let output = span.attributes.text(OUTPUT).unwrap();
    assert!(output.contains(r#""name":"v","arguments":{"n":2}"#));
    assert!(!span.attributes.contains("gen_ai.tool.call.arguments"));
}

/// Reasoning is an attribute, and may be a single word. It leaves only with content.
#[test]
fn reasoning_becomes_part_of_the_output() {
    let answer = r#"[{"role":"assistant","parts":[{"type":"text","content":"Rain."}],"finish_reason":"stop"}]"#;
    let attributes = [
        CALL,
        &[
            ("gen_ai.output.messages", answer),
            ("gen_ai.content.reasoning", "Hm"),
        ],
    ]
    .concat();
    let span = source("openlit.instrumentation.openai", "chat gpt-5", &attributes);
    let bare = Translator::new(TranslateOptions::default()).translate(span);
    assert!(
        bare.attributes
            .iter()
            .all(|(_, value)| value != Value::Str("Hm"))
    );

    let span = translated("openlit.instrumentation.openai", "chat gpt-5", &attributes);
    let output = span.attributes.text(OUTPUT).unwrap();
    let output: serde_json::Value = serde_json::from_str(output).unwrap();
    assert_eq!(output[0]["parts"][0]["type"], "reasoning");
    assert_eq!(output[0]["parts"][0]["content"], "Hm");
    assert_eq!(output[0]["parts"][1]["content"], "Rain.");
}

/// Most failed calls have only a name.
#[test]
fn a_failed_call_is_recognised_by_its_name() {
    let failed = |name, status, kind| {
        let mut span = source("openlit.instrumentation.anthropic", name, &[]);
        span.status = status;
        span.kind = Some(kind);
        with_content(span)
    };
    let error = || SourceStatus::Error(Some("Rate limit".to_owned()));
    let span = failed("chat claude-sonnet-4-5", error(), SpanKind::Client);
    assert_eq!(
        (&*span.op, &*span.name),
        ("gen_ai.chat", "chat claude-sonnet-4-5")
    );
    assert_eq!(
        span.attributes.text("gen_ai.request.model"),
        Some("claude-sonnet-4-5")
    );
    assert_eq!(
        span.attributes.text("gen_ai.provider.name"),
        Some("anthropic")
    );
    for span in [
        failed("chat with the model", error(), SpanKind::Client),
        failed("chat claude", SourceStatus::Ok, SpanKind::Client),
        failed("chat claude", error(), SpanKind::Internal),
    ] {
        assert_eq!(&*span.op, "function");
    }
}

/// LangChain's tools and calls have the span's name as their operation, and the answer is the repr of a message.
#[test]
fn langchain_operations_are_read_from_their_prefix() {
    let attributes = [
        ("gen_ai.operation.name", "tool w"),
        ("gen_ai.request.model", "unknown"),
    ];
    let span = translated("openlit.otel.tracing", "tool w", &attributes);
    assert_eq!(
        (&*span.op, &*span.name),
        ("gen_ai.execute_tool", "execute_tool w")
    );

    let attributes = [
        ("gen_ai.operation.name", "workflow Chain"),
        ("gen_ai.request.model", "unknown"),
    ];
    let span = translated("openlit.otel.tracing", "workflow Chain", &attributes);
    assert_eq!(&*span.op, "function");
    assert!(!span.attributes.contains("gen_ai.request.model"));

    let attributes = [
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "w"),
        ("gen_ai.tool.call.arguments", "{'city': 'Paris'}"),
        (
            "gen_ai.tool.call.result",
            r#"content="It's 22C" name='w' tool_call_id='c1'"#,
        ),
    ];
    let span = translated(
        "openlit.instrumentation.langchain",
        "execute_tool w",
        &attributes,
    );
    assert_eq!(span.attributes.text(ARGUMENTS), Some(r#"{"city":"Paris"}"#));
    assert_eq!(span.attributes.text(RESULT), Some("It's 22C"));
}

#[test]
fn time_to_first_token_is_kept_for_streams_only() {
    let (python, javascript) = ("openlit.otel.tracing", "@openlit/instrumentation-openai");
    for (scope, streams, expected) in [
        (python, true, Some(Value::Double(0.5))),
        (python, false, None),
        (javascript, true, Some(Value::Double(0.5))),
    ] {
        let mut span = source(scope, "chat gpt-5", CALL);
        span.attributes.push("gen_ai.request.is_stream", streams);
        span.attributes
            .push("gen_ai.server.time_to_first_token", 0.5);
        let span = with_content(span);
        let first = span.attributes.get("gen_ai.response.time_to_first_chunk");
        assert_eq!(first, expected);
    }
}

#[test]
fn gemini_reasoning_is_added_to_the_output() {
    let call = |output: i64, reason: &str, parts: &str| {
        let mut span = source("openlit.instrumentation.google_ai_studio", "chat g", CALL);
        span.attributes.push("gen_ai.usage.input_tokens", 100_i64);
        span.attributes.push("gen_ai.usage.output_tokens", output);
        span.attributes
            .push("gen_ai.usage.reasoning_tokens", 15_i64);
        let answer = format!(
            r#"[{{"role": "assistant", "parts": [{{"type": "text", "content": "None"}}{parts}], "finish_reason": "FinishReason.{reason}"}}]"#
        );
        span.attributes.push(OUTPUT, answer.as_str());
        span.attributes
            .push("gen_ai.tool.call.arguments", r#"[{"city": "Paris"}]"#);
        with_content(span)
    };
    let calls = call(
        25,
        "STOP",
        r#", {"type": "tool_call", "name": "w", "arguments": {"city": "Paris"}}"#,
    );
    let count = |key| calls.attributes.integer(key);
    assert_eq!(count("gen_ai.usage.output_tokens"), Some(40));
    assert_eq!(count("gen_ai.usage.reasoning.output_tokens"), Some(15));
    let output: serde_json::Value =
        serde_json::from_str(calls.attributes.text(OUTPUT).unwrap()).unwrap();
    assert_eq!(output[0]["parts"].as_array().unwrap().len(), 1);
    assert_eq!(output[0]["parts"][0]["name"], "w");
    assert!(!calls.attributes.contains(ARGUMENTS));
    // A model may answer `None`, unless the answer was withheld or has no tokens.
    assert!(call(1, "STOP", "").attributes.contains(OUTPUT));
    for (count, reason) in [(1, "SAFETY"), (0, "STOP")] {
        let withheld = call(count, reason, "");
        assert!(!withheld.attributes.contains(OUTPUT));
        let reason = format!(r#"["{}"]"#, reason.to_lowercase());
        let reasons = withheld.attributes.text("gen_ai.response.finish_reasons");
        assert!(reasons.is_none_or(|reasons| reasons == reason));
    }
}

#[test]
fn speech_to_text_generates_content() {
    let attributes = [
        ("gen_ai.operation.name", "speech_to_text"),
        ("gen_ai.request.model", "whisper"),
    ];
    let span = translated(
        "openlit.instrumentation.groq",
        "speech_to_text whisper",
        &attributes,
    );
    assert_eq!(&*span.op, "gen_ai.generate_content");
}

#[test]
fn a_crewai_step_is_not_an_agent() {
    const SCOPE: &str = "openlit.instrumentation.crewai";
    let agent = ("gen_ai.operation.name", "invoke_agent");
    let step = [
        agent,
        (
            OUTPUT,
            r#"[{"role": "assistant", "parts": [{"type": "text", "content": "<coroutine object Flow._execute_method at 0x7f19>"}]}]"#,
        ),
    ];
    let span = translated(SCOPE, "invoke_agent generate_plan", &step);
    assert_eq!((&*span.op, &*span.name), ("function", "generate_plan"));
    assert!(!span.attributes.contains(OUTPUT));
    let writer = [agent, ("gen_ai.agent.name", "Writer")];
    let span = translated(SCOPE, "invoke_agent Writer", &writer);
    assert_eq!(&*span.op, "gen_ai.invoke_agent");
}

#[test]
fn openai_response_status_becomes_a_finish_reason() {
    let outcome = |status: &str, parts: &str| {
        let output = format!(
            r#"[{{"role": "assistant", "parts": [{parts}], "finish_reason": "completed"}}]"#
        );
        let mut attributes = vec![
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.output.messages", &*output),
        ];
        if parts.contains("tool_call") {
            attributes.push(("gen_ai.tool.call.id", "call_1"));
        }
        let mut span = source("openlit.instrumentation.openai", "chat m", &attributes);
        let reasons = [Scalar::Str(status.to_owned())];
        span.attributes
            .push("gen_ai.response.finish_reasons", Value::Array(&reasons));
        let span = with_content(span);
        let output = span.attributes.text("gen_ai.output.messages").unwrap();
        let reasons = span.attributes.text("gen_ai.response.finish_reasons");
        (
            reasons.unwrap_or_default().to_owned(),
            output.contains("call_1"),
            span.status,
        )
    };
    let text = r#"{"type": "text", "content": "21"}"#;
    let call = r#"{"type": "tool_call", "id": "fc_1", "name": "w", "arguments": {}}"#;
    let reason = |reason: &str| format!(r#"["{reason}"]"#);
    let completed = "completed";
    assert_eq!(
        outcome(completed, text),
        (reason("stop"), false, Status::Ok)
    );
    assert_eq!(
        outcome(completed, call),
        (reason("tool_calls"), true, Status::Ok)
    );
    let failed = outcome("failed", text);
    assert_eq!(failed, (reason("error"), false, Status::Error));
}

/// Anthropic's API counts the cache beside the input, and OpenLIT reports its counts as they are.
#[test]
fn the_input_of_anthropics_models_includes_the_cache() {
    for (scope, expected) in [
        ("openlit.instrumentation.anthropic", 136),
        ("@openlit/instrumentation-anthropic", 136),
        ("openlit.instrumentation.openai", 132),
    ] {
        let mut span = source(scope, "chat m", &[("gen_ai.operation.name", "chat")]);
        for (key, count) in [
            ("gen_ai.usage.input_tokens", 132),
            ("gen_ai.usage.output_tokens", 20),
            ("gen_ai.usage.cache_read.input_tokens", 3),
            ("gen_ai.usage.cache_creation.input_tokens", 1),
        ] {
            span.attributes.push(key, count);
        }
        let input = with_content(span)
            .attributes
            .integer("gen_ai.usage.input_tokens");
        assert_eq!(input, Some(expected), "{scope}");
    }
}

#[test]
fn requests_about_responses_and_videos_are_not_all_calls() {
    let op = |name, operation, counts: &[Attribute]| {
        let attributes = [
            ("gen_ai.operation.name", operation),
            ("gen_ai.request.model", "m"),
        ];
        let attributes = [&attributes, counts].concat();
        let span = translated("openlit.otel.tracing", name, &attributes);
        span.op.into_owned()
    };
    let counts = [("gen_ai.usage.output_tokens", "5")];
    for name in [
        "chat.messages.list m",
        "responses.cancel m",
        "responses.token_count m",
    ] {
        assert_eq!(op(name, "chat", &counts), "function", "{name}");
    }
    assert_eq!(op("responses.retrieve m", "chat", &[]), "function");
    assert_eq!(op("responses.retrieve m", "chat", &counts), "gen_ai.chat");
    assert_eq!(
        op("video.create m", "video", &[]),
        "gen_ai.generate_content"
    );
    assert_eq!(op("video.list m", "video", &[]), "function");
    assert_eq!(
        op("translate m", "translate", &[]),
        "gen_ai.generate_content"
    );
}

/// Its spans for MCP have the method in the name.
#[test]
fn requests_by_mcp_are_read() {
    let call = [
        ("mcp.operation.name", "tools_call"),
        ("mcp.tool.name", "w"),
        ("mcp.tool.result", r#"[{"type":"text","text":"rain"}]"#),
        ("mcp.error.message", "rain"),
    ];
    let span = translated("openlit.otel.tracing", "mcp tools/call", &call);
    assert_eq!(
        (&*span.op, &*span.name),
        ("gen_ai.execute_tool", "execute_tool w")
    );
    let result = span.attributes.text("gen_ai.tool.call.result");
    assert!(result.unwrap().contains("rain"));
    assert_eq!(span.status, crate::Status::Error);
    let connection = [("mcp.operation.name", "transport_request")];
    let span = translated("openlit.otel.tracing", "mcp transport/request", &connection);
    assert_eq!(span.op, "function");
}
