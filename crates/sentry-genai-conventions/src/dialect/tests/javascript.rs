//! What only libraries for JavaScript spell so.

use super::*;
use crate::Status;

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
