//! What may leave, depending on the span.

mod client_addresses;
mod credentials;
mod databases;
mod leaks;

use super::*;
use crate::{
    PlanningTranslator, Scalar, SourceStatus, SpanId, Timestamp, TraceId, TranslateOptions,
    Translator,
};

fn span_of(pairs: &[(&'static str, Value<'_>)]) -> SourceSpan {
    let trace = TraceId::from_bytes([1; 16]).unwrap();
    let mut span = SourceSpan::new(
        trace,
        SpanId::from_bytes([1; 8]).unwrap(),
        "x",
        Timestamp::default(),
    );
    for (key, value) in pairs {
        span.attributes.push(key, *value);
    }
    span
}

fn kept(
    provenance: Provenance,
    capture: Capture,
    pairs: &[(&'static str, Value<'_>)],
) -> Vec<String> {
    let mut span = span_of(pairs);
    withhold(&mut span, provenance, capture);
    let kept = span.attributes.iter().map(|(key, _)| key.to_owned());
    kept.collect()
}

const CAPTURE_NOTHING: Capture = Capture {
    inputs: false,
    outputs: false,
    client_addresses: false,
};

#[test]
fn an_ai_span_keeps_only_attributes_that_cannot_be_content() {
    let pairs = [
        ("gen_ai.request.model", Value::Str("gpt-5-mini")),
        ("gen_ai.tool.call.id", Value::Str("call_1")),
        ("gen_ai.input.messages", Value::Str("[]")),
        ("gen_ai.tool.call.result", Value::Str("4")),
        ("question", Value::Str("hunter2")),
        ("pin", Value::Integer(1234)),
        ("app.tenant", Value::Str("acme")),
        ("app.attempt", Value::Integer(2)),
        ("app.note", Value::Str("she said no")),
        ("langfuse.input", Value::Str("hunter2")),
        ("app.userPrompt", Value::Str("hunter2")),
        ("app.LLMOutput", Value::Str("hunter2")),
        ("app.output_json", Value::Str("hunter2")),
        ("app.messages.0", Value::Str("hunter2")),
        ("app.steps.0.input.city", Value::Str("hunter2")),
        ("app.tool_args.city", Value::Str("hunter2")),
        ("app.tool_args.pin", Value::Integer(1234)),
        ("app.answer", Value::Integer(42)),
        ("github.copilot.tool.parameters.name", Value::Str("hunter2")),
        ("app.arg_values", Value::Str(r#"{"city":"hunter2"}"#)),
        ("db.chroma.query.where_document", Value::Str("hunter2")),
        ("fastmcp.component.key", Value::Str("users://hunter2")),
        ("openai.request.note", Value::Str("she said no")),
        ("openai.request.service_tier", Value::Str("flex")),
        ("app.steps.0.input.type", Value::Str("object")),
        ("app.steps.0.input.tokens", Value::Integer(2)),
        ("app.inputTokens", Value::Integer(2)),
        ("server.address", Value::Str("api.openai.com")),
        ("process.command_line", Value::Str("llm hunter2")),
    ];
    let expected = [
        "gen_ai.request.model",
        "gen_ai.tool.call.id",
        "app.tenant",
        "app.attempt",
        "openai.request.service_tier",
        "app.steps.0.input.type",
        "app.steps.0.input.tokens",
        "app.inputTokens",
        "server.address",
    ];
    assert_eq!(kept(Provenance::GenAi, CAPTURE_NOTHING, &pairs), expected);
}

#[test]
fn inputs_and_outputs_are_captured_independently() {
    let pairs = [
        ("gen_ai.input.messages", Value::Str("[]")),
        ("gen_ai.output.messages", Value::Str("[]")),
        ("crewai.task.context", Value::Str("both sides")),
        ("note", Value::Str("unknown side")),
    ];
    let inputs = Capture {
        inputs: true,
        ..CAPTURE_NOTHING
    };
    assert_eq!(
        kept(Provenance::GenAi, inputs, &pairs),
        ["gen_ai.input.messages"]
    );
    let outputs = Capture {
        outputs: true,
        ..CAPTURE_NOTHING
    };
    assert_eq!(
        kept(Provenance::GenAi, outputs, &pairs),
        ["gen_ai.output.messages"]
    );
    let both = Capture {
        inputs: true,
        outputs: true,
        client_addresses: true,
    };
    assert_eq!(kept(Provenance::GenAi, both, &pairs).len(), 4);
}

#[test]
fn a_plain_span_loses_arguments_that_look_like_content() {
    let long = "x".repeat(300);
    let pairs = [
        ("queue", Value::Str("default")),
        ("order_id", Value::Str("A-17")),
        ("q", Value::Str("hunter2")),
        ("question", Value::Str("hunter2")),
        ("note", Value::Str("what is the weather in Vienna")),
        ("req", Value::Str(r#"{"prompt":"x"}"#)),
        ("req_debug", Value::Str(r#""{\"a\":1}""#)),
        ("values", Value::Str("[1, 2, 3]")),
        ("names", Value::Str(r#"["hunter2"]"#)),
        ("rows", Value::Str(r#"[{"a":1}]"#)),
        ("page", Value::Str(&long)),
        ("Question", Value::Str("hunter2")),
        ("promptJSON", Value::Str("hunter2")),
        ("app.note", Value::Str("what is the weather in Vienna")),
        ("userMessage", Value::Str("hunter2")),
        ("app.answer2", Value::Str("hunter2")),
        (
            "app.request",
            Value::Str(r#"{"messages":[{"role":"user"}]}"#),
        ),
        (
            "app.turn",
            Value::Str(r#" [{"role":"user","content":"x"}]"#),
        ),
        ("app.rights", Value::Str(r#"{"role":"admin"}"#)),
        ("app.page", Value::Str(r#"{"content":"a.html"}"#)),
        ("db.query.text", Value::Str("SELECT a FROM b WHERE c = $1")),
    ];
    let expected = [
        "queue",
        "order_id",
        "values",
        "app.note",
        "app.rights",
        "app.page",
        "db.query.text",
    ];
    assert_eq!(kept(Provenance::Other, CAPTURE_NOTHING, &pairs), expected);
}

/// Somebody chose to write attributes with a namespace, but hardly means to send messages, or what an agent thinks.
#[test]
fn a_plain_span_loses_messages_and_thoughts_under_any_namespace() {
    let prose = "she may be ill";
    for (key, text, is_expected) in [
        ("app.request", "{'messages': [{'role': 'user'}]}", false),
        ("app.turn", "[{'role': 'user', 'content': 'x'}]", false),
        (
            "app.request",
            "Request { model: \"m\", messages: [User(\"x\")] }",
            false,
        ),
        ("app.turn", "Message { role: User, content: \"x\" }", false),
        ("app.grant", "Grant { role: Admin, scope: [\"a\"] }", true),
        ("app.note", "the role: admin, its content: none", true),
        ("agent.reasoning", prose, false),
        ("agent.lastObservation", prose, false),
        ("app.conversation", "42f7", true),
        ("app.reasoning", "very high", true),
        ("app.reasoning_mode", prose, true),
    ] {
        let is_kept = !kept(
            Provenance::Other,
            CAPTURE_NOTHING,
            &[(key, Value::Str(text))],
        )
        .is_empty();
        assert_eq!(is_kept, is_expected, "{key} {text}");
    }
}

/// Whoever has the body of a request recorded has not permitted it to leave.
#[test]
fn content_in_namespaces_of_conventions_is_removed() {
    let (prose, json) = (Value::Str("my diagnosis"), Value::Str(r#"{"a":"hunter2"}"#));
    for (key, value, is_expected) in [
        ("http.request.body", json, false),
        ("http.response.body", prose, false),
        ("messaging.message.payload", prose, false),
        ("openai.response.text", prose, false),
        ("jsonrpc.request.params", json, false),
        ("db.query.parameter.name", Value::Str("hunter2"), false),
        ("code.function.parameter.city", Value::Str("Rome"), false),
        (
            "code.function.parameters.city.value",
            Value::Str("Rome"),
            false,
        ),
        ("code.function.return.value", json, false),
        ("code.function.name", Value::Str("shop::find"), true),
        ("app.filter.limit", Value::Integer(4), true),
        ("app.function.return.code", Value::Integer(4), true),
        ("db.vector.query", prose, false),
        ("sentry.message.parameter.city", Value::Str("Rome"), false),
        ("http.request.body.size", Value::Integer(4), true),
        ("http.request.header.authorization", prose, false),
        ("http.request.header.accept", Value::Str("a, b"), true),
        ("url.full", Value::Str("https://h/a?alt=sse"), true),
    ] {
        for provenance in [Provenance::GenAi, Provenance::Library, Provenance::Other] {
            let is_kept = !kept(provenance, CAPTURE_NOTHING, &[(key, value)]).is_empty();
            assert_eq!(is_kept, is_expected, "{key} {provenance:?}");
        }
    }
}

#[test]
fn a_plain_span_loses_lists_of_prose() {
    let question = [Scalar::Str("my diagnosis is this".into())];
    let ids = [Scalar::Str("a-1".into()), Scalar::Integer(2)];
    for (key, items, is_expected) in [
        ("app.prompts", &ids[..], false),
        ("lines", &question, false),
        ("app.lines", &question, true),
        ("ids", &ids, true),
    ] {
        let is_kept = !kept(
            Provenance::Other,
            CAPTURE_NOTHING,
            &[(key, Value::Array(items))],
        )
        .is_empty();
        assert_eq!(is_kept, is_expected, "{key}");
    }
}

/// Up to version 1, Mastra made a span of every method, in addition to those of its exporter.
#[test]
fn arguments_and_results_of_mastra_methods_are_removed() {
    let mut span = span_of(&[
        ("componentName", Value::Str("weather")),
        ("agent.stream.argument.0", Value::Str("\"hunter2\"")),
        ("agent.stream.result", Value::Str("{\"text\":\"hunter2\"}")),
        ("stream.response.text", Value::Str("It is hunter2")),
        ("stream.usage.inputTokens", Value::Integer(42)),
    ]);
    span.scope = "default-tracer".into();
    let span = Translator::new(TranslateOptions::default()).translate(span);
    let kept: Vec<_> = span.attributes.iter().map(|(key, _)| key).collect();
    assert_eq!(kept, ["stream.usage.inputTokens"]);

    // Inside agents its tracer is named after the service.
    for (name, key) in [
        ("mastra.stream.toolCall", "stream.toolCall.result"),
        ("workflow.main.step.ask", "workflow.main.step.ask.result"),
    ] {
        let mut span = span_of(&[
            ("componentName", Value::Str("main")),
            ("mastra.operationId", Value::Str(name)),
            (key, Value::Str("\"hunter 2\"")),
        ]);
        if name.starts_with("workflow.") {
            span.attributes.remove("mastra.operationId");
        }
        span.name = name.into();
        span.scope = "shop".into();
        let span = Translator::new(TranslateOptions::default()).translate(span);
        assert!(!span.attributes.contains(key), "{name}");
    }
}

#[test]
fn a_library_span_loses_texts_that_are_not_tokens() {
    let long = "x".repeat(129);
    let pairs = [
        ("executor.id", Value::Str("writer")),
        ("attempt", Value::Integer(2)),
        ("chain.state", Value::Str("she said no")),
        ("workflow.definition", Value::Str(r#"{"a":1}"#)),
        ("workflow.image", Value::Str(&long)),
        ("tags", Value::Array(&[])),
    ];
    let expected = ["executor.id", "attempt"];
    assert_eq!(kept(Provenance::Library, CAPTURE_NOTHING, &pairs), expected);
}

/// On any span, and even if it is a single word.
#[test]
fn content_under_library_keys_is_removed() {
    for key in [
        "agent.backstory",
        "agent.goal",
        "aws.bedrock.invocation.body",
        "braintrust.input_json",
        "haystack.pipeline.output_data",
        "langwatch.contexts",
        "lk.chat_ctx",
        "lmnr.span.input",
        "microsoft.a365.agent.thought.process",
        "mlflow.spanInputs",
        "crewai.agent.goal",
        "crewai.crew.result",
        "embedding.embeddings.0.embedding.text",
        "embedding.text",
        "formatted_description",
        "gcp.vertex.agent.data",
        "guardrail_response",
        "input.value",
        "llm.input_messages.0.message.contents.0.message_content.text",
        "llm.prompt_template.template",
        "mcp.response.value",
        "otel.mcp.response.value",
        "output.value",
        "smolagents.task",
        "traceloop.prompt.template_variables.name",
    ] {
        for provenance in [Provenance::GenAi, Provenance::Library, Provenance::Other] {
            let pairs = [(key, Value::Str("hunter2"))];
            assert!(
                kept(provenance, CAPTURE_NOTHING, &pairs).is_empty(),
                "{key}"
            );
        }
    }
    let counts = [
        ("mcp.prompt.result.message_count", Value::Integer(2)),
        ("mcp.prompt.result.message_role", Value::Str("user")),
    ];
    assert_eq!(kept(Provenance::GenAi, CAPTURE_NOTHING, &counts).len(), 2);
}

#[test]
fn text_in_scripts_without_spaces_is_not_a_token() {
    let question = Value::Str("我的诊断是糖尿病怎么办");
    for (provenance, key, value, is_expected) in [
        (Provenance::GenAi, "app.note", question, false),
        (
            Provenance::GenAi,
            "app.note",
            Value::Str("ฉันเป็นโรคเบาหวาน"),
            false,
        ),
        (Provenance::GenAi, "app.note", Value::Str("Müller"), true),
        (Provenance::Other, "note", question, false),
        (Provenance::Other, "note", Value::Str("王小明"), true),
        (Provenance::Other, "note", Value::Str("안녕"), true),
        (Provenance::Other, "note", Value::Str("für Müller"), true),
        (
            Provenance::Other,
            "note",
            Value::Str("für Frau Müller"),
            false,
        ),
        (Provenance::Other, "note", Value::Str("– – –"), true),
        (Provenance::Other, "app.note", question, true),
        (Provenance::Other, "otel.mcp.note", question, false),
        (Provenance::Other, "llm.tools", question, false),
        (Provenance::Other, "llm.tools", Value::Str("none"), true),
        (Provenance::Other, "vercel.ai.result", question, false),
        (Provenance::Other, "langfuse.trace.tags", question, false),
        (
            Provenance::GenAi,
            "vercel.ai.telemetry.metadata.note",
            question,
            false,
        ),
        (Provenance::Other, "aim.note", question, true),
        (Provenance::GenAi, "jsonrpc.result", question, false),
        (Provenance::GenAi, "jsonrpc.request.id", question, true),
        (Provenance::GenAi, "session.title", question, false),
        (Provenance::GenAi, "session.id", question, true),
    ] {
        let is_kept = !kept(provenance, CAPTURE_NOTHING, &[(key, value)]).is_empty();
        assert_eq!(is_kept, is_expected, "{key} {value:?}");
    }
}

#[test]
fn a_formatted_message_equal_to_its_template_is_kept() {
    for (template, message, is_expected) in [
        ("user request {city}", "user request Vienna", false),
        ("user request", "user request", true),
        ("another", "x", true),
        ("", "y", false),
    ] {
        let pairs = [
            ("logfire.msg_template", Value::Str(template)),
            ("logfire.msg", Value::Str(message)),
        ];
        let kept = kept(Provenance::Other, CAPTURE_NOTHING, &pairs);
        assert_eq!(
            kept.iter().any(|key| key == FORMATTED_MESSAGE),
            is_expected,
            "{message}"
        );
    }
}

#[test]
fn a_whole_error_as_error_type_is_reduced_to_its_reason() {
    for (kind, expected) in [
        ("Timeout", Some("Timeout")),
        ("*errors.Error[string]", Some("*errors.Error[string]")),
        (r#"bad request: {"input":"hunter2"}"#, Some("bad request")),
        ("no answer to 'my diagnosis'", Some("no answer to")),
        (r#"{"input":"hunter2"}"#, None),
    ] {
        let mut span = span_of(&[("error.type", Value::Str(kind))]);
        withhold(&mut span, Provenance::Other, CAPTURE_NOTHING);
        assert_eq!(span.attributes.text("error.type"), expected);
    }
}

/// The span of an MCP server's answer fails with the tool's answer as the reason.
#[test]
fn tool_results_reported_as_status_message_are_removed() {
    let options = |outputs| TranslateOptions {
        capture_outputs: outputs,
        ..TranslateOptions::default()
    };
    let failed = |scope: &'static str, outputs| {
        let mut span = span_of(&[("exception.type", Value::Str("ToolError"))]);
        span.scope = scope.into();
        span.status = SourceStatus::Error(Some(r#"no such city {"x":1}"#.to_owned()));
        let span = Translator::new(options(outputs)).translate(span);
        assert_eq!(span.attributes.text("error.type"), Some("ToolError"));
        let reason = span.attributes.text("sentry.status.message");
        reason.map(str::to_owned)
    };
    for mcp in [
        "opentelemetry.instrumentation.mcp",
        "@traceloop/instrumentation-mcp",
    ] {
        assert_eq!(failed(mcp, false), None);
        assert_eq!(failed(mcp, true).as_deref(), Some("no such city"));
    }
    assert_eq!(failed("app", false).as_deref(), Some("no such city"));
}

#[test]
fn an_mcp_tool_answer_reported_as_failure_is_content() {
    let has_reason = |key, error_type| {
        let mut span = span_of(&[
            (key, Value::Str("tools/call")),
            ("error.type", Value::Str(error_type)),
        ]);
        span.scope = "fastmcp".into();
        span.status = SourceStatus::Error(Some("no such city".to_owned()));
        let span = Translator::new(TranslateOptions::default()).translate(span);
        span.attributes.contains("sentry.status.message")
    };
    assert!(!has_reason("mcp.method.name", "tool_error"));
    assert!(has_reason("mcp.method.name", "-32601"));
    assert!(has_reason("gen_ai.tool.name", "tool_error"));
}

/// Semantic Kernel describes an agent that is used as a tool by its instructions, OpenLIT any agent.
#[test]
fn a_description_is_content_where_it_may_be_instructions() {
    let keeps = |scope: &'static str, key: &'static str, capture| {
        let mut span = span_of(&[(key, Value::Str("Answer politely."))]);
        span.scope = scope.into();
        withhold(&mut span, Provenance::GenAi, capture);
        span.attributes.contains(key)
    };
    let inputs = Capture {
        inputs: true,
        ..CAPTURE_NOTHING
    };
    let (tool, agent) = ("gen_ai.tool.description", "gen_ai.agent.description");
    for (scope, key) in [
        ("semantic_kernel.functions.kernel_function", tool),
        ("openlit.otel.tracing", agent),
    ] {
        assert!(keeps("shop", key, CAPTURE_NOTHING));
        assert!(!keeps(scope, key, CAPTURE_NOTHING));
        assert!(keeps(scope, key, inputs));
    }
    assert!(keeps("openlit.otel.tracing", tool, CAPTURE_NOTHING));
}
