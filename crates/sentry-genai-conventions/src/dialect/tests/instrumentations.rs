//! What the instrumentations of OpenInference and OpenLLMetry say in ways of their own.

use super::*;

#[test]
fn openinference_names_who_runs_the_model() {
    let provider = |attributes: &[Attribute]| {
        let kind = [("openinference.span.kind", "LLM")];
        let span = translated("any", "x", &[&kind, attributes].concat());
        (span.attributes.text("gen_ai.provider.name")).map(str::to_owned)
    };
    let of = |system, runs| provider(&[("llm.system", system), ("llm.provider", runs)]);
    assert_eq!(of("anthropic", "aws").as_deref(), Some("aws.bedrock"));
    assert_eq!(of("openai", "azure").as_deref(), Some("azure.ai.openai"));
    assert_eq!(of("vertexai", "google").as_deref(), Some("gcp.vertex_ai"));
    assert_eq!(of("openai", "openai").as_deref(), Some("openai"));
}

#[test]
fn openinference_takes_what_only_the_request_says() {
    let span = translated(
        "any",
        "Response",
        &[
            ("openinference.span.kind", "LLM"),
            (
                "llm.invocation_parameters",
                r#"{"conversation": "conv_1", "model": "m"}"#,
            ),
        ],
    );
    let conversation = span.attributes.text("gen_ai.conversation.id");
    assert_eq!(conversation, Some("conv_1"));

    let span = translated(
        "any",
        "CreateEmbeddings",
        &[
            ("openinference.span.kind", "EMBEDDING"),
            ("input.value", r#"{"input": [[1, 2]], "model": "m"}"#),
        ],
    );
    let input = span.attributes.text("gen_ai.embeddings.input");
    assert_eq!(input, Some("[[1,2]]"));
}

#[test]
fn an_object_is_no_answer() {
    let output = |value| {
        let attributes = [("openinference.span.kind", "LLM"), ("output.value", value)];
        translated("any", "x", &attributes)
            .attributes
            .contains(OUTPUT)
    };
    assert!(!output("<groq.Stream object at 0x7f4ddf12bb90>"));
    assert!(output("<b>an object at 0x10</b> is shown"));
}

#[test]
fn traceloop_names_the_user_and_keeps_headers_to_itself() {
    let span = translated(
        "opentelemetry.instrumentation.openai.v1",
        "openai.chat",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.user", "u-1"),
            ("gen_ai.headers", "{'Authorization': 'Bearer x'}"),
        ],
    );
    assert_eq!(span.attributes.text("user.id"), Some("u-1"));
    let headers = |(key, _): &(&str, _)| key.contains("headers");
    assert!(!span.attributes.iter().any(|it| headers(&it)));
}

#[test]
fn the_first_generation_for_bedrock_is_of_bedrock() {
    let scope = "opentelemetry.instrumentation.bedrock";
    let failed = translated(scope, "bedrock.converse", &[]);
    assert_eq!(failed.op, "gen_ai.chat");
    let asked = translated(
        scope,
        "bedrock.completion",
        &[
            ("gen_ai.system", "anthropic"),
            ("gen_ai.request.model", "claude-3"),
            ("llm.request.type", "chat"),
            ("gen_ai.prompt.0.role", "user"),
            ("gen_ai.prompt.0.content", r#""Hello""#),
        ],
    );
    let text = |key| asked.attributes.text(key).unwrap_or_default();
    assert_eq!(text("gen_ai.provider.name"), "aws.bedrock");
    let messages = r#"[{"role":"user","parts":[{"type":"text","content":"Hello"}]}]"#;
    assert_eq!(text(INPUT), messages);
}

#[test]
fn a_model_of_embeddings_makes_embeddings() {
    for (scope, key, attributes) in [
        (
            "openinference.instrumentation.bedrock",
            "llm.model_name",
            [("openinference.span.kind", "LLM")],
        ),
        (
            "opentelemetry.instrumentation.bedrock",
            "gen_ai.request.model",
            [("gen_ai.operation.name", "text_completion")],
        ),
        (
            "opentelemetry.instrumentation.botocore.bedrock-runtime",
            "gen_ai.request.model",
            [("gen_ai.operation.name", "chat")],
        ),
    ] {
        let model = [(key, "amazon.titan-embed-text-v2:0")];
        let span = translated(scope, "x", &[&attributes[..], &model].concat());
        assert_eq!(span.name, "embeddings amazon.titan-embed-text-v2:0");
    }
}

#[test]
fn traceloop_leaves_thoughts_to_the_total() {
    let trace_id = TraceId::from_bytes([1; 16]).unwrap();
    let span_id = SpanId::from_bytes([2; 8]).unwrap();
    let mut span = SourceSpan::new(
        trace_id,
        span_id,
        "generate_content m",
        Timestamp::default(),
    );
    span.scope = "opentelemetry.instrumentation.google_generativeai".into();
    for (key, count) in [("input", 42), ("output", 12), ("total", 59)] {
        let key = format!("gen_ai.usage.{key}_tokens");
        span.attributes.push_owned_key(&key, count);
    }
    (span.attributes).push("gen_ai.operation.name", "generate_content");
    (span.attributes).push("gen_ai.request.model", "gemini-2.5-flash");
    let span = Translator::new(TranslateOptions::default()).translate(span);
    let count = |key| span.attributes.integer(key);
    assert_eq!(count("gen_ai.usage.output_tokens"), Some(17));
    assert_eq!(count("gen_ai.usage.reasoning.output_tokens"), Some(5));
    assert_eq!(count("gen_ai.usage.total_tokens"), Some(59));
}
