//! Op and name of every kind of span.

use sentry_genai::SpanExt;
use sentry_genai_testkit::ReceivedSpan;
use sentry_genai_tests::Bridge;
use tracing::info_span;

type Attribute = (&'static str, &'static str);

/// Attributes, and the resulting op and name.
type Case = (&'static [Attribute], &'static str, &'static str);

/// Sends one span with these attributes, and returns what arrives.
fn received(name: &'static str, attributes: &[(&str, &str)]) -> ReceivedSpan {
    let bridge = Bridge::start();
    bridge.run(|| {
        // A name that differs between cases has to be a field.
        let span = info_span!("static", otel.name = tracing::field::Empty);
        if !name.is_empty() {
            span.record("otel.name", name);
        }
        for (key, value) in attributes {
            span.set_gen_ai_attribute(key, *value);
        }
    });
    bridge.spans().remove(0)
}

#[test]
fn ai_operations() {
    let cases: &[Case] = &[
        (
            &[
                ("gen_ai.operation.name", "chat"),
                ("gen_ai.request.model", "gpt-5-mini"),
            ],
            "gen_ai.chat",
            "chat gpt-5-mini",
        ),
        (
            &[
                ("gen_ai.operation.name", "generate_content"),
                ("gen_ai.request.model", "gemini-3"),
            ],
            "gen_ai.generate_content",
            "generate_content gemini-3",
        ),
        (
            &[
                ("gen_ai.operation.name", "text_completion"),
                ("gen_ai.response.model", "m"),
            ],
            "gen_ai.text_completion",
            "text_completion m",
        ),
        (
            &[
                ("gen_ai.operation.name", "responses"),
                ("gen_ai.request.model", "m"),
            ],
            "gen_ai.responses",
            "responses m",
        ),
        (
            &[
                ("gen_ai.operation.name", "embeddings"),
                ("gen_ai.request.model", "e"),
            ],
            "gen_ai.embeddings",
            "embeddings e",
        ),
        (
            &[
                ("gen_ai.operation.name", "rerank"),
                ("gen_ai.request.model", "r"),
            ],
            "gen_ai.rerank",
            "rerank r",
        ),
        (
            &[
                ("gen_ai.operation.name", "evaluate"),
                ("gen_ai.request.model", "m"),
            ],
            "gen_ai.evaluate",
            "evaluate m",
        ),
        (
            &[("gen_ai.operation.name", "decide")],
            "gen_ai.decide",
            "decide",
        ),
        (
            &[("gen_ai.operation.name", "extract")],
            "gen_ai.extract",
            "extract",
        ),
        (
            &[
                ("gen_ai.operation.name", "invoke_agent"),
                ("gen_ai.agent.name", "Bot"),
            ],
            "gen_ai.invoke_agent",
            "invoke_agent Bot",
        ),
        (
            &[
                ("gen_ai.operation.name", "create_agent"),
                ("gen_ai.agent.name", "Bot"),
            ],
            "gen_ai.create_agent",
            "create_agent Bot",
        ),
        (
            &[
                ("gen_ai.operation.name", "execute_tool"),
                ("gen_ai.tool.name", "add"),
            ],
            "gen_ai.execute_tool",
            "execute_tool add",
        ),
        (
            &[
                ("gen_ai.operation.name", "handoff"),
                ("from_agent", "Triage"),
                ("to_agent", "Billing"),
            ],
            "gen_ai.handoff",
            "handoff from Triage to Billing",
        ),
        (
            &[
                ("gen_ai.operation.name", "search_memory"),
                ("gen_ai.memory.store.id", "s"),
            ],
            "gen_ai.memory.client",
            "search_memory",
        ),
        (
            &[("gen_ai.operation.name", "upsert_memory")],
            "gen_ai.memory.client",
            "upsert_memory",
        ),
        (
            &[
                ("gen_ai.operation.name", "transcription"),
                ("gen_ai.request.model", "whisper"),
            ],
            "gen_ai.generate_content",
            "generate_content whisper",
        ),
    ];
    for (attributes, op, name) in cases {
        let span = received("", attributes);
        assert_eq!((span.op(), &*span.name), (*op, *name), "{attributes:?}");
        assert!(
            span.str("gen_ai.operation.name").is_some(),
            "Sentry reads the operation as well"
        );
    }
}

#[test]
fn what_sentry_would_take_for_a_model_call_becomes_a_plain_span() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[
                ("gen_ai.operation.name", "invoke_workflow"),
                ("gen_ai.workflow.name", "support"),
            ],
            "invoke_workflow support",
        ),
        (
            &[
                ("gen_ai.operation.name", "retrieval"),
                ("gen_ai.data_source.id", "docs"),
            ],
            "retrieval docs",
        ),
        (
            &[
                ("gen_ai.operation.name", "plan"),
                ("gen_ai.agent.name", "Bot"),
            ],
            "plan Bot",
        ),
        (&[("gen_ai.operation.name", "agent_step")], "static"),
    ];
    for (attributes, name) in cases {
        let span = received("", attributes);
        assert_eq!(
            (span.op(), &*span.name),
            ("function", *name),
            "{attributes:?}"
        );
        assert_eq!(span.attr("gen_ai.operation.name"), None);
    }
}

#[test]
fn an_operation_can_be_read_from_the_name() {
    let cases: &[(&str, &[Attribute], &str, &str)] = &[
        (
            "execute_tool get_weather",
            &[],
            "gen_ai.execute_tool",
            "execute_tool get_weather",
        ),
        (
            "invoke_agent Bot",
            &[],
            "gen_ai.invoke_agent",
            "invoke_agent Bot",
        ),
        (
            "chat gpt-5-mini",
            &[("gen_ai.system", "openai")],
            "gen_ai.chat",
            "chat gpt-5-mini",
        ),
        (
            "gen_ai.chat",
            &[("gen_ai.request.model", "m")],
            "gen_ai.chat",
            "chat m",
        ),
        (
            "model_request",
            &[
                ("gen_ai.request.model", "m"),
                ("gen_ai.usage.input_tokens", "5"),
            ],
            "gen_ai.chat",
            "chat m",
        ),
        ("chat with the team", &[], "function", "chat with the team"),
        (
            "x",
            &[("sentry.op", "gen_ai.chat"), ("gen_ai.request.model", "m")],
            "gen_ai.chat",
            "chat m",
        ),
    ];
    for (name, attributes, op, expected) in cases {
        let span = received(name, attributes);
        assert_eq!((span.op(), &*span.name), (*op, *expected), "{name}");
    }
    let tool = received("execute_tool get_weather", &[]);
    assert_eq!(
        tool.str("gen_ai.tool.name"),
        Some("get_weather"),
        "the tools view needs it"
    );
}

#[test]
fn mcp_spans() {
    let call = [
        ("mcp.method.name", "tools/call"),
        ("gen_ai.tool.name", "add"),
        ("gen_ai.operation.name", "execute_tool"),
    ];
    let server = [&call[..], &[("otel.kind", "server")]].concat();
    let span = received("", &server);
    assert_eq!((span.op(), &*span.name), ("mcp.server", "tools/call add"));
    assert_eq!(
        span.attr("gen_ai.operation.name"),
        None,
        "one call is not counted on both ends"
    );

    let client = [&call[..], &[("otel.kind", "client")]].concat();
    let span = received("", &client);
    assert_eq!(
        (span.op(), &*span.name),
        ("gen_ai.execute_tool", "execute_tool add")
    );

    let notification = [
        ("mcp.method.name", "notifications/initialized"),
        ("otel.kind", "server"),
    ];
    assert_eq!(
        received("", &notification).op(),
        "mcp.notification.client_to_server"
    );
    let listing = [("mcp.method.name", "tools/list"), ("otel.kind", "client")];
    let span = received("", &listing);
    assert_eq!((span.op(), &*span.name), ("function", "tools/list"));
}

#[test]
fn plain_spans_by_convention() {
    let cases: &[Case] = &[
        (
            &[
                ("http.request.method", "POST"),
                ("http.route", "/ask"),
                ("otel.kind", "server"),
            ],
            "http.server",
            "POST /ask",
        ),
        (
            &[("http.request.method", "GET"), ("otel.kind", "client")],
            "http.client",
            "GET",
        ),
        (
            &[
                ("http.request.method", "GET"),
                ("url.template", "/users/{id}"),
                ("otel.kind", "client"),
            ],
            "http.client",
            "GET /users/{id}",
        ),
        (
            &[
                ("db.system.name", "postgresql"),
                ("db.operation.name", "SELECT"),
                ("db.collection.name", "users"),
            ],
            "db",
            "SELECT users",
        ),
        (
            &[("db.system", "redis"), ("db.query.summary", "GET user")],
            "db",
            "GET user",
        ),
        (
            &[
                ("rpc.system", "grpc"),
                ("rpc.service", "Weather"),
                ("rpc.method", "Now"),
            ],
            "rpc",
            "Weather/Now",
        ),
        (
            &[
                ("messaging.system", "kafka"),
                ("messaging.operation.name", "publish"),
                ("messaging.destination.name", "mail"),
            ],
            "message",
            "publish mail",
        ),
        (
            &[("faas.trigger", "timer"), ("faas.name", "nightly")],
            "timer",
            "nightly",
        ),
        (&[("app.anything", "1")], "function", "static"),
    ];
    for (attributes, op, name) in cases {
        let span = received("", attributes);
        assert_eq!((span.op(), &*span.name), (*op, *name), "{attributes:?}");
    }
    let named = received(
        "my own name",
        &[("http.request.method", "POST"), ("http.route", "/ask")],
    );
    assert_eq!(named.name, "my own name");
}

#[test]
fn a_failed_http_status_is_an_error() {
    let client = [
        ("http.request.method", "GET"),
        ("otel.kind", "client"),
        ("http.response.status_code", "404"),
    ];
    let span = received("", &client);
    assert!(span.is_error());
    assert_eq!(span.str("error.type"), Some("404"));
    let server = [
        ("http.request.method", "GET"),
        ("otel.kind", "server"),
        ("http.response.status_code", "404"),
    ];
    assert_eq!(received("", &server).status, "ok");
}

#[test]
fn a_call_described_twice_counts_once() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let agent = info_span!(
            "agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = "Bot",
            gen_ai.usage.input_tokens = 84,
            gen_ai.usage.output_tokens = 34,
        );
        let wrapper = info_span!(parent: &agent, "wrapper", gen_ai.operation.name = "chat", gen_ai.request.model = "m", gen_ai.request.temperature = 0.5);
        let _call = info_span!(
            parent: &wrapper,
            "sdk",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m",
            gen_ai.usage.input_tokens = 42,
            gen_ai.usage.output_tokens = 17,
            gen_ai.response.id = "resp_1",
        );
    });
    let spans = bridge.spans();
    let calls: Vec<_> = spans
        .iter()
        .filter(|span| span.op() == "gen_ai.chat")
        .collect();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].int("gen_ai.usage.input_tokens"), Some(42));
    assert_eq!(calls[0].str("gen_ai.response.id"), Some("resp_1"));
    assert_eq!(
        calls[0].attr("gen_ai.request.temperature"),
        Some(&serde_json::json!(0.5))
    );
    assert_eq!(
        bridge
            .span("invoke_agent Bot")
            .attr("gen_ai.usage.input_tokens"),
        None
    );
    let total: i64 = spans
        .iter()
        .filter_map(|span| span.int("gen_ai.usage.total_tokens"))
        .sum();
    assert_eq!(total, 59);
}
