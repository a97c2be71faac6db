//! Confident AI, by hand as in its guide.

use super::*;

const SCOPE: &str = "shop";
const TYPE: &str = "confident.span.type";

#[test]
fn types_are_operations() {
    for (span_type, more, name) in [
        ("agent", ("confident.agent.name", "Bot"), "invoke_agent Bot"),
        (
            "agent",
            ("confident.trace.name", "ask"),
            "invoke_agent step",
        ),
        ("llm", ("confident.llm.model", "gpt-4o"), "chat gpt-4o"),
        ("tool", ("confident.tool.name", "w"), "execute_tool w"),
        ("retriever", ("confident.retriever.embedder", "e"), "step"),
        ("custom", ("confident.span.name", "x"), "step"),
    ] {
        let span = translated(SCOPE, "step", &[(TYPE, span_type), more]);
        assert_eq!(span.name, name, "{span_type}");
        assert_eq!(span.ai.is_some(), name != "step", "{span_type}");
    }
}

#[test]
fn calls_are_read() {
    let mut call = source(
        SCOPE,
        "ask",
        &[
            (TYPE, "llm"),
            ("confident.llm.model", "gpt-4o"),
            (
                "confident.span.input",
                r#"[{"role":"user","content":"Hi"}]"#,
            ),
            ("confident.span.output", "Hello"),
            ("confident.span.provider", "OpenAI"),
            ("confident.trace.thread_id", "t-7"),
            ("confident.trace.user_id", "u-1"),
        ],
    );
    for (key, count) in [("input", 12), ("output", 7)] {
        call.attributes.push_owned_key(
            &format!("confident.llm.{key}_token_count"),
            Value::Integer(count),
        );
    }
    let call = with_content(call);
    for (key, value) in [
        (
            INPUT,
            r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#,
        ),
        (
            OUTPUT,
            r#"[{"role":"assistant","parts":[{"type":"text","content":"Hello"}]}]"#,
        ),
        ("gen_ai.conversation.id", "t-7"),
        ("gen_ai.provider.name", "openai"),
        ("user.id", "u-1"),
    ] {
        assert_eq!(call.attributes.text(key), Some(value), "{key}");
    }
    let counts = ["input", "output", "total"].map(|kind| {
        call.attributes
            .integer(&format!("gen_ai.usage.{kind}_tokens"))
    });
    assert_eq!(counts, [Some(12), Some(7), Some(19)]);
}

#[test]
fn what_a_tool_is_given_and_answers_is_read() {
    let tool = [
        (TYPE, "tool"),
        ("confident.tool.name", "w"),
        ("confident.span.input", r#"{"city":"Vienna"}"#),
        ("confident.span.output", "sunny"),
    ];
    let tool = translated(SCOPE, "w", &tool);
    assert_eq!(
        tool.attributes.text(ARGUMENTS),
        Some(r#"{"city":"Vienna"}"#)
    );
    assert_eq!(tool.attributes.text(RESULT), Some("sunny"));
}

/// Even a single word.
#[test]
fn content_needs_permission_on_any_span() {
    let translator = Translator::new(TranslateOptions::default());
    for span_type in ["agent", "llm", "tool", "retriever", "custom"] {
        let mut span = source(SCOPE, "step", &[(TYPE, span_type)]);
        for key in [
            "confident.llm.prompt",
            "confident.span.context",
            "confident.span.expected_output",
            "confident.span.input",
            "confident.span.metadata",
            "confident.span.output",
            "confident.span.retrieval_context",
            "confident.trace.input",
            "confident.trace.llm_test_case.actual_output",
            "confident.trace.metadata",
            "confident.trace.output",
        ] {
            span.attributes.push(key, "secret");
        }
        let span = translator.translate(span);
        let leak = (span.attributes.iter()).find(|(_, value)| *value == Value::Str("secret"));
        assert_eq!(leak, None, "{span_type}");
    }
}

/// As on pydantic-ai's and Strands' spans.
#[test]
fn spans_of_other_libraries_keep_their_operation() {
    let span = [
        (TYPE, "llm"),
        ("gen_ai.operation.name", "embeddings"),
        ("gen_ai.request.model", "e-1"),
    ];
    assert_eq!(translated(SCOPE, "x", &span).name, "embeddings e-1");
}
