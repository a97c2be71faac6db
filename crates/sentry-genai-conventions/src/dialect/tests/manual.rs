//! Names that are close to those of the conventions.

use super::*;

fn kept(span: &SentrySpan, key: &str) -> Option<String> {
    Some(match span.attributes.get(key)? {
        Value::Str(text) => text.to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        other => format!("{other:?}"),
    })
}

/// An operation, an attribute, and the key under which its value ends up.
#[rustfmt::skip]
static NAMES: &[(&str, Attribute, &str)] = &[
    ("chat", ("gen_ai.tokens.input", "42"), "gen_ai.usage.input_tokens"),
    ("chat", ("gen_ai.prompt_tokens", "42"), "gen_ai.usage.input_tokens"),
    ("chat", ("gen_ai.usage.inputTokens", "42"), "gen_ai.usage.input_tokens"),
    ("chat", ("genai.usage.input", "42"), "gen_ai.usage.input_tokens"),
    ("chat", ("llm.usage.prompt_tokens", "42"), "gen_ai.usage.input_tokens"),
    ("chat", ("tokens_in", "42"), "gen_ai.usage.input_tokens"),
    ("chat", ("completion_tokens", "17"), "gen_ai.usage.output_tokens"),
    ("chat", ("gen_ai.usage.reasoning_output_tokens", "5"), "gen_ai.usage.reasoning.output_tokens"),
    ("chat", ("gen_ai.usage.thoughts_tokens", "5"), "gen_ai.usage.reasoning.output_tokens"),
    ("chat", ("gen_ai.usage.input_tokens_cached", "16"), "gen_ai.usage.cache_read.input_tokens"),
    ("chat", ("gen_ai.usage.cache_hit_tokens", "16"), "gen_ai.usage.cache_read.input_tokens"),
    ("chat", ("llm.cache_write_tokens", "8"), "gen_ai.usage.cache_creation.input_tokens"),
    ("chat", ("gen_ai.cost_usd", "0.5"), "gen_ai.cost.total_tokens"),
    ("chat", ("llm.cost.input", "0.5"), "gen_ai.cost.input_tokens"),
    ("chat", ("llm.model_name", "m"), "gen_ai.request.model"),
    ("chat", ("model_id", "m"), "gen_ai.request.model"),
    ("chat", ("llm.provider", "openai"), "gen_ai.provider.name"),
    ("chat", ("gen_ai.error.type", "Timeout"), "error.type"),
    ("chat", ("gen_ai.user.id", "u-1"), "user.id"),
    ("chat", ("gen_ai.max_tokens", "64"), "gen_ai.request.max_tokens"),
    ("chat", ("gen_ai.conversation_id", "c-1"), "gen_ai.conversation.id"),
    ("chat", ("session_id", "c-1"), "gen_ai.conversation.id"),
    ("chat", ("llm.request.tokens", "42"), "gen_ai.usage.input_tokens"),
    ("chat", ("llm.response.tokens", "17"), "gen_ai.usage.output_tokens"),
    ("chat", ("reply_tokens", "17"), "gen_ai.usage.output_tokens"),
    ("chat", ("ai.usage.prompt_tokens", "42"), "gen_ai.usage.input_tokens"),
    ("chat", ("ai.model", "m"), "gen_ai.request.model"),
    ("chat", ("gen_ai.request.is_stream", "true"), "gen_ai.response.streaming"),
    ("invoke_agent", ("agent_name", "Bot"), "gen_ai.agent.name"),
    ("execute_tool", ("tool.name", "t"), "gen_ai.tool.name"),
    ("execute_tool", ("args", "{}"), "gen_ai.tool.call.arguments"),
    ("execute_tool", ("gen_ai.tool.call.input", "{}"), "gen_ai.tool.call.arguments"),
    ("execute_tool", ("tool_result", "sunny"), "gen_ai.tool.call.result"),
    ("execute_tool", ("gen_ai.tool.response", "sunny"), "gen_ai.tool.call.result"),
];

#[test]
fn names_are_recognised_by_their_words() {
    for (operation, (key, value), canonical) in NAMES {
        let attributes = [("gen_ai.operation.name", *operation), (*key, *value)];
        let span = translated("shop::assistant", "call", &attributes);
        assert_eq!(kept(&span, canonical).as_deref(), Some(*value), "{key}");
        assert_eq!(kept(&span, &format!("otel.{key}")), None, "{key}");
    }
}

/// An operation, and an attribute that holds input, output or instructions.
#[rustfmt::skip]
static CONTENT: &[(&str, &str, &str)] = &[
    ("chat", "prompt", "gen_ai.input.messages"),
    ("chat", "llm.prompt", "gen_ai.input.messages"),
    ("chat", "gen_ai.user.message", "gen_ai.input.messages"),
    ("chat", "ai.prompt", "gen_ai.input.messages"),
    ("invoke_agent", "question", "gen_ai.input.messages"),
    ("invoke_agent", "langfuse.observation.input", "gen_ai.input.messages"),
    ("chat", "response", "gen_ai.output.messages"),
    ("chat", "gen_ai.response.content", "gen_ai.output.messages"),
    ("invoke_agent", "answer", "gen_ai.output.messages"),
    ("chat", "gen_ai.system_prompt", "gen_ai.system_instructions"),
    ("invoke_agent", "instructions", "gen_ai.system_instructions"),
    ("embeddings", "input", "gen_ai.embeddings.input"),
];

#[test]
fn content_is_recognised_under_common_names() {
    for (operation, key, canonical) in CONTENT {
        let attributes = [("gen_ai.operation.name", *operation), (*key, "Hello you")];
        let span = translated("shop::assistant", "call", &attributes);
        let content = kept(&span, canonical).unwrap_or_default();
        assert!(content.contains("Hello you"), "{key}: {content}");
    }
}

#[test]
fn canonical_names_take_precedence() {
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "m"),
        ("model_name", "other"),
        ("input_tokens", "1"),
        ("gen_ai.usage.input_tokens", "42"),
        (
            "gen_ai.input.messages",
            r#"[{"role":"user","content":"Hi"}]"#,
        ),
        ("query", "SELECT 1"),
    ];
    let span = translated("shop::assistant", "call", &attributes);
    assert_eq!(kept(&span, "gen_ai.request.model").as_deref(), Some("m"));
    assert_eq!(kept(&span, "model_name").as_deref(), Some("other"));
    assert_eq!(
        span.attributes.integer("gen_ai.usage.input_tokens"),
        Some(42)
    );
    assert_eq!(kept(&span, "query").as_deref(), Some("SELECT 1"));
}

#[test]
fn a_process_thread_is_not_a_conversation() {
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("thread_id", "ThreadId(7)"),
    ];
    let span = translated("shop::assistant", "call", &attributes);
    assert_eq!(kept(&span, "gen_ai.conversation.id"), None);
}

#[test]
fn a_response_id_is_not_a_conversation_id() {
    const CONVERSATION: &str = "gen_ai.conversation.id";
    let response = "resp_0f9b1c3a7d5e4f2b8a6c";
    for (key, id, is_conversation) in [
        (CONVERSATION, response, false),
        ("session.id", response, false),
        (CONVERSATION, "caresp_0f9b1c3a7d5e4f2b8a6c", false),
        (CONVERSATION, "conv_0f9b1c3a7d5e4f2b8a6c", true),
        (CONVERSATION, "resp_482913", false),
        (CONVERSATION, "resp_team-a", true),
        (CONVERSATION, "resp_team-2026", true),
        (CONVERSATION, "resp_what do you know of it", true),
    ] {
        let expected = is_conversation.then_some(id);
        let attributes = [("gen_ai.operation.name", "chat"), (key, id)];
        let span = translated("agent_framework", "chat", &attributes);
        assert_eq!(
            kept(&span, "gen_ai.conversation.id").as_deref(),
            expected,
            "{id}"
        );
        let conversation_id = crate::Inheritable::Conversation.parse(crate::Value::Str(id));
        assert_eq!(conversation_id.as_deref(), expected, "{id}");
    }
    // Another name for a conversation is used.
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.conversation.id", response),
        ("session.id", "s-1"),
    ];
    let span = translated("agent_framework", "chat", &attributes);
    assert_eq!(
        kept(&span, "gen_ai.conversation.id").as_deref(),
        Some("s-1")
    );
}

#[test]
fn limits_and_rates_are_not_token_counts() {
    let other_amounts = [
        "gen_ai.request.max_input_tokens",
        "gen_ai.tokens.remaining",
        "tokens_per_second",
        "prompt_id",
        "input",
        "prompt_tokens_budget",
        "gen_ai.request.output_tokens",
    ];
    for key in other_amounts {
        let attributes = [("gen_ai.operation.name", "chat"), (key, "42")];
        let span = translated("shop::assistant", "call", &attributes);
        assert!(
            !span.attributes.contains("gen_ai.usage.input_tokens"),
            "{key}"
        );
    }
    let attributes = [("gen_ai.operation.name", "chat"), ("tokens_in", "many")];
    let span = translated("shop::assistant", "call", &attributes);
    assert_eq!(kept(&span, "tokens_in").as_deref(), Some("many"));
}

/// Name and attributes, followed by op and name in Sentry.
#[rustfmt::skip]
static SPANS: &[(&str, &[Attribute], &str, &str)] = &[
    ("llm.call", &[("llm.model", "m"), ("llm.usage.prompt_tokens", "42")], "gen_ai.chat", "chat m"),
    ("ask", &[("gen_ai.system", "openai"), ("gen_ai.model", "m"), ("gen_ai.tokens.output", "17")], "gen_ai.chat", "chat m"),
    ("create_embedding", &[("gen_ai.request.model", "m"), ("gen_ai.usage.input_tokens", "3")], "gen_ai.embeddings", "embeddings m"),
    ("ask", &[("gen_ai.operation", "chat"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    ("chat m", &[("gen_ai.system", "openai")], "gen_ai.chat", "chat m"),
    ("chat completion", &[("gen_ai.system", "openai")], "gen_ai.chat", "chat"),
    ("chat What ails me?", &[("gen_ai.system", "openai")], "gen_ai.chat", "chat"),
    ("ask", &[("gen_ai.operation.name", "response_create"), ("gen_ai.request.model", "m")], "gen_ai.responses", "responses m"),
    ("run", &[("gen_ai.operation.name", "tool_call"), ("tool", "t")], "gen_ai.execute_tool", "execute_tool t"),
    ("run", &[("gen_ai.operation.name", "agent"), ("agent.name", "Bot")], "gen_ai.invoke_agent", "invoke_agent Bot"),
    // Failed calls have no counts.
    ("llm.request", &[("gen_ai.system", "openai"), ("gen_ai.request.model", "m"), ("error.type", "429")], "gen_ai.chat", "chat m"),
    ("llm.request", &[("gen_ai.system", "openai"), ("gen_ai.request.model", "m"), ("otel.status_code", "ERROR")], "gen_ai.chat", "chat m"),
    ("llm.request", &[("gen_ai.system", "openai"), ("gen_ai.request.model", "m"), ("otel.status_description", "timed out")], "gen_ai.chat", "chat m"),
    // Others may not record them, such as streams. The name must then say nothing but that this is a call.
    ("llm.request", &[("gen_ai.system", "openai"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    ("chat_completion", &[("gen_ai.provider.name", "openai"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    ("embed_query", &[("gen_ai.provider.name", "openai"), ("gen_ai.request.model", "m")], "gen_ai.embeddings", "embeddings m"),
    ("chat_completion", &[("gen_ai.request.model", "m")], "function", "chat_completion"),
    ("chat_completion", &[("otel.kind", "server"), ("gen_ai.provider.name", "openai"), ("gen_ai.request.model", "m")], "function", "chat_completion"),
    ("init_llm_client", &[("gen_ai.provider.name", "openai"), ("gen_ai.request.model", "m")], "function", "init_llm_client"),
    ("route", &[("llm.request.model", "m"), ("llm.response.tokens", "17"), ("llm.usage.total_tokens", "59")], "gen_ai.chat", "chat m"),
    ("complete", &[("ai.provider", "openai"), ("ai.model", "m"), ("ai.prompt_tokens", "3")], "gen_ai.chat", "chat m"),
    // An unknown operation is a call if it has counts, unless it is work around calls.
    ("ask", &[("gen_ai.operation.name", "summarise"), ("gen_ai.request.model", "m"), ("gen_ai.usage.input_tokens", "3")], "gen_ai.chat", "chat m"),
    ("ask", &[("gen_ai.operation.name", "embed_documents"), ("gen_ai.request.model", "m"), ("gen_ai.usage.input_tokens", "3")], "gen_ai.embeddings", "embeddings m"),
    ("ask", &[("gen_ai.operation.name", "summarise"), ("gen_ai.request.model", "m")], "function", "ask"),
    ("ask", &[("gen_ai.operation.name", "plan_task"), ("gen_ai.request.model", "m"), ("gen_ai.usage.input_tokens", "3")], "function", "ask"),
    // If it is named after a call, it is one even with an agent's name, and if it failed.
    ("ask", &[("gen_ai.operation.name", "llm.response"), ("gen_ai.request.model", "m"), ("gen_ai.agent.name", "Bot"), ("gen_ai.usage.input_tokens", "3")], "gen_ai.chat", "chat m"),
    ("ask", &[("gen_ai.operation.name", "llm.response"), ("gen_ai.request.model", "m"), ("gen_ai.provider.name", "openai"), ("gen_ai.agent.name", "Bot"), ("error.type", "429")], "gen_ai.chat", "chat m"),
    ("ask", &[("gen_ai.operation.name", "llm_request"), ("gen_ai.request.model", "m"), ("gen_ai.usage.input_tokens", "3")], "gen_ai.chat", "chat m"),
    ("ask", &[("gen_ai.operation.name", "llm.request"), ("gen_ai.request.model", "m"), ("gen_ai.provider.name", "openai"), ("gen_ai.agent.name", "Bot")], "function", "ask"),
    ("ask", &[("gen_ai.operation.name", "summarise"), ("gen_ai.request.model", "m"), ("gen_ai.agent.name", "Bot"), ("gen_ai.usage.input_tokens", "3")], "function", "ask"),
    ("ask", &[("gen_ai.operation.name", "InvokeModel"), ("gen_ai.request.model", "m"), ("gen_ai.usage.input_tokens", "3")], "gen_ai.chat", "chat m"),
    ("ask", &[("gen_ai.operation.name", "model_request"), ("gen_ai.request.model", "m"), ("gen_ai.agent.name", "Bot"), ("gen_ai.usage.input_tokens", "3")], "gen_ai.chat", "chat m"),
    ("ask", &[("gen_ai.operation.name", "load_model"), ("gen_ai.request.model", "m"), ("gen_ai.provider.name", "ollama"), ("error.type", "404")], "function", "ask"),
    // Operations of an agent or a tool that no convention knows.
    ("run", &[("gen_ai.operation.name", "tool.execute"), ("gen_ai.tool.name", "t")], "gen_ai.execute_tool", "execute_tool t"),
    ("run", &[("gen_ai.operation.name", "tools/call"), ("gen_ai.tool.name", "t")], "gen_ai.execute_tool", "execute_tool t"),
    ("run", &[("gen_ai.operation.name", "mcp_tool_call"), ("tool_name", "t")], "gen_ai.execute_tool", "execute_tool t"),
    ("run", &[("gen_ai.operation.name", "tool_validation"), ("gen_ai.tool.name", "t")], "function", "run"),
    ("run", &[("gen_ai.operation.name", "agent_turn"), ("gen_ai.agent.name", "Bot"), ("gen_ai.request.model", "m"), ("gen_ai.usage.input_tokens", "3")], "gen_ai.invoke_agent", "invoke_agent Bot"),
    ("run", &[("gen_ai.operation.name", "invoke_subagent"), ("gen_ai.agent.name", "Bot")], "gen_ai.invoke_agent", "invoke_agent Bot"),
    ("run", &[("gen_ai.operation.name", "agent_step"), ("gen_ai.agent.name", "Bot")], "function", "run"),
    // The name of the span, together with the name of an agent or a tool.
    ("shop.agent.run", &[("gen_ai.agent.name", "Bot"), ("gen_ai.request.model", "m"), ("gen_ai.usage.input_tokens", "3")], "gen_ai.invoke_agent", "invoke_agent Bot"),
    ("continue agent", &[("gen_ai.agent.name", "Bot")], "gen_ai.invoke_agent", "invoke_agent Bot"),
    ("agent.heartbeat", &[("gen_ai.agent.name", "Bot")], "function", "agent.heartbeat"),
    ("agent.call_llm", &[("gen_ai.agent.name", "Bot"), ("gen_ai.request.model", "m"), ("gen_ai.usage.input_tokens", "3")], "gen_ai.chat", "chat m"),
    ("ToolCall", &[("gen_ai.agent.name", "Bot"), ("gen_ai.tool.name", "t")], "gen_ai.execute_tool", "execute_tool t"),
    ("tool.validate", &[("gen_ai.tool.name", "t")], "function", "tool.validate"),
    // Without a namespace: a call by its name, with a model and counts both ways, or with the provider at which it failed.
    ("llm_call", &[("model", "m"), ("tokens_in", "3"), ("tokens_out", "4")], "gen_ai.chat", "chat m"),
    ("Ollama::generate", &[("model", "m"), ("prompt_tokens", "3"), ("completion_tokens", "4")], "gen_ai.chat", "chat m"),
    ("llm_call", &[("model", "m"), ("provider", "openai"), ("error.type", "429")], "gen_ai.chat", "chat m"),
    ("llm_call", &[("model", "m"), ("provider", "openai")], "function", "llm_call"),
    ("send_message", &[("model", "m"), ("input_tokens", "3"), ("output_tokens", "4"), ("stop_reason", "end_turn")], "gen_ai.chat", "chat m"),
    ("payment.complete", &[("model", "m"), ("provider", "stripe"), ("error.type", "429")], "function", "payment.complete"),
    ("llm.chat_completion", &[("provider", "openai"), ("model", "m"), ("llm.input_tokens", "3"), ("llm.output_tokens", "4")], "gen_ai.chat", "chat m"),
    ("model.call", &[("model", "m"), ("input_tokens", "3"), ("output_tokens", "4")], "gen_ai.chat", "chat m"),
    ("agent.invoke_model", &[("model", "m"), ("input_tokens", "3"), ("output_tokens", "4")], "gen_ai.chat", "chat m"),
    ("load_model", &[("model", "m"), ("input_tokens", "3"), ("output_tokens", "4")], "function", "load_model"),
    ("llm.chat_completion", &[("provider", "openai"), ("model", "m"), ("llm.attempt", "3")], "function", "llm.chat_completion"),
    ("embed", &[("model", "m"), ("input_tokens", "3")], "gen_ai.embeddings", "embeddings m"),
    ("llm.chat", &[("llm.model", "m"), ("llm.provider", "openai"), ("error", "timeout")], "gen_ai.chat", "chat m"),
    ("embed_batch", &[("model", "m"), ("total_tokens", "3")], "gen_ai.embeddings", "embeddings m"),
    ("execute_tool", &[("tool", "t")], "gen_ai.execute_tool", "execute_tool t"),
    ("agent.tool_call", &[("tool_name", "t")], "gen_ai.execute_tool", "execute_tool t"),
    ("mcp.call_tool", &[("tool", "t")], "gen_ai.execute_tool", "execute_tool t"),
    ("tool_call", &[("tool.name", "t")], "gen_ai.execute_tool", "execute_tool t"),
    // A tool of any kind may be executed.
    ("tool_execution", &[("tool.name", "nmap")], "function", "tool_execution"),
    ("tool_call_count", &[("tool", "t")], "function", "tool_call_count"),
    ("invoke_agent", &[("agent_name", "Bot")], "gen_ai.invoke_agent", "invoke_agent Bot"),
    ("invoke_agent", &[("method", "m")], "function", "invoke_agent"),
    ("chat.join", &[("model", "m"), ("tokens_in", "3")], "function", "chat.join"),
    ("estimate_llm_cost", &[("model", "m"), ("prompt_tokens", "3"), ("completion_tokens", "4")], "function", "estimate_llm_cost"),
    ("llm_call", &[("db.system", "sqlite"), ("model", "m"), ("tokens_in", "3"), ("tokens_out", "4")], "db", "llm_call"),
    // A model or counts alone, without anything else of GenAI, prove nothing.
    ("train", &[("llm.model", "m"), ("llm.layers", "32")], "function", "train"),
    ("fit", &[("model", "m"), ("tokens_in", "3"), ("tokens_out", "4")], "function", "fit"),
];

#[test]
fn spans_are_classified_by_name_and_attributes() {
    for (name, attributes, op, expected) in SPANS {
        let span = translated("shop::assistant", name, attributes);
        assert_eq!((&*span.op, &*span.name), (*op, *expected), "{name}");
    }
    let span = translated("shop::train", "train", SPANS[SPANS.len() - 2].1);
    assert_eq!(kept(&span, "llm.model").as_deref(), Some("m"));
}

#[test]
fn numbers_of_messages_are_not_messages() {
    let span = translated_with(|span| {
        span.attributes.push("gen_ai.operation.name", "chat");
        span.attributes.push("gen_ai.request.messages", 12_i64);
        for key in ["messages", "response", "instructions", "agent", "tool"] {
            span.attributes.push(key, 12_i64);
        }
        span.attributes.push("stream", "stdout");
    });
    assert_eq!(
        kept(&span, "otel.gen_ai.request.messages").as_deref(),
        Some("12")
    );
    for key in [
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.agent.name",
        "gen_ai.tool.name",
        "gen_ai.response.streaming",
    ] {
        assert_eq!(kept(&span, key), None, "{key}");
    }
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.tools", r#"["w"]"#),
        ("gen_ai.request.tools", r#"[{"name":"w"}]"#),
    ];
    let span = translated("shop::assistant", "call", &attributes);
    let tools = kept(&span, DEFINITIONS).unwrap_or_default();
    assert!(tools.contains(r#""name":"w""#), "{tools}");
}

#[test]
fn a_request_handler_is_not_a_model_call() {
    let span = translated_with(|span| {
        span.kind = Some(SpanKind::Server);
        span.name = "POST /chat".into();
        span.attributes.push("model", "m");
        span.attributes.push("prompt_tokens", 3_i64);
        span.attributes.push("completion_tokens", 4_i64);
    });
    assert_eq!(span.ai, None);
}

fn time_to_first_chunk(key: &'static str, time: f64) -> Option<f64> {
    let trace_id = TraceId::from_bytes([1; 16])?;
    let start = Timestamp::from_nanos(1_795_197_437_000_000_000);
    let mut span = SourceSpan::new(trace_id, SpanId::from_bytes([2; 8])?, "call", start);
    span.end = Timestamp::from_nanos(1_795_197_440_000_000_000);
    span.attributes.push("gen_ai.operation.name", "chat");
    span.attributes.push(key, time);
    let span = Translator::new(TranslateOptions::default()).translate(span);
    match span.attributes.get("gen_ai.response.time_to_first_chunk")? {
        Value::Double(time) => Some(time),
        _ => None,
    }
}

#[test]
fn time_to_first_token_is_read_in_seconds_and_milliseconds() {
    assert_eq!(time_to_first_chunk("gen_ai.ttft_ms", 250.0), Some(0.25));
    assert_eq!(
        time_to_first_chunk("gen_ai.response.ttft_seconds", 0.25),
        Some(0.25)
    );
    assert_eq!(
        time_to_first_chunk("gen_ai.server.time_to_first_token", 0.25),
        None
    );
    assert_eq!(
        time_to_first_chunk("llm.time_to_first_token", 250.0),
        Some(0.25)
    );
    assert_eq!(
        time_to_first_chunk("time_to_first_token_ms", 250.0),
        Some(0.25)
    );
    assert_eq!(
        time_to_first_chunk("llm.time_to_first_token_us", 250.0),
        None
    );
}

/// Fields in `tracing` may be recorded with `?`.
#[test]
fn none_is_not_a_name() {
    for key in ["model", "llm.model", "model_name"] {
        let span = translated(
            "acme",
            "ask",
            &[("gen_ai.operation.name", "chat"), (key, "None")],
        );
        assert_eq!(span.name, "chat", "{key}");
        assert!(!span.attributes.contains("gen_ai.request.model"), "{key}");
    }
    let attributes = [("gen_ai.operation.name", "chat"), ("session_id", "None")];
    let span = translated("acme", "ask", &attributes);
    assert!(!span.attributes.contains("gen_ai.conversation.id"));
}

#[test]
fn many_names_for_one_count_are_read_in_linear_time() {
    let span = translated_with(|span| {
        span.attributes.push("gen_ai.operation.name", "chat");
        for number in 0..30_000 {
            let words = format!("{number:b}")
                .replace('0', ".num")
                .replace('1', ".count");
            let key = format!("llm{words}.tokens.in");
            span.attributes.push_owned_key(&key, 4_i64);
        }
    });
    // A quadratic step would take half a minute.
    assert_eq!(
        span.attributes.integer("gen_ai.usage.input_tokens"),
        Some(4)
    );
}

#[test]
fn success_flags_set_the_status_of_tools() {
    for (key, value, status) in [
        ("gen_ai.tool.success", false, crate::Status::Error),
        ("gen_ai.tool.success", true, crate::Status::Ok),
        ("tool.is_error", true, crate::Status::Error),
        ("shop.tool.success", false, crate::Status::Error),
        ("shop.footool.success", false, crate::Status::Ok),
        ("success", false, crate::Status::Error),
        ("success", true, crate::Status::Ok),
        ("is_error", true, crate::Status::Error),
        ("shop.success", false, crate::Status::Ok),
    ] {
        let of = |operation| {
            translated_with(|span| {
                span.attributes.push("gen_ai.operation.name", operation);
                span.attributes.push(key, value);
            })
        };
        assert_eq!(of("execute_tool").status, status, "{key} {value}");
        // For spans around the tool it means nothing.
        assert_eq!(of("invoke_agent").status, crate::Status::Ok, "{key}");
    }
}

#[test]
fn total_tokens_of_embeddings_are_input() {
    let counted = |operation: &'static str| {
        let span = translated_with(|span| {
            span.attributes.push("gen_ai.operation.name", operation);
            span.attributes.push("gen_ai.usage.total_tokens", 42);
        });
        span.attributes.integer("gen_ai.usage.input_tokens")
    };
    assert_eq!(counted("embeddings"), Some(42));
    assert_eq!(counted("chat"), None);
}

#[test]
fn attributes_of_named_tool_calls_are_read() {
    let attributes = [
        ("tool_name", "t"),
        ("tool_call_id", "c-1"),
        ("args", "{}"),
        ("result", "sunny"),
        ("is_error", "true"),
    ];
    let span = translated("shop::agent", "agent.tool_call", &attributes);
    let kept = |key| kept(&span, key);
    assert_eq!(kept("gen_ai.tool.call.id").as_deref(), Some("c-1"));
    assert_eq!(kept("gen_ai.tool.call.arguments").as_deref(), Some("{}"));
    assert_eq!(kept("gen_ai.tool.call.result").as_deref(), Some("sunny"));
    assert_eq!(span.status, crate::Status::Error);
}

fn translated_with(fill: impl FnOnce(&mut SourceSpan)) -> SentrySpan {
    let mut span = testing::span("call");
    fill(&mut span);
    with_content(span)
}

#[test]
fn token_counts_under_other_names_count_the_call() {
    let mut span = testing::span("call");
    span.attributes.push("gen_ai.operation.name", "chat");
    assert!(!span.is_counted_model_call());
    span.attributes.push("gen_ai.tokens.input", 42_i64);
    assert!(span.is_counted_model_call());
    assert!(crate::KeyFlags::of("gen_ai.tokens.input").has_token_counts());
}

#[test]
fn tool_arguments_are_not_model_parameters() {
    let tool = [
        ("gen_ai.operation.name", "execute_tool"),
        ("tool_name", "heat"),
        ("temperature", "22.5"),
        ("provider", "Acme"),
        ("model", "T-1"),
    ];
    let span = translated("shop", "heat", &tool);
    assert_eq!(span.name, "execute_tool heat");
    for (key, value) in &tool[2..] {
        assert_eq!(kept(&span, key).as_deref(), Some(*value), "{key}");
    }
    assert!(!span.attributes.contains("gen_ai.request.temperature"));
    assert!(!span.attributes.contains("gen_ai.provider.name"));
}
