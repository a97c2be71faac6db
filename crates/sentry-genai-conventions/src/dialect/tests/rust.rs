//! Rust libraries and programs whose fields follow no convention, or several at once.

use serde_json::json;

use super::*;
use crate::{messages, tokens};

const QUESTION: &str = r#"[{"role":"user","content":"Hi"}]"#;
const EXPECTED_INPUT: &str = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
const EXPECTED_OUTPUT: &str =
    r#"[{"role":"assistant","parts":[{"type":"text","content":"Hello!"}]}]"#;

/// Version 0.4. With its provider for Langfuse, everything is there twice.
#[test]
fn autoagents_tasks_and_tools_are_read() {
    let scope = "autoagents_telemetry::runner::mapper";
    let task = [
        ("actor_name", "math_agent"),
        ("task.description", "Hi"),
        ("task.result", r#"{"value":2}"#),
    ];
    let tool = [
        ("tool_call_id", "call_1"),
        ("tool_name", "add"),
        ("tool.arguments", r#"{"a":1}"#),
        ("tool.name", "add"),
        ("tool.result", "2"),
    ];
    let copies = [
        ("langfuse.observation.type", "span"),
        ("langfuse.observation.name", "add"),
        ("langfuse.observation.input", r#""Hi""#),
    ];
    for copies in [&copies[..], &[]] {
        let span = translated(scope, "autoagents.task", &[&task, copies].concat());
        assert_eq!(span.name, "invoke_agent math_agent");
        assert_eq!(span.attributes.text(INPUT), Some(EXPECTED_INPUT));
        assert!(span.attributes.contains(OUTPUT));

        let span = translated(scope, "autoagents.tool_call", &[&tool, copies].concat());
        assert_eq!(span.name, "execute_tool add");
        for (key, value) in [
            ("gen_ai.tool.call.id", "call_1"),
            (ARGUMENTS, r#"{"a":1}"#),
            (RESULT, "2"),
        ] {
            assert_eq!(span.attributes.text(key), Some(value), "{key}");
        }
        let others = ["langfuse.", "tool.", "tool_"];
        let is_left = |key: &str| others.iter().any(|other| key.starts_with(other));
        assert!(!span.attributes.iter().any(|(key, _)| is_left(key)));
    }
    let turn = translated(scope, "autoagents.turn", &[]);
    assert_eq!((&*turn.op, &*turn.name), ("function", "autoagents.turn"));
}

/// Also the spans that version 2.3 adds to Google's.
#[test]
fn adk_rust_spans_are_classified_by_name() {
    for (name, attributes, expected) in [
        ("agent.run", &[("agent.name", "a")][..], "invoke_agent a"),
        ("tool.execute", &[("tool.name", "t")], "execute_tool t"),
        (
            "gen_ai.generate",
            &[("gen_ai.request.model", "m")],
            "generate_content m",
        ),
        (
            "team.relationship.execute",
            &[
                ("team.relationship.from", "a"),
                ("team.relationship.to", "b"),
                ("team.relationship.kind", "handoff"),
            ],
            "handoff from a to b",
        ),
        (
            "team.relationship.execute",
            &[("team.relationship.kind", "delegate")],
            "team.relationship.execute",
        ),
        ("team.run", &[("team.name", "a")], "team.run"),
    ] {
        assert_eq!(
            translated("adk_telemetry::spans", name, attributes).name,
            expected
        );
    }
    let run = [("agent.name", "a"), ("adk.user_id", "u-1")];
    let run = translated("adk_runner::runner", "agent.execute", &run);
    assert_eq!(run.attributes.text("user.id"), Some("u-1"));
}

#[test]
fn swiftide_functions_are_classified_by_name() {
    let agents = "swiftide_agents::agent";
    let openai = "swiftide_integrations::openai::chat_completion";
    for (scope, name, expected) in [
        (agents, "agent.query", "invoke_agent"),
        (agents, "step-1", "step-1"),
        (agents, "tool.search", "execute_tool search"),
        (openai, "complete", "chat"),
        (openai, "complete_stream", "complete_stream"),
        (openai, "stream", "chat"),
        ("shop", "complete", "complete"),
    ] {
        let span = translated(scope, name, &[]);
        assert_eq!(span.name, expected, "{scope} {name}");
        let streams = span.attributes.get("gen_ai.response.streaming");
        assert_eq!(streams.is_some(), name == "stream");
    }
}

/// What Swiftide 0.33 reports with its feature `langfuse`.
#[test]
fn swiftide_reports_to_langfuse_are_read() {
    let report = |scope: &str, name: &str, attributes: &[(&'static str, &str)]| {
        let mut span = source(scope, name, &[("langfuse.type", "GENERATION")]);
        let mut event = crate::SourceEvent::new("event");
        for (key, value) in attributes {
            event.attributes.push(key, *value);
        }
        span.events.push(event);
        with_content(span)
    };
    let call = report(
        "swiftide_integrations::openai::chat_completion",
        "complete",
        &[
            ("langfuse.model", "gpt-5-mini"),
            (
                "langfuse.input",
                r#"{"messages":[{"role":"user","content":"Hi"}],"temperature":0.5,"tools":[{"type":"function","function":{"name":"f"}}]}"#,
            ),
            (
                "langfuse.output",
                r#"{"id":"0","message":null,"tool_calls":[{"id":"c1","name":"f","args":"{\"x\":1}"}],"usage":null}"#,
            ),
            (
                "langfuse.usage",
                r#"{"prompt_tokens":42,"completion_tokens":17,"total_tokens":59,"details":{"prompt_tokens_details":{"cached_tokens":16},"completion_tokens_details":{"reasoning_tokens":5}}}"#,
            ),
        ],
    );
    assert_eq!(call.name, "chat gpt-5-mini");
    let counts = [
        tokens::INPUT,
        tokens::CACHE_READ,
        tokens::OUTPUT,
        tokens::REASONING,
    ];
    let counts = counts.map(|key| call.attributes.integer(key));
    assert_eq!(counts, [42, 16, 17, 5].map(Some));
    let json = |key| call.attributes.text(key).and_then(messages::read_json);
    let question = json!([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]);
    assert_eq!(json(INPUT), Some(question));
    let tool_call = json!({"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}});
    let answer = json(OUTPUT).unwrap();
    assert_eq!(answer[0]["parts"], json!([tool_call]));
    assert!(call.attributes.contains(DEFINITIONS));
    let temperature = call.attributes.get("gen_ai.request.temperature");
    assert_eq!(temperature, Some(Value::Double(0.5)));

    let agents = "swiftide_agents::agent";
    let failure = ("langfuse.output", "Tool call failed: no city");
    let tool = report(
        agents,
        "tool.f",
        &[("langfuse.input", r#"{"x":1}"#), failure],
    );
    assert_eq!(tool.name, "execute_tool f");
    assert_eq!(tool.status, crate::Status::Error);
    assert_eq!(tool.attributes.text(ARGUMENTS), Some(r#"{"x":1}"#));
    let agent = report(agents, "agent.query", &[("langfuse.input", "Hi")]);
    assert!(agent.attributes.text(INPUT).unwrap().contains("Hi"));
}

/// Version 0.18, which gives every span one of Langfuse's types, and no agent a name.
#[test]
fn agent_sdk_spans_are_read() {
    let kind = |kind| ("langfuse.observation.type", kind);
    let operation = |name| ("gen_ai.operation.name", name);
    let agent = translated(
        "agent-sdk",
        "invoke_agent",
        &[operation("invoke_agent"), kind("agent")],
    );
    assert_eq!(agent.name, "invoke_agent");
    assert!(!agent.attributes.contains("gen_ai.agent.name"));
    let chat = translated(
        "agent-sdk",
        "chat claude",
        &[
            operation("chat"),
            kind("generation"),
            ("gen_ai.request.max_output_tokens", "1000"),
            ("agent_sdk.llm.streaming", "true"),
        ],
    );
    let value = |key| chat.attributes.get(key);
    assert_eq!(
        value("gen_ai.request.max_tokens"),
        Some(Value::Integer(1000))
    );
    assert_eq!(value("gen_ai.response.streaming"), Some(Value::Bool(true)));
    let tool = translated(
        "agent-sdk",
        "execute_tool",
        &[
            operation("execute_tool"),
            kind("tool"),
            ("gen_ai.tool.name", "grep"),
            ("agent_sdk.tool.outcome", "error"),
        ],
    );
    assert_eq!(tool.name, "execute_tool grep");
    assert_eq!(tool.status, crate::Status::Error);
}

/// The conventions, with its own operations and keys.
#[test]
fn edgequake_llm_methods_are_operations() {
    let scope = "edgequake_llm::providers::tracing";
    for (operation, expected) in [
        ("chat", "chat gpt-4o"),
        ("chat_with_tools", "chat gpt-4o"),
        ("complete", "text_completion gpt-4o"),
        ("stream", "chat gpt-4o"),
        ("stream_with_tools", "chat gpt-4o"),
    ] {
        let span = translated(
            scope,
            "gen_ai.call",
            &[
                ("gen_ai.operation.name", operation),
                ("gen_ai.request.model", "gpt-4o"),
                ("gen_ai.prompt", QUESTION),
                ("gen_ai.completion.content", "Hello!"),
            ],
        );
        assert_eq!(span.name, expected);
        assert_eq!(span.attributes.text(INPUT), Some(EXPECTED_INPUT));
        assert_eq!(span.attributes.text(OUTPUT), Some(EXPECTED_OUTPUT));
        let is_unknown = |key: &str| key.starts_with("otel.");
        assert!(!span.attributes.iter().any(|(key, _)| is_unknown(key)));
    }
}

/// Programs that write for Phoenix call an agent a chain, and have all messages in one text.
#[test]
fn hand_written_openinference_is_read() {
    let kind = |kind| ("openinference.span.kind", kind);
    let agent = translated(
        "sparky::agent",
        "agent.run",
        &[
            ("gen_ai.operation.name", "invoke_agent"),
            ("gen_ai.agent.name", "sparky"),
            kind("CHAIN"),
            ("input.value", "Hi"),
        ],
    );
    assert_eq!(agent.name, "invoke_agent sparky");
    assert_eq!(agent.attributes.text(INPUT), Some(EXPECTED_INPUT));
    let call = translated(
        "blazen_telemetry::spans",
        "llm.complete",
        &[
            kind("LLM"),
            ("llm.model_name", "gpt-4o"),
            ("llm.input_messages", QUESTION),
            ("llm.output_messages", r#""Hello!""#),
        ],
    );
    assert_eq!(call.attributes.text(INPUT), Some(EXPECTED_INPUT));
    assert_eq!(call.attributes.text(OUTPUT), Some(EXPECTED_OUTPUT));
}

/// OpenLLMetry has such a total, too, but no such key for the model.
#[test]
fn a_hand_written_total_is_not_openllmetry() {
    let fields = [
        ("llm.model_name", "gpt-4o"),
        ("llm.usage.prompt_tokens", "7"),
        ("llm.usage.completion_tokens", "3"),
        ("llm.usage.total_tokens", "10"),
    ];
    let span = translated("shop::llm", "call_llm", &fields);
    assert_eq!(span.name, "chat gpt-4o");
    assert_eq!(
        span.attributes.integer("gen_ai.usage.input_tokens"),
        Some(7)
    );
}

/// rig gives such an agent a placeholder name. Inside another agent's span, its agents have no span of their own.
#[test]
fn unnamed_agents_take_the_name_of_the_enclosing_agent() {
    let call_part = |operation: &str, above: Option<&str>| {
        let mut span = source(
            "rig::agent_chat",
            "chat",
            &[("gen_ai.agent.name", "Unnamed Agent")],
        );
        span.attributes.push("gen_ai.operation.name", operation);
        span.inherited.agent_name = above.map(Into::into);
        let span = Translator::new(TranslateOptions::default()).translate(span);
        span.attributes.text("gen_ai.agent.name").map(str::to_owned)
    };
    let unnamed = Some("Unnamed Agent".to_owned());
    assert_eq!(
        call_part("chat", Some("Support Bot")).as_deref(),
        Some("Support Bot")
    );
    assert_eq!(call_part("chat", None), unnamed);
    assert_eq!(call_part("invoke_agent", Some("Support Bot")), unnamed);
}

/// openai-ergonomic's interceptor; rust_llm, liter-llm and llmprism with different names for the parts of the API.
#[test]
fn openai_ergonomic_spans_are_read() {
    let span_of = |operation| {
        let attributes = [
            ("gen_ai.system", "openai"),
            ("gen_ai.operation.name", operation),
            ("gen_ai.request.model", "m"),
            ("langfuse.session.id", "s-1"),
            ("langfuse.user.id", "alice"),
        ];
        translated("openai-ergonomic", operation, &attributes)
    };
    let chat = span_of("chat");
    let text = |key| chat.attributes.text(key);
    assert_eq!(text("user.id"), Some("alice"));
    assert_eq!(text("gen_ai.conversation.id"), Some("s-1"));
    assert!(
        !chat
            .attributes
            .iter()
            .any(|(key, _)| key.starts_with("langfuse."))
    );
    for (operation, op) in [
        ("audio_speech", "gen_ai.generate_content"),
        ("audio_transcription", "gen_ai.generate_content"),
        ("audio_translation", "gen_ai.generate_content"),
        ("image_edit", "gen_ai.generate_content"),
        ("image_variation", "gen_ai.generate_content"),
        ("speech", "gen_ai.generate_content"),
        ("image_generate", "gen_ai.generate_content"),
        ("transcribe", "gen_ai.generate_content"),
        ("ocr", "gen_ai.generate_content"),
        ("structured_output", "gen_ai.chat"),
        ("moderation", "gen_ai.evaluate"),
        ("moderate", "gen_ai.evaluate"),
        ("judgment", "gen_ai.evaluate"),
        ("file_upload", "function"),
        ("list_models", "function"),
        ("search", "function"),
    ] {
        assert_eq!(span_of(operation).op, op, "{operation}");
    }
}

/// The crate langfuse-sdk writes every value as JSON.
#[test]
fn langfuse_sdk_for_rust_tool_calls_are_output() {
    let generation = |attributes: &[Attribute]| {
        let own = [
            ("langfuse.observation.type", "generation"),
            ("langfuse.observation.model.name", "m"),
        ];
        translated("langfuse-rs", "ask", &[&own, attributes].concat())
    };
    let calls = r#"[{"id":"c","name":"w","arguments":"{\"a\":1}"}]"#;
    let call_part = r#"{"type":"tool_call","id":"c","name":"w","arguments":{"a":1}}"#;
    for (output, text_part) in [
        (None, ""),
        (
            Some(r#"{"content":"Hm."}"#),
            r#"{"type":"text","content":"Hm."},"#,
        ),
        (Some(r#""Hm.""#), r#"{"type":"text","content":"Hm."},"#),
        (Some("Hm."), r#"{"type":"text","content":"Hm."},"#),
    ] {
        let mut attributes = vec![("langfuse.observation.tool_calls", calls)];
        attributes.extend(output.map(|output| ("langfuse.observation.output", output)));
        let span = generation(&attributes);
        let answer: serde_json::Value =
            serde_json::from_str(span.attributes.text(OUTPUT).unwrap()).unwrap();
        let parts: serde_json::Value =
            serde_json::from_str(&format!("[{text_part}{call_part}]")).unwrap();
        assert_eq!(answer[0]["parts"], parts, "{output:?}");
        assert!(!span.attributes.contains("langfuse.observation.tool_calls"));
    }
    let failed = generation(&[
        ("langfuse.observation.level", r#""ERROR""#),
        ("langfuse.observation.status_message", "no dice"),
    ]);
    assert_eq!(failed.status, crate::Status::Error);
    let message = failed.attributes.text("sentry.status.message");
    assert_eq!(message, Some("no dice"));

    let tool = [
        ("langfuse.observation.type", "tool"),
        ("langfuse.observation.output", r#""4 degrees""#),
    ];
    let span = translated("langfuse-rs", "w", &tool);
    assert_eq!(span.attributes.text(RESULT), Some("4 degrees"));
}

/// The crate openinference-instrumentation.
#[test]
fn openinference_exceptions_are_errors() {
    let attributes = [
        ("openinference.span.kind", "LLM"),
        ("llm.model_name", "m"),
        ("exception.type", "RateLimit"),
        ("exception.message", "no dice"),
    ];
    let span = translated("", "llm m", &attributes);
    assert_eq!(span.status, crate::Status::Error);
    assert_eq!(span.attributes.text("error.type"), Some("RateLimit"));
    let message = span.attributes.text("sentry.status.message");
    assert_eq!(message, Some("no dice"));
}
