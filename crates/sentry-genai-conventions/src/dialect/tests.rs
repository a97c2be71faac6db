mod adk;
mod agentops;
mod agentscope;
mod auxiliary;
mod ax;
mod bedrock;
mod beeai;
mod cli_agents;
mod confident;
mod crewai;
mod eve;
mod finish_reasons;
mod genkit;
mod haystack;
mod instrumentations;
mod javascript;
mod javascript_agents;
mod judgeval;
mod jvm;
mod kinds;
mod laminar;
mod langchain_rust;
mod langfuse;
mod langsmith;
mod langwatch;
mod letta;
mod litellm;
mod livekit;
mod llama_index;
mod logfire;
mod manual;
mod mastra;
mod mirascope;
mod mistral;
mod mlflow;
mod nemo;
mod openinference;
mod openinference_google;
mod openinference_openai_agents;
mod openinference_tools;
mod openlit;
mod operations;
mod otel;
mod pipecat;
mod promptfoo;
mod pydantic_ai;
mod rig;
mod rust;
mod rust_clients;
mod servers;
mod smolagents;
mod span_names;
mod spring_ai;
mod strands;
mod tanstack;
mod traceloop;
mod traceloop_openai;
mod upsonic;
mod usage;
mod vercel;

use super::*;
use crate::{
    SentrySpan, SpanId, SpanKind, Timestamp, TraceId, TranslateOptions, Translator, Value,
    growth::assert_linear, testing,
};

type Attribute = (&'static str, &'static str);

fn translated(scope: &str, name: &str, attributes: &[(&'static str, &str)]) -> SentrySpan {
    with_content(source(scope, name, attributes))
}

fn source(scope: &str, name: &str, attributes: &[(&'static str, &str)]) -> SourceSpan {
    let mut span = testing::span(name.to_owned());
    span.start = Timestamp::from_nanos(1_795_197_437_000_000_000);
    span.end = span.start;
    span.scope = scope.to_owned().into();
    span.kind = Some(SpanKind::Internal);
    for (key, value) in attributes {
        span.attributes.push(key, *value);
    }
    span
}

fn with_content(span: SourceSpan) -> SentrySpan {
    let options = TranslateOptions {
        capture_inputs: true,
        capture_outputs: true,
        ..TranslateOptions::default()
    };
    testing::translated(&Translator::new(options), span)
}

#[test]
fn one_layer_of_debug_quotes_is_removed() {
    assert_eq!(unquoted(r#""call_1""#), "call_1");
    assert_eq!(unquoted(r#"Some("call_1")"#), "call_1");
    assert_eq!(unquoted(r#"call"1"#), r#"call"1"#);
    assert_eq!(unquoted(r#"""call""#), r#""call"#);
    assert_eq!(unquoted("\""), "\"");
}

#[test]
fn attributes_of_unknown_libraries_are_kept() {
    let attributes = [("acme.prompt", "Hi"), ("acme.model", "m"), ("tokens", "3")];
    let span = translated("acme.llm", "think", &attributes);
    let kept: Vec<_> = span.attributes.iter().collect();
    let expected = attributes.map(|(key, value)| (key, Value::Str(value)));
    assert_eq!(kept, expected);
}

#[test]
fn tags_lose_their_prefix() {
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("tags.tenant", "acme"),
        ("tags.gen_ai.operation.name", "x"),
        ("tags.sentry.op", "x"),
        ("tags.tags.team", "red"),
        ("tags.gen_ai.request.model", "m"),
        ("tags.server.port", "x"),
        ("tags.session_id", "s"),
        ("tags.url.full", "https://me:p@h.example/"),
    ];
    let span = translated("acme", "ask", &attributes);
    assert_eq!(span.attributes.text("tenant"), Some("acme"));
    assert_eq!(span.attributes.text("gen_ai.operation.name"), Some("chat"));
    // Keys that would be read as something else stay as they are.
    for (key, value) in &attributes[3..7] {
        assert_eq!(span.attributes.text(key), Some(*value), "{key}");
    }
    let address = span.attributes.text("url.full");
    assert_eq!(address, Some("https://REDACTED:REDACTED@h.example/"));
}

#[test]
fn many_tags_are_renamed_in_linear_time() {
    assert_linear(2_000, |many| {
        let mut span = testing::span("work");
        span.attributes.push("7", "there before");
        for number in 0..many {
            let key = format!("tags.{number}");
            span.attributes.push_owned_key(&key, "x");
        }
        let span = Translator::new(TranslateOptions::default()).translate(span);
        assert_eq!(span.attributes.text("8"), Some("x"));
        assert_eq!(span.attributes.text("7"), Some("there before"));
        assert_eq!(span.attributes.text("tags.7"), Some("x"));
    });
}

#[test]
fn much_telemetry_metadata_is_moved_in_linear_time() {
    assert_linear(2_000, |many| {
        let mut span = testing::span("call");
        span.attributes.push("ai.operationId", "ai.generateText");
        let there = "vercel.ai.telemetry.metadata.7";
        span.attributes.push(there, "there before");
        for number in 0..many {
            let key = format!("ai.telemetry.metadata.{number}");
            span.attributes.push_owned_key(&key, "x");
        }
        let options = TranslateOptions {
            capture_inputs: true,
            capture_outputs: true,
            ..TranslateOptions::default()
        };
        let span = Translator::new(options).translate(span);
        let text = |key| span.attributes.text(key);
        assert_eq!(text(there), Some("there before"));
        assert_eq!(text("vercel.ai.telemetry.metadata.8"), Some("x"));
        assert!(!span.attributes.contains("ai.telemetry.metadata.8"));
    });
}

/// Members of a list that are texts in place of objects.
#[test]
fn texts_in_place_of_objects_are_ignored() {
    for (key, kind) in [
        ("llm.prompts.0", "LLM"),
        ("llm.prompts.0.prompt", "LLM"),
        ("llm.choices.0.completion", "LLM"),
    ] {
        let attributes = [("openinference.span.kind", kind), (key, "Hi")];
        let span = translated("openinference.instrumentation.openai", "ask", &attributes);
        assert!(span.op.starts_with("gen_ai."), "{key}");
    }
    let answer = r#"{"response":"Hi"}"#;
    let parts = r#"{"response":{"responseParts":["Hi",{"functionResponse":"Hi"}]}}"#;
    for output in [answer, parts, r#"["Hi",{"parts":"Hi"}]"#] {
        for operation in ["tool_call", "llm_call"] {
            let attributes = [("gen_ai.operation.name", operation), ("output", output)];
            let span = translated("gemini-cli", operation, &attributes);
            assert!(span.op.starts_with("gen_ai."), "{output}");
        }
    }
}

#[test]
fn unknown_attributes_leave_sentrys_namespaces() {
    let span = translated(
        "acme",
        "chat m",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.made.up", "x"),
            ("gen_ai.tool.type", "function"),
            ("mcp.made.up", "y"),
            ("gen_ai.tool.call.id", "c"),
        ],
    );
    let kept: Vec<_> = span.attributes.iter().map(|(key, _)| key).collect();
    assert_eq!(
        kept,
        [
            "gen_ai.request.model",
            "otel.gen_ai.tool.type",
            "gen_ai.tool.call.id",
            "gen_ai.operation.name",
            "otel.gen_ai.made.up",
            "otel.mcp.made.up",
        ]
    );
}

/// Content may leave here, but these may not.
#[test]
fn request_headers_are_always_removed() {
    let key = ("ai.request.headers.x-api-key", "sk-hunter2");
    for other in [("ai.operationId", "ai.streamText"), ("app.note", "x")] {
        let span = translated("ai", "ai.streamText", &[other, key]);
        let found = span
            .attributes
            .iter()
            .find(|(key, _)| key.contains("headers"));
        assert_eq!(found, None);
    }
}

/// The provider is found in LangSmith's metadata, in place of a framework, and behind an endpoint.
#[test]
fn the_provider_is_found_in_every_place() {
    let provider = |attributes: &[Attribute]| {
        let span = translated("x", "chat m", attributes);
        span.attributes
            .text("gen_ai.provider.name")
            .map(str::to_owned)
    };
    let chat = ("gen_ai.operation.name", "chat");
    let azure = provider(&[chat, ("gen_ai.system", "az.ai.openai")]);
    assert_eq!(azure.as_deref(), Some("azure.ai.openai"));
    assert_eq!(provider(&[chat, ("gen_ai.system", "LangChain")]), None);
    assert_eq!(provider(&[chat, ("gen_ai.system", "strands-agents")]), None);
    // Koog's tools.
    let tool = ("gen_ai.operation.name", "execute_tool");
    assert_eq!(provider(&[tool, ("gen_ai.provider.name", "koog")]), None);
    let kind = ("langsmith.span.kind", "llm");
    let real = ("langsmith.metadata.ls_provider", "google_genai");
    let google = provider(&[kind, ("gen_ai.system", "langchain"), real]);
    assert_eq!(google.as_deref(), Some("gcp.gemini"));
}

/// Tools are read from a wrapper's request and from the parameters.
#[test]
fn tool_definitions_are_read_from_requests() {
    let request = r#"{"messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"w"}}],"temperature":0.5}"#;
    for (attributes, has_parameters) in [
        (
            [
                ("langfuse.observation.type", "generation"),
                ("langfuse.observation.input", request),
            ],
            false,
        ),
        (
            [("langsmith.span.kind", "llm"), ("gen_ai.prompt", request)],
            true,
        ),
        (
            [
                ("openinference.span.kind", "LLM"),
                ("llm.invocation_parameters", request),
            ],
            true,
        ),
    ] {
        let span = translated("x", "g", &attributes);
        let tools = span.attributes.text(DEFINITIONS);
        assert_eq!(
            tools,
            Some(r#"[{"type":"function","name":"w"}]"#),
            "{attributes:?}"
        );
        let temperature = span.attributes.get("gen_ai.request.temperature");
        assert_eq!(
            temperature == Some(Value::Double(0.5)),
            has_parameters,
            "{attributes:?}"
        );
    }
}

/// Databases number their rows, and processes number their threads.
#[test]
fn conversation_and_user_ids_may_be_numbers() {
    let of = |key: &'static str| {
        let mut span = testing::span("chat m");
        span.attributes.push("gen_ai.operation.name", "chat");
        span.attributes
            .push("ai.operationId", "ai.generateText.doGenerate");
        span.attributes.push(key, 42_i64);
        let translator = Translator::new(TranslateOptions::default());
        let identity = translator.identify(&span);
        let named = identity.conversation_id.or(identity.session_id);
        let span = translator.translate(span);
        let conversation = span.attributes.text("gen_ai.conversation.id");
        assert_eq!(named.as_deref(), conversation);
        let user = span.attributes.text("user.id");
        (conversation.map(str::to_owned), user.map(str::to_owned))
    };
    let number = || Some("42".to_owned());
    for key in [
        "gen_ai.conversation.id",
        "session.id",
        "ai.telemetry.metadata.chatId",
        "traceloop.association.properties.chat_id",
    ] {
        assert_eq!(of(key), (number(), None), "{key}");
    }
    assert_eq!(of("ai.telemetry.metadata.userId"), (None, number()));
    assert_eq!(of("thread.id"), (None, None));
}

#[test]
fn tools_have_neither_model_nor_token_counts() {
    let span = translated(
        "x",
        "execute_tool t",
        &[
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", "t"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.usage.input_tokens", "10"),
            ("gen_ai.usage.output_tokens", "5"),
        ],
    );
    let mut kept: Vec<_> = span.attributes.iter().map(|(key, _)| key).collect();
    kept.sort_unstable();
    assert_eq!(kept, ["gen_ai.operation.name", "gen_ai.tool.name"]);
}

#[test]
fn a_thread_id_is_the_fallback_conversation_id() {
    let chat = [("gen_ai.operation.name", "chat"), ("thread.id", "thread-7")];
    let span = translated("x", "chat m", &chat);
    assert_eq!(
        span.attributes.text("gen_ai.conversation.id"),
        Some("thread-7")
    );
}

/// OpenLIT records the agent's model on its tools, as one that answered. The second span gets a plan.
#[test]
fn planned_tools_have_no_model() {
    let mut planning = crate::PlanningTranslator::new(Translator::new(TranslateOptions::default()));
    for _ in 0..3 {
        let mut span = testing::span("execute_tool w");
        for (key, value) in [
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", "w"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.response.model", "m"),
        ] {
            span.attributes.push(key, value);
        }
        let span = planning.translate(&mut span);
        assert!(!span.attributes.contains("gen_ai.request.model"));
        assert!(!span.attributes.contains("gen_ai.response.model"));
    }
}

/// Scope, name and attributes of a span that also states what its dialect concludes, and the key of that.
static EXPLICIT_VALUES: &[(&str, &str, &[Attribute], Attribute)] = &[
    (
        "strands.telemetry.tracer",
        "chat m",
        &[("gen_ai.operation.name", "chat")],
        ("gen_ai.response.time_to_first_chunk", "0.5"),
    ),
    (
        "rig::completions",
        "chat_streaming",
        &[("gen_ai.operation.name", "chat")],
        ("gen_ai.response.streaming", "false"),
    ),
    (
        "llamaindex.opentelemetry.tracer",
        "FunctionAgent.run",
        &[],
        ("gen_ai.agent.name", "Bot"),
    ),
    (
        "genkit-tracer",
        "m",
        &[
            ("genkit:name", "googleai/gemini"),
            ("genkit:metadata:subtype", "model"),
        ],
        ("gen_ai.request.model", "m"),
    ),
    (
        "swiftide_agents::agent",
        "tool.search",
        &[],
        ("gen_ai.tool.name", "find"),
    ),
    (
        "traceloop.tracer",
        "chat m",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.system", "LangChain"),
            ("traceloop.association.properties.ls_provider", "openai"),
        ],
        ("gen_ai.provider.name", "langchain"),
    ),
    (
        "x",
        "ask",
        &[
            ("langfuse.observation.type", "generation"),
            (
                "langfuse.observation.completion_start_time",
                "2030-01-01T00:00:00Z",
            ),
        ],
        ("gen_ai.response.time_to_first_chunk", "0.5"),
    ),
];

#[test]
fn explicit_values_take_precedence_and_are_not_duplicated() {
    for (scope, name, attributes, explicit) in EXPLICIT_VALUES {
        let attributes: Vec<_> = attributes.iter().copied().chain([*explicit]).collect();
        let mut span = source(scope, name, &attributes);
        span.attributes
            .push("gen_ai.server.time_to_first_token", 300_i64);
        let span = with_content(span);
        let (key, value) = explicit;
        let there = span.attributes.iter().filter(|(it, _)| it == key);
        assert_eq!(there.count(), 1, "{scope}: {key}");
        let kept = as_text(json_of(span.attributes.get(key).unwrap()));
        // The metadata names the provider, but a framework is none.
        let expected = if *value == "langchain" {
            "openai"
        } else {
            value
        };
        assert_eq!(kept, expected, "{scope}: {key}");
    }
}

fn as_text(json: serde_json::Value) -> String {
    json.as_str().map_or(json.to_string(), str::to_owned)
}

/// Go and Java write an empty text for a missing value.
#[test]
fn an_empty_text_does_not_block_other_names() {
    for (canonical, other) in [
        ("gen_ai.request.model", "model"),
        ("gen_ai.agent.name", "agent_name"),
        ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        ("gen_ai.response.id", "response_id"),
    ] {
        let chat = [
            ("gen_ai.operation.name", "chat"),
            (canonical, ""),
            (other, "7"),
        ];
        let span = translated("x", "ask", &chat);
        let kept = span.attributes.get(canonical).map(json_of).map(as_text);
        assert_eq!(kept.as_deref(), Some("7"), "{canonical}");
    }
}
