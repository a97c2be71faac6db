//! Messages that arrive as events inside a span: one per message by the old conventions, one for all by the newest.

use serde_json::{Map, Value, json};

use crate::{
    SourceEvent, SourceSpan,
    dialect::{INPUT, OUTPUT},
    messages,
};

/// Folds events into the attributes that hold messages now. What the span has already wins.
pub(crate) fn fold(span: &mut SourceSpan) {
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
    for event in &span.events {
        match &*event.name {
            "gen_ai.client.inference.operation.details" => {
                details.extend(
                    event
                        .attributes
                        .iter()
                        .map(|(key, value)| (key.to_owned(), json_of(value))),
                );
            }
            "gen_ai.content.prompt" => whole(event, "gen_ai.prompt", &mut input),
            "gen_ai.content.completion" => whole(event, "gen_ai.completion", &mut output),
            "gen_ai.choice" => output.push(message(event)),
            "gen_ai.system.message"
            | "gen_ai.user.message"
            | "gen_ai.assistant.message"
            | "gen_ai.tool.message" => input.push(message(event)),
            _ => {}
        }
    }
    for (key, value) in details {
        if !span.attributes.contains(&key) && !matches!(&*key, "event.name" | "event_name") {
            push(span, &key, value);
        }
    }
    for (key, messages) in [(INPUT, input), (OUTPUT, output)] {
        if !messages.is_empty() && !span.attributes.contains(key) {
            span.attributes
                .push(key, Value::Array(messages).to_string());
        }
    }
}

/// A message has its fields as attributes, or all of them as JSON in one.
fn message(event: &SourceEvent) -> Value {
    let mut fields = Map::new();
    for (key, value) in event.attributes.iter() {
        let value = match json_of(value) {
            Value::String(text)
                if matches!(
                    key,
                    "message" | "tool_calls" | "gen_ai.event.content" | "body"
                ) =>
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
    use crate::{SpanId, Timestamp, TraceId, TranslateOptions, Translator};

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
