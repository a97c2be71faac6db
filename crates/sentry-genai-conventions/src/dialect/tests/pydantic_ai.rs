use super::{super::*, source, translated, with_content};
use crate::{SentrySpan, SourceStatus, Status, TranslateOptions, Translator, tokens};

#[test]
fn the_output_of_a_run_includes_reasoning() {
    let run = ("gen_ai.operation.name", "invoke_agent");
    let question = r#"{"role":"user","parts":[{"type":"text","content":"Hi"}]}"#;
    let answer = r#"{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},{"type":"text","content":"Hello"}]}"#;
    let messages: &'static str = format!("[{question},{answer}]").leak();
    let messages = ("pydantic_ai.all_messages", messages);
    for (result, expected) in [
        (None, format!("[{answer}]")),
        (Some("Hello"), format!("[{answer}]")),
        (
            Some("HELLO"),
            r#"[{"role":"assistant","parts":[{"type":"text","content":"HELLO"}]}]"#.to_owned(),
        ),
    ] {
        let mut attributes = vec![run, messages];
        attributes.extend(result.map(|result| ("final_result", result)));
        let span = translated("pydantic-ai", "agent run", &attributes);
        let read = |key| json::read(&span.attributes, key);
        let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        assert_eq!(read(OUTPUT), parsed(&expected), "{result:?}");
        assert_eq!(read(INPUT), parsed(&format!("[{question}]")), "{result:?}");
    }
}

#[test]
fn failed_calls_have_instructions() {
    let request = r#"{"function_tools":[],"instruction_parts":[{"content":"Be brief.","part_kind":"instruction"}]}"#;
    let span = translated(
        "pydantic-ai",
        "chat m",
        &[
            ("gen_ai.operation.name", "chat"),
            ("model_request_parameters", request),
        ],
    );
    let instructions = json::read(&span.attributes, "gen_ai.system_instructions");
    assert_eq!(
        instructions,
        Some(serde_json::json!([{"type": "text", "content": "Be brief."}]))
    );
}

#[test]
fn events_without_content_are_dropped() {
    let events = r#"[{"role":"system","event.name":"gen_ai.system.message"},{"role":"user","gen_ai.message.index":0,"event.name":"gen_ai.user.message"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"w"}}],"event.name":"gen_ai.assistant.message"},{"role":"tool","id":"c1","name":"w","gen_ai.message.index":2,"event.name":"gen_ai.tool.message"}]"#;
    let span = translated(
        "pydantic-ai",
        "chat m",
        &[("gen_ai.operation.name", "chat"), ("events", events)],
    );
    assert_eq!(
        span.attributes.text(INPUT),
        Some(r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w"}]}]"#)
    );
}

#[test]
fn openinferences_processor_loses_nothing() {
    let mut span = source(
        "pydantic-ai",
        "chat m",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m"),
            ("openinference.span.kind", "LLM"),
            ("model_request_parameters", "{}"),
            ("gen_ai.tool.definitions", "[]"),
        ],
    );
    for (key, count) in [
        ("gen_ai.usage.output_tokens", 40_i64),
        ("gen_ai.usage.details.reasoning_tokens", 15),
        ("llm.token_count.completion", 40),
    ] {
        span.attributes.push(key, count);
    }
    let span = with_content(span);
    let reasoning = span
        .attributes
        .integer("gen_ai.usage.reasoning.output_tokens");
    assert_eq!(reasoning, Some(15));
    assert!(!span.attributes.contains("model_request_parameters"));
}

#[test]
fn images_are_recorded_by_their_types() {
    let attributes = [
        ("gen_ai.operation.name", "image_generation"),
        ("gen_ai.output.type", "image"),
        ("gen_ai.request.model", "gpt-image-1"),
        ("prompt", "A cat"),
        ("image.0.media_type", "image/png"),
        ("image.0.output_format", "png"),
    ];
    let span = translated("pydantic-ai", "image_generation gpt-image-1", &attributes);
    assert_eq!(span.name, "generate_content gpt-image-1");
    let text = |key| span.attributes.text(key);
    assert_eq!(
        text("gen_ai.input.messages"),
        Some(r#"[{"role":"user","parts":[{"type":"text","content":"A cat"}]}]"#)
    );
    assert_eq!(
        text("gen_ai.output.messages"),
        Some(
            r#"[{"role":"assistant","parts":[{"type":"blob","modality":"image","mime_type":"image/png","content":"[Blob substitute]"}]}]"#
        )
    );
}

/// Whether it failed or its answer was rejected, and however much that took.
#[test]
fn failed_attempts_of_a_call_are_plain() {
    for response in [None, Some(("gen_ai.response.id", "r-1"))] {
        let mut attempt = source("pydantic-ai", "model request attempt m", &[]);
        attempt.status = SourceStatus::Error(Some("Response rejected".to_owned()));
        for (key, text) in [
            ("gen_ai.provider.name", "openai"),
            ("gen_ai.request.model", "m"),
        ]
        .into_iter()
        .chain(response)
        {
            attempt.attributes.push(key, text);
        }
        for key in [
            "pydantic_ai.model_request.attempt",
            tokens::INPUT,
            tokens::OUTPUT,
        ] {
            attempt.attributes.push(key, 20);
        }
        let attempt = with_content(attempt);
        assert_eq!((&*attempt.op, attempt.status), ("function", Status::Error));
        assert_eq!(attempt.name, "model request attempt m");
    }
}

/// What a tool tells the model, so that it tries again, is the tool's answer, though it is raised as an error.
#[test]
fn an_answer_that_is_raised_is_content() {
    for (kind, is_content) in [
        ("pydantic_ai.exceptions.ToolRetryError", true),
        ("pydantic_ai.exceptions.ToolFailedError", true),
        ("ValueError", false),
    ] {
        let tool = [
            ("gen_ai.tool.name", "get_weather"),
            ("exception.type", kind),
        ];
        let mut failed = source("pydantic-ai", "running tool", &tool);
        failed.status = SourceStatus::Error(Some("no such city: hunter2".to_owned()));
        let private = Translator::new(TranslateOptions::default()).translate(failed.clone());
        assert_eq!(private.attributes.text("error.type"), Some(kind));
        let has_reason = |span: &SentrySpan| span.attributes.contains("sentry.status.message");
        assert_eq!(has_reason(&private), !is_content, "{kind}");
        assert!(has_reason(&with_content(failed)));
    }
}
