//! What only libraries for JavaScript spell so.

use super::*;
use crate::Status;

/// Version 7 of the AI SDK speaks the conventions, and adds on request what they have no names for.
#[test]
fn what_vercel_adds_to_the_conventions() {
    let span = translated(
        "gen_ai",
        "chat gpt-5",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "gpt-5"),
            ("gen_ai.usage.input_tokens", "42"),
            ("gen_ai.usage.output_tokens", "17"),
            ("ai.usage.outputTokenDetails.reasoningTokens", "5"),
            ("ai.settings.context.sessionId", "s-1"),
            ("ai.settings.context.userId", "u-1"),
        ],
    );
    let attributes = &span.attributes;
    assert_eq!(
        attributes.integer("gen_ai.usage.reasoning.output_tokens"),
        Some(5)
    );
    assert_eq!(attributes.text("gen_ai.conversation.id"), Some("s-1"));
    assert_eq!(attributes.text("user.id"), Some("u-1"));

    let span = translated(
        "gen_ai",
        "ai.generateSpeech tts-1",
        &[
            ("gen_ai.operation.name", "ai.generateSpeech"),
            ("ai.request.text", "Say hi"),
        ],
    );
    let said = r#"[{"role":"user","parts":[{"type":"text","content":"Say hi"}]}]"#;
    assert_eq!(span.attributes.text(INPUT), Some(said));
    assert!(!span.attributes.contains("vercel.ai.request.text"));
}

/// Streams that break off have no status and no exception, but a reason to be finished.
#[test]
fn a_call_that_finished_with_an_error_failed() {
    for (key, value, status) in [
        ("ai.response.finishReason", "error", Status::Error),
        ("ai.response.finishReason", "stop", Status::Ok),
    ] {
        let id = ("ai.operationId", "ai.streamText.doStream");
        let span = translated("ai", "ai.streamText.doStream", &[id, (key, value)]);
        assert_eq!(span.status, status, "{value}");
    }
}

/// The cache is in the total alone, and the cloud is the provider of what others have made.
#[test]
fn bedrock_by_javascripts_openinference() {
    let answer = r#"{"stopReason":"end_turn","usage":{"inputTokens":20,"outputTokens":17,"totalTokens":167,"cacheReadInputTokens":100,"cacheWriteInputTokens":30}}"#;
    let span = translated(
        "@arizeai/openinference-instrumentation-bedrock",
        "bedrock.converse",
        &[
            ("openinference.span.kind", "LLM"),
            ("llm.system", "anthropic"),
            ("llm.provider", "aws"),
            ("llm.model_name", "claude"),
            ("llm.token_count.prompt", "20"),
            ("llm.token_count.completion", "17"),
            ("llm.token_count.total", "167"),
            ("output.value", answer),
        ],
    );
    let count = |key| span.attributes.integer(key);
    assert_eq!(count("gen_ai.usage.input_tokens"), Some(150));
    assert_eq!(count("gen_ai.usage.cache_read.input_tokens"), Some(100));
    assert_eq!(count("gen_ai.usage.cache_creation.input_tokens"), Some(30));
    assert_eq!(count("gen_ai.usage.total_tokens"), Some(167));
    let provider = span.attributes.text("gen_ai.provider.name");
    assert_eq!(provider, Some("aws.bedrock"));
}

/// JavaScript's wrapper of OpenAI's SDK has neither the role of such an answer nor the instructions where others have them.
#[test]
fn langfuse_streams_calls_of_tools() {
    let span = translated(
        "langfuse-sdk",
        "OpenAI-chat",
        &[
            ("langfuse.observation.type", "generation"),
            (
                "langfuse.observation.output",
                r#"{"tool_calls":[{"function":{"name":"w","arguments":"{}"}}]}"#,
            ),
            ("langfuse.observation.metadata.instructions", "Be nice"),
        ],
    );
    assert_eq!(
        span.attributes.text(OUTPUT),
        Some(r#"[{"role":"assistant","parts":[{"type":"tool_call","name":"w","arguments":{}}]}]"#)
    );
    assert_eq!(
        span.attributes.text("gen_ai.system_instructions"),
        Some(r#"[{"type":"text","content":"Be nice"}]"#)
    );
}

/// Its counts are the response's alone, in the spelling of the API.
#[test]
fn thoughts_in_javascripts_adk() {
    let response = r#"{"usageMetadata":{"promptTokenCount":42,"candidatesTokenCount":12,"cachedContentTokenCount":16,"thoughtsTokenCount":5,"totalTokenCount":59}}"#;
    let span = translated(
        "gcp.vertex.agent",
        "call_llm",
        &[
            ("gcp.vertex.agent.llm_response", response),
            ("gen_ai.usage.input_tokens", "42"),
            ("gen_ai.usage.output_tokens", "12"),
        ],
    );
    let count = |key| span.attributes.integer(key);
    assert_eq!(count("gen_ai.usage.output_tokens"), Some(17));
    assert_eq!(count("gen_ai.usage.reasoning.output_tokens"), Some(5));
    assert_eq!(count("gen_ai.usage.cache_read.input_tokens"), Some(16));
}

#[test]
fn genkit_has_everything_as_json() {
    let span = translated(
        "genkit-tracer",
        "googleai/gemini",
        &[
            ("genkit:name", "googleai/gemini"),
            ("genkit:metadata:subtype", "model"),
            (
                "genkit:input",
                r#"{"messages":[{"role":"system","content":[{"text":"Be nice"}]},{"role":"user","content":[{"text":"Hi"}]},{"role":"tool","content":[{"toolResponse":{"name":"w","ref":"c","output":{"t":1}}}]}],"config":{"temperature":0.2},"tools":[{"name":"w","description":"d","inputSchema":{"type":"object"}}]}"#,
            ),
            (
                "genkit:output",
                r#"{"candidates":[{"message":{"role":"model","content":[{"reasoning":"Hm"},{"toolRequest":{"name":"w","ref":"d","input":{"c":2}}}]},"finishReason":"stop"}],"custom":{"modelVersion":"gemini-001"},"usage":{"inputTokens":42,"outputTokens":12,"thoughtsTokens":5,"totalTokens":59,"cachedContentTokens":16}}"#,
            ),
        ],
    );
    let text = |key| span.attributes.text(key).unwrap_or_default();
    assert_eq!(
        text(INPUT),
        r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c","name":"w","response":{"t":1},"result":"{\"t\":1}"}]}]"#
    );
    assert_eq!(
        text(OUTPUT),
        r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"Hm"},{"type":"tool_call","id":"d","name":"w","arguments":{"c":2}}],"finish_reason":"stop"}]"#
    );
    assert_eq!(
        text("gen_ai.system_instructions"),
        r#"[{"type":"text","content":"Be nice"}]"#
    );
    assert!(text(DEFINITIONS).contains(r#""name":"w""#));
    assert_eq!(text("gen_ai.provider.name"), "gcp.gemini");
    assert_eq!(text("gen_ai.response.model"), "gemini-001");
    let count = |key| span.attributes.integer(key);
    assert_eq!(count("gen_ai.usage.input_tokens"), Some(42));
    assert_eq!(count("gen_ai.usage.output_tokens"), Some(17));
    assert_eq!(count("gen_ai.usage.reasoning.output_tokens"), Some(5));
    assert_eq!(count("gen_ai.usage.cache_read.input_tokens"), Some(16));
}

/// Its own counts leave out the cache, those of the conventions have it.
#[test]
fn claude_code_counts_the_cache() {
    let own = [
        ("span.type", "llm_request"),
        ("input_tokens", "200"),
        ("output_tokens", "17"),
        ("cache_read_tokens", "100"),
        ("cache_creation_tokens", "30"),
        ("user_prompt", "<REDACTED>"),
    ];
    let conventional = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.usage.input_tokens", "330"),
        ("gen_ai.usage.cache_write.input_tokens", "30"),
    ];
    let both = [&own[..], &conventional].concat();
    for attributes in [&own[..], &both] {
        let scope = "com.anthropic.claude_code.tracing";
        let span = translated(scope, "claude_code.llm_request", attributes);
        let count = |key| span.attributes.integer(key);
        assert_eq!(count("gen_ai.usage.input_tokens"), Some(330));
        assert_eq!(count("gen_ai.usage.cache_read.input_tokens"), Some(100));
        assert_eq!(count("gen_ai.usage.cache_creation.input_tokens"), Some(30));
        assert_eq!(count("gen_ai.usage.total_tokens"), Some(347));
        assert!(!span.attributes.contains(INPUT));
        assert!(!span.attributes.contains("input_tokens"));
    }
}
