//! Messages that arrive as events inside a span: one per message by the old conventions, one for all by the newest.

use serde_json::{Map, Value, json};

use crate::{
    SourceEvent, SourceSpan, content,
    dialect::{ARGUMENTS, INPUT, OUTPUT, RESULT, What},
    messages::{self, Messages, Part},
};

/// Folds events into the attributes that hold messages now. What the span has already wins.
pub(crate) fn fold(span: &mut SourceSpan, what: What) {
    if !span
        .events
        .iter()
        .any(|event| event.name.starts_with("gen_ai."))
    {
        return;
    }
    let mut input = Vec::new();
    let mut output = Vec::new();
    let mut details = Vec::new();
    let mut tool = Tool::default();
    for event in &span.events {
        match &*event.name {
            // Ax counts in an event.
            "gen_ai.client.inference.operation.details" | "gen_ai.usage" => {
                details.extend(
                    event
                        .attributes
                        .iter()
                        .map(|(key, value)| (key.to_owned(), json_of(value))),
                );
            }
            "gen_ai.content.prompt" => whole(event, "gen_ai.prompt", &mut input),
            "gen_ai.content.completion" => whole(event, "gen_ai.completion", &mut output),
            "gen_ai.tool.message" if what == What::Tool => tool.messages.push(message(event)),
            "gen_ai.choice" if what == What::Tool => tool.choice = Some(message(event)),
            "gen_ai.choice" => output.extend(spoken(event)),
            "gen_ai.system.message"
            | "gen_ai.user.message"
            | "gen_ai.assistant.message"
            | "gen_ai.tool.message" => input.extend(spoken(event)),
            _ => {}
        }
    }
    for (key, value) in details {
        if what == What::Tool && unpack(span, &key, &value) {
            continue;
        }
        if !span.attributes.contains(&key) && !matches!(&*key, "event.name" | "event_name") {
            push(span, &key, value);
        }
    }
    tool.put(span);
    for (key, messages) in [(INPUT, input), (OUTPUT, output)] {
        if !messages.is_empty() && !span.attributes.contains(key) {
            span.attributes
                .push(key, Value::Array(messages).to_string());
        }
    }
}

/// Takes the arguments and the result out of the messages of a tool's call, and returns whether there is nothing else in them.
fn unpack(span: &mut SourceSpan, key: &str, value: &Value) -> bool {
    let Some(side) = content::side_of_messages(key) else {
        return false;
    };
    let messages = match value {
        Value::String(text) => Messages::parse(text, side),
        value => Messages::parse(&value.to_string(), side),
    };
    let parts: Vec<_> = messages
        .messages
        .into_iter()
        .flat_map(|message| message.parts)
        .collect();
    let mut is_call = !parts.is_empty();
    for part in parts {
        match part {
            Part::ToolCall { arguments, .. } if arguments.is_null() => {}
            Part::ToolCall { arguments, .. } => put(span, ARGUMENTS, arguments),
            Part::ToolCallResponse { response, .. } => put(span, RESULT, response),
            _ => is_call = false,
        }
    }
    is_call
}

/// The events of a span that is the call of a tool: what went in is its message, and what came out the choice.
#[derive(Default)]
struct Tool {
    messages: Vec<Value>,
    choice: Option<Value>,
}

impl Tool {
    fn put(self, span: &mut SourceSpan) {
        let mut messages = self.messages.into_iter().filter_map(payload);
        let mut result = self.choice.and_then(payload);
        if let Some(first) = messages.next() {
            // Without a choice it may also be the result that is the message; arguments have names.
            let is_result =
                result.is_none() && (span.attributes.contains(ARGUMENTS) || !is_arguments(&first));
            if is_result {
                result = Some(first);
            } else {
                result = result.or_else(|| messages.next());
                put(span, ARGUMENTS, first);
            }
        }
        if let Some(result) = result {
            put(span, RESULT, messages::tool_answer(result));
        }
    }
}

/// Takes out of an event of a tool's call what went in, or what came out: a choice has that in a message.
fn payload(mut event: Value) -> Option<Value> {
    let fields = event.as_object_mut()?;
    let message = fields.remove("message");
    let is_choice = message.is_some();
    let value = message.or_else(|| fields.remove("content"))?;
    let read = value.as_str().and_then(messages::read_json);
    match (value, read) {
        (Value::Null, _) => None,
        (Value::Object(mut message), _) | (_, Some(Value::Object(mut message)))
            if is_choice && message.contains_key("role") && message.contains_key("content") =>
        {
            message.remove("content")
        }
        (_, Some(list @ Value::Array(_))) => Some(list),
        (value, _) => Some(value),
    }
}

fn is_arguments(value: &Value) -> bool {
    match value {
        Value::String(text) => matches!(messages::read_json(text), Some(Value::Object(_))),
        value => value.is_object(),
    }
}

fn put(span: &mut SourceSpan, key: &'static str, value: Value) {
    let text = match value {
        Value::String(text) => text,
        value => value.to_string(),
    };
    if !text.is_empty() && !span.attributes.contains(key) {
        span.attributes.push(key, text);
    }
}

/// Returns the message of an event, unless the event only says that there was one and what it had, as Ax's do.
fn spoken(event: &SourceEvent) -> Option<Value> {
    let message = message(event);
    let is_spoken = |(key, value): (&String, &Value)| match &**key {
        "event.name" | "function_names" | "id" | "name" | "tool_names" => false,
        _ => !matches!(value, Value::Bool(_) | Value::Number(_) | Value::Null),
    };
    let fields = message.as_object()?;
    fields.iter().any(is_spoken).then_some(message)
}

/// A message has its fields as attributes, or all of them as JSON in one.
fn message(event: &SourceEvent) -> Value {
    let mut fields = Map::new();
    for (key, value) in event.attributes.iter() {
        let value = match json_of(value) {
            Value::String(text)
                if matches!(key, "tool_calls" | "gen_ai.event.content" | "body") =>
            {
                messages::read_json(&text).unwrap_or(Value::String(text))
            }
            value => value,
        };
        match (key, value) {
            ("gen_ai.event.content" | "body", Value::Object(body)) => fields.extend(body),
            ("gen_ai.event.content" | "body", body) => {
                fields.insert("content".to_owned(), body);
            }
            ("gen_ai.system" | "gen_ai.provider.name" | "event.name", _) => {}
            (key, value) => {
                fields.insert(key.to_owned(), value);
            }
        }
    }
    fields.insert("event.name".to_owned(), json!(event.name));
    Value::Object(fields)
}

fn whole(event: &SourceEvent, key: &str, messages: &mut Vec<Value>) {
    if let Some(text) = event.attributes.text(key) {
        match messages::read_json(text) {
            Some(Value::Array(items)) => messages.extend(items),
            Some(value) => messages.push(value),
            None => messages.push(text.into()),
        }
    }
}

fn json_of(value: crate::Value<'_>) -> Value {
    crate::dialect::json_of(value)
}

fn push(span: &mut SourceSpan, key: &str, value: Value) {
    match value {
        Value::Bool(value) => span.attributes.push_owned_key(key, value),
        Value::String(value) => span.attributes.push_owned_key(key, &value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => span.attributes.push_owned_key(key, number),
            (None, Some(number)) => span.attributes.push_owned_key(key, number),
            (None, None) => {}
        },
        Value::Null => {}
        value => span.attributes.push_owned_key(key, value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SourceStatus, SpanId, Status, Timestamp, TraceId, TranslateOptions, Translator};

    fn span() -> SourceSpan {
        let trace_id = TraceId::from_bytes([1; 16]).unwrap();
        let span_id = SpanId::from_bytes([2; 8]).unwrap();
        let mut span = SourceSpan::new(trace_id, span_id, "chat gpt-4o", Timestamp::from_nanos(1));
        span.attributes.push("gen_ai.operation.name", "chat");
        span.attributes.push("gen_ai.request.model", "gpt-4o");
        span
    }

    fn translated(span: SourceSpan) -> crate::SentrySpan {
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

    #[test]
    fn events_of_single_messages_become_messages() {
        let mut span = span();
        let mut asked = SourceEvent::new("gen_ai.user.message");
        asked.attributes.push("content", "Weather?");
        let mut wrapped = SourceEvent::new("gen_ai.choice");
        wrapped.attributes.push(
            "gen_ai.event.content",
            r#"{"index":0,"finish_reason":"tool_calls","message":{"tool_calls":[{"id":"c1","type":"function","function":{"name":"w","arguments":"{\"a\":1}"}}]}}"#,
        );
        span.events = vec![asked, wrapped];
        let span = translated(span);
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
    fn a_choice_may_be_a_text_or_a_list_of_parts() {
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
                parts(&translated(span), "gen_ai.output.messages"),
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
            parts(&translated(span), "gen_ai.output.messages")[0]["parts"],
            json!([{"type": "text", "content": r#"{"degrees":22}"#}])
        );
    }

    #[test]
    fn blocks_of_bedrock_in_events_are_read() {
        let mut span = span();
        let called = r#"[{"toolUse":{"toolUseId":"t1","name":"w","input":{"city":"Paris"}}}]"#;
        let answered =
            r#"[{"toolResult":{"toolUseId":"t1","status":"success","content":[{"text":"22C"}]}}]"#;
        span.events = vec![
            event(
                "gen_ai.user.message",
                &[("content", r#"[{"text":"Weather?"}]"#)],
            ),
            event("gen_ai.assistant.message", &[("content", called)]),
            event("gen_ai.tool.message", &[("content", answered)]),
        ];
        assert_eq!(
            parts(&translated(span), "gen_ai.input.messages"),
            json!([
                {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
                {"role": "assistant", "parts": [{"type": "tool_call", "id": "t1", "name": "w", "arguments": {"city": "Paris"}}]},
                {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "22C", "result": "22C"}]},
            ])
        );
    }

    /// The name of an event, and the key and value of its attribute.
    type Recorded = (&'static str, &'static str, &'static str);

    /// The events of a tool's call, and its arguments and result.
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
        // It failed, or the choice is left out.
        (&[("gen_ai.tool.message", "content", r#"{"city":"Paris"}"#)], Some(r#"{"city":"Paris"}"#), None),
        (&[("gen_ai.tool.message", "content", "22C")], None, Some("22C")),
    ];

    #[test]
    fn the_call_of_a_tool_has_arguments_and_a_result() {
        for (events, arguments, result) in CALLS {
            let mut span = span();
            span.name = "execute_tool w".into();
            span.attributes.set("gen_ai.operation.name", "execute_tool");
            span.events = events
                .iter()
                .map(|(name, key, value)| event(name, &[(key, value), ("id", "c1")]))
                .collect();
            let span = translated(span);
            let text = |key| span.attributes.text(key);
            assert_eq!(text("gen_ai.tool.call.arguments"), *arguments);
            assert_eq!(text("gen_ai.tool.call.result"), *result);
            assert_eq!(text(INPUT).or(text(OUTPUT)), None);
        }
    }

    const DETAILS: &str = "gen_ai.client.inference.operation.details";
    const CALL: &str = r#"[{"role":"tool","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{"a":1}}]}]"#;
    const ANSWER: &str = r#"[{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":[{"text":"Error: division by zero"}]}]}]"#;

    #[test]
    fn the_details_of_a_tools_call_are_arguments_and_a_result() {
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
        let span = translated(source.clone());
        let text = |key| span.attributes.text(key);
        assert_eq!(text(ARGUMENTS), Some(r#"{"a":1}"#));
        assert_eq!(text(RESULT), Some("Error: division by zero"));
        assert_eq!(text(INPUT).or(text(OUTPUT)), None);
        assert_eq!(span.status, Status::Error);
        assert_eq!(text("error.type"), Some("tool_error"));

        // What the span says itself wins.
        source.attributes.push(ARGUMENTS, r#"{"b":2}"#);
        let span = translated(source);
        assert_eq!(span.attributes.text(ARGUMENTS), Some(r#"{"b":2}"#));

        // Of a chat they are what the model was told.
        let mut source = self::span();
        source.events = vec![event(DETAILS, &[(INPUT, CALL)])];
        let span = translated(source);
        assert!(span.attributes.contains(INPUT) && !span.attributes.contains(ARGUMENTS));
    }

    #[test]
    fn the_event_with_all_details_counts_as_attributes() {
        let mut span = span();
        let mut details = SourceEvent::new("gen_ai.client.inference.operation.details");
        details.attributes.push(
            "gen_ai.input.messages",
            r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#,
        );
        details.attributes.push("gen_ai.request.model", "another");
        span.events = vec![details];
        let span = translated(span);
        assert_eq!(&*span.name, "chat gpt-4o");
        assert!(span.attributes.contains("gen_ai.input.messages"));
    }
}
