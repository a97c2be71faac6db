//! Spans of servers that run models and of gateways to them, of libraries for Go, and of Braintrust.

use super::*;

const VLLM: &str = "vllm.tracing.otel";

fn request(completion: Option<i64>) -> SentrySpan {
    named_request("llm_request", completion)
}

fn named_request(name: &'static str, completion: Option<i64>) -> SentrySpan {
    let mut span = testing::span(name);
    span.scope = VLLM.into();
    span.kind = Some(SpanKind::Server);
    let attributes = &mut span.attributes;
    attributes.push("gen_ai.latency.time_to_first_token", 0.25);
    attributes.push("gen_ai.latency.e2e", 0.5);
    attributes.push("gen_ai.usage.prompt_tokens", 20_i64);
    if let Some(completion) = completion {
        attributes.push("gen_ai.usage.completion_tokens", completion);
    }
    Translator::new(TranslateOptions::default()).translate(span)
}

#[test]
fn vllm_requests_with_output_tokens_are_model_calls() {
    let call = request(Some(5));
    assert_eq!((&*call.op, &*call.name), ("gen_ai.chat", "chat"));
    assert_eq!(call.attributes.integer(crate::tokens::INPUT), Some(20));
    // The server knows this for any answer.
    assert!(!call.attributes.contains("gen_ai.response.streaming"));
    assert_eq!(request(Some(0)).op, "function");
    // SGLang counts the output of anything but embeddings.
    assert_eq!(request(None).op, "gen_ai.embeddings");
}

#[test]
fn sglangs_decoding_server_alone_counts_a_shared_request() {
    assert_eq!(named_request("prefill Req 1a2b", Some(1)).op, "function");
    assert_eq!(named_request("decode Req 1a2b", Some(5)).op, "gen_ai.chat");
}

#[test]
fn tensorzeros_providers_are_not_named_after_its_configuration() {
    let provider = |system, name| {
        let attributes = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.system", system),
            ("gen_ai.request.model", "m"),
            ("provider_name", name),
        ];
        let span = translated("tensorzero", "model_provider_inference", &attributes);
        let provider = span.attributes.text("gen_ai.provider.name");
        provider.unwrap_or_default().to_owned()
    };
    for (system, expected) in [
        ("openai", "openai"),
        ("gcp_vertex_anthropic", "gcp.vertex_ai"),
        ("google_ai_studio_gemini", "gcp.gemini"),
        ("fireworks", "fireworks"),
    ] {
        assert_eq!(provider(system, "east-1"), expected);
    }
    // Written by hand, the old name may have something else.
    assert_eq!(provider("langchain", "groq"), "groq");
    assert_eq!(provider("You are terse.", "groq"), "groq");
}

#[test]
fn tensorzeros_episodes_are_conversations() {
    let attributes = [
        ("episode_id", "019a-7"),
        ("openinference.span.kind", "CHAIN"),
    ];
    let conversation = |scope, name| {
        let span = translated(scope, name, &attributes);
        let id = span.attributes.text("gen_ai.conversation.id");
        (span.op.clone().into_owned(), id.map(str::to_owned))
    };
    let expected = ("function".to_owned(), Some("019a-7".to_owned()));
    for scope in ["tensorzero", "tensorzero_core::endpoints::inference"] {
        assert_eq!(conversation(scope, "function_inference"), expected);
    }
    assert_eq!(conversation("app", "function_inference").1, None);
}

#[test]
fn eino_agents_and_tools_are_named_after_their_spans() {
    const SCOPE: &str = "github.com/cloudwego/eino-ext/callbacks/otel";
    let named = |name, operation| {
        let span = translated(SCOPE, name, &[("gen_ai.operation.name", operation)]);
        (span.op.into_owned(), span.name.into_owned())
    };
    for (name, operation, expected) in [
        ("get_weather", "execute_tool", "execute_tool get_weather"),
        ("assistant", "invoke_agent", "invoke_agent assistant"),
    ] {
        let (op, name) = named(name, operation);
        assert_eq!(op, format!("gen_ai.{operation}"));
        assert_eq!(name, expected);
    }
    assert_eq!(named("ToolsNode", "execute_tool").0, "function");
    assert_eq!(named("Graph", "invoke_agent").0, "function");
}

/// Eino's package for APMPlus describes every node as a model call of a provider named Eino.
#[test]
fn eino_tells_apmplus_which_component_a_node_runs() {
    const SCOPE: &str = "github.com/cloudwego/eino-ext/callbacks/apmplus";
    let node = |name, component, more: &[Attribute]| {
        let mut span = source(SCOPE, name, more);
        span.attributes.push("gen_ai.system", "eino");
        span.attributes.push("runinfo.component", component);
        with_content(span)
    };
    let graph = node("Graph", "Graph", &[("gen_ai.span.kind", "workflow")]);
    assert_eq!(graph.op, "function");

    let called = r#"[{"role":"assistant","content":"","tool_calls":[{"id":"c1","type":"function","function":{"name":"get","arguments":"{}"}}]}]"#;
    let call = [
        ("gen_ai.span.kind", "chatmodel"),
        ("gen_ai.request.model", "m"),
        ("gen_ai.prompt.0.role", "user"),
        ("gen_ai.prompt.0.content", "Hi"),
        ("gen_ai.completion.0.content", called),
        ("runinfo.type", "OpenAI"),
    ];
    let call = node("OpenAI ChatModel", "ChatModel", &call);
    assert_eq!(call.name, "chat m");
    let text = |key| call.attributes.text(key);
    assert_eq!(text("gen_ai.provider.name"), Some("openai"));
    let question = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
    assert_eq!(text(INPUT), Some(question));
    let answer = r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"get","arguments":{}}]}]"#;
    assert_eq!(text(OUTPUT), Some(answer));

    // A list of messages in one of several messages is what somebody wrote, and an empty one is an answer.
    let quoting = [
        ("gen_ai.prompt.0.role", "user"),
        ("gen_ai.prompt.0.content", called),
        ("gen_ai.prompt.1.role", "user"),
        ("gen_ai.prompt.1.content", "Read it"),
        ("gen_ai.completion.0.role", "assistant"),
        ("gen_ai.completion.0.content", "[]"),
    ];
    let call = node("OpenAI ChatModel", "ChatModel", &quoting);
    let question = call.attributes.text(INPUT).unwrap();
    assert!(question.contains("tool_calls") && question.contains("Read it"));
    assert!(call.attributes.text(OUTPUT).unwrap().contains("[]"));

    let tool = [
        ("gen_ai.span.kind", "tool"),
        (
            "gen_ai.prompt.0.content",
            r#"{"ArgumentsInJSON":"{\"q\":1}"}"#,
        ),
        ("gen_ai.completion.0.content", "rain"),
    ];
    let tool = node("get", "Tool", &tool);
    assert_eq!(tool.name, "execute_tool get");
    assert_eq!(tool.attributes.text(ARGUMENTS), Some(r#"{"q":1}"#));
    assert_eq!(tool.attributes.text(RESULT), Some("rain"));
    assert!(!tool.attributes.contains("gen_ai.provider.name"));
}

/// Spans of openai-go, langchaingo, Eino and Genkit in Go, and of what Braintrust's SDKs instrument in Java, Ruby and .NET.
#[test]
fn braintrust_json_is_read() {
    let call = [
        ("braintrust.span_attributes", r#"{"type":"llm"}"#),
        (
            "braintrust.input_json",
            r#"[{"role":"user","content":"Hi"}]"#,
        ),
        (
            "braintrust.output_json",
            r#"[{"finish_reason":"stop","message":{"role":"assistant","content":"Yo"}}]"#,
        ),
        (
            "braintrust.metadata",
            r#"{"provider":"openai","model":"m","temperature":0.5}"#,
        ),
        (
            "braintrust.metrics",
            r#"{"prompt_tokens":20,"prompt_cached_tokens":16,"completion_tokens":5,"tokens":25,"time_to_first_token":0.5}"#,
        ),
    ];
    let span = translated("braintrust", "Chat Completion", &call);
    assert_eq!((&*span.op, &*span.name), ("gen_ai.chat", "chat m"));
    let counts = [crate::tokens::INPUT, crate::tokens::CACHE_READ];
    let counts = counts.map(|key| span.attributes.integer(key));
    assert_eq!(counts, [Some(20), Some(16)]);
    let text = |key| span.attributes.text(key).unwrap_or_default();
    assert_eq!(text("gen_ai.provider.name"), "openai");
    assert!(text(INPUT).contains("Hi") && text(OUTPUT).contains("Yo"));
    assert!(text(OUTPUT).contains("parts"));
    assert!(!span.attributes.contains("gen_ai.response.streaming"));

    let tool = [("braintrust.span_attributes", r#"{"type":"tool"}"#)];
    let span = translated("braintrust", "get_weather", &tool);
    assert_eq!(span.name, "execute_tool get_weather");
    let tool = [tool[0], ("tool.name", "get_weather")];
    let span = translated("braintrust", "ruby_llm.tool.get_weather", &tool);
    assert_eq!(span.name, "execute_tool get_weather");
    let task = [("braintrust.span_attributes", r#"{"type":"task"}"#)];
    assert_eq!(translated("braintrust", "task", &task).op, "function");
}

/// The SDK for Ruby does not tell the kind of some spans, and the one for .NET has attributes of their own for counts.
#[test]
fn braintrust_calls_without_a_kind_are_calls() {
    let call = [
        (
            "braintrust.metadata",
            r#"{"provider":"anthropic","model":"m","stop_reason":"end_turn"}"#,
        ),
        (
            "braintrust.metrics",
            r#"{"prompt_tokens":20,"completion_tokens":5}"#,
        ),
    ];
    let span = translated("braintrust", "anthropic.messages.create", &call);
    assert_eq!((&*span.op, &*span.name), ("gen_ai.chat", "chat m"));
    assert_eq!(span.attributes.integer(crate::tokens::INPUT), Some(20));
    let reasons = span.attributes.text("gen_ai.response.finish_reasons");
    assert_eq!(reasons, Some(r#"["end_turn"]"#));
    let span = translated("braintrust", "openai.moderations.create", &call);
    assert_eq!(span.op, "function");

    let agent = [("braintrust.span_attributes", r#"{"type":"agent"}"#)];
    assert_eq!(
        translated("app", "agent:Bob", &agent).op,
        "gen_ai.invoke_agent"
    );
    let call = [
        ("braintrust.span_attributes", r#"{"type":"llm"}"#),
        ("braintrust.metrics.prompt_tokens", "20"),
    ];
    let span = translated("app", "Chat Completion", &call);
    assert_eq!(span.attributes.integer(crate::tokens::INPUT), Some(20));
}

/// Sentry's SDKs do not set the kind of a span.
#[test]
fn requests_with_the_op_of_an_mcp_server_are_a_servers() {
    let attributes = [
        ("mcp.method.name", "tools/call"),
        ("mcp.tool.name", "f"),
        ("sentry.op", "mcp.server"),
    ];
    let span = translated("@sentry/node", "tools/call f", &attributes);
    assert_eq!((&*span.op, &*span.name), ("mcp.server", "tools/call f"));
    assert_eq!(span.ai, None);
}

#[test]
fn braintrust_tells_embeddings_by_their_names_and_streams_by_a_mark() {
    let embedding = [
        ("braintrust.span_attributes", r#"{"type":"llm"}"#),
        (
            "braintrust.metadata",
            r#"{"provider":"openai","model":"e"}"#,
        ),
        ("braintrust.metrics", r#"{"prompt_tokens":2,"tokens":2}"#),
    ];
    let span = translated("braintrust", "Embedding", &embedding);
    assert_eq!(
        (&*span.op, &*span.name),
        ("gen_ai.embeddings", "embeddings e")
    );
    assert_eq!(span.attributes.integer(crate::tokens::INPUT), Some(2));

    let call = [
        ("braintrust.span_attributes", r#"{"type":"llm"}"#),
        ("braintrust.metrics", r#"{"time_to_first_token":0.5}"#),
    ];
    let mut span = source("braintrust", "Chat Completion", &call);
    span.attributes.push("gen_ai.response.streaming", true);
    let span = with_content(span);
    let first_chunk = span.attributes.get("gen_ai.response.time_to_first_chunk");
    assert_eq!(first_chunk, Some(Value::Double(0.5)));
}

/// Shinzo's instrumentation for TypeScript gives its spans no kind. Their scope is the name of the server.
#[test]
fn requests_with_the_address_of_a_client_are_those_of_a_server() {
    let op = |attributes: &[Attribute]| {
        let method = [
            ("mcp.method.name", "tools/call"),
            ("mcp.tool.name", "get_weather"),
        ];
        translated(
            "home",
            "tools/call get_weather",
            &[&method, attributes].concat(),
        )
        .op
    };
    assert_eq!(op(&[("client.address", "192.0.2.2")]), "mcp.server");
    assert_eq!(op(&[("mcp.session.id", "1")]), "gen_ai.execute_tool");
}
