//! Token counts and costs.

use super::*;
use crate::PlanningTranslator;
use crate::tokens;

/// Bedrock counts the cache separately, even if the input is larger.
#[test]
fn bedrock_cache_counts_are_added_to_the_input() {
    let span = translated(
        "opentelemetry.instrumentation.botocore.bedrock-runtime",
        "chat m",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.system", "aws.bedrock"),
            ("gen_ai.request.model", "m"),
        ],
    );
    assert_eq!(span.attributes.integer("gen_ai.usage.input_tokens"), None);

    let mut span = testing::span("chat m");
    span.scope = "opentelemetry.instrumentation.botocore.bedrock-runtime".into();
    span.attributes.push("gen_ai.operation.name", "chat");
    span.attributes.push("gen_ai.usage.input_tokens", 500_i64);
    span.attributes
        .push("gen_ai.usage.cache_read.input_tokens", 100_i64);
    let span = Translator::new(TranslateOptions::default()).translate(span);
    assert_eq!(
        span.attributes.integer("gen_ai.usage.input_tokens"),
        Some(600)
    );
}

/// Attributes of a call, followed by input, cache read, cache creation, output and reasoning as Sentry prices them; -1 means
/// none.
#[rustfmt::skip]
static COUNTS: &[(&str, &[Attribute], [i64; 5])] = &[
    ("@traceloop/instrumentation-anthropic", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.usage.input_tokens", "655"), ("gen_ai.usage.cache_read.input_tokens", "301"), ("gen_ai.usage.cache_creation.input_tokens", "51"),
        ("gen_ai.usage.output_tokens", "103"), ("gen_ai.usage.total_tokens", "758"),
    ], [1007, 301, 51, 103, -1]),
    // ADK 2.2 and 2.3.
    ("gcp.vertex.agent", &[("gen_ai.usage.input_tokens", "42"), ("gen_ai.usage.output_tokens", "12"), ("gen_ai.usage.experimental.reasoning_tokens", "5")], [42, -1, -1, 17, 5]),
    ("gcp.vertex.agent", &[("gen_ai.usage.input_tokens", "42"), ("gen_ai.usage.output_tokens", "17"), ("gen_ai.usage.reasoning.output_tokens", "5")], [42, -1, -1, 17, 5]),
    ("gcp.vertex.agent", &[
        ("gen_ai.usage.output_tokens", "12"), ("gen_ai.usage.experimental.reasoning_tokens", "5"),
        ("gcp.vertex.agent.llm_response", r#"{"usage_metadata":{"prompt_token_count":42,"candidates_token_count":12,"thoughts_token_count":5}}"#),
    ], [42, -1, -1, 17, 5]),
    // A model behind litellm, whose completion tokens include the reasoning.
    ("gcp.vertex.agent", &[("gen_ai.request.model", "openai/gpt-5"), ("gen_ai.usage.input_tokens", "42"), ("gen_ai.usage.output_tokens", "22"), ("gen_ai.usage.reasoning.output_tokens", "5")], [42, -1, -1, 17, 5]),
    ("gcp.vertex.agent", &[("gen_ai.request.model", "openai/gpt-5"), ("gen_ai.usage.input_tokens", "42"), ("gen_ai.usage.output_tokens", "17"), ("gen_ai.usage.experimental.reasoning_tokens", "5")], [42, -1, -1, 17, 5]),
    ("gcp.vertex.agent", &[
        ("gcp.vertex.agent.llm_response", r#"{"usage_metadata":{"prompt_token_count":42,"candidates_token_count":17,"thoughts_token_count":5,"total_token_count":59}}"#),
    ], [42, -1, -1, 17, 5]),
    // The AI SDK 5 with Anthropic, also for objects, and 6.
    ("ai", &[
        ("ai.usage.inputTokens", "200"), ("ai.usage.outputTokens", "17"), ("ai.usage.totalTokens", "217"), ("ai.usage.cachedInputTokens", "100"), ("gen_ai.usage.input_tokens", "200"),
        ("ai.response.providerMetadata", r#"{"anthropic":{"usage":{"input_tokens":200,"cache_creation_input_tokens":30,"cache_read_input_tokens":100},"cacheCreationInputTokens":30}}"#),
    ], [330, 100, 30, 17, -1]),
    ("ai", &[
        ("ai.usage.promptTokens", "200"), ("ai.usage.completionTokens", "17"),
        ("ai.response.providerMetadata", r#"{"anthropic":{"usage":{"input_tokens":200,"cache_creation_input_tokens":30,"cache_read_input_tokens":100}}}"#),
    ], [330, 100, 30, 17, -1]),
    ("ai", &[
        ("ai.usage.inputTokens", "330"), ("ai.usage.outputTokens", "17"), ("ai.usage.totalTokens", "347"), ("ai.usage.inputTokenDetails.cacheReadTokens", "100"),
        ("ai.response.providerMetadata", r#"{"anthropic":{"usage":{"input_tokens":200,"cache_creation_input_tokens":30,"cache_read_input_tokens":100}}}"#),
    ], [330, 100, 30, 17, -1]),
    // The AI SDK 4 with Anthropic.
    ("ai", &[
        ("ai.usage.promptTokens", "200"), ("ai.usage.completionTokens", "17"),
        ("ai.response.providerMetadata", r#"{"anthropic":{"cacheCreationInputTokens":30,"cacheReadInputTokens":100}}"#),
    ], [330, 100, 30, 17, -1]),
    // The AI SDK 5 with Gemini, without the provider's own metadata, and 6.
    ("ai", &[
        ("ai.usage.inputTokens", "42"), ("ai.usage.outputTokens", "300"), ("ai.usage.totalTokens", "442"), ("ai.usage.reasoningTokens", "100"), ("gen_ai.usage.output_tokens", "300"),
        ("ai.response.providerMetadata", r#"{"google":{"usageMetadata":{"promptTokenCount":42,"candidatesTokenCount":300,"thoughtsTokenCount":100,"totalTokenCount":442}}}"#),
    ], [42, -1, -1, 400, 100]),
    ("ai", &[("ai.usage.inputTokens", "42"), ("ai.usage.outputTokens", "300"), ("ai.usage.totalTokens", "442"), ("ai.usage.reasoningTokens", "100")], [42, -1, -1, 400, 100]),
    ("ai", &[
        ("ai.usage.inputTokens", "42"), ("ai.usage.outputTokens", "400"), ("ai.usage.totalTokens", "442"), ("ai.usage.outputTokenDetails.reasoningTokens", "100"),
        ("ai.response.providerMetadata", r#"{"google":{"usageMetadata":{"promptTokenCount":42,"candidatesTokenCount":300,"thoughtsTokenCount":100,"totalTokenCount":442}}}"#),
    ], [42, -1, -1, 400, 100]),
    // The AI SDK 5 with Bedrock, whose total includes the cache, and with OpenAI.
    ("ai", &[
        ("ai.usage.inputTokens", "200"), ("ai.usage.outputTokens", "17"), ("ai.usage.totalTokens", "347"), ("ai.usage.cachedInputTokens", "100"),
        ("ai.response.providerMetadata", r#"{"bedrock":{"usage":{"cacheWriteInputTokens":30}}}"#),
    ], [330, 100, 30, 17, -1]),
    ("ai", &[("ai.usage.inputTokens", "42"), ("ai.usage.outputTokens", "17"), ("ai.usage.totalTokens", "59"), ("ai.usage.cachedInputTokens", "16"), ("ai.usage.reasoningTokens", "5")], [42, 16, -1, 17, 5]),
    // xAI counts reasoning separately from the completion, and a client for OpenAI passes that on.
    ("openinference.instrumentation.openai", &[
        ("openinference.span.kind", "LLM"), ("llm.system", "openai"), ("llm.token_count.prompt", "42"), ("llm.token_count.completion", "300"),
        ("llm.token_count.completion_details.reasoning", "200"), ("llm.token_count.total", "542"),
    ], [42, -1, -1, 500, 200]),
    // Strands on Bedrock, whose total includes the cache.
    ("strands.telemetry.tracer", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.system", "strands-agents"), ("gen_ai.usage.input_tokens", "200"), ("gen_ai.usage.output_tokens", "17"),
        ("gen_ai.usage.total_tokens", "347"), ("gen_ai.usage.cache_read_input_tokens", "100"), ("gen_ai.usage.cache_write_input_tokens", "30"),
    ], [330, 100, 30, 17, -1]),
    ("strands.telemetry.tracer", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.system", "strands-agents"), ("gen_ai.usage.input_tokens", "20"), ("gen_ai.usage.output_tokens", "17"),
        ("gen_ai.usage.total_tokens", "167"), ("gen_ai.usage.cache_read_input_tokens", "100"), ("gen_ai.usage.cache_write_input_tokens", "30"),
    ], [150, 100, 30, 17, -1]),
    // Gemini's interactions.
    ("opentelemetry.util.genai.handler", &[
        ("gen_ai.operation.name", "interactions.create"), ("gen_ai.request.model", "m"), ("gen_ai.usage.input_tokens", "42"), ("gen_ai.usage.output_tokens", "12"),
        ("gen_ai.usage.reasoning.output_tokens", "5"),
    ], [42, -1, -1, 17, 5]),
    ("livekit-agents", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.usage.input_tokens", "42"), ("gen_ai.usage.output_tokens", "17"), ("gen_ai.usage.input_cached_tokens", "16"),
    ], [42, 16, -1, 17, -1]),
    // pydantic-ai with Gemini, now and before it added the reasoning.
    ("pydantic-ai", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.system", "google-gla"), ("gen_ai.usage.input_tokens", "42"), ("gen_ai.usage.output_tokens", "17"),
        ("gen_ai.usage.details.thoughts_tokens", "5"), ("gen_ai.usage.details.cached_content_tokens", "16"),
    ], [42, 16, -1, 17, 5]),
    ("pydantic-ai", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.usage.input_tokens", "42"), ("gen_ai.usage.output_tokens", "12"), ("gen_ai.usage.details.thinking_tokens", "50"),
    ], [42, -1, -1, 62, 50]),
    // pydantic-ai 0.2 with OpenAI and with Anthropic.
    ("pydantic-ai", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.usage.input_tokens", "42"), ("gen_ai.usage.output_tokens", "17"),
        ("gen_ai.usage.details.cached_tokens", "16"), ("gen_ai.usage.details.reasoning_tokens", "5"),
    ], [42, 16, -1, 17, 5]),
    ("pydantic-ai", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.system", "anthropic"), ("gen_ai.usage.input_tokens", "150"), ("gen_ai.usage.output_tokens", "17"),
        ("gen_ai.usage.details.input_tokens", "20"), ("gen_ai.usage.details.cache_read_input_tokens", "100"), ("gen_ai.usage.details.cache_creation_input_tokens", "30"),
    ], [150, 100, 30, 17, -1]),
    // A transcript by the AI SDK 7.
    ("ai", &[
        ("ai.operationId", "ai.transcribe"), ("ai.usage.input_tokens", "42"), ("ai.usage.output_tokens", "17"), ("ai.usage.total_tokens", "59"),
    ], [42, -1, -1, 17, -1]),
    // Vertex AI also runs Claude.
    ("x", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.provider.name", "gcp.vertex_ai"), ("gen_ai.usage.input_tokens", "20"), ("gen_ai.usage.output_tokens", "17"),
        ("gen_ai.usage.cache_read.input_tokens", "100"), ("gen_ai.usage.cache_creation.input_tokens", "30"),
    ], [150, 100, 30, 17, -1]),
    ("langfuse-sdk", &[
        ("langfuse.observation.type", "generation"), ("langfuse.observation.usage_details", r#"{"input":1200,"output":17,"cache_read_input_tokens":1000}"#),
    ], [2200, 1000, -1, 17, -1]),
    ("langfuse-sdk", &[
        ("langfuse.observation.type", "generation"),
        ("langfuse.observation.usage_details", r#"{"prompt_tokens":42,"completion_tokens":300,"total_tokens":542,"completion_tokens_details":{"reasoning_tokens":200}}"#),
    ], [42, -1, -1, 500, 200]),
];

#[test]
fn totals_include_cache_and_reasoning() {
    for (scope, attributes, expected) in COUNTS {
        let mut span = testing::span("call_llm");
        span.scope = (*scope).into();
        if *scope == "ai" {
            span.attributes
                .push("ai.operationId", "ai.generateText.doGenerate");
        }
        for (key, value) in *attributes {
            match value.parse::<i64>() {
                Ok(count) => span.attributes.push(key, count),
                Err(_) => span.attributes.push(key, *value),
            }
        }
        let span = Translator::new(TranslateOptions::default()).translate(span);
        let counts = [
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.reasoning.output_tokens",
        ];
        let counts = counts.map(|key| span.attributes.integer(key).unwrap_or(-1));
        assert_eq!(counts, *expected, "{scope} {attributes:?}");
        let total = span.attributes.integer("gen_ai.usage.total_tokens");
        let sum = expected[0].max(0) + expected[3].max(0);
        assert_eq!(total, Some(sum), "{scope} {attributes:?}");
    }
}

/// A span's attributes, followed by its costs in Sentry: total, input, cache read and output; -1 means none.
#[rustfmt::skip]
static COSTS: &[(&[Attribute], [f64; 4])] = &[
    (&[("gen_ai.operation.name", "chat"), ("gen_ai.usage.cost", "0.5")], [0.5, -1.0, -1.0, -1.0]),
    (&[("gen_ai.operation.name", "chat"), ("gen_ai.usage.total_cost", "0.5")], [0.5, -1.0, -1.0, -1.0]),
    (&[("gen_ai.operation.name", "chat"), ("gen_ai.usage.cost", "0.0")], [-1.0; 4]),
    // Langfuse's costs. The sum of all types is the total, unless there is one.
    (&[("langfuse.observation.cost_details", r#"{"input":1,"cache_read_input_tokens":0.5,"output":1}"#)], [2.5, 1.5, 0.5, 1.0]),
    (&[("langfuse.observation.cost_details", r#"{"input":1.5,"input_cache_read":0.5,"output":1,"total":2.5}"#)], [2.5, 1.5, 0.5, 1.0]),
    (&[("langfuse.observation.cost_details", r#"{"input":0.1,"output":0.2,"web_search":0.5}"#)], [0.8, 0.1, -1.0, 0.2]),
    (&[("langfuse.observation.cost_details", r#"{"total":2.5}"#)], [2.5, -1.0, -1.0, -1.0]),
    (&[("langfuse.observation.cost_details", r#"{"input":0,"output":0}"#)], [-1.0; 4]),
    (&[("langfuse.observation.cost_details", "{}")], [-1.0; 4]),
];

#[test]
fn costs_include_cache_and_details() {
    for (attributes, expected) in COSTS {
        let kind = ("langfuse.observation.type", "generation");
        let is_langfuse = attributes[0].0.starts_with("langfuse.");
        let mut all = attributes.to_vec();
        all.extend(is_langfuse.then_some(kind));
        let span = translated("x", "generate", &all);
        let costs = [
            "gen_ai.cost.total_tokens",
            "gen_ai.cost.input_tokens",
            "gen_ai.cost.cache_read.input_tokens",
            "gen_ai.cost.output_tokens",
        ];
        let costs = costs.map(|key| match span.attributes.get(key) {
            Some(Value::Double(cost)) => cost,
            Some(other) => panic!("{key} {other:?}"),
            None => -1.0,
        });
        let is_close = |(cost, expected): (&f64, &f64)| (cost - expected).abs() < 1e-12;
        assert!(
            costs.iter().zip(expected).all(is_close),
            "{attributes:?}: {costs:?}"
        );
    }
}

/// A plain answer does not state its model, so the model is that of the request. The counts are those of all instrumentations,
/// under every name that they have for cache writes.
#[test]
fn openinference_counts_and_models_without_a_response() {
    let span = translated(
        "openinference.instrumentation.litellm",
        "completion",
        &[
            ("openinference.span.kind", "LLM"),
            ("llm.model_name", "anthropic/claude-3-5-sonnet"),
            ("output.value", "Yes."),
            ("llm.token_count.prompt", "150"),
            ("llm.token_count.completion", "17"),
            ("llm.token_count.prompt_details.cache_input", "30"),
        ],
    );
    let attributes = &span.attributes;
    assert_eq!(
        attributes.text("gen_ai.request.model"),
        Some("claude-3-5-sonnet")
    );
    assert_eq!(attributes.text("gen_ai.response.model"), None);
    let written = attributes.integer("gen_ai.usage.cache_creation.input_tokens");
    assert_eq!(written, Some(30));
}

/// Genkit's plugin for OpenAI reports the cache only in OpenAI's own response.
#[test]
fn genkit_reads_the_providers_own_counts() {
    let answer = r#"{"message": {"role": "model", "content": [{"data": {"city": "Rome"}}]},
        "usage": {"inputTokens": 120, "outputTokens": 30},
        "raw": {"usage": {"prompt_tokens": 120, "completion_tokens": 30,
            "prompt_tokens_details": {"cached_tokens": 40}, "completion_tokens_details": {"reasoning_tokens": 10}}}}"#;
    let call = [
        ("genkit:name", "openai/m"),
        ("genkit:metadata:subtype", "model"),
        ("genkit:output", answer),
    ];
    let span = translated("genkit-tracer", "openai/m", &call);
    let counts = [
        tokens::INPUT,
        tokens::CACHE_READ,
        tokens::OUTPUT,
        tokens::REASONING,
    ];
    assert_eq!(
        counts.map(|key| span.attributes.integer(key)),
        [Some(120), Some(40), Some(30), Some(10)]
    );
    let output = span.attributes.text(OUTPUT).unwrap();
    assert!(!output.contains("data"), "{output}");
}

/// In `VoltAgent`, the call that generates an object has no span.
#[test]
fn voltagent_agents_keep_counts_of_generated_objects() {
    let agent = [
        ("entity.type", "agent"),
        ("entity.name", "w"),
        ("ai.model.name", "m"),
        ("usage.prompt_tokens", "120"),
        ("usage.cached_tokens", "40"),
    ];
    let span = translated("@voltagent/core", "w", &agent);
    assert_eq!(span.op, "gen_ai.invoke_agent");
    assert_eq!(span.attributes.text("gen_ai.request.model"), Some("m"));
    assert_eq!(span.attributes.integer(tokens::INPUT), Some(120));
    assert_eq!(span.attributes.integer(tokens::CACHE_READ), Some(40));
}

/// The cache is only in the answer, and separate from the input.
#[test]
fn genkit_adds_anthropics_cache_to_the_input() {
    for own in ["raw", "custom"] {
        let answer = format!(
            r#"{{"usage":{{"inputTokens":200,"outputTokens":40}},"{own}":{{"usage":{{"input_tokens":200,"cache_creation_input_tokens":30,"cache_read_input_tokens":50,"output_tokens":40}}}}}}"#
        );
        let span = translated(
            "genkit-tracer",
            "anthropic/m",
            &[
                ("genkit:name", "anthropic/m"),
                ("genkit:metadata:subtype", "model"),
                ("genkit:output", &answer),
            ],
        );
        let count = |key| span.attributes.integer(key);
        assert_eq!(count("gen_ai.usage.input_tokens"), Some(280));
        assert_eq!(count("gen_ai.usage.cache_read.input_tokens"), Some(50));
        assert_eq!(count("gen_ai.usage.cache_creation.input_tokens"), Some(30));
        assert_eq!(count("gen_ai.usage.total_tokens"), Some(320));
    }
}

#[test]
fn effect_tool_arguments_are_read() {
    let attributes = [("tool", "w"), ("parameters", "{\n  \"a\": 1\n}")];
    let span = translated("x", "Toolkit.handle", &attributes);
    assert_eq!(span.attributes.text(ARGUMENTS), Some(r#"{"a":1}"#));
    assert!(!span.attributes.contains("parameters"));
}

/// Only the name of the span says so. Version 4 puts the last tool that was called on the span of the call.
#[test]
fn effects_streams_are_streams() {
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "gpt-5-mini"),
        ("gen_ai.system", "openai"),
        ("tool", "w"),
        ("parameters", r#"{"city":"Vienna"}"#),
    ];
    let mut planning = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
    for (name, streaming) in [
        ("LanguageModel.generateText", None),
        ("LanguageModel.streamText", Some(Value::Bool(true))),
        ("LanguageModel.generateObject", None),
    ] {
        for attributes in [&attributes[..], &attributes[..3]] {
            let span = planning.translate(&mut source("shop", name, attributes));
            assert_eq!(span.op, "gen_ai.chat", "{name}");
            let recorded = span.attributes.get("gen_ai.response.streaming");
            assert_eq!(recorded, streaming, "{name}");
            assert!(!span.attributes.contains("parameters"), "{name}");
        }
    }
}

/// Counts of embeddings: input, output and total, as recorded and in Sentry.
type Counts = [Option<i64>; 3];

/// Some libraries count the embedded text as output, too, or only as output.
#[test]
fn embeddings_have_no_output_tokens() {
    const KEYS: [&str; 3] = [
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.total_tokens",
    ];
    let cases: &[(Counts, Counts)] = &[
        ([Some(8), Some(0), Some(8)], [Some(8), Some(0), Some(8)]),
        ([Some(8), Some(8), Some(8)], [Some(8), None, Some(8)]),
        ([Some(8), Some(8), Some(16)], [Some(8), None, Some(8)]),
        ([Some(8), Some(8), None], [Some(8), None, Some(8)]),
        ([None, Some(8), None], [Some(8), None, Some(8)]),
        ([None, None, Some(8)], [Some(8), None, Some(8)]),
        ([Some(8), Some(3), None], [Some(8), Some(3), Some(11)]),
    ];
    let mut planning = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
    for (counted, expected) in cases {
        let attributes = [("gen_ai.operation.name", "embeddings")];
        let mut span = source("shop", "step", &attributes);
        for (key, count) in KEYS.iter().zip(counted) {
            if let Some(count) = count {
                span.attributes.push(key, *count);
            }
        }
        // The second one gets a plan.
        for _ in 0..3 {
            let span = planning.translate(&mut span.clone());
            let counts = KEYS.map(|key| span.attributes.integer(key));
            assert_eq!(counts, *expected, "{counted:?}");
        }
    }
}

/// ReqLLM for Elixir passes on the counts of the provider.
#[test]
fn reqllms_input_of_anthropics_models_does_not_include_the_cache() {
    let input = |provider, model| {
        let call = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.provider.name", provider),
            ("gen_ai.request.model", model),
            (tokens::INPUT, "500"),
            (tokens::CACHE_READ, "200"),
            (tokens::CACHE_CREATION, "100"),
        ];
        let span = translated("req_llm", "chat", &call);
        span.attributes.integer(tokens::INPUT)
    };
    assert_eq!(input("anthropic", "claude-opus-5"), Some(800));
    assert_eq!(input("gcp.vertex_ai", "claude-opus-5"), Some(800));
    assert_eq!(input("gcp.vertex_ai", "gemini-3-pro"), Some(500));
    assert_eq!(input("openai", "gpt-5"), Some(500));
}

/// As in Laminar.
#[test]
fn costs_of_input_and_output_are_read() {
    let call = [
        ("lmnr.span.type", "LLM"),
        ("gen_ai.usage.input_cost", "0.25"),
        ("gen_ai.usage.output_cost", "0.5"),
    ];
    let span = translated("lmnr", "llm", &call);
    let cost = |key| span.attributes.get(key);
    assert_eq!(cost("gen_ai.cost.input_tokens"), Some(Value::Double(0.25)));
    assert_eq!(cost("gen_ai.cost.output_tokens"), Some(Value::Double(0.5)));
}
