//! Spans of LangSmith.

use super::*;
use crate::{SourceEvent, SourceStatus, Status};

/// A run that takes a while is first reported while it continues, without an error, and keeps the status of that report.
#[test]
fn exception_reprs_become_error_type_and_message() {
    for (repr, status, kind, reason) in [
        (
            "ValueError('it isn\\'t there')Traceback (most recent call last):\n\n  File \"a.py\"",
            Status::Error,
            Some("ValueError"),
            Some("it isn't there"),
        ),
        (
            "RateLimitError(\"Error code: 429 - {'error': {'message': 'hunter2'}}\")",
            Status::Error,
            Some("RateLimitError"),
            Some("Error code: 429 -"),
        ),
        (
            "it just failed",
            Status::Error,
            Some("Exception"),
            Some("it just failed"),
        ),
        ("GeneratorExit()Traceback", Status::Ok, None, None),
        (
            "GraphInterrupt((Interrupt(value='hunter2'),))",
            Status::Ok,
            None,
            None,
        ),
    ] {
        for given in [SourceStatus::Ok, SourceStatus::Error(None)] {
            let mut span = testing::span("ask");
            span.attributes.push("langsmith.span.kind", "llm");
            span.status = given;
            let mut event = SourceEvent::new("exception");
            event.attributes.push("exception.type", "Exception");
            event.attributes.push("exception.message", repr);
            span.events.push(event);
            let span = Translator::new(TranslateOptions::default()).translate(span);
            assert_eq!(span.status, status, "{repr}");
            assert_eq!(span.attributes.text("error.type"), kind, "{repr}");
            assert_eq!(
                span.attributes.text("sentry.status.message"),
                reason,
                "{repr}"
            );
        }
    }
}

#[test]
fn the_class_of_an_exception_in_javascript_is_part_of_its_message() {
    for (text, kind, reason) in [
        ("RangeError: no city", "RangeError", "no city"),
        ("Error: 429 too many", "Error", "429 too many"),
        ("no city: Rome", "Error", "no city: Rome"),
    ] {
        let mut span = testing::span("get_weather");
        span.attributes.push("langsmith.span.kind", "tool");
        span.status = SourceStatus::Ok;
        let mut event = SourceEvent::new("exception");
        event.attributes.push("exception.type", "Error");
        event.attributes.push("exception.message", text);
        span.events.push(event);
        let span = Translator::new(TranslateOptions::default()).translate(span);
        assert_eq!(span.attributes.text("error.type"), Some(kind), "{text}");
        let message = span.attributes.text("sentry.status.message");
        assert_eq!(message, Some(reason), "{text}");
    }
}

/// LangChain splits the tokens written to Anthropic's cache, and reports zero as their total.
#[test]
fn cache_writes_are_summed() {
    for (details, written) in [
        (r#"{"cache_read":100,"ephemeral_5m_input_tokens":30}"#, 30),
        (
            r#"{"cache_creation":0,"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":10}"#,
            30,
        ),
        (
            r#"{"cache_creation":30,"ephemeral_5m_input_tokens":30}"#,
            30,
        ),
        (r#"{"cache_creation":0,"ephemeral_5m_input_tokens":0}"#, 0),
    ] {
        let usage = format!(
            r#"{{"input_tokens":150,"output_tokens":17,"total_tokens":167,"input_token_details":{details}}}"#
        );
        let usage: &'static str = usage.leak();
        let span = translated(
            "langsmith",
            "ChatAnthropic",
            &[
                ("langsmith.span.kind", "llm"),
                ("langsmith.metadata.usage_metadata", usage),
            ],
        );
        let count = |key| span.attributes.integer(key);
        assert_eq!(
            count("gen_ai.usage.cache_creation.input_tokens"),
            Some(written),
            "{details}"
        );
        assert_eq!(count("gen_ai.usage.input_tokens"), Some(150));
    }
}

/// Up to version 0.4, the span has only three counts of LangChain's answer.
#[test]
fn langchain_responses_are_read() {
    let answer = r#"{"generations":[[{"text":"","message":{"lc":1,"type":"constructor","id":["langchain","schema","messages","AIMessage"],"kwargs":{"type":"ai","content":"",
        "additional_kwargs":{"refusal":"I cannot."},"response_metadata":{"model_name":"gpt-4o-2024-08-06","id":"chatcmpl-1","finish_reason":"stop"},
        "usage_metadata":{"input_tokens":42,"output_tokens":17,"input_token_details":{"cache_read":16},"output_token_details":{"reasoning":5}}}}}]]}"#;
    let span = translated(
        "langsmith",
        "ChatOpenAI",
        &[
            ("langsmith.span.kind", "llm"),
            ("langsmith.metadata.ls_model_name", "gpt-4o"),
            ("gen_ai.usage.input_tokens", "42"),
            ("gen_ai.usage.output_tokens", "17"),
            ("gen_ai.completion", answer),
        ],
    );
    let text = |key| span.attributes.text(key);
    assert_eq!(text("gen_ai.request.model"), Some("gpt-4o"));
    assert_eq!(text("gen_ai.response.model"), Some("gpt-4o-2024-08-06"));
    assert_eq!(text("gen_ai.response.id"), Some("chatcmpl-1"));
    assert_eq!(
        text(OUTPUT),
        Some(
            r#"[{"role":"assistant","parts":[{"type":"text","content":"I cannot."}],"finish_reason":"stop"}]"#
        )
    );
    let count = |key| span.attributes.integer(key);
    assert_eq!(count("gen_ai.usage.cache_read.input_tokens"), Some(16));
    assert_eq!(count("gen_ai.usage.reasoning.output_tokens"), Some(5));
}

#[test]
fn the_input_of_embeddings_is_read_from_the_request() {
    for (prompt, expected) in [
        (r#"{"input":"hello"}"#, "hello"),
        (r#"{"input":["a","b"],"model":"e"}"#, r#"["a","b"]"#),
        ("hello", "hello"),
    ] {
        let attributes = [
            ("langsmith.span.kind", "embedding"),
            ("gen_ai.prompt", prompt),
        ];
        let span = translated("langsmith", "e", &attributes);
        let input = span.attributes.text("gen_ai.embeddings.input");
        assert_eq!(input, Some(expected));
    }
}

#[test]
fn tools_are_not_named_after_their_agent() {
    let agent = ("langsmith.metadata.lc_agent_name", "helper");
    let span = translated(
        "langsmith",
        "get_weather",
        &[("langsmith.span.kind", "tool"), agent],
    );
    assert_eq!(span.name, "execute_tool get_weather");
}

/// The wrapper of OpenAI's SDK: input and counts are only in the request and the answer.
#[test]
fn openai_requests_and_responses_are_read() {
    let kind = ("langsmith.span.kind", "llm");
    let request = r#"{"model": "m", "background": true, "conversation": "conv_1", "input": "Hi"}"#;
    let span = translated(
        "langsmith",
        "ChatOpenAI",
        &[kind, ("gen_ai.prompt", request)],
    );
    let text = |key| span.attributes.text(key);
    assert_eq!(text("gen_ai.conversation.id"), Some("conv_1"));
    let expected_input = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
    assert_eq!(text("gen_ai.input.messages"), Some(expected_input));

    // An argument of a function is not an id.
    let words = r#"{"conversation": "User: sesame"}"#;
    let span = translated("langsmith", "ask", &[kind, ("gen_ai.prompt", words)]);
    assert!(!span.attributes.contains("gen_ai.conversation.id"));

    let answer = r#"{"object": "text_completion", "model": "m-1", "choices": [{"text": "Ho", "finish_reason": "stop"}], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}}"#;
    let attributes = [
        kind,
        ("gen_ai.operation.name", "chat"),
        ("langsmith.metadata.ls_model_type", "llm"),
        (
            "gen_ai.prompt",
            r#"{"model": "m", "prompt": ["Hi"], "n": 1}"#,
        ),
        ("gen_ai.completion", answer),
    ];
    let span = translated("langsmith", "OpenAI", &attributes);
    assert_eq!(span.op, "gen_ai.text_completion");
    let text = |key| span.attributes.text(key);
    assert_eq!(text("gen_ai.response.model"), Some("m-1"));
    assert_eq!(text("gen_ai.input.messages"), Some(expected_input));
    let counts = ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"];
    let counts = counts.map(|key| span.attributes.integer(key));
    assert_eq!(counts, [Some(9), Some(4)]);
}

/// As in LangSmith's guide to OpenTelemetry.
#[test]
fn calls_by_hand_have_numbered_messages() {
    let call = [
        ("langsmith.span.kind", "LLM"),
        ("gen_ai.request.model", "m"),
        ("gen_ai.prompt.0.role", "user"),
        ("gen_ai.prompt.0.content", "How is the weather?"),
        ("gen_ai.completion.0.role", "assistant"),
        ("gen_ai.completion.0.content", "Fine"),
        ("gen_ai.usage.prompt_tokens", "26"),
    ];
    let span = translated("app", "call_open_ai", &call);
    assert_eq!((&*span.op, &*span.name), ("gen_ai.chat", "chat m"));
    let text = |key| span.attributes.text(key);
    assert_eq!(
        text("gen_ai.input.messages"),
        Some(r#"[{"role":"user","parts":[{"type":"text","content":"How is the weather?"}]}]"#)
    );
    assert_eq!(
        text("gen_ai.output.messages"),
        Some(r#"[{"role":"assistant","parts":[{"type":"text","content":"Fine"}]}]"#)
    );

    let tool = [
        ("langsmith.span.kind", "TOOL"),
        ("gen_ai.prompt", r#"{"city":"Rome"}"#),
        ("gen_ai.completion", "rain all day"),
    ];
    let span = translated("app", "get_weather", &tool);
    assert_eq!(&*span.name, "execute_tool get_weather");
    assert_eq!(span.attributes.text(RESULT), Some("rain all day"));
    assert!(!span.attributes.contains("gen_ai.output.messages"));
}

/// LangChain's completions of plain text.
#[test]
fn token_counts_of_a_completion_are_beside_it() {
    let answer = r#"{"generations":[[{"text":"Yo","type":"Generation"}]],"llm_output":{"token_usage":{"prompt_tokens":5,"completion_tokens":2},"model_name":"m"},"type":"LLMResult"}"#;
    let attributes = [
        ("langsmith.span.kind", "llm"),
        ("gen_ai.request.model", "m"),
        ("gen_ai.completion", answer),
    ];
    let span = translated("langsmith", "OpenAI", &attributes);
    let counts = [crate::tokens::INPUT, crate::tokens::OUTPUT];
    let counts = counts.map(|key| span.attributes.integer(key));
    assert_eq!(counts, [Some(5), Some(2)]);
}

/// LangChain's answers to a request for several.
#[test]
fn the_response_id_of_several_answers_is_beside_them() {
    let answer = r#"{"generations":[[{"message":{"kwargs":{"content":"Yo","response_metadata":{"finish_reason":"stop"}}}}]],"llm_output":{"model_name":"m-1","id":"r1"}}"#;
    let openinference = [("openinference.span.kind", "LLM"), ("output.value", answer)];
    let langsmith = [
        ("langsmith.span.kind", "llm"),
        ("gen_ai.completion", answer),
    ];
    for (scope, attributes) in [
        ("openinference.instrumentation.langchain", openinference),
        ("langsmith", langsmith),
    ] {
        let span = translated(scope, "ChatOpenAI", &attributes);
        let keys = ["gen_ai.response.id", "gen_ai.response.model"];
        let response = keys.map(|key| span.attributes.text(key));
        assert_eq!(response, [Some("r1"), Some("m-1")], "{scope}");
    }
}

/// LangChain's callback in Python records the message of a tool as it is.
#[test]
fn the_id_and_the_answer_of_a_tool_are_read_from_its_message() {
    let answer = r#"{"output": {"type": "tool", "content": "21", "tool_call_id": "call_1", "status": "success"}}"#;
    let attributes = [
        ("langsmith.span.kind", "tool"),
        ("gen_ai.prompt", r#"{"input": "{'city': 'Vienna'}"}"#),
        ("gen_ai.completion", answer),
    ];
    let span = translated("langsmith", "get_weather", &attributes);
    let text = |key| span.attributes.text(key);
    assert_eq!(text("gen_ai.tool.call.id"), Some("call_1"));
    assert_eq!(text(ARGUMENTS), Some(r#"{"city":"Vienna"}"#));
    assert_eq!(text(RESULT), Some("21"));
}

#[test]
fn costs_are_read_from_the_usage() {
    let usage = r#"{"input_tokens": 9, "output_tokens": 3, "total_tokens": 12, "input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3}"#;
    let answer = format!(r#"{{"role": "assistant", "content": "a", "usage_metadata": {usage}}}"#);
    for (key, value) in [
        ("gen_ai.completion", answer.as_str()),
        ("langsmith.metadata.usage_metadata", usage),
    ] {
        let attributes = [("langsmith.span.kind", "llm"), (key, value)];
        let span = translated("langsmith", "ChatOpenAI", &attributes);
        for (cost, expected) in [("input", 0.1), ("output", 0.2), ("total", 0.3)] {
            let cost = span.attributes.get(&format!("gen_ai.cost.{cost}_tokens"));
            assert_eq!(cost, Some(crate::Value::Double(expected)), "{key}");
        }
    }
}

/// The wrapper of Vercel's AI SDK records the model's whole answer, and all that a tool is called with.
#[test]
fn calls_and_tools_of_the_ai_sdk_are_read() {
    for reason in [
        r#""tool-calls""#,
        r#"{"unified":"tool-calls","raw":"tool_calls"}"#,
    ] {
        let answer = format!(
            r#"{{"role":"assistant","content":[],"finishReason":{reason},"providerMetadata":{{"openai":{{"responseId":"resp_1"}}}}}}"#
        );
        let call = [
            ("langsmith.span.kind", "llm"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.completion", &answer),
        ];
        let span = translated("langsmith", "openai.chat", &call);
        let text = |key| span.attributes.text(key);
        assert_eq!(
            text(crate::content::FINISH_REASONS),
            Some(r#"["tool-calls"]"#)
        );
        assert_eq!(text("gen_ai.response.id"), Some("resp_1"));
    }
    let tool = [
        ("langsmith.span.kind", "tool"),
        (
            "gen_ai.prompt",
            r#"{"args":[{"city":"Rome"},{"toolCallId":"call_1","messages":[{"role":"user","content":"Hi"}]}]}"#,
        ),
    ];
    let span = translated("langsmith", "get_weather", &tool);
    assert_eq!(span.attributes.text(ARGUMENTS), Some(r#"{"city":"Rome"}"#));
    let id = span.attributes.text("gen_ai.tool.call.id");
    assert_eq!(id, Some("call_1"));
}

#[test]
fn the_model_of_a_stream_without_counts_is_read_from_its_answer() {
    let call = [
        ("langsmith.span.kind", "llm"),
        ("gen_ai.request.model", "m"),
        (
            "gen_ai.completion",
            r#"{"id":"c","choices":[],"model":"m-1","object":"chat.completion.chunk","usage_metadata":null}"#,
        ),
    ];
    let span = translated("langsmith", "ChatOpenAI", &call);
    assert_eq!(span.attributes.text("gen_ai.response.model"), Some("m-1"));
}

#[test]
fn runs_without_output_have_no_answer() {
    let output = |completion| {
        let attributes = [
            ("langsmith.span.kind", "llm"),
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.completion", completion),
        ];
        let span = translated("langsmith", "ChatOpenAI", &attributes);
        span.attributes.text(OUTPUT).map(str::to_owned)
    };
    assert_eq!(output(r#"{"output":null}"#), None);
    assert!(output(r#"{"output":"Hello"}"#).is_some());
}
