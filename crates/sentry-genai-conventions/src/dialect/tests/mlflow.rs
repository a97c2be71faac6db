//! MLflow's tracing exported over OTLP, and LiveKit's agents.

use super::*;
use crate::tokens;

#[test]
fn model_calls_are_read() {
    let span = translated(
        "mlflow.tracing.provider",
        "Completions",
        &[
            ("mlflow.spanType", r#""CHAT_MODEL""#),
            ("mlflow.message.format", r#""openai""#),
            ("mlflow.llm.model", r#""gpt-4o-2024""#),
            (
                "mlflow.chat.tokenUsage",
                r#"{"input_tokens": 42, "output_tokens": 17, "total_tokens": 59, "cache_read_input_tokens": 16}"#,
            ),
            (
                "mlflow.spanInputs",
                r#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "q"}], "temperature": 0.2, "prompt": "<openai.Omit object at 0x7f>"}"#,
            ),
            (
                "mlflow.spanOutputs",
                r#"{"id": "c1", "choices": [{"finish_reason": "stop", "index": 0, "message": {"role": "assistant", "content": "a"}}], "usage": {"completion_tokens": 17, "completion_tokens_details": {"reasoning_tokens": 5}}}"#,
            ),
            ("model", r#""gpt-4o""#),
            ("prompt", r#""<openai.Omit object at 0x7f>""#),
            ("own", "kept"),
        ],
    );
    assert_eq!(span.name, "chat gpt-4o");
    for (key, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "gpt-4o"),
        ("gen_ai.response.model", "gpt-4o-2024"),
        ("gen_ai.response.id", "c1"),
        (
            INPUT,
            r#"[{"role":"user","parts":[{"type":"text","content":"q"}]}]"#,
        ),
    ] {
        assert_eq!(span.attributes.text(key), Some(value), "{key}");
    }
    assert!(
        span.attributes
            .text(OUTPUT)
            .unwrap()
            .contains(r#""content":"a""#)
    );
    let tokens = [
        tokens::INPUT,
        tokens::CACHE_READ,
        tokens::OUTPUT,
        tokens::REASONING,
    ];
    assert_eq!(
        tokens.map(|key| span.attributes.integer(key)),
        [Some(42), Some(16), Some(17), Some(5)]
    );
    assert!(!span.attributes.contains("model") && !span.attributes.contains("prompt"));
    assert_eq!(span.attributes.text("own"), Some("kept"));
}

#[test]
fn a_stream_that_was_not_read_is_no_answer() {
    let attributes = [
        ("mlflow.spanType", r#""CHAT_MODEL""#),
        (
            "mlflow.spanOutputs",
            r#""<anthropic.Stream object at 0x7f956ad20310>""#,
        ),
    ];
    let span = translated("mlflow.tracing.provider", "Messages.create", &attributes);
    assert_eq!(span.attributes.text(OUTPUT), None);
}

#[test]
fn tools_and_agents_are_named_after_their_spans() {
    let read = |kind| {
        let span = translated(
            "mlflow.tracing.provider",
            "search",
            &[
                ("mlflow.spanType", kind),
                ("mlflow.spanInputs", r#"{"q": "x"}"#),
                ("mlflow.spanOutputs", r#""found""#),
            ],
        );
        let result = span.attributes.text(RESULT).map(str::to_owned);
        (span.name.to_string(), result)
    };
    let result = Some("found".to_owned());
    assert_eq!(
        read(r#""TOOL""#),
        ("execute_tool search".to_owned(), result)
    );
    assert_eq!(read(r#""AGENT""#).0, "invoke_agent search");
    assert_eq!(read(r#""RETRIEVER""#).0, "search");
}

#[test]
fn livekit_tools_before_the_conventions_are_read() {
    let attributes = [
        ("lk.function_tool.name", "f"),
        ("lk.function_tool.arguments", r#"{"a": 1}"#),
        ("lk.function_tool.output", "done"),
    ];
    let span = translated("livekit-agents", "function_tool", &attributes);
    assert_eq!(span.name, "execute_tool f");
    assert_eq!(span.attributes.text(ARGUMENTS), Some(r#"{"a": 1}"#));
    assert_eq!(span.attributes.text(RESULT), Some("done"));
}
