//! OpenAI's SDK and its agents, as OpenLLMetry's instrumentations record them.

use super::*;
use crate::Status;

#[test]
fn a_response_that_fails_in_its_stream_has_failed() {
    let status = |reason: &str| {
        let attributes = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "gpt-5-mini"),
            ("gen_ai.output.messages", "[]"),
        ];
        let scope = "opentelemetry.instrumentation.openai.v1";
        let mut span = source(scope, "openai.response", &attributes);
        let reasons = [crate::Scalar::Str(reason.to_owned())];
        (span.attributes).push(
            "gen_ai.response.finish_reasons",
            crate::Value::Array(&reasons),
        );
        span.status = crate::SourceStatus::Ok;
        let translator = Translator::new(TranslateOptions::default());
        translator.translate(span).status
    };
    assert_eq!(status("error"), Status::Error);
    assert_eq!(status("length"), Status::Ok);
}

/// Up to 0.5x it reports the calls of OpenAI's agents as responses, in the scope of another instrumentation.
#[test]
fn an_openai_agents_response_is_a_model_call() {
    let attributes = [
        ("llm.request.type", "response"),
        ("gen_ai.operation.name", "response"),
        ("gen_ai.system", "openai"),
        ("gen_ai.request.model", "gpt-5"),
        ("gen_ai.prompt.0.role", "user"),
        ("gen_ai.prompt.0.content", "Hi"),
        ("llm.request.functions.0.name", "w"),
    ];
    let scope = "opentelemetry.instrumentation.openai_agents";
    let span = translated(scope, "openai.response", &attributes);
    assert_eq!((&*span.op, &*span.name), ("gen_ai.chat", "chat gpt-5"));
    assert_eq!(
        span.attributes.text(INPUT),
        Some(r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#)
    );
    assert!(span.attributes.contains(DEFINITIONS));
}

#[test]
fn openai_agents_errors_keep_their_reason() {
    for (recorded, expected) in [
        (
            "{'message': 'Error running tool', 'data': {'tool_name': 'w', 'error': 'timed out'}}",
            "Error running tool: timed out",
        ),
        (
            "{'message': 'Max turns exceeded', 'data': {'max_turns': 1}}",
            "Max turns exceeded",
        ),
    ] {
        let attributes = [("traceloop.span.kind", "agent")];
        let scope = "opentelemetry.instrumentation.openai_agents";
        let mut span = source(scope, "Main.agent", &attributes);
        span.status = crate::SourceStatus::Error(Some(recorded.to_owned()));
        let span = Translator::new(TranslateOptions::default()).translate(span);
        assert_eq!(
            span.attributes.text("sentry.status.message"),
            Some(expected)
        );
    }
}

#[test]
fn the_first_chunk_is_timed_by_its_event() {
    let time_to_first_chunk = |name: &'static str, dropped| {
        let attributes = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "gpt-5-mini"),
        ];
        let scope = "opentelemetry.instrumentation.openai.v1";
        let mut span = source(scope, "openai.chat", &attributes);
        span.start = Timestamp::from_nanos(0);
        for milliseconds in [250, 400] {
            let mut event = crate::SourceEvent::new(name);
            event.time = Some(Timestamp::from_nanos(milliseconds * 1_000_000));
            span.events.push(event);
        }
        span.record_dropped(0, dropped, 0);
        let translator = Translator::new(TranslateOptions::default());
        let span = translator.translate(span);
        match span.attributes.get("gen_ai.response.time_to_first_chunk") {
            Some(Value::Double(seconds)) => Some(seconds),
            _ => None,
        }
    };
    for name in [
        "gen_ai.content.completion.chunk",
        "llm.content.completion.chunk",
    ] {
        assert_eq!(time_to_first_chunk(name, 0), Some(0.25));
        assert_eq!(time_to_first_chunk(name, 3), None, "the first are missing");
    }
}
