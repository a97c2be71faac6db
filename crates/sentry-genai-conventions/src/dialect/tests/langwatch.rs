//! LangWatch.

use super::*;
use crate::tokens;

#[test]
fn model_calls_are_read() {
    let span = translated(
        "my-app",
        "llm",
        &[
            ("langwatch.span.type", "llm"),
            ("gen_ai.request.model", "m"),
            ("langwatch.thread.id", "t-1"),
            (
                "langwatch.input",
                r#"{"type":"chat_messages","value":[{"role":"user","content":"Hi"}]}"#,
            ),
            (
                "langwatch.output",
                r#"{"type":"list","value":[{"type":"chat_messages","value":[{"role":"assistant","content":"Ho"}]}]}"#,
            ),
            (
                "langwatch.metrics",
                r#"{"type":"json","value":{"promptTokens":10,"completionTokens":5,"cost":0.5}}"#,
            ),
            (
                "langwatch.params",
                r#"{"type":"json","value":{"temperature":0.5}}"#,
            ),
        ],
    );
    let attributes = &span.attributes;
    assert_eq!(&*span.name, "chat m");
    for (key, text) in [
        (
            INPUT,
            r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#,
        ),
        (
            OUTPUT,
            r#"[{"role":"assistant","parts":[{"type":"text","content":"Ho"}]}]"#,
        ),
        ("gen_ai.conversation.id", "t-1"),
    ] {
        assert_eq!(attributes.text(key), Some(text), "{key}");
    }
    assert_eq!(attributes.integer(tokens::INPUT), Some(10));
    assert_eq!(attributes.integer(tokens::OUTPUT), Some(5));
    for key in ["gen_ai.cost.total_tokens", "gen_ai.request.temperature"] {
        assert_eq!(attributes.get(key), Some(Value::Double(0.5)), "{key}");
    }
}

/// The SDK for Python writes the provider in front of the model, and whose conversation it is into the metadata of the trace.
#[test]
fn provider_conversation_and_first_token_are_read() {
    let call = translated(
        "langwatch",
        "llm",
        &[
            ("langwatch.span.type", "llm"),
            ("gen_ai.request.model", "openai/gpt-5-mini"),
            (
                "langwatch.timestamps",
                r#"{"started_at": 1795876835385, "first_token_at": 1795876835431, "finished_at": 1795876835432}"#,
            ),
        ],
    );
    assert_eq!(call.name, "chat gpt-5-mini");
    let provider = call.attributes.text("gen_ai.provider.name");
    assert_eq!(provider, Some("openai"));
    let first = call.attributes.get("gen_ai.response.time_to_first_chunk");
    assert_eq!(first, Some(Value::Double(0.046)));

    let root = translated(
        "langwatch",
        "Bot",
        &[
            ("langwatch.span.type", "span"),
            ("metadata", r#"{"thread_id": "t-1", "user_id": "u-1"}"#),
        ],
    );
    for (key, text) in [("session.id", "t-1"), ("user.id", "u-1")] {
        assert_eq!(root.attributes.text(key), Some(text), "{key}");
    }
}

#[test]
fn tool_calls_are_read() {
    let answer = r#"{"type":"json","value":{"type":"text","value":{"lc":1,"type":"constructor","id":["ToolMessage"],"kwargs":{"content":"21 degrees","tool_call_id":"c1"}}}}"#;
    for (output, result, id) in [
        (answer, "21 degrees", Some("c1")),
        (
            r#"{"type":"text","value":"21 degrees"}"#,
            "21 degrees",
            None,
        ),
        (r#"{"type":"json","value":{"lc":1}}"#, r#"{"lc":1}"#, None),
        ("21 degrees", "21 degrees", None),
        (
            r#"{"type":"chat_messages","value":[{"role":"unknown","content":"21 degrees"}]}"#,
            "21 degrees",
            None,
        ),
    ] {
        let span = translated(
            "my-app",
            "get_weather",
            &[
                ("langwatch.span.type", "tool"),
                (
                    "langwatch.input",
                    r#"{"type":"json","value":{"city":"Paris"}}"#,
                ),
                ("langwatch.output", output),
            ],
        );
        let text = |key| span.attributes.text(key);
        assert_eq!(text(ARGUMENTS), Some(r#"{"city":"Paris"}"#));
        assert_eq!(text(RESULT), Some(result));
        assert_eq!(text("gen_ai.tool.call.id"), id);
    }
}

/// The retrieved documents are beside the question.
#[test]
fn retrieved_documents_are_content() {
    let contexts = r#"{"type":"json","value":[{"document_id":"d1","content":"x"}]}"#;
    let attributes = [
        ("langwatch.span.type", "rag"),
        ("langwatch.contexts", contexts),
    ];
    let span = source("my-app", "find", &attributes);
    let kept = with_content(span.clone());
    assert_eq!(kept.attributes.text("langwatch.contexts"), Some(contexts));
    let span = Translator::new(TranslateOptions::default()).translate(span);
    assert!(!span.attributes.contains("langwatch.contexts"));
}

#[test]
fn arguments_that_python_shows_are_json() {
    let attributes = [
        ("langwatch.span.type", "tool"),
        (
            "langwatch.input",
            r#"{"type":"text","value":"{'city': 'Linz', 'days': 2}"}"#,
        ),
    ];
    let span = translated("langwatch", "get_weather", &attributes);
    assert_eq!(
        span.attributes.text(ARGUMENTS),
        Some(r#"{"city":"Linz","days":2}"#)
    );
}

#[test]
fn the_tools_that_langchain_offers_are_among_its_options() {
    let options = r#"{"tools":[{"type":"function","function":{"name":"f"}}],"stop":null}"#;
    let call = [
        ("langwatch.span.type", "llm"),
        ("gen_ai.request.model", "m"),
        ("langwatch.langchain.run.extra_params.options", options),
    ];
    let span = translated("langwatch", "ChatOpenAI", &call);
    let definitions = span.attributes.text(DEFINITIONS);
    assert_eq!(definitions, Some(r#"[{"type":"function","name":"f"}]"#));
}
