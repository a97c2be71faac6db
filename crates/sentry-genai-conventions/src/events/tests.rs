use super::*;
use crate::{SourceStatus, Status, TranslateOptions, Translator, testing};

fn span() -> SourceSpan {
    let mut span = testing::span("chat gpt-4o");
    span.attributes.push("gen_ai.operation.name", "chat");
    span.attributes.push("gen_ai.request.model", "gpt-4o");
    span
}

fn translate(span: SourceSpan) -> crate::SentrySpan {
    let options = TranslateOptions {
        capture_inputs: true,
        capture_outputs: true,
        ..TranslateOptions::default()
    };
    Translator::new(options).translate(span)
}

fn parts(span: &crate::SentrySpan, key: &str) -> Value {
    serde_json::from_str(span.attributes.text(key).unwrap()).unwrap()
}

/// Returns the parts of a message that is a text.
fn text(text: &str) -> Value {
    json!([{"type": "text", "content": text}])
}

fn assert_question_and_answer(span: &crate::SentrySpan) {
    assert_eq!(
        parts(span, "gen_ai.input.messages"),
        json!([{"role": "user", "parts": text("Weather?")}])
    );
    assert_eq!(
        parts(span, "gen_ai.output.messages"),
        json!([{"role": "assistant", "parts": text("4")}])
    );
}

#[test]
fn message_events_become_messages() {
    let mut span = span();
    let mut question = SourceEvent::new("gen_ai.user.message");
    question.attributes.push("content", "Weather?");
    let mut wrapped = SourceEvent::new("gen_ai.choice");
    wrapped.attributes.push(
        "gen_ai.event.content",
        r#"{"index":0,"finish_reason":"tool_calls","message":{"tool_calls":[{"id":"c1","type":"function","function":{"name":"w","arguments":"{\"a\":1}"}}]}}"#,
    );
    span.events = vec![question, wrapped];
    let span = translate(span);
    assert_eq!(
        parts(&span, "gen_ai.input.messages"),
        json!([{"role": "user", "parts": [{"type": "text", "content": "Weather?"}]}])
    );
    assert_eq!(
        parts(&span, "gen_ai.output.messages"),
        json!([{
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "c1", "name": "w", "arguments": {"a": 1}}],
            "finish_reason": "tool_calls",
        }])
    );
    assert_eq!(
        span.attributes.text("gen_ai.response.finish_reasons"),
        Some(r#"["tool_calls"]"#)
    );
}

fn event(name: &'static str, attributes: &[(&'static str, &'static str)]) -> SourceEvent {
    let mut event = SourceEvent::new(name);
    for (key, value) in attributes {
        event.attributes.push(key, *value);
    }
    event
}

#[test]
fn messages_of_several_detail_events_are_appended() {
    let mut span = span();
    let name = "gen_ai.client.inference.operation.details";
    for text in ["Hm.", "Hm.", "It is 22C", "It is 22C, or so"] {
        let mut event = SourceEvent::new(name);
        let parts = json!([{"type": "text", "content": text}]);
        let messages = json!([{"role": "assistant", "parts": parts}]).to_string();
        event.attributes.push("gen_ai.output.messages", &messages);
        span.events.push(event);
    }
    let span = translate(span);
    let output = parts(&span, "gen_ai.output.messages");
    assert_eq!(output.as_array().map(Vec::len), Some(3));
}

#[test]
fn a_message_with_only_tools_becomes_tool_definitions() {
    let mut span = span();
    let body = r#"{"content":{"tools":[{"name":"w","input_schema":{"type":"object"}}]}}"#;
    span.events = vec![
        event("gen_ai.user.message", &[("content", "Weather?")]),
        event("gen_ai.user.message", &[("body", body)]),
    ];
    let span = translate(span);
    let input = parts(&span, "gen_ai.input.messages");
    assert_eq!(input.as_array().map(Vec::len), Some(1));
    assert_eq!(parts(&span, "gen_ai.tool.definitions")[0]["name"], "w");
}

#[test]
fn a_choice_holds_a_text_or_a_list_of_parts() {
    for (key, choice) in [
        ("message", "It is 22C"),
        ("message", r#"[{"text":"It is 22C"}]"#),
        ("message", r#"{"role":"assistant","content":"It is 22C"}"#),
        (
            "gen_ai.event.content",
            r#"{"index":0,"message":"It is 22C"}"#,
        ),
        (
            "body",
            r#"{"message":[{"type":"text","text":"It is 22C"}]}"#,
        ),
    ] {
        let mut span = span();
        span.events = vec![event(
            "gen_ai.choice",
            &[(key, choice), ("finish_reason", "stop")],
        )];
        assert_eq!(
            parts(&translate(span), "gen_ai.output.messages"),
            json!([{
                "role": "assistant",
                "parts": [{"type": "text", "content": "It is 22C"}],
                "finish_reason": "stop",
            }]),
            "{choice}"
        );
    }
    // Structured output is content, too.
    let mut span = span();
    span.events = vec![event("gen_ai.choice", &[("message", r#"{"degrees":22}"#)])];
    assert_eq!(
        parts(&translate(span), "gen_ai.output.messages")[0]["parts"],
        json!([{"type": "text", "content": r#"{"degrees":22}"#}])
    );
}

#[test]
fn bedrock_blocks_in_events_are_parsed() {
    let mut span = span();
    let tool_use = r#"[{"toolUse":{"toolUseId":"t1","name":"w","input":{"city":"Paris"}}}]"#;
    let tool_result =
        r#"[{"toolResult":{"toolUseId":"t1","status":"success","content":[{"text":"22C"}]}}]"#;
    span.events = vec![
        event(
            "gen_ai.user.message",
            &[("content", r#"[{"text":"Weather?"}]"#)],
        ),
        event("gen_ai.assistant.message", &[("content", tool_use)]),
        event("gen_ai.tool.message", &[("content", tool_result)]),
    ];
    assert_eq!(
        parts(&translate(span), "gen_ai.input.messages"),
        json!([
            {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "t1", "name": "w", "arguments": {"city": "Paris"}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "22C", "result": "22C"}]},
        ])
    );
}

#[test]
fn tool_results_in_an_event_and_in_the_users_message_appear_once() {
    let mut span = span();
    let blocks =
        r#"[{"toolResult":{"toolUseId":"t1","content":[{"text":"22C"}]}},{"text":"Now?"}]"#;
    let repeated = r#"[{"type":"tool_result","tool_use_id":"t1","content":"22C"}]"#;
    span.events = vec![
        event("gen_ai.tool.message", &[("id", "t1"), ("content", "22C")]),
        event("gen_ai.user.message", &[("content", blocks)]),
        event("gen_ai.user.message", &[("content", repeated)]),
    ];
    assert_eq!(
        parts(&translate(span), "gen_ai.input.messages"),
        json!([
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "22C", "result": "22C"}]},
            {"role": "user", "parts": [{"type": "text", "content": "Now?"}]},
        ])
    );
}

/// The name of an event, and the key and the value of its attribute.
type Recorded = (&'static str, &'static str, &'static str);

/// The events of a tool call, with its arguments and its result.
#[rustfmt::skip]
const CALLS: &[(&[Recorded], Option<&str>, Option<&str>)] = &[
    (
        &[("gen_ai.tool.message", "content", r#"{"city":"Paris"}"#), ("gen_ai.choice", "message", r#"[{"text":"22C"}]"#)],
        Some(r#"{"city":"Paris"}"#), Some("22C"),
    ),
    (
        &[("gen_ai.tool.message", "content", "Paris"), ("gen_ai.choice", "message", r#"{"role":"tool","content":"22C"}"#)],
        Some("Paris"), Some("22C"),
    ),
    // The call failed, or the choice is missing.
    (&[("gen_ai.tool.message", "content", r#"{"city":"Paris"}"#)], Some(r#"{"city":"Paris"}"#), None),
    (&[("gen_ai.tool.message", "content", "22C")], None, Some("22C")),
];

#[test]
fn events_of_a_tool_call_become_arguments_and_result() {
    for (events, arguments, result) in CALLS {
        let mut span = span();
        span.name = "execute_tool w".into();
        span.attributes.set("gen_ai.operation.name", "execute_tool");
        span.events = events
            .iter()
            .map(|(name, key, value)| event(name, &[(key, value), ("id", "c1")]))
            .collect();
        let span = translate(span);
        let text = |key| span.attributes.text(key);
        assert_eq!(text("gen_ai.tool.call.arguments"), *arguments);
        assert_eq!(text("gen_ai.tool.call.result"), *result);
        assert_eq!(text(INPUT).or(text(OUTPUT)), None);
    }
    let mut span = span();
    span.attributes.set("gen_ai.operation.name", "execute_tool");
    span.attributes.push(ARGUMENTS, "{}");
    span.events = vec![event("gen_ai.tool.message", &[("content", r#"{"a":1}"#)])];
    assert_eq!(translate(span).attributes.text(RESULT), Some(r#"{"a":1}"#));
}

const DETAILS: &str = "gen_ai.client.inference.operation.details";
const CALL: &str =
    r#"[{"role":"tool","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{"a":1}}]}]"#;
const ANSWER: &str = r#"[{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":[{"text":"Error: division by zero"}]}]}]"#;

#[test]
fn detail_events_of_a_tool_call_become_arguments_and_result() {
    let mut source = span();
    source.name = "execute_tool w".into();
    source
        .attributes
        .set("gen_ai.operation.name", "execute_tool");
    source.attributes.push("gen_ai.tool.status", "error");
    source.status = SourceStatus::Ok;
    source.events = vec![
        event(DETAILS, &[(INPUT, CALL)]),
        event(DETAILS, &[(OUTPUT, ANSWER)]),
    ];
    let span = translate(source.clone());
    let text = |key| span.attributes.text(key);
    assert_eq!(text(ARGUMENTS), Some(r#"{"a":1}"#));
    assert_eq!(text(RESULT), Some("Error: division by zero"));
    assert_eq!(text(INPUT).or(text(OUTPUT)), None);
    assert_eq!(span.status, Status::Error);
    assert_eq!(text("error.type"), Some("tool_error"));

    // What says something else stays as it is.
    source
        .events
        .push(event(DETAILS, &[("app.attempt", "second")]));
    let span = translate(source.clone());
    assert_eq!(span.attributes.text("app.attempt"), Some("second"));

    // An attribute of the span takes precedence.
    source.attributes.push(ARGUMENTS, r#"{"b":2}"#);
    let span = translate(source);
    assert_eq!(span.attributes.text(ARGUMENTS), Some(r#"{"b":2}"#));

    // In a chat, they are the input of the model.
    let mut source = self::span();
    source.events = vec![event(DETAILS, &[(INPUT, CALL)])];
    let span = translate(source);
    assert!(span.attributes.contains(INPUT) && !span.attributes.contains(ARGUMENTS));
}

#[test]
fn a_detail_event_becomes_attributes() {
    let mut span = span();
    let mut details = SourceEvent::new("gen_ai.client.inference.operation.details");
    details.attributes.push(
        "gen_ai.input.messages",
        r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#,
    );
    details.attributes.push("gen_ai.request.model", "another");
    span.events = vec![details];
    let span = translate(span);
    assert_eq!(&*span.name, "chat gpt-4o");
    assert!(span.attributes.contains("gen_ai.input.messages"));
}

/// `tracing-opentelemetry` records edgequake-llm's events like this.
#[test]
fn the_event_name_may_be_a_field() {
    let mut details = event(
        "GenAI inference completed",
        &[
            ("event.name", DETAILS),
            (INPUT, r#"[{"role":"user","content":"Hi"}]"#),
            ("gen_ai.response.id", ""),
            ("level", "INFO"),
            ("target", "gen_ai.events"),
            ("code.file.path", "src/main.rs"),
        ],
    );
    let attributes = &mut details.attributes;
    attributes.push("gen_ai.usage.input_tokens", 42);
    attributes.push("gen_ai.request.temperature", -1.0);
    attributes.push("gen_ai.request.max_tokens", 64);
    attributes.push("gen_ai.request.presence_penalty", -999.0);
    let answer = [
        ("event.name", "gen_ai.choice"),
        ("content", "Hello"),
        ("finish_reason", "stop"),
    ];
    let mut span = span();
    span.events = vec![details, event("said", &answer), event("cache miss", &[])];
    let span = translate(span);
    assert_eq!(
        parts(&span, INPUT)[0]["parts"][0],
        json!({"type": "text", "content": "Hi"})
    );
    assert_eq!(
        parts(&span, OUTPUT)[0]["parts"][0],
        json!({"type": "text", "content": "Hello"})
    );
    let integer = |key| span.attributes.integer(key);
    assert_eq!(integer("gen_ai.usage.input_tokens"), Some(42));
    assert_eq!(integer("gen_ai.request.max_tokens"), Some(64));
    for key in [
        "gen_ai.request.temperature",
        "gen_ai.request.presence_penalty",
        "gen_ai.response.id",
        "level",
        "target",
        "code.file.path",
        "event.name",
    ] {
        assert!(!span.attributes.contains(key), "{key}");
    }
}

#[test]
fn many_details_are_merged_in_linear_time() {
    let details = "gen_ai.client.inference.operation.details";
    let item = |text| event(details, &[("gen_ai.output.messages", text)]);
    crate::growth::assert_linear(2_000, |many| {
        let mut span = span();
        for number in 0..many {
            span.attributes
                .push_owned_key(&format!("shop.{number}"), "the span's");
        }
        let mut first = item(r#"[{"role":"assistant","parts":[]}]"#);
        for number in 1..many {
            // Half of them are on the span.
            let key = format!("shop.{}", number + many / 2);
            first.attributes.push_owned_key(&key, "first");
        }
        let mut second = SourceEvent::new(details);
        let key = format!("shop.{}", many + 1);
        second.attributes.push_owned_key(&key, "second");
        second
            .attributes
            .push(OUTPUT, r#"[{"role":"tool","parts":[]}]"#);
        span.events = vec![first, second];
        fold(&mut span, OperationKind::Call);
        let text = |number| span.attributes.text(&format!("shop.{number}"));
        assert_eq!(text(many - 1), Some("the span's"));
        assert_eq!(text(many + 1), Some("first"));
        assert_eq!(span.attributes.len(), 3 + many + many / 2);
        let both = r#"[{"parts":[],"role":"assistant"},{"parts":[],"role":"tool"}]"#;
        let output = span.attributes.text(OUTPUT).unwrap();
        let [both, output] =
            [both, output].map(|text| serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(output, both);
    });
}

/// langchainrust's handler, which also records the answer as a message.
#[test]
fn event_fields_may_have_a_namespace() {
    let mut span = span();
    span.events = vec![
        event(
            "gen_ai.system.message",
            &[("gen_ai.message.content", "Brief.")],
        ),
        event(
            "gen_ai.user.message",
            &[("gen_ai.message.content", "Weather?")],
        ),
        event(
            "gen_ai.choice.message",
            &[
                ("gen_ai.message.content", "4"),
                ("gen_ai.choice.index", "0"),
            ],
        ),
    ];
    let span = translate(span);
    assert_eq!(parts(&span, "gen_ai.system_instructions"), text("Brief."));
    assert_question_and_answer(&span);
}

#[test]
fn an_event_may_hold_a_list_of_texts() {
    let with = |name, key, text: &str| {
        let mut event = SourceEvent::new(name);
        event.attributes.push(key, vec![text.to_owned()]);
        event
    };
    let mut span = span();
    span.events = vec![
        with("gen_ai.content.prompt", "gen_ai.prompt", "Weather?"),
        with("gen_ai.content.completion", "gen_ai.completion", "4"),
    ];
    assert_question_and_answer(&translate(span));
}

/// NeMo Guardrails flattens the message of a choice.
#[test]
fn fields_of_a_message_may_be_flattened() {
    let mut span = span();
    span.events = vec![
        event("gen_ai.content.prompt", &[("content", "Weather?")]),
        event(
            "gen_ai.choice",
            &[("message.role", "assistant"), ("message.content", "4")],
        ),
    ];
    let span = translate(span);
    assert_question_and_answer(&span);
}

/// What is measured is not the model.
#[test]
fn a_span_tells_its_evaluations() {
    const NAME: &str = "gen_ai.evaluation.name";
    let result = |name, label| {
        let fields = [(NAME, name), ("gen_ai.evaluation.score.label", label)];
        event("gen_ai.evaluation.result", &fields)
    };
    let mut chat = span();
    chat.events = vec![result("tone", "good"), result("length", "bad")];
    let chat = translate(chat);
    assert_eq!(chat.attributes.text(NAME), Some("tone"));
    let second = "gen_ai.evaluation.score.label.1";
    assert_eq!(chat.attributes.text(second), Some("bad"));

    let mut evaluation = span();
    evaluation.name = "evaluate tone".into();
    (evaluation.attributes).set("gen_ai.operation.name", "evaluate");
    evaluation.attributes.remove("gen_ai.request.model");
    evaluation.events = vec![result("tone", "good")];
    let evaluation = translate(evaluation);
    assert_eq!(evaluation.name, "evaluate tone");
    assert!(!evaluation.attributes.contains("gen_ai.request.model"));
}

/// Azure's SDKs do so on request.
#[test]
fn events_are_named_after_any_role_of_openai() {
    let mut span = span();
    for (name, body) in [
        ("gen_ai.developer.message", r#"{"content":"Be brief."}"#),
        ("gen_ai.user.message", r#"{"content":"Weather?"}"#),
        ("gen_ai.function.message", r#"{"content":"22C"}"#),
    ] {
        span.events.push(event(name, &[("body", body)]));
    }
    let span = translate(span);
    let system = parts(&span, "gen_ai.system_instructions");
    assert_eq!(system, text("Be brief."));
    let response = json!([{"type": "tool_call_response", "response": "22C", "result": "22C"}]);
    assert_eq!(
        parts(&span, "gen_ai.input.messages"),
        json!([{"role": "user", "parts": text("Weather?")}, {"role": "tool", "parts": response}])
    );
}

#[test]
fn events_may_hold_lists_of_messages() {
    let mut span = span();
    for (name, content) in [
        (
            "gen_ai.input.messages",
            r#"[{"role":"user","parts":[{"type":"text","content":"Weather?"}]}]"#,
        ),
        (
            "gen_ai.output.messages",
            r#"[{"role":"assistant","parts":[{"type":"text","content":"4"}]}]"#,
        ),
    ] {
        let mut event = SourceEvent::new(name);
        event.attributes.push("gen_ai.event.content", content);
        span.events.push(event);
    }
    assert_question_and_answer(&translate(span));
}
