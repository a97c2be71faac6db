//! Google's models and agents, as OpenInference records them.

use super::*;

const KIND: Attribute = ("openinference.span.kind", "LLM");
const OUTPUT: &str = "gen_ai.output.messages";

#[test]
fn blocked_prompts_have_no_output() {
    let scope = "openinference.instrumentation.google_genai";
    let response = |more: &str| {
        let response = format!(
            r#"{{"sdk_http_response": {{"headers": {{}}}}, "prompt_feedback": {{"block_reason": "SAFETY"}}{more}}}"#
        );
        let attributes = [KIND, ("output.value", &*response)];
        let span = translated(scope, "GenerateContent", &attributes);
        let text = |key| span.attributes.text(key).map(str::to_owned);
        (text("gen_ai.response.finish_reasons"), text(OUTPUT))
    };
    assert_eq!(response(""), (Some(r#"["SAFETY"]"#.to_owned()), None));
    let withheld = r#", "candidates": [{"content": {"role": "model"}, "finish_reason": "SAFETY"}]"#;
    assert_eq!(response(withheld).1, None);
    let candidates = r#", "candidates": [{"content": {"role": "model", "parts": [{"text": "a"}]}, "finish_reason": "STOP"}]"#;
    let (reason, output) = response(candidates);
    assert_eq!(reason.as_deref(), Some(r#"["STOP"]"#));
    assert!(output.is_some());
}

/// A stream that was given up has no count of its output.
#[test]
fn the_start_of_an_answer_names_the_model_that_answers() {
    let answer = r#"{"candidates": [{"content": {"parts": [{"text": "a"}], "role": "model"}}], "model_version": "gemini-2.5-flash-001", "usage_metadata": {"prompt_token_count": 42}}"#;
    let attributes = [
        KIND,
        ("llm.model_name", "gemini-2.5-flash-001"),
        ("llm.token_count.prompt", "42"),
        ("output.value", answer),
    ];
    let scope = "openinference.instrumentation.google_genai";
    let span = translated(scope, "GenerateContentStream", &attributes);
    let models = ["gen_ai.request.model", "gen_ai.response.model"];
    let models = models.map(|key| span.attributes.text(key));
    assert_eq!(models, [None, Some("gemini-2.5-flash-001")]);
}

/// In ADK 2, one span has all calls of an agent. Each overwrites the one before.
#[test]
fn only_the_last_adk_response_is_output() {
    let answer = r#"{"model_version": "m", "content": {"parts": [{"text": "21"}], "role": "model"}, "finish_reason": "STOP"}"#;
    let attributes = [
        KIND,
        ("output.value", answer),
        ("llm.output_messages.0.message.role", "model"),
        (
            "llm.output_messages.0.message.contents.0.message_content.text",
            "21",
        ),
        (
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
            "w",
        ),
        (
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
            "{}",
        ),
    ];
    let span = translated("gcp.vertex.agent", "invoke_agent main", &attributes);
    let expected =
        r#"[{"role":"assistant","parts":[{"type":"text","content":"21"}],"finish_reason":"STOP"}]"#;
    assert_eq!(span.attributes.text(OUTPUT), Some(expected));
}

#[test]
fn agents_of_adk_1_are_not_named_after_their_run() {
    let agent = [("openinference.span.kind", "AGENT")];
    let span = translated("gcp.vertex.agent", "agent_run [weather]", &agent);
    assert_eq!(&*span.name, "invoke_agent weather");
}

#[test]
fn adk_tool_results_are_unwrapped() {
    let answer = r#"{"id": "adk-1", "name": "w", "response": {"temperature": 21}}"#;
    let span = translated(
        "openinference.instrumentation.google_adk",
        "execute_tool w",
        &[
            ("openinference.span.kind", "TOOL"),
            ("tool.name", "w"),
            ("output.value", answer),
        ],
    );
    let result = span.attributes.text("gen_ai.tool.call.result");
    assert_eq!(result, Some(r#"{"temperature":21}"#));
}

/// The instrumentation of Vertex AI's SDK flattens neither the parts of the counts nor the tools, and names the model by its path.
#[test]
fn vertex_requests_and_answers_say_what_is_not_flattened() {
    let request = r#"{"contents": [], "tools": [{"function_declarations": [{"name": "w"}]}]}"#;
    let answer = r#"{"candidates": [{"content": {"role": "model", "parts": [{"text": "a"}]}}], "usage_metadata": {"prompt_token_count": 42, "candidates_token_count": 12, "total_token_count": 59, "cached_content_token_count": 16, "thoughts_token_count": 5}, "model_version": "gemini-2.5-flash-001", "response_id": "r1"}"#;
    let attributes = [
        KIND,
        (
            "llm.model_name",
            "projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash",
        ),
        ("llm.token_count.prompt", "42"),
        ("llm.token_count.completion", "12"),
        ("llm.token_count.total", "59"),
        ("input.value", request),
        ("output.value", answer),
    ];
    let scope = "openinference.instrumentation.vertexai";
    let span = translated(scope, "generate_content", &attributes);
    assert_eq!(&*span.name, "chat gemini-2.5-flash");
    for (key, expected) in [
        ("gen_ai.request.model", "gemini-2.5-flash"),
        ("gen_ai.response.model", "gemini-2.5-flash-001"),
        ("gen_ai.response.id", "r1"),
        (
            "gen_ai.tool.definitions",
            r#"[{"type":"function","name":"w"}]"#,
        ),
    ] {
        assert_eq!(span.attributes.text(key), Some(expected), "{key}");
    }
    for (key, expected) in [
        ("gen_ai.usage.input_tokens", 42),
        ("gen_ai.usage.cache_read.input_tokens", 16),
        ("gen_ai.usage.output_tokens", 17),
        ("gen_ai.usage.reasoning.output_tokens", 5),
    ] {
        assert_eq!(span.attributes.integer(key), Some(expected), "{key}");
    }
}

/// A tuned model has no publisher, so its path is all that names it.
#[test]
fn endpoints_of_vertex_keep_their_path() {
    let path = "projects/p/locations/us-central1/endpoints/1";
    let attributes = [KIND, ("llm.model_name", path)];
    let scope = "openinference.instrumentation.vertexai";
    let span = translated(scope, "generate_content", &attributes);
    assert_eq!(span.attributes.text("gen_ai.request.model"), Some(path));
}
