//! Hand-written spans that are classified by their names.

use super::{SourceSpan, Timestamp, TranslateOptions, Value, testing};
use crate::{PlanningTranslator, SentrySpan, SpanKind, Translator};

type Attribute = (&'static str, Value<'static>);

fn span(name: &'static str, attributes: &[Attribute]) -> SourceSpan {
    let mut span = testing::span(name);
    span.start = Timestamp::from_nanos(1_795_197_437_000_000_000);
    span.end = Timestamp::from_nanos(1_795_197_440_000_000_000);
    for (key, value) in attributes {
        match value {
            Value::Str(text) => span.attributes.push(key, *text),
            Value::Integer(number) => span.attributes.push(key, *number),
            other => panic!("{other:?}"),
        }
    }
    span
}

fn translated(span: SourceSpan) -> SentrySpan {
    Translator::new(TranslateOptions::default()).translate(span)
}

#[test]
fn a_provider_and_an_operation_in_the_name_decide() {
    for (name, key, op) in [
        ("openai.chat", "llm.model", "gen_ai.chat"),
        (
            "openai.chat.completions",
            "gen_ai.request.model",
            "gen_ai.chat",
        ),
        ("ollama_embeddings", "llm.model", "gen_ai.embeddings"),
        (
            "openai.responses",
            "gen_ai.request.model",
            "gen_ai.responses",
        ),
        ("openai.chat", "model", "function"),
        ("support.chat", "llm.model", "function"),
        ("openai.client", "gen_ai.request.model", "function"),
        ("openai.tool", "gen_ai.request.model", "function"),
    ] {
        let span = translated(span(name, &[(key, Value::Str("some-model"))]));
        assert_eq!(span.op, op, "{name} {key}");
    }
    let mut served = span("openai.chat", &[("llm.model", Value::Str("gpt-4o"))]);
    served.kind = Some(SpanKind::Server);
    assert_eq!(translated(served).op, "function");
}

#[test]
fn a_model_or_provider_in_the_name_and_counts_make_a_call() {
    let counts = [
        ("input_tokens", Value::Integer(42)),
        ("output_tokens", Value::Integer(17)),
    ];
    for (name, model, op) in [
        ("openai gpt-4o", "gpt-4o", "gen_ai.chat"),
        ("ask_claude", "claude-sonnet-4-5", "gen_ai.chat"),
        ("call_openai", "o3", "gen_ai.chat"),
        ("askOpenAI", "o3", "gen_ai.chat"),
        ("ollama.request", "llama3", "gen_ai.chat"),
        ("claude_agent", "claude-sonnet-4-5", "function"),
        ("record_openai_usage", "gpt-4o", "function"),
        ("parse_openai_answer", "gpt-4o", "function"),
        ("openai_rate_limiter", "gpt-4o", "function"),
        ("openai_cache_hit", "gpt-4o", "function"),
        ("openai.queue.push", "gpt-4o", "function"),
        ("llm_quota", "gpt-4o", "function"),
        ("o3", "o3", "function"),
        ("summary", "gpt-4o", "function"),
    ] {
        let mut attributes = vec![("model", Value::Str(model))];
        assert_eq!(translated(span(name, &attributes)).op, "function", "{name}");
        attributes.extend(counts);
        assert_eq!(translated(span(name, &attributes)).op, op, "{name}");
    }
}

#[test]
fn a_run_in_the_name_and_an_agent_make_an_agent_run() {
    for (name, key, op) in [
        ("run_agent", "agent.name", "gen_ai.invoke_agent"),
        ("shop.agent.run", "agent", "gen_ai.invoke_agent"),
        ("AgentInvocation", "agent_name", "gen_ai.invoke_agent"),
        ("agent", "agent", "function"),
        ("agent_turn", "agent", "function"),
        ("run_job", "agent.name", "function"),
        ("run_agent", "user_agent", "function"),
        ("POST /agent/run", "agent_name", "function"),
    ] {
        let span = translated(span(name, &[(key, Value::Str("Bot"))]));
        assert_eq!(span.op, op, "{name} {key}");
        if op != "function" {
            assert_eq!(span.name, "invoke_agent Bot");
        }
    }
}

/// Requests and queries may be named like the runs and calls that they are about.
#[test]
fn what_a_protocol_carries_is_no_run_of_an_agent() {
    for (name, key, protocol) in [
        ("SELECT agent_run", "agent_name", "db.system.name"),
        ("agent.run", "agent", "messaging.system"),
        ("tool.call", "tool", "http.route"),
    ] {
        let said = [(key, Value::Str("Bot")), (protocol, Value::Str("x"))];
        let span = translated(span(name, &said));
        assert!(!span.op.starts_with("gen_ai."), "{name}: {}", span.op);
    }
    let said = [
        ("tool", Value::Str("fetch")),
        ("http.status_code", Value::Integer(200)),
    ];
    assert_eq!(
        translated(span("tool.call", &said)).op,
        "gen_ai.execute_tool"
    );
    for kind in [SpanKind::Server, SpanKind::Consumer, SpanKind::Producer] {
        let mut span = span("agent.run", &[("agent", Value::Str("Bot"))]);
        span.kind = Some(kind);
        assert!(!translated(span).op.starts_with("gen_ai."), "{kind:?}");
    }
}

#[test]
fn a_client_span_with_provider_and_model_is_a_call() {
    let attributes = [
        ("gen_ai.system", Value::Str("openai")),
        ("gen_ai.request.model", Value::Str("gpt-4o")),
    ];
    assert_eq!(translated(span("ask", &attributes)).op, "function");
    let mut client = span("ask", &attributes);
    client.kind = Some(SpanKind::Client);
    assert_eq!(translated(client).name, "chat gpt-4o");
    let mut agent = span("ask", &attributes);
    agent.kind = Some(SpanKind::Client);
    agent.attributes.push("gen_ai.agent.name", "Bot");
    assert_eq!(translated(agent).op, "function");
    for (name, key, value, is_call) in [
        ("POST", "http.request.method", "POST", true),
        ("GET", "http.request.method", "GET", false),
        ("query", "db.system.name", "qdrant", false),
        ("publish", "messaging.system", "kafka", false),
        ("llm.request", "shop.id", "1", true),
        ("count_tokens", "shop.id", "1", false),
        ("rate_limiter.acquire", "shop.id", "1", false),
        ("models.retrieve", "shop.id", "1", false),
        ("cache.lookup", "shop.id", "1", false),
        ("health_check", "shop.id", "1", false),
    ] {
        let mut client = span(name, &attributes);
        client.kind = Some(SpanKind::Client);
        client.attributes.push(key, value);
        let op = translated(client).op;
        assert_eq!(op == "gen_ai.chat", is_call, "{name}: {op}");
    }
}

#[test]
fn the_conversation_and_the_agent_of_a_span_confirm_no_call_in_its_name() {
    let conversation = ("gen_ai.conversation.id", "c");
    let agent = ("gen_ai.agent.name", "Bot");
    let model = ("gen_ai.request.model", "m");
    for (name, attribute, op) in [
        ("chat", conversation, "function"),
        ("chat room", conversation, "function"),
        ("extract", agent, "function"),
        ("execute_tool", agent, "function"),
        ("chat", model, "gen_ai.chat"),
        ("invoke_agent", conversation, "function"),
        ("invoke_agent", agent, "gen_ai.invoke_agent"),
        ("handoff", agent, "gen_ai.handoff"),
    ] {
        let (key, value) = attribute;
        let span = span(name, &[(key, Value::Str(value))]);
        assert_eq!(translated(span).op, op, "{name} {key}");
    }
}

/// Spans of one shape share a plan, whatever their names are.
#[test]
fn plans_respect_span_names() {
    for (key, names, op) in [
        ("llm.model", ["work", "openai.chat"], "gen_ai.chat"),
        ("agent_name", ["work", "run_agent"], "gen_ai.invoke_agent"),
        (
            "tool_name",
            ["work", "agent.tool_call"],
            "gen_ai.execute_tool",
        ),
    ] {
        let mut planning = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
        for _ in 0..3 {
            let ops = names.map(|name| {
                let mut span = span(name, &[(key, Value::Str("gpt-4o"))]);
                planning.translate(&mut span).op.into_owned()
            });
            assert_eq!(ops, ["function", op], "{key}");
        }
    }
}

#[test]
fn a_plan_knows_requests_of_mcp_libraries_by_their_names() {
    for (scope, name, op) in [
        (
            "rust_mcp_sdk::mcp_runtimes::client_runtime",
            "mcp.mrtr",
            "gen_ai.execute_tool",
        ),
        (
            "tower_mcp::middleware::tracing",
            "mcp_request",
            "mcp.server",
        ),
    ] {
        let mut planning = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
        for _ in 0..3 {
            let ops = ["work", name].map(|name| {
                let said = [
                    ("method", Value::Str("tools/call")),
                    ("tool", Value::Str("w")),
                ];
                let mut span = span(name, &said);
                span.scope = scope.into();
                planning.translate(&mut span).op.into_owned()
            });
            assert_eq!(ops, ["function", op]);
        }
    }
}

#[test]
fn a_failed_call_to_a_known_provider_is_a_call() {
    for (name, provider, op) in [
        ("OpenAi::complete", Some("openai"), "gen_ai.chat"),
        ("openai rate-limit", None, "gen_ai.chat"),
        ("complete", Some("stripe"), "function"),
        ("complete", None, "function"),
        ("ask", Some("openai"), "function"),
        ("openai-config-loader", None, "function"),
        ("OpenAi::warm_up_then_complete", Some("openai"), "function"),
        ("google_login", None, "function"),
        ("aws.s3.upload", None, "function"),
        ("azure_storage_put", None, "function"),
    ] {
        let mut span = span(name, &[("model", Value::Str("rate-limit"))]);
        if let Some(provider) = provider {
            span.attributes.push("provider", provider);
        }
        span.status = crate::SourceStatus::Error(None);
        assert_eq!(translated(span).op, op, "{name}");
    }
}

#[test]
fn tokens_of_embeddings_are_input_tokens() {
    // tracing-opentelemetry writes unsigned numbers as texts.
    for tokens in [Value::Integer(42), Value::Str("42")] {
        let model = ("model", Value::Str("text-embedding-3-small"));
        let attributes = [model, ("tokens", tokens)];
        let embedded = translated(span("embed_texts", &attributes));
        assert_eq!(embedded.name, "embeddings text-embedding-3-small");
        let input = embedded.attributes.integer("gen_ai.usage.input_tokens");
        assert_eq!(input, Some(42));
        for name in ["count_texts", "embedding.tokenize", "embedding_cache_get"] {
            assert_eq!(translated(span(name, &attributes)).op, "function", "{name}");
        }
    }
}
