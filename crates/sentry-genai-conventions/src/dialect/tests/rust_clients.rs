//! Rust clients, agents and servers that record little, or do not follow the conventions.

use super::*;
use crate::{messages, tokens};

/// gemini-rust 2.1 and genai-rs 0.12, which record no content.
#[test]
fn gemini_client_functions_are_classified() {
    let (client, builder) = ("gemini_rust::client", "gemini_rust::generation::builder");
    let other = "genai_rs::client";
    for (scope, name, attributes, expected) in [
        (client, "generate_content_raw", &[][..], "generate_content"),
        (client, "generate_content_stream", &[], "generate_content"),
        (client, "embed_content", &[], "embeddings"),
        (client, "embed_content_batch", &[], "embeddings"),
        (client, "count_tokens", &[], "count_tokens"),
        (client, "post_json", &[], "post_json"),
        (builder, "execute", &[], "execute"),
        (
            client,
            "create_interaction",
            &[("model", "gemini-3.7-flash"), ("agent", "")],
            "generate_content gemini-3.7-flash",
        ),
        (
            client,
            "create_interaction",
            &[("model", ""), ("agent", "deep-research")],
            "invoke_agent deep-research",
        ),
        (
            other,
            "execute",
            &[("model", r#"Some("gemini-3.7-flash")"#), ("agent", "None")],
            "generate_content gemini-3.7-flash",
        ),
        (
            other,
            "execute_stream",
            &[("model", "None"), ("agent", r#"Some("deep-research")"#)],
            "invoke_agent deep-research",
        ),
    ] {
        let span = translated(scope, name, attributes);
        assert_eq!(span.name, expected, "{scope} {name}");
        let is_ai = span.op.starts_with("gen_ai.");
        let provider = span.attributes.text("gen_ai.provider.name");
        assert_eq!(provider, is_ai.then_some("gcp.gemini"), "{name}");
        let streams = span.attributes.get("gen_ai.response.streaming");
        assert_eq!(streams.is_some(), name.ends_with("_stream"), "{name}");
    }

    let mut span = source(client, "generate_content_raw", &[("model", "")]);
    for (key, count) in [
        ("usage.prompt_tokens", 42),
        ("usage.candidates_tokens", 12),
        ("usage.thoughts_tokens", 5),
        ("usage.cached_content_tokens", 16),
        ("usage.total_tokens", 59),
    ] {
        span.attributes.push(key, count);
    }
    let span = with_content(span);
    let count = |key| span.attributes.integer(key).unwrap();
    let counts = [
        tokens::INPUT,
        tokens::CACHE_READ,
        tokens::OUTPUT,
        tokens::REASONING,
        tokens::TOTAL,
    ];
    assert_eq!(counts.map(count), [42, 16, 17, 5, 59]);
}

/// reagent-rs 0.2: agents are traces, and tools use other names that Langfuse reads.
#[test]
fn reagent_agents_and_tools_are_read() {
    let scope = "reagent_rs::agent::models::agent";
    let expected_input = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
    let kind = |kind| ("langfuse.observation.type", kind);
    let agent = [
        kind("trace"),
        ("langfuse.trace.name", "weatherman"),
        ("langfuse.observation.input", "Hi"),
    ];
    let span = translated(scope, "Invocation", &agent);
    assert_eq!(span.name, "invoke_agent weatherman");
    assert_eq!(span.attributes.text(INPUT), Some(expected_input));
    let span = translated(scope, "Invocation", &[kind("trace")]);
    assert_eq!(span.name, "invoke_agent");
    assert!(!span.attributes.contains("gen_ai.agent.name"));
    let span = translated("shop", "Invocation", &[kind("trace")]);
    assert_eq!(span.name, "Invocation");

    let tool = [
        kind("tool"),
        ("langfuse.observation.metadata.tool_name", "get_weather"),
        ("input.value", r#"{"city":"Oslo"}"#),
        ("output.value", "4 degrees"),
        ("otel.status_code", "ERROR"),
    ];
    let span = translated("reagent_rs::tools::tool", "Tool Call", &tool);
    assert_eq!(span.name, "execute_tool get_weather");
    assert_eq!(span.status, crate::Status::Error);
    let text = |key| span.attributes.text(key);
    assert_eq!(text(ARGUMENTS), Some(r#"{"city":"Oslo"}"#));
    assert_eq!(text(RESULT), Some("4 degrees"));
}

/// TurboMCP 4, and hand-written servers.
#[test]
fn mcp_methods_are_read_under_a_shorter_name() {
    let request = |kind, method| {
        let mut span = source("turbomcp_telemetry::layer", "mcp.request", &[]);
        span.kind = Some(kind);
        span.attributes.push("mcp.method", method);
        let span = with_content(span);
        (span.op.to_string(), span.name.to_string())
    };
    let named = |op: &str, name: &str| (op.to_owned(), name.to_owned());
    for (method, op) in [
        ("tools/call", "mcp.server"),
        ("initialize", "mcp.server"),
        ("logging/setLevel", "mcp.server"),
        (
            "notifications/initialized",
            "mcp.notification.client_to_server",
        ),
    ] {
        assert_eq!(request(SpanKind::Server, method), named(op, method));
    }
    for (kind, method) in [
        (SpanKind::Server, "(response)"),
        (SpanKind::Server, "POST"),
        (SpanKind::Server, "a/b c"),
        // A request that is sent has not been answered.
        (SpanKind::Client, "tools/call"),
    ] {
        assert_eq!(request(kind, method).1, "mcp.request", "{method}");
    }
}

#[test]
fn turbomcp_3_requests_are_read() {
    let attributes = [
        ("mcp.method", "tools/call"),
        ("mcp.tool.name", "get_weather"),
        ("mcp.request.id", "7"),
    ];
    let scope = "turbomcp_telemetry::attributes";
    let span = translated(scope, "mcp.request", &attributes);
    assert_eq!(span.op, "mcp.server");
    assert_eq!(span.name, "tools/call get_weather");
    assert_eq!(span.attributes.text("jsonrpc.request.id"), Some("7"));
}

#[test]
fn agentgateways_tool_calls_name_the_tool() {
    let attributes = [
        ("mcp.method", "tools/call"),
        ("mcp.resource.type", "tool"),
        ("mcp.resource.name", "get_time"),
    ];
    let mut span = source("agentgateway", "POST /mcp", &attributes);
    span.kind = Some(SpanKind::Server);
    assert_eq!(with_content(span).name, "tools/call get_time");
}

/// Version 2.3 records this many bytes of a request by default.
#[test]
fn truncated_adk_rust_requests_are_read() {
    let request = r#"{"model":"m","contents":[{"role":"user","parts":[{"text":"Hi"},{"mime_type":"image/png","data":[137,80,78"#;
    let request = format!("{request}...[truncated 700 bytes]");
    let attributes = [("gcp.vertex.agent.llm_request", &*request)];
    let span = translated("adk_agent::llm_agent", "call_llm", &attributes);
    let expected = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"},{"type":"blob","modality":"image","mime_type":"image/png","content":"[Blob substitute]"}]}]"#;
    let input = span.attributes.text(INPUT).unwrap();
    let [input, expected] = [input, expected].map(|text| messages::read_json(text).unwrap());
    assert_eq!(input, expected);
}

/// Version 0.3 of both crates.
#[test]
fn llm_sdk_costs_and_first_chunks_are_read() {
    let attributes = [
        ("gen_ai.operation.name", "generate_content"),
        ("gen_ai.request.model", "m"),
        ("llm_sdk.method", "stream"),
    ];
    for (scope, attributes) in [
        ("llm_sdk::opentelemetry", &attributes[..]),
        ("@hoangvvo/llm-sdk", &attributes[..2]),
    ] {
        let mut span = source(scope, "llm_sdk.stream", attributes);
        span.attributes.push("llm_sdk.cost", 0.02);
        let first = "gen_ai.server.time_to_first_token";
        span.attributes.push(first, 0.25);
        let span = with_content(span);
        assert_eq!(span.name, "generate_content m");
        for (key, value) in [
            ("gen_ai.cost.total_tokens", Value::Double(0.02)),
            ("gen_ai.response.time_to_first_chunk", Value::Double(0.25)),
            ("gen_ai.response.streaming", Value::Bool(true)),
        ] {
            assert_eq!(span.attributes.get(key), Some(value), "{key}");
        }
    }

    let attributes = [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.agent.name", "a"),
        ("llm_agent.method", "run"),
    ];
    let mut span = source("llm_agent::opentelemetry", "llm_agent.run", &attributes);
    span.attributes.push("gen_ai.model.input_tokens", 42);
    let span = with_content(span);
    assert_eq!(span.name, "invoke_agent a");
    assert!(!span.attributes.contains("otel.gen_ai.model.input_tokens"));
}

#[test]
fn rust_mcp_sdk_calls_and_requests_are_read() {
    let attributes = [("method", "tools/call"), ("tool", "get_weather")];
    let scope = "rust_mcp_sdk::mcp_runtimes::client_runtime";
    let span = translated(scope, "mcp.mrtr", &attributes);
    assert_eq!(span.name, "execute_tool get_weather");
    assert_eq!(span.op, "gen_ai.execute_tool");

    let attributes = [("request.method", "tools/call"), ("request.id", "7")];
    let scope = "rust_mcp_sdk::mcp_runtimes::server_runtime";
    let span = translated(scope, "mcp.dispatch", &attributes);
    assert_eq!((&*span.op, &*span.name), ("mcp.server", "tools/call"));
    assert_eq!(span.attributes.text("jsonrpc.request.id"), Some("7"));

    let span = translated("shop", "mcp.dispatch", &attributes);
    assert_eq!(span.op, "function");
}

#[test]
fn tower_mcp_requests_are_read() {
    let request = |scope, method, operation, target| {
        let attributes = [
            ("method", method),
            ("request_id", "Number(7)"),
            ("operation", operation),
            ("target", target),
        ];
        let span = translated(scope, "mcp_request", &attributes);
        let is_identified = span.attributes.text("jsonrpc.request.id") == Some("7");
        (span.op.to_string(), span.name.to_string(), is_identified)
    };
    let scope = "tower_mcp::middleware::tracing";
    for (method, operation, target, name) in [
        (
            "tools/call",
            "tool",
            "get_weather",
            "tools/call get_weather",
        ),
        ("prompts/get", "prompt", "summary", "prompts/get summary"),
        ("tools/list", "list", "tools", "tools/list"),
    ] {
        let sent = request(scope, method, operation, target);
        assert_eq!(sent, ("mcp.server".to_owned(), name.to_owned(), true));
    }
    let other = request("shop", "tools/call", "tool", "get_weather");
    assert_eq!(other.0, "function");
}

/// The span name may say more than the attributes, and the operation may be that of the tool.
#[test]
fn mcp_requests_made_by_hand_have_a_subject_but_no_operation() {
    let named = |name: &'static str, attributes: &[(&'static str, &'static str)]| {
        let span = translated("shop", name, attributes);
        assert!(!span.attributes.contains("gen_ai.operation.name"));
        let prompt = span.attributes.text("gen_ai.prompt.name");
        (span.name.into_owned(), prompt.map(str::to_owned))
    };
    let unnamed = |name: &str| (name.to_owned(), None);
    let prompt = named(
        "MCP send prompts/get summary",
        &[("mcp.method.name", "prompts/get")],
    );
    let summary = Some("summary".to_owned());
    assert_eq!(prompt, ("prompts/get summary".to_owned(), summary));
    let list = named(
        "MCP send tools/list page",
        &[("mcp.method.name", "tools/list")],
    );
    assert_eq!(list, unnamed("tools/list"));
    let handled = [
        ("mcp.method.name", "tools/call"),
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "get_weather"),
        ("sentry.op", "mcp.server"),
    ];
    assert_eq!(
        named("request", &handled),
        unnamed("tools/call get_weather")
    );
    let progress = [
        ("mcp.method.name", "notifications/progress"),
        ("gen_ai.tool.name", "get_weather"),
    ];
    assert_eq!(named("told", &progress), unnamed("notifications/progress"));
}

#[test]
fn a_workflow_that_only_the_span_name_names_is_not_named_by_an_id() {
    for (name, expected) in [
        ("invoke_workflow Refund", "invoke_workflow Refund"),
        (
            "invoke_workflow 0f8fad5b-d9cb-469f-a165-70867728950e",
            "invoke_workflow",
        ),
        ("invoke_workflow asks for a refund", "invoke_workflow"),
    ] {
        let attributes = [("gen_ai.operation.name", "invoke_workflow")];
        assert_eq!(translated("shop", name, &attributes).name, expected);
    }
}

#[test]
fn goose_observations_are_model_calls() {
    let input = r#"{"system":"Be brief","messages":[{"id":"m1","role":"user","created":1,"content":[{"type":"text","text":"Weather?"}]}],"tools":[{"name":"get_weather","description":"It","inputSchema":{"type":"object"}}]}"#;
    let output = r#"[{"role":"assistant","created":1,"content":[{"type":"text","text":"Sunny"}]}]"#;
    let attributes = [
        ("observation_type", "GENERATION"),
        ("observation_id", "o-1"),
        ("session.id", "s-1"),
        ("provider", "openai"),
        ("model", "gpt-4o"),
        ("input_json", input),
        ("output_json", output),
        (
            "usage_details_json",
            r#"{"input":42,"output":17,"total":59,"cache_read_input_tokens":16}"#,
        ),
        ("cost_details_json", r#"{"total":0.5}"#),
    ];
    let scope = "goose::tracing::provider_generation";
    let source = source(scope, "provider_generation", &attributes);
    let identity = Translator::new(TranslateOptions::default()).identify(&source);
    assert_eq!(identity.ai, Some(crate::AiKind::LlmCall));
    let span = translated(scope, "provider_generation", &attributes);
    assert_eq!(span.name, "chat gpt-4o");
    let text = |key| span.attributes.text(key);
    assert_eq!(text("gen_ai.provider.name"), Some("openai"));
    assert_eq!(text("gen_ai.conversation.id"), Some("s-1"));
    for (key, expected) in [
        ("gen_ai.input.messages", "Weather?"),
        ("gen_ai.output.messages", "Sunny"),
        ("gen_ai.system_instructions", "Be brief"),
        ("gen_ai.tool.definitions", "get_weather"),
    ] {
        assert!(
            text(key).is_some_and(|text| text.contains(expected)),
            "{key}: {:?}",
            text(key)
        );
    }
    let integer = |key| span.attributes.integer(key);
    assert_eq!(integer("gen_ai.usage.input_tokens"), Some(42));
    assert_eq!(integer("gen_ai.usage.cache_read.input_tokens"), Some(16));
    assert_eq!(integer("gen_ai.usage.output_tokens"), Some(17));

    let attributes = [
        ("observation_type", "GENERATION"),
        ("model", "gpt-4o"),
        ("status_message", "rate limited"),
    ];
    let span = translated(scope, "provider_generation", &attributes);
    assert_eq!(span.status, crate::Status::Error);
    let reason = span.attributes.text("sentry.status.message");
    assert_eq!(reason, Some("rate limited"));
}

#[test]
fn goose_tools_that_return_an_error_have_failed() {
    let attributes = [
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "shell"),
        ("output", r#"{"status":"error","error":"no such tool"}"#),
    ];
    let span = translated("goose", "dispatch_tool_call", &attributes);
    assert_eq!(span.attributes.text("error.type"), Some("tool_error"));
    assert_eq!(span.attributes.text(RESULT), Some("no such tool"));
}

#[test]
fn goose_calls_without_an_answer_have_failed_if_their_requests_have() {
    let refused = "Provider request failed with status: 503 Service Unavailable. Payload: None. Returning error: ServerError";
    let unreachable = "Request failed, retrying (1/3): NetworkError";
    let status = |event: &'static str, answer: Option<&'static str>| {
        let attributes = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m"),
        ];
        let mut span = source("goose", "stream_response_from_provider", &attributes);
        span.events.push(crate::SourceEvent::new(event));
        if let Some(model) = answer {
            span.attributes.push("gen_ai.response.model", model);
        }
        let span = with_content(span);
        let text = |key| span.attributes.text(key).map(str::to_owned);
        (text("error.type"), text("sentry.status.message"))
    };
    let failed = |kind: &str, reason: &str| (Some(kind.to_owned()), Some(reason.to_owned()));
    assert_eq!(
        status(refused, None),
        failed(
            "503",
            "Provider request failed with status: 503 Service Unavailable"
        )
    );
    assert_eq!(status(unreachable, None), failed("_OTHER", unreachable));
    assert_eq!(status("WAITING_LLM_STREAM_START", None), (None, None));
    assert_eq!(status(refused, Some("m")), (None, None));
}

/// rig-ecs 0.46: its span of a model call is around that of rig.
#[test]
fn rig_ecs_opens_tool_calls_and_wraps_model_calls() {
    let id = "5f4dcc3b-5aa7-45d6-9d83-27deb882cf99";
    let agent = ("agent", id);
    let call = [agent, ("effect", "7"), ("model", "openai/gpt-5-mini")];
    let span = translated("rig_ecs::stage", "model_call", &call);
    assert_eq!((&*span.op, &*span.name), ("function", "model_call"));
    let tool = [agent, ("tool", "bash"), ("parent", "Some(EffectId(7))")];
    let span = translated("rig_ecs::stage", "tool_call", &tool);
    assert_eq!(span.name, "execute_tool bash");
    assert_eq!(span.attributes.text("gen_ai.agent.id"), Some(id));
    assert!(!span.attributes.contains("gen_ai.agent.name"));
}
