use super::*;
use crate::{Input, PlanningTranslator, TranslateOptions, Translator, testing};

/// The given status and an attribute, followed by the resulting status and error type.
#[rustfmt::skip]
const STATUSES: &[(SourceStatus, &str, &str, Status, Option<&str>)] = &[
    (SourceStatus::Unset, "error", "", Status::Ok, None),
    (SourceStatus::Unset, "error", "false", Status::Ok, None),
    (SourceStatus::Unset, "error", "False", Status::Ok, None),
    (SourceStatus::Unset, "error", "True", Status::Error, Some("_OTHER")),
    (SourceStatus::Unset, "error", "None", Status::Ok, None),
    (SourceStatus::Unset, "error", "null", Status::Ok, None),
    (SourceStatus::Unset, "error", "undefined", Status::Ok, None),
    (SourceStatus::Unset, "error", "no dice", Status::Error, Some("_OTHER")),
    (SourceStatus::Unset, "otel.status_description", "no dice", Status::Error, Some("_OTHER")),
    (SourceStatus::Unset, "otel.status_description", "", Status::Ok, None),
    (SourceStatus::Ok, "otel.status_message", "all dice", Status::Ok, None),
    (SourceStatus::Unset, "error.message", "no dice", Status::Error, Some("_OTHER")),
    (SourceStatus::Unset, "error.message", "", Status::Ok, None),
    (SourceStatus::Unset, "error.message", "None", Status::Ok, None),
    (SourceStatus::Ok, "error.message", "all dice", Status::Ok, None),
    (SourceStatus::Unset, "error.type", "", Status::Ok, None),
    (SourceStatus::Unset, "error.type", "None", Status::Ok, None),
    (SourceStatus::Unset, "error.type", "none", Status::Ok, None),
    (SourceStatus::Unset, "error.type", "null", Status::Ok, None),
    (SourceStatus::Unset, "error.type", "Some(\"Timeout\")", Status::Error, Some("Timeout")),
    (SourceStatus::Error(None), "error.type", "None", Status::Error, Some("_OTHER")),
    (SourceStatus::Ok, "error.type", "Timeout", Status::Ok, Some("Timeout")),
    (SourceStatus::Unset, "gen_ai.tool.status", "error", Status::Error, Some("tool_error")),
    (SourceStatus::Ok, "gen_ai.tool.status", "error", Status::Error, Some("tool_error")),
    (SourceStatus::Ok, "gen_ai.tool.status", "success", Status::Ok, None),
    (SourceStatus::Ok, "gen_ai.tool.call.outcome", "error", Status::Error, Some("tool_error")),
    (SourceStatus::Ok, "gen_ai.tool.call.outcome", "success", Status::Ok, None),
    (SourceStatus::Ok, "gen_ai.tool.call.outcome", "Failed", Status::Error, Some("tool_error")),
    (SourceStatus::Unset, "tool.success", "false", Status::Error, Some("tool_error")),
    (SourceStatus::Unset, "tool.success", "true", Status::Ok, None),
    (SourceStatus::Unset, "tool.is_error", "True", Status::Error, Some("tool_error")),
];

#[test]
fn missing_values_are_not_errors() {
    let mut planning = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
    for (source_status, key, value, status, error_type) in STATUSES {
        let mut span = testing::span("execute_tool w");
        span.attributes
            .push("gen_ai.operation.name", "execute_tool");
        span.attributes.push("gen_ai.tool.name", "w");
        span.attributes.push_owned_key(key, *value);
        span.status = source_status.clone();
        // The second one gets a plan.
        for _ in 0..3 {
            let span = planning.translate(&mut span.clone());
            assert_eq!(
                (span.status, span.attributes.text(ERROR_TYPE)),
                (*status, *error_type),
                "{source_status:?} {key} {value}"
            );
            assert!(!span.attributes.contains(TOOL_STATUS));
            assert_eq!(
                span.attributes.text(STATUS_MESSAGE),
                Some(*value).filter(|value| *value == "no dice")
            );
        }
    }
}

#[test]
fn an_error_that_is_not_a_text_is_a_flag() {
    for (value, status) in [
        (Input::Bool(true), Status::Error),
        (Input::Bool(false), Status::Ok),
        (Input::Integer(0), Status::Ok),
    ] {
        let mut span = testing::span("execute_tool w");
        span.attributes
            .push("gen_ai.operation.name", "execute_tool");
        let case = format!("{value:?}");
        span.attributes.push("error", value);
        let span = Translator::new(TranslateOptions::default()).translate(span);
        assert_eq!(span.status, status, "{case}");
    }
}

#[test]
fn an_exception_without_a_type_is_a_failure() {
    let mut span = testing::span("ask");
    span.events.push(crate::SourceEvent::new("exception"));
    let span = Translator::new(TranslateOptions::default()).translate(span);
    assert_eq!(span.status, Status::Error);
    assert_eq!(span.attributes.text(ERROR_TYPE), Some(UNKNOWN_ERROR));
}

#[test]
fn the_error_type_of_the_span_counts_more_than_that_of_an_exception() {
    let mut span = testing::span("ask");
    span.attributes.push(ERROR_TYPE, "Timeout");
    let mut exception = crate::SourceEvent::new("exception");
    exception.attributes.push("exception.type", "IoError");
    span.events.push(exception);
    let span = Translator::new(TranslateOptions::default()).translate(span);
    assert_eq!(span.attributes.text(ERROR_TYPE), Some("Timeout"));
}

/// `tracing` has the status as fields. They are no attributes of the span.
#[test]
fn status_fields_become_the_status() {
    let own = || SourceStatus::Error(Some("own".to_owned()));
    for (status, code, expected, message) in [
        (SourceStatus::Unset, "ERROR", Status::Error, Some("said")),
        (own(), "error", Status::Error, Some("said")),
        (own(), "", Status::Error, Some("own")),
        (SourceStatus::Error(None), "", Status::Error, Some("said")),
        (own(), "ok", Status::Ok, None),
        (SourceStatus::Unset, "unset", Status::Ok, Some("said")),
    ] {
        let mut span = testing::span("ask");
        span.status = status.clone();
        if !code.is_empty() {
            span.attributes.push("otel.status_code", code);
        }
        span.attributes.push("otel.status_description", "said");
        let span = Translator::new(TranslateOptions::default()).translate(span);
        assert_eq!(span.status, expected, "{status:?} {code}");
        assert_eq!(span.attributes.text(STATUS_MESSAGE), message, "{code}");
        let mut keys = span.attributes.iter().map(|(key, _)| key);
        assert!(!keys.any(|key| key.starts_with("otel.status")));
    }
}

#[test]
fn a_long_reason_is_cut() {
    let options = TranslateOptions {
        capture_inputs: true,
        capture_outputs: true,
        ..TranslateOptions::default()
    };
    let mut span = testing::span("ask");
    span.status = SourceStatus::Error(Some("no dice ".repeat(1000)));
    let span = Translator::new(options).translate(span);
    let message = span.attributes.text(STATUS_MESSAGE).unwrap();
    assert!(message.starts_with("no dice") && message.len() <= MESSAGE_BYTES);
}

#[test]
fn http_errors_begin_at_400_for_a_client_and_at_500_for_a_server() {
    for (kind, code, status) in [
        (SpanKind::Client, 399, Status::Ok),
        (SpanKind::Client, 400, Status::Error),
        (SpanKind::Server, 499, Status::Ok),
        (SpanKind::Server, 500, Status::Error),
    ] {
        let mut span = testing::span("call");
        span.kind = Some(kind);
        span.attributes.push("http.response.status_code", code);
        let span = Translator::new(TranslateOptions::default()).translate(span);
        assert_eq!(span.status, status, "{kind:?} {code}");
    }
}

#[test]
fn a_failed_tool_has_the_error_type_that_it_names() {
    for (kind, expected) in [("Timeout", "Timeout"), ("None", "tool_error")] {
        let mut span = testing::span("execute_tool w");
        span.attributes
            .push("gen_ai.operation.name", "execute_tool");
        span.attributes.push(OUTCOME, "error");
        span.attributes.push("gen_ai.tool.error.type", kind);
        let span = Translator::new(TranslateOptions::default()).translate(span);
        assert_eq!(span.attributes.text(ERROR_TYPE), Some(expected));
    }
}

/// Even if content may leave, because failures are grouped by type.
#[test]
fn fields_of_an_error_type_become_the_status_message() {
    for (source_status, kind, reason) in [
        ("Api { status: 429, message: \"no dice\" }", "Api", true),
        (
            "llm::Error::Http(Api { status: 429 })",
            "llm::Error::Http",
            true,
        ),
        ("ValueError('no dice today')", "ValueError", true),
        ("Status(429)", "Status(429)", false),
        ("RateLimit", "RateLimit", false),
        ("no dice (today)", "no dice (today)", false),
        ("(no dice today)", "(no dice today)", false),
    ] {
        let mut span = testing::span("chat m");
        span.attributes.push("gen_ai.operation.name", "chat");
        span.attributes.push("gen_ai.request.model", "m");
        span.attributes.push(ERROR_TYPE, source_status);
        let options = TranslateOptions {
            capture_inputs: true,
            capture_outputs: true,
            ..TranslateOptions::default()
        };
        let mut planning = PlanningTranslator::new(Translator::new(options));
        for _ in 0..3 {
            let span = planning.translate(&mut span.clone());
            assert_eq!(span.attributes.text(ERROR_TYPE), Some(kind));
            assert_eq!(
                span.attributes.text(STATUS_MESSAGE),
                reason.then_some(source_status)
            );
        }
        let exception = failed_span(&[("exception.type", source_status)], "no");
        assert_eq!(exception.attributes.text(ERROR_TYPE), Some(kind));
    }
    let quoted = failed_span(&[("exception.type", "Dice")], "Some(\"dice\")");
    assert_eq!(quoted.attributes.text(STATUS_MESSAGE), Some("dice"));
}

fn failed_span(event: &[(&'static str, &'static str)], message: &str) -> crate::SentrySpan {
    let mut span = testing::span("ask");
    span.status = SourceStatus::Error(Some(message.to_owned()));
    let mut exception = crate::SourceEvent::new("exception");
    for (key, value) in event {
        exception.attributes.push(key, *value);
    }
    span.events.push(exception);
    Translator::new(TranslateOptions::default()).translate(span)
}

#[test]
fn control_flow_is_not_a_failure() {
    for kind in [
        "GraphInterrupt",
        "langgraph.errors.GraphInterrupt",
        "GeneratorExit",
    ] {
        let span = failed_span(&[("exception.type", kind)], "(Interrupt(value='sure?'),)");
        assert_eq!(span.status, Status::Ok, "{kind}");
        assert!(!span.attributes.contains(ERROR_TYPE));
        assert!(!span.attributes.contains(STATUS_MESSAGE));
    }
    // Langfuse's callback for JavaScript has the error as text only.
    for (text, status) in [
        ("GraphInterrupt: [{\"value\": \"sure?\"}]", Status::Ok),
        ("GraphInterrupt()", Status::Ok),
        ("GraphInterrupt was lost: no", Status::Error),
    ] {
        assert_eq!(failed_span(&[], text).status, status, "{text}");
    }
}

#[test]
fn an_abandoned_stream_is_not_a_failure() {
    for (message, status) in [
        ("abandoned stream", Status::Ok),
        ("abandoned", Status::Error),
    ] {
        let mut span = testing::span("chat m");
        span.attributes.push("gen_ai.operation.name", "chat");
        span.attributes.push(ERROR_TYPE, "_OTHER");
        span.status = SourceStatus::Error(Some(message.to_owned()));
        let span = Translator::new(TranslateOptions::default()).translate(span);
        assert_eq!(span.status, status, "{message}");
        assert_eq!(
            span.attributes.contains(ERROR_TYPE),
            status == Status::Error
        );
    }
}

/// In OpenInference for JavaScript, only the stack has the type of an error.
#[test]
fn a_javascript_stack_provides_the_error_type_only() {
    for (kind, status) in [("GraphInterrupt", Status::Ok), ("TypeError", Status::Error)] {
        let text = format!("sure?\n\n{kind}: sure?\n    at ask (a.js:1:2)");
        let mut span = testing::span("ask");
        span.status = SourceStatus::Error(Some(text.clone()));
        let mut exception = crate::SourceEvent::new("exception");
        exception.attributes.push("exception.message", &*text);
        span.events.push(exception);
        let span = Translator::new(TranslateOptions::default()).translate(span);
        assert_eq!(span.status, status, "{kind}");
        if status == Status::Error {
            assert_eq!(span.attributes.text(ERROR_TYPE), Some(kind));
            assert_eq!(span.attributes.text(STATUS_MESSAGE), Some("sure?"));
        }
    }
}

#[test]
fn a_python_traceback_is_not_a_status_message() {
    let traceback = "ValueError('boom')Traceback (most recent call last):\n  File \"a.py\"";
    let attributes = [
        ("exception.type", "ValueError"),
        ("exception.message", "boom"),
    ];
    for (event, reason) in [
        (&attributes[..], "boom"),
        (&attributes[..1], "ValueError('boom')"),
    ] {
        let span = failed_span(event, traceback);
        assert_eq!(span.attributes.text(STATUS_MESSAGE), Some(reason));
    }
}

/// As `error!(error = ?None::<Error>)` does.
#[test]
fn a_reason_that_is_none_is_not_a_status_message() {
    for (message, expected) in [
        ("None", None),
        ("\"None\"", None),
        ("none left", Some("none left")),
    ] {
        let span = failed_span(&[("exception.message", message)], "None");
        assert_eq!(span.status, Status::Error);
        assert_eq!(span.attributes.text(STATUS_MESSAGE), expected);
    }
}

#[test]
fn an_mcp_tool_fails_only_if_its_result_is_an_error() {
    for (is_error, status, error_type) in [
        (Value::Bool(false), Status::Ok, None),
        (Value::Bool(true), Status::Error, Some("tool_error")),
        (Value::Str("false"), Status::Ok, None),
        (Value::Str("True"), Status::Error, Some("tool_error")),
    ] {
        let mut span = testing::span("tools/call w");
        span.attributes.push("mcp.method.name", "tools/call");
        span.attributes.push("gen_ai.tool.name", "w");
        span.attributes.push(IS_TOOL_ERROR, is_error);
        let span = Translator::new(TranslateOptions::default()).translate(span);
        assert_eq!(
            (span.status, span.attributes.text(ERROR_TYPE)),
            (status, error_type),
            "{is_error:?}"
        );
        assert!(!span.attributes.contains(IS_TOOL_ERROR));
    }
}

#[test]
fn the_grpc_code_decides_whether_a_call_failed() {
    let error_type = |kind, key: &'static str, code: Value<'_>| {
        let mut span = testing::span("call");
        span.kind = Some(kind);
        span.attributes.push("rpc.system", "grpc");
        match code {
            Value::Str(code) => span.attributes.push(key, code),
            Value::Integer(code) => span.attributes.push(key, code),
            _ => {}
        }
        let mut planning = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
        let types = [(); 3].map(|()| {
            let span = planning.translate(&mut span.clone());
            span.attributes.text("error.type").map(str::to_owned)
        });
        assert!(
            types.iter().all(|error_type| *error_type == types[0]),
            "{types:?}"
        );
        types.into_iter().next().flatten()
    };
    let (old, new) = ("rpc.grpc.status_code", "rpc.response.status_code");
    let not_found = Some("NOT_FOUND".to_owned());
    assert_eq!(error_type(SpanKind::Client, old, Value::Integer(0)), None);
    assert_eq!(
        error_type(SpanKind::Client, old, Value::Integer(5)),
        not_found
    );
    assert_eq!(
        error_type(SpanKind::Client, old, Value::Str("5")),
        not_found
    );
    assert_eq!(
        error_type(SpanKind::Client, new, Value::Str("NOT_FOUND")),
        not_found
    );
    assert_eq!(error_type(SpanKind::Client, new, Value::Str("OK")), None);
    assert_eq!(error_type(SpanKind::Client, new, Value::Integer(200)), None);
    assert_eq!(error_type(SpanKind::Server, old, Value::Integer(5)), None);
    let internal = Some("INTERNAL".to_owned());
    assert_eq!(
        error_type(SpanKind::Server, old, Value::Integer(13)),
        internal
    );
}

/// The conventions do not blame a server for its client's errors, but the program may.
#[test]
fn a_status_is_the_type_of_an_error_that_the_program_reports() {
    for (key, code, error_type) in [
        ("rpc.grpc.status_code", 5, "NOT_FOUND"),
        ("rpc.grpc.status_code", 0, "_OTHER"),
        ("http.response.status_code", 404, "404"),
        ("http.response.status_code", 200, "_OTHER"),
    ] {
        let mut span = testing::span("call");
        span.kind = Some(SpanKind::Server);
        span.attributes.push(key, code);
        let translator = Translator::new(TranslateOptions::default());
        assert_eq!(translator.translate(span.clone()).status, Status::Ok);
        span.status = SourceStatus::Error(None);
        let span = translator.translate(span);
        assert_eq!(
            span.attributes.text(ERROR_TYPE),
            Some(error_type),
            "{key} {code}"
        );
    }
}

/// Many programs record no kind, and a gateway may record a call on the span of the request that it serves.
#[test]
fn a_model_call_of_any_kind_is_a_clients() {
    let status = |operation: &'static str, kind, key: &'static str, code: Value<'_>| {
        let mut span = testing::span("call");
        span.kind = kind;
        span.attributes.push("gen_ai.operation.name", operation);
        span.attributes.push(key, code.to_input());
        let mut planning = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
        let statuses = [(); 3].map(|()| planning.translate(&mut span.clone()).status);
        assert!(statuses.iter().all(|it| *it == statuses[0]), "{statuses:?}");
        statuses[0]
    };
    for (key, code) in [
        ("http.response.status_code", Value::Integer(429)),
        ("http.status", Value::Integer(429)),
        ("http.status", Value::Str("429")),
        ("rpc.grpc.status_code", Value::Integer(8)),
    ] {
        assert_eq!(status("chat", None, key, code), Status::Error, "{key}");
        let served = status("chat", Some(SpanKind::Server), key, code);
        assert_eq!(served, Status::Error, "{key}");
        assert_eq!(status("invoke_agent", None, key, code), Status::Ok, "{key}");
    }
}
