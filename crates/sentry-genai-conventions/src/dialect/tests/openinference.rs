//! What OpenInference's instrumentations of the providers' SDKs say of requests and answers.

use super::*;
use crate::Status;

const KIND: Attribute = ("openinference.span.kind", "LLM");
const OPENAI: &str = "openinference.instrumentation.openai";
const OUTPUT: &str = "gen_ai.output.messages";

#[test]
fn requests_that_ask_no_model_are_no_calls() {
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
    // A response that went on in the background is counted when it is looked up.
    assert_eq!(op(OPENAI, "Response", &[nothing, counts]), "gen_ai.chat");
    assert_eq!(op("any", "Response", &[nothing]), "gen_ai.chat");
    let images = op(OPENAI, "ImagesResponse", &[model]);
    assert_eq!(images, "gen_ai.generate_content");
    let prompt = ("llm.invocation_parameters", r#"{"prompt": "a cat"}"#);
    let images = op(OPENAI, "ImagesResponse", &[prompt]);
    assert_eq!(images, "gen_ai.generate_content");
    let stored = ("llm.invocation_parameters", r#"{"prompt": {"id": "p"}}"#);
    assert_eq!(op(OPENAI, "Response", &[stored]), "gen_ai.chat");
}

#[test]
fn a_response_says_why_it_ended() {
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
    let ended = |status: &str| response(&format!(r#""status": {status}, {message}"#));
    assert_eq!(ended(r#""completed""#), ok(r#"["stop"]"#));
    let called = response(&format!(r#""status": "completed", {call}"#));
    assert_eq!(called, ok(r#"["tool_calls"]"#));
    let cut = ended(r#""incomplete", "incomplete_details": {"reason": "max_output_tokens"}"#);
    assert_eq!(cut, ok(r#"["length"]"#));
    let filtered = ended(r#""incomplete", "incomplete_details": {"reason": "content_filter"}"#);
    assert_eq!(filtered, ok(r#"["content_filter"]"#));
    let failed = ended(r#""failed", "error": {"code": "server_error", "message": "no"}"#);
    let error = "server_error".to_owned();
    assert_eq!(failed, (r#"["error"]"#.to_owned(), Status::Error, error));
}

#[test]
fn older_versions_have_the_finish_reason_in_the_answer_alone() {
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
fn the_answer_counts_what_the_instrumentation_does_not() {
    let counts = |name, attributes: &[Attribute]| {
        let span = translated("any", name, &[&[KIND], attributes].concat());
        ["input_tokens", "output_tokens", "cache_read.input_tokens"]
            .map(|count| span.attributes.integer(&format!("gen_ai.usage.{count}")))
    };
    // An image, which is not counted at all.
    let usage = (
        "output.value",
        r#"{"data": [], "usage": {"input_tokens": 10, "output_tokens": 1000}}"#,
    );
    let image = counts("ImagesResponse", &[usage]);
    assert_eq!(image, [Some(10), Some(1000), None]);
    // Claude's on Bedrock, as a stream: what is counted stays as it is.
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
fn what_the_tools_of_the_provider_did_is_in_the_answer() {
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
