//! Messages recorded as events inside a span: one event per message in the old conventions, one for all in the newest.

mod details;
mod repeated_results;

use std::collections::HashSet;

use details::Details;
use serde_json::{Map, Value, json};

use crate::{
    SourceEvent, SourceSpan, content,
    dialect::{
        ARGUMENTS, DEFINITIONS, INPUT, OUTPUT, OperationKind, RESULT, json_of, json_of_scalar,
    },
    messages::{self, Messages, Part},
};

/// The answer of a model, or one of several. langchainrust also uses it for messages.
const CHOICE: &str = "gen_ai.choice";

const EXCEPTION: &str = "exception";

/// What a function returned, as `#[instrument(ret)]` reports it.
const RETURNED: &str = "return";

/// Returns whether any of the events matters to a dialect that follows the conventions. A program's log events do not.
#[inline]
pub(crate) fn are_relevant(events: &[SourceEvent]) -> bool {
    let is_relevant = |event: &SourceEvent| event.name == EXCEPTION || is_content(event);
    events.iter().any(is_relevant)
}

fn is_content(event: &SourceEvent) -> bool {
    event.gen_ai_name().is_some() || event.attributes.contains(RETURNED)
}

const EVALUATION_RESULT: &str = "gen_ai.evaluation.result";
const EVALUATION: &str = "gen_ai.evaluation.";

/// How many evaluations of a span are kept.
const MAX_EVALUATIONS: usize = 16;

/// Folds events into the attributes that hold messages. What the span already has wins.
pub(crate) fn fold(span: &mut SourceSpan, kind: OperationKind) {
    if !span.events.iter().any(is_content) {
        return;
    }
    let mut content = EventContent::default();
    for event in &span.events {
        content.read(event, kind);
    }
    content.write_to(span, kind);
}

/// What the events of a span hold.
#[derive(Default)]
struct EventContent {
    input: Vec<Value>,
    output: Vec<Value>,
    definitions: Option<Value>,
    tool: Tool,
    returned: Option<String>,
    evaluations: usize,
    details: Details,
}

impl EventContent {
    fn read(&mut self, event: &SourceEvent, kind: OperationKind) {
        let is_tool = kind == OperationKind::Tool;
        match event.gen_ai_name().unwrap_or_default() {
            EVALUATION_RESULT => self.read_evaluation(event),
            // Ax reports token counts in an event.
            "gen_ai.client.inference.operation.details" | "gen_ai.usage" => {
                self.read_details(event);
            }
            // Azure's SDKs have a list of messages in each event.
            INPUT => append_list(event, &mut self.input),
            OUTPUT => append_list(event, &mut self.output),
            // Semantic Kernel has the text to complete in an event with the shorter name.
            "gen_ai.content.prompt" | "gen_ai.prompt" => {
                append_messages(event, "gen_ai.prompt", &mut self.input);
            }
            "gen_ai.content.completion" => {
                append_messages(event, "gen_ai.completion", &mut self.output);
            }
            "gen_ai.tool.message" if is_tool => self.tool.messages.push(message(event)),
            CHOICE | "gen_ai.choice.message" if is_tool => self.tool.choice = Some(message(event)),
            CHOICE | "gen_ai.choice.message" => self.output.extend(message_with_content(event)),
            // The instrumentations of OpenAI's SDK name an event after any role of its API.
            "gen_ai.system.message"
            | "gen_ai.developer.message"
            | "gen_ai.user.message"
            | "gen_ai.assistant.message"
            | "gen_ai.tool.message"
            | "gen_ai.function.message" => {
                if let Some(mut message) = message_with_content(event) {
                    match take_tools(&mut message) {
                        Some(definitions) => self.definitions = Some(definitions),
                        None => self.input.push(message),
                    }
                }
            }
            _ => {
                if let Some(value) = event.attributes.text(RETURNED) {
                    self.returned = Some(without_quotes(value));
                }
            }
        }
    }

    fn read_details(&mut self, event: &SourceEvent) {
        let attributes = event.attributes.iter();
        for (key, value) in attributes.filter(|(key, _)| !is_source_location(key)) {
            let value = json_of(value);
            if is_plausible(key, &value) {
                self.details.add(key.to_owned(), value);
            }
        }
    }

    /// Reads an evaluation. The keys of all but the first have a number appended.
    fn read_evaluation(&mut self, event: &SourceEvent) {
        let number = self.evaluations;
        self.evaluations += 1;
        match number {
            0 => self.read_details(event),
            1..MAX_EVALUATIONS => {
                let attributes = event.attributes.iter();
                for (key, value) in attributes.filter(|(key, _)| key.starts_with(EVALUATION)) {
                    self.details.add(format!("{key}.{number}"), json_of(value));
                }
            }
            _ => {}
        }
    }

    fn write_to(mut self, span: &mut SourceSpan, kind: OperationKind) {
        write_details(self.details, span, kind);
        repeated_results::remove(&mut self.input);
        self.tool.write_to(span);
        if let Some(definitions) = self.definitions {
            span.attributes.supply(DEFINITIONS, definitions.to_string());
        }
        for (key, side, list) in [
            (INPUT, messages::Side::Input, self.input),
            (OUTPUT, messages::Side::Output, self.output),
        ] {
            if !list.is_empty() && !span.attributes.contains(key) {
                let list = messages::from_list(list.into_iter(), side);
                span.attributes.push(key, list.to_string());
            }
        }
        let returned_as = match kind {
            OperationKind::Tool => RESULT,
            OperationKind::Agent => OUTPUT,
            _ => return,
        };
        if let Some(returned) = self.returned {
            span.attributes.supply(returned_as, returned);
        }
    }
}

/// Appends the messages of an event that holds a list of them.
fn append_list(event: &SourceEvent, messages: &mut Vec<Value>) {
    let content = event.attributes.text("gen_ai.event.content");
    if let Some(Value::Array(list)) = content.and_then(messages::read_json) {
        messages.extend(list);
    }
}

/// Returns the text that `{:?}` has put into quotes, or anything else as it is.
fn without_quotes(debug: &str) -> String {
    serde_json::from_str(debug).unwrap_or_else(|_| debug.to_owned())
}

fn write_details(details: Details, span: &mut SourceSpan, kind: OperationKind) {
    let existing: Option<HashSet<_>> = (details.is_large()).then(|| {
        (span.attributes.iter())
            .map(|(key, _)| key.to_owned())
            .collect()
    });
    for (key, value) in details.entries {
        if kind == OperationKind::Tool && unpack_tool_call(span, &key, &value) {
            continue;
        }
        let exists = match &existing {
            // `unpack_tool_call` may have added these.
            Some(existing) if !matches!(&*key, ARGUMENTS | RESULT) => existing.contains(&key),
            _ => span.attributes.contains(&key),
        };
        if !exists && !matches!(&*key, "event.name" | "event_name") {
            push(span, &key, value);
        }
    }
}

/// Returns whether a key says where in a program an event was created, as `tracing-opentelemetry` records it.
fn is_source_location(key: &str) -> bool {
    matches!(key, "level" | "target") || key.starts_with("code.")
}

/// Returns whether a parameter may have this value. For each parameter that was not given, edgequake-llm records an impossible
/// value.
fn is_plausible(key: &str, value: &Value) -> bool {
    let min = match key {
        "gen_ai.request.max_tokens" => 1.0,
        "gen_ai.request.temperature" | "gen_ai.request.top_p" => 0.0,
        "gen_ai.request.frequency_penalty" | "gen_ai.request.presence_penalty" => -2.0,
        _ => return true,
    };
    value.as_f64().is_none_or(|value| value >= min)
}

/// Moves the arguments and the result out of the messages of a tool call. Returns whether the messages held nothing else.
fn unpack_tool_call(span: &mut SourceSpan, key: &str, value: &Value) -> bool {
    let Some(side) = content::side_of_messages(key) else {
        return false;
    };
    let messages = match value {
        Value::String(text) => Messages::parse(text, side),
        value => Messages::parse(&value.to_string(), side),
    };
    let messages = messages.messages.into_iter();
    let parts: Vec<_> = messages.flat_map(|message| message.parts).collect();
    let mut is_call = !parts.is_empty();
    for part in parts {
        match part {
            Part::ToolCall { arguments, .. } if arguments.is_null() => {}
            Part::ToolCall { arguments, .. } => push_if_absent(span, ARGUMENTS, arguments),
            Part::ToolCallResponse { response, .. } => push_if_absent(span, RESULT, response),
            _ => is_call = false,
        }
    }
    is_call
}

/// The events on the span of a tool call: its message holds the input, the choice holds the output.
#[derive(Default)]
struct Tool {
    messages: Vec<Value>,
    choice: Option<Value>,
}

impl Tool {
    fn write_to(self, span: &mut SourceSpan) {
        let mut messages = self.messages.into_iter().filter_map(payload);
        let mut result = self.choice.and_then(payload);
        if let Some(first) = messages.next() {
            // Without a choice the message may also be the result. Arguments are an object.
            let is_result =
                result.is_none() && (span.attributes.contains(ARGUMENTS) || !is_arguments(&first));
            if is_result {
                result = Some(first);
            } else {
                result = result.or_else(|| messages.next());
                push_if_absent(span, ARGUMENTS, first);
            }
        }
        if let Some(result) = result {
            push_if_absent(span, RESULT, messages::tool_answer(result));
        }
    }
}

/// Returns the input or the output in an event of a tool call. A choice has its output in a `message` field.
fn payload(mut event: Value) -> Option<Value> {
    let fields = event.as_object_mut()?;
    let message = fields.remove("message");
    let is_choice = message.is_some();
    let value = message.or_else(|| fields.remove("content"))?;
    let parsed = value.as_str().and_then(messages::read_json);
    match (value, parsed) {
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

fn push_if_absent(span: &mut SourceSpan, key: &'static str, value: Value) {
    let text = messages::text_of(value);
    if !text.is_empty() {
        span.attributes.supply(key, text);
    }
}

/// Returns the message of an event, or `None` if the event only says that there was a message and what kinds of things it held,
/// as Ax's events do.
fn message_with_content(event: &SourceEvent) -> Option<Value> {
    let message = message(event);
    let has_content = |(key, value): (&String, &Value)| match &**key {
        "event.name" | "function_names" | "id" | "name" | "tool_names" => false,
        _ => !matches!(value, Value::Bool(_) | Value::Number(_) | Value::Null),
    };
    let fields = message.as_object()?;
    fields.iter().any(has_content).then_some(message)
}

/// Takes the tools available to Anthropic's models, which OpenLLMetry reports in a user message that holds nothing else.
fn take_tools(message: &mut Value) -> Option<Value> {
    let content = message.get_mut("content")?.as_object_mut()?;
    let has_only_tools = content.len() == 1 && content.get("tools")?.is_array();
    has_only_tools.then(|| content["tools"].take())
}

/// Reads a message, whose fields are either separate attributes or JSON in a single one.
fn message(event: &SourceEvent) -> Value {
    let mut fields = Map::new();
    for (key, value) in event.attributes.iter() {
        // The event's name may be repeated in front of its fields.
        let key = (key.strip_prefix("gen_ai.message."))
            .or_else(|| key.strip_prefix("gen_ai.choice."))
            .or_else(|| key.strip_prefix("message."))
            .unwrap_or(key);
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
    let name = match event.gen_ai_name() {
        Some("gen_ai.choice.message") => Some(CHOICE),
        name => name,
    };
    fields.insert("event.name".to_owned(), json!(name));
    Value::Object(fields)
}

fn append_messages(event: &SourceEvent, key: &str, messages: &mut Vec<Value>) {
    // The first versions of Spring AI have a list of texts.
    if let Some(crate::Value::Array(texts)) = event.attributes.get(key) {
        messages.extend(texts.iter().map(json_of_scalar));
        return;
    }
    let keys = [key, "content", "body"];
    if let Some(text) = keys.iter().find_map(|key| event.attributes.text(key)) {
        match messages::read_json(text) {
            Some(Value::Array(items)) => messages.extend(items),
            Some(value) => messages.push(value),
            None => messages.push(text.into()),
        }
    }
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
mod tests;
