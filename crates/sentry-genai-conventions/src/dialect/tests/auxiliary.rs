//! Spans for work beside a call, which has its own span, and instructions in place of a provider.

use super::*;

const BARE: &[Attribute] = &[("model", "m"), ("tokens_in", "3"), ("tokens_out", "4")];
const IN_LLM: &[Attribute] = &[("llm.model", "m"), ("llm.input_tokens", "3")];
const TOOL: &[Attribute] = &[("tool", "t")];
const NAMED_TOOL: &[Attribute] = &[("gen_ai.tool.name", "t")];
const AGENT: &[Attribute] = &[("gen_ai.agent.name", "a")];

/// The name of a span, its attributes, and its op in Sentry.
static SPANS: &[(&str, &[Attribute], &str)] = &[
    ("parse_llm_response", BARE, "function"),
    ("llm_cache_lookup", BARE, "function"),
    ("shop.validate_completion", BARE, "function"),
    ("load_embedding_model", BARE, "function"),
    ("cache.completion", BARE, "gen_ai.chat"),
    ("chat.completions.parse", BARE, "gen_ai.chat"),
    ("count_tokens", IN_LLM, "function"),
    ("llm.count_tokens", IN_LLM, "function"),
    ("recordUsage", IN_LLM, "function"),
    ("record_usage model_call", IN_LLM, "function"),
    ("record_usage compaction", IN_LLM, "gen_ai.chat"),
    ("build_prompt", IN_LLM, "function"),
    ("parse_llm_response", IN_LLM, "function"),
    ("track_llm_call", IN_LLM, "gen_ai.chat"),
    ("parse_invoice", IN_LLM, "gen_ai.chat"),
    ("validate_answer", IN_LLM, "gen_ai.chat"),
    ("agent.parse_tool_call", TOOL, "function"),
    ("record_tool_call", NAMED_TOOL, "function"),
    ("handle_tool_call", TOOL, "gen_ai.execute_tool"),
    ("log_agent_run", AGENT, "function"),
    ("shop.agent.run", AGENT, "gen_ai.invoke_agent"),
];

#[test]
fn work_on_a_call_is_not_the_call() {
    for (name, attributes, op) in SPANS {
        let span = translated("shop::assistant", name, attributes);
        assert_eq!(span.op, *op, "{name}");
        let counts = span.attributes.contains("gen_ai.usage.input_tokens");
        let is_call = matches!(span.ai, Some(crate::AiKind::LlmCall));
        assert_eq!(counts, is_call, "{name}");
    }
    for (operation, op) in [
        ("parse_llm_response", "function"),
        ("parse_invoice", "gen_ai.chat"),
    ] {
        let attributes = [
            ("gen_ai.operation.name", operation),
            ("gen_ai.request.model", "m"),
            ("gen_ai.usage.input_tokens", "3"),
        ];
        let span = translated("shop::assistant", "step", &attributes);
        assert_eq!(span.op, op, "{operation}");
    }
}

/// Whoever has read of one attribute of the conventions may not know the others.
#[test]
fn a_model_by_the_conventions_with_bare_counts_is_a_call() {
    const MODEL: Attribute = ("gen_ai.request.model", "m");
    const INPUT: Attribute = ("input_tokens", "3");
    const OUTPUT: Attribute = ("completion_tokens", "4");
    const AGENT_NAME: Attribute = ("gen_ai.agent.name", "a");
    const TOOL_NAME: Attribute = ("gen_ai.tool.name", "t");
    const SERVER: Attribute = ("otel.kind", "server");
    const ROUTE: Attribute = ("http.route", "/ask");
    const DATABASE: Attribute = ("db.system", "redis");
    for (name, attributes, op) in [
        (
            "chat_completion",
            &[MODEL, INPUT, OUTPUT][..],
            "gen_ai.chat",
        ),
        ("ask", &[MODEL, INPUT, OUTPUT], "gen_ai.chat"),
        ("ask", &[MODEL, INPUT], "function"),
        (
            "ask",
            &[MODEL, INPUT, ("output_tokens", "many")],
            "function",
        ),
        ("llm_cache_lookup", &[MODEL, INPUT, OUTPUT], "function"),
        ("record_usage", &[MODEL, INPUT, OUTPUT], "function"),
        ("ask", &[MODEL, INPUT, OUTPUT, SERVER], "function"),
        ("usage", &[MODEL, INPUT, OUTPUT], "function"),
        // What a whole run used, with or without spans of its calls.
        ("agent_loop", &[MODEL, INPUT, OUTPUT], "function"),
        ("workflow", &[MODEL, INPUT, OUTPUT], "function"),
        ("handle", &[MODEL, INPUT, OUTPUT, AGENT_NAME], "function"),
        ("handle", &[MODEL, INPUT, OUTPUT, TOOL_NAME], "function"),
        ("ask", &[MODEL, INPUT, OUTPUT, ROUTE], "http.server"),
        ("ask", &[MODEL, INPUT, OUTPUT, DATABASE], "db"),
        (
            "chat_completion",
            &[MODEL, INPUT, OUTPUT, AGENT_NAME],
            "gen_ai.chat",
        ),
        (
            "agent.run",
            &[MODEL, INPUT, OUTPUT, AGENT_NAME],
            "gen_ai.invoke_agent",
        ),
    ] {
        let span = translated("shop::assistant", name, attributes);
        assert_eq!(span.op, op, "{name} {attributes:?}");
        if op == "gen_ai.chat" {
            let total = span.attributes.integer("gen_ai.usage.total_tokens");
            assert_eq!((&*span.name, total), ("chat m", Some(7)), "{name}");
        }
    }
}

#[test]
fn instructions_are_not_a_provider() {
    const PROMPT: &str = "You are the doctor of Alice.";
    const INSTRUCTIONS: &str = "gen_ai.system_instructions";

    for key in ["gen_ai.system", "llm.system", "gen_ai.provider.name"] {
        for operation in ["chat", "execute_tool", "embeddings", "summarise"] {
            let attributes = [("gen_ai.operation.name", operation), (key, PROMPT)];
            let mut span = testing::span("step");
            for (key, value) in attributes {
                span.attributes.push(key, value);
            }
            let span = Translator::new(TranslateOptions::default()).translate(span);
            let mut texts = span.attributes.iter();
            assert!(
                !texts.any(|(_, value)| matches!(value, Value::Str(text) if text.to_lowercase().contains("alice"))),
                "{key} {operation}"
            );
            let span = translated("shop", "step", &attributes);
            if operation == "chat" {
                let instructions = span.attributes.text(INSTRUCTIONS);
                assert!(
                    instructions.is_some_and(|instructions| instructions.contains(PROMPT)),
                    "{key}"
                );
            }
        }
    }
    // The same holds without any other attributes.
    let span = translated("shop", "step", &[("gen_ai.system", PROMPT)]);
    assert!(!span.attributes.contains("gen_ai.provider.name"));
    // A few words are instructions, too, if they form a sentence.
    for instructions in [
        "Be concise",
        "You are helpful.",
        "Antworte kurz!",
        "Only JSON, please",
    ] {
        let attributes = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.system", instructions),
        ];
        let span = translated("shop", "step", &attributes);
        assert!(
            !span.attributes.contains("gen_ai.provider.name"),
            "{instructions}"
        );
        assert!(span.attributes.contains(INSTRUCTIONS), "{instructions}");
    }
    for provider in [
        "Azure OpenAI Service",
        "OpenAI, Inc.",
        "Amazon Bedrock",
        "\u{963f}\u{91cc}\u{4e91}",
        "acme-gateway",
    ] {
        let attributes = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.system", provider),
        ];
        let span = translated("shop", "step", &attributes);
        assert!(span.attributes.contains("gen_ai.provider.name"));
    }
}

/// OpenTelemetry's instrumentation of Google's SDK, in versions of early 2026.
#[test]
fn parameters_of_a_function_are_the_arguments_of_a_google_tool() {
    let attributes = [
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "get_weather"),
        ("code.function.parameters.city.type", "str"),
        ("code.function.parameters.city.value", "Vienna"),
        ("code.function.return.value", "21"),
    ];
    let scope = "opentelemetry.instrumentation.google_genai";
    let span = translated(scope, "execute_tool get_weather", &attributes);
    let text = |key| span.attributes.text(key);
    assert_eq!(text(ARGUMENTS), Some(r#"{"city":"Vienna"}"#));
    assert_eq!(text(RESULT), Some("21"));
}

/// Logfire moves the events of OpenTelemetry's instrumentation of Google's SDK into an attribute, without their names.
#[test]
fn messages_of_google_calls_are_read_from_logfires_list() {
    let events = r#"[
        {"content": "Be brief.", "role": "system"},
        {"content": "Weather in Boston?", "role": "user"},
        {"content": {"inline_data": {"data": "MTIz", "mime_type": "text/plain"}}, "role": "user"},
        {"index": 0, "finish_reason": "STOP", "message": {"role": "assistant", "content": ["Rainy."]}}
    ]"#;
    let attributes = [
        ("gen_ai.system", "gemini"),
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "gemini-2.0-flash-001"),
        ("gen_ai.response.finish_reasons", r#"["stop"]"#),
        ("events", events),
    ];
    let scope = "opentelemetry.instrumentation.google_genai";
    let span = translated(scope, "generate_content gemini-2.0-flash-001", &attributes);
    let text = |key| span.attributes.text(key);
    let instructions = r#"[{"type":"text","content":"Be brief."}]"#;
    assert_eq!(text(INSTRUCTIONS), Some(instructions));
    let input = text(INPUT).unwrap();
    let question = r#"[{"role":"user","parts":[{"type":"text","content":"Weather in Boston?"}]},"#;
    assert!(input.starts_with(question), "{input}");
    assert!(input.contains("[Blob substitute]"), "{input}");
    let answer = r#"[{"role":"assistant","parts":[{"type":"text","content":"Rainy."}],"finish_reason":"STOP"}]"#;
    assert_eq!(text(OUTPUT), Some(answer));
    assert_eq!(text("events"), None);
}

/// OpenTelemetry's instrumentation of Vertex AI's SDK names no provider with the newest conventions.
#[test]
fn calls_of_vertex_ai_have_a_provider() {
    let provider = |attributes: &[Attribute]| {
        let call = [("gen_ai.operation.name", "chat")];
        let scope = "opentelemetry.instrumentation.vertexai";
        let span = translated(scope, "chat g", &[&call, attributes].concat());
        (span.attributes.text("gen_ai.provider.name")).map(str::to_owned)
    };
    assert_eq!(provider(&[]).as_deref(), Some("gcp.vertex_ai"));
    let system = [("gen_ai.system", "gemini")];
    assert_eq!(provider(&system).as_deref(), Some("gcp.gemini"));
}
