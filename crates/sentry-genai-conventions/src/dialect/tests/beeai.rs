//! Spans of BeeAI, as OpenInference writes them.

use super::*;
use crate::{SourceEvent, SourceStatus};

/// In OpenInference, events of BeeAI, such as each token of a stream, have the kind of the operation in which they occur.
#[test]
fn a_stream_event_is_not_a_call() {
    const SCOPE: &str = "openinference.instrumentation.beeai";
    let token = [
        ("openinference.span.kind", "LLM"),
        ("metadata.path", "backend.openai.chat.new_token"),
        ("input.value", r#"{"value": "To"}"#),
    ];
    assert_eq!(translated(SCOPE, "new_token", &token).op, "function");
    let call = [
        ("openinference.span.kind", "LLM"),
        ("llm.model_name", "m"),
        ("metadata.class_name", "OpenAIChatModel"),
        ("metadata.usage.cached_prompt_tokens", "16"),
        ("metadata.usage.cached_creation_tokens", "None"),
    ];
    let span = translated(SCOPE, "OpenAIChatModel", &call);
    assert_eq!(span.name, "chat m");
    let counts = [crate::tokens::CACHE_READ, crate::tokens::CACHE_CREATION];
    assert_eq!(
        counts.map(|key| span.attributes.integer(key)),
        [Some(16), None]
    );
    let tool = [
        ("openinference.span.kind", "TOOL"),
        ("tool.name", "w"),
        (
            "input.value",
            r#"{"input": {"city": "Paris"}, "options": null}"#,
        ),
    ];
    let span = translated(SCOPE, "w", &tool);
    assert_eq!(span.attributes.text(ARGUMENTS), Some(r#"{"city":"Paris"}"#));
}

/// BeeAI for JavaScript has an event for the start of a call, for its success and for its end.
#[test]
fn the_outcome_event_is_the_call() {
    let of = |kind: &'static str, target: &str| {
        let (_, event) = target.rsplit_once('.').unwrap();
        let attributes = [
            ("openinference.span.kind", kind),
            ("target", target),
            ("name", event),
        ];
        let scope = "@arizeai/openinference-instrumentation-beeai";
        translated(scope, &format!("{target}-1"), &attributes)
    };
    for (kind, target, op) in [
        ("LLM", "backend.openai.chat.start", "function"),
        ("LLM", "backend.openai.chat.success", "gen_ai.chat"),
        ("LLM", "backend.openai.chat.finish", "function"),
        ("TOOL", "tool.dynamic.weather.error", "gen_ai.execute_tool"),
        ("AGENT", "agent.toolCalling.success", "function"),
    ] {
        assert_eq!(of(kind, target).op, op, "{target}");
    }
    let tool = of("TOOL", "tool.dynamic.weather.error");
    assert_eq!(tool.name, "execute_tool weather");
    let names = (tool.attributes.iter()).filter(|(key, _)| *key == "gen_ai.tool.name");
    assert_eq!(names.count(), 1);
}

/// The output on the span of a failure explains the error.
#[test]
fn an_error_description_is_not_output() {
    let explained = "ChatModelError(beeai_framework.backend.errors): Chat Model error\nContext: {}";
    for (output, is_answer) in [(explained, false), ("ChatModelError(acme): no", true)] {
        let attributes = [
            ("openinference.span.kind", "LLM"),
            ("llm.model_name", "m"),
            ("output.value", output),
        ];
        let mut span = source("openinference.instrumentation.beeai", "M", &attributes);
        span.status = SourceStatus::Error(None);
        let mut error = SourceEvent::new("exception");
        let class = "beeai_framework.backend.errors.ChatModelError";
        error.attributes.push("exception.type", class);
        span.events.push(error);
        let span = with_content(span);
        assert_eq!(span.attributes.contains(OUTPUT), is_answer, "{output}");
    }
}

#[test]
fn answers_of_tools_name_their_call() {
    let attributes = [
        (
            "llm.input_messages.0.message.contents.0.message.tool_call_id",
            "call_1",
        ),
        (
            "llm.input_messages.0.message.contents.0.message_content.text",
            "Sunny",
        ),
        (
            "llm.input_messages.0.message.contents.0.message_content.type",
            "text",
        ),
        (
            "llm.input_messages.0.message.contents.1.message.tool_call_id",
            "call_2",
        ),
        (
            "llm.input_messages.0.message.contents.1.message_content.text",
            "Cold",
        ),
        (
            "llm.input_messages.0.message.contents.1.message_content.type",
            "text",
        ),
        ("llm.input_messages.0.message.role", "tool"),
        ("llm.model_name", "gpt-5-mini"),
        ("openinference.span.kind", "LLM"),
    ];
    let scope = "openinference.instrumentation.beeai";
    let span = translated(scope, "OpenAIChatModel", &attributes);
    assert_eq!(
        span.attributes.text("gen_ai.input.messages"),
        Some(concat!(
            r#"[{"role":"tool","parts":["#,
            r#"{"type":"tool_call_response","id":"call_1","response":"Sunny","result":"Sunny"},"#,
            r#"{"type":"tool_call_response","id":"call_2","response":"Cold","result":"Cold"}]}]"#
        ))
    );
}
