//! Judgeval, with its wrappers of the providers' SDKs and by hand.

use super::*;

const KIND: &str = "judgment.span_kind";

fn call(name: &str, attributes: &[(&'static str, &str)], counts: &[(&str, i64)]) -> SentrySpan {
    let mut span = source("judgeval", name, attributes);
    span.attributes.push(KIND, "llm");
    for (key, count) in counts {
        let key = format!("judgment.usage.{key}_tokens");
        span.attributes.push_owned_key(&key, Value::Integer(*count));
    }
    with_content(span)
}

fn counts(span: &SentrySpan) -> [Option<i64>; 5] {
    [
        "input_tokens",
        "cache_read.input_tokens",
        "output_tokens",
        "reasoning.output_tokens",
        "total_tokens",
    ]
    .map(|count| span.attributes.integer(&format!("gen_ai.usage.{count}")))
}

fn assert_texts(span: &SentrySpan, texts: &[(&str, &str)]) {
    for (key, value) in texts {
        assert_eq!(span.attributes.text(key), Some(*value), "{key}");
    }
}

#[test]
fn kinds_are_operations() {
    for (kind, name) in [
        ("agent", "invoke_agent step"),
        ("tool", "execute_tool step"),
        ("llm", "chat"),
        ("function", "step"),
        ("generator_item", "step"),
    ] {
        let span = translated("judgeval", "step", &[(KIND, kind)]);
        assert_eq!(span.name, name, "{kind}");
        assert_eq!(span.ai.is_some(), name != "step", "{kind}");
    }
}

#[test]
fn a_chat_completion_is_read_from_its_request_and_answer() {
    let span = call(
        "OPENAI_API_CALL",
        &[
            (
                "gen_ai.prompt",
                r#"{"model":"gpt-5-mini","temperature":0.5,"messages":[{"role":"system","content":"Be brief"},
                {"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"w"}}]}"#,
            ),
            (
                "gen_ai.completion",
                r#"{"id":"chatcmpl-1","choices":[{"finish_reason":"tool_calls","index":0,"message":{"content":null,
                "role":"assistant","tool_calls":[{"id":"call_1","function":{"arguments":"{\"city\":\"Linz\"}","name":"w"},
                "type":"function"}]}}],"model":"gpt-5-mini-2025-08-07","object":"chat.completion"}"#,
            ),
            (
                "judgment.usage.metadata",
                r#"{"completion_tokens":88,"prompt_tokens":212,"total_tokens":300,
                "completion_tokens_details":{"reasoning_tokens":21},"prompt_tokens_details":{"cached_tokens":46}}"#,
            ),
            ("judgment.llm.model", "gpt-5-mini-2025-08-07"),
            ("judgment.session_id", "s-1"),
        ],
        &[
            ("non_cached_input", 166),
            ("output", 88),
            ("cache_read_input", 46),
        ],
    );
    assert_eq!(span.name, "chat gpt-5-mini");
    assert_eq!(
        counts(&span),
        [Some(212), Some(46), Some(88), Some(21), Some(300)]
    );
    assert_texts(
        &span,
        &[
            ("gen_ai.provider.name", "openai"),
            ("gen_ai.response.model", "gpt-5-mini-2025-08-07"),
            ("gen_ai.response.id", "chatcmpl-1"),
            ("gen_ai.response.finish_reasons", r#"["tool_calls"]"#),
            ("gen_ai.conversation.id", "s-1"),
            (INSTRUCTIONS, r#"[{"type":"text","content":"Be brief"}]"#),
            (
                INPUT,
                r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#,
            ),
            (
                OUTPUT,
                r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"call_1","name":"w","arguments":{"city":"Linz"}}],"finish_reason":"tool_calls"}]"#,
            ),
        ],
    );
    assert!(span.attributes.contains(DEFINITIONS));
}

/// Anthropic's input has neither part, Google's has both.
#[test]
fn the_input_includes_the_cache() {
    let anthropic = call(
        "ANTHROPIC_API_CALL",
        &[
            (
                "gen_ai.prompt",
                r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"Hi"}]}"#,
            ),
            (
                "judgment.usage.metadata",
                r#"{"cache_creation_input_tokens":30,"cache_read_input_tokens":50,"input_tokens":240,"output_tokens":100}"#,
            ),
        ],
        &[
            ("non_cached_input", 240),
            ("output", 100),
            ("cache_read_input", 50),
            ("cache_creation_input", 30),
        ],
    );
    assert_eq!(
        counts(&anthropic),
        [Some(320), Some(50), Some(100), None, Some(420)]
    );
    let google = call(
        "GOOGLE_API_CALL",
        &[
            (
                "gen_ai.prompt",
                r#"{"model":"gemini-2.5-flash","contents":"Hi"}"#,
            ),
            ("gen_ai.completion", "Hello"),
            ("judgment.llm.model", "gemini-2.5-flash"),
            (
                "judgment.usage.metadata",
                r#"{"cached_content_token_count":31,"candidates_token_count":43,"prompt_token_count":107,"thoughts_token_count":6,"total_token_count":156}"#,
            ),
        ],
        &[
            ("non_cached_input", 107),
            ("output", 43),
            ("cache_read_input", 31),
            ("cache_creation_input", 0),
        ],
    );
    assert_eq!(
        counts(&google),
        [Some(107), Some(31), Some(49), Some(6), Some(156)]
    );
    assert_texts(
        &google,
        &[
            ("gen_ai.provider.name", "gcp.gemini"),
            ("gen_ai.request.model", "gemini-2.5-flash"),
            (
                OUTPUT,
                r#"[{"role":"assistant","parts":[{"type":"text","content":"Hello"}]}]"#,
            ),
        ],
    );
}

#[test]
fn calls_and_tools_by_hand_are_read() {
    let call = call(
        "ask",
        &[
            ("judgment.input", r#"{"question":"Hi"}"#),
            ("judgment.output", "Hello"),
            ("judgment.llm.model", "my-model"),
            ("judgment.llm.provider", "groq"),
        ],
        &[("non_cached_input", 11), ("output", 7)],
    );
    assert_eq!(call.name, "chat my-model");
    assert_eq!(counts(&call), [Some(11), None, Some(7), None, Some(18)]);
    let tool = [
        (KIND, "tool"),
        ("judgment.input", r#"{"city":"Linz"}"#),
        ("judgment.output", "sunny"),
    ];
    let tool = translated("judgeval", "get_weather", &tool);
    assert_texts(
        &tool,
        &[
            ("gen_ai.tool.name", "get_weather"),
            (ARGUMENTS, r#"{"city":"Linz"}"#),
            (RESULT, "sunny"),
        ],
    );
}

/// Even a single word.
#[test]
fn content_needs_permission_on_any_span() {
    let translator = Translator::new(TranslateOptions::default());
    for kind in ["agent", "llm", "tool", "function"] {
        let mut span = source("judgeval", "step", &[(KIND, kind)]);
        for key in [
            "gen_ai.completion",
            "gen_ai.prompt",
            "judgment.input",
            "judgment.output",
            "judgment.state_after",
            "judgment.state_before",
        ] {
            span.attributes.push(key, "secret");
        }
        let span = translator.translate(span);
        let leak = (span.attributes.iter()).find(|(_, value)| *value == Value::Str("secret"));
        assert_eq!(leak, None, "{kind}");
    }
}
