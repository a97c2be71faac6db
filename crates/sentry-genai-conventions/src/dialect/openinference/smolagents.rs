//! The inputs of smolagents' agents and tools, for which OpenInference records the parameters of methods, and what answers its calls.

use serde_json::{Value, json};

use super::{INPUT_MESSAGES, INPUT_VALUE, OUTPUT_VALUE};
use crate::{
    Attributes, SourceSpan,
    dialect::{OperationKind, json},
    messages,
};

pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if !span.scope.ends_with("smolagents") {
        return;
    }
    match kind {
        OperationKind::Call => {
            read_request(&mut span.attributes);
            unwrap_response(&mut span.attributes);
        }
        OperationKind::Agent | OperationKind::Tool => reduce_input(&mut span.attributes, kind),
        _ => {}
    }
}

/// Replaces the reprs of messages, which older versions do not flatten, by messages.
fn read_request(attributes: &mut Attributes) {
    if (attributes.iter()).any(|(key, _)| key.starts_with(INPUT_MESSAGES)) {
        return;
    }
    let request = json::object(attributes, INPUT_VALUE).unwrap_or_default();
    let reprs = request.get("messages").and_then(Value::as_array);
    if let Some(messages) = reprs.and_then(|reprs| reprs.iter().map(message).collect()) {
        json::set(attributes, INPUT_VALUE, messages);
    }
}

/// Reads `ChatMessage(role=<MessageRole.USER: 'user'>, content=[{'type': 'text', 'text': 'Hi'}], tool_calls=None)`.
fn message(repr: &Value) -> Option<Value> {
    let mut message = messages::read_constructor(repr.as_str()?)?;
    let [role, content] = ["role", "content"].map(|field| json::take(&mut message, field));
    role.is_string()
        .then(|| json!({"role": role, "content": content}))
}

/// Replaces the answer of a model by the provider's response, which is inside it as a repr.
fn unwrap_response(attributes: &mut Attributes) {
    let answer = json::object(attributes, OUTPUT_VALUE);
    let response =
        answer.and_then(|answer| messages::read_constructor(answer.get("raw")?.as_str()?));
    if let Some(response) = response {
        json::set(attributes, OUTPUT_VALUE, response);
    }
}

/// Reduces the input of an agent or a tool to what it was asked.
fn reduce_input(attributes: &mut Attributes, kind: OperationKind) {
    let Some(input) = json::object(attributes, INPUT_VALUE) else {
        return;
    };
    if kind == OperationKind::Agent {
        let has_additional_args =
            (input.get("additional_args")).is_some_and(|args| !args.is_null());
        if let Some(Value::String(task)) = input.get("task")
            && !has_additional_args
        {
            attributes.set(INPUT_VALUE, &**task);
        }
        return;
    }
    let (Some(Value::Array(positional)), Some(Value::Object(named))) =
        (input.get("args"), input.get("kwargs"))
    else {
        return;
    };
    let arguments = match (&**positional, named.is_empty()) {
        ([], _) => Value::Object(named.clone()),
        ([argument], true) => {
            let parameters = json::object(attributes, "tool.parameters").unwrap_or_default();
            let mut names = parameters.into_iter().map(|(name, _)| name);
            match (names.next(), names.next()) {
                (Some(name), None) => messages::object_of([(name, argument.clone())]).into(),
                _ => positional.clone().into(),
            }
        }
        (_, true) => positional.clone().into(),
        // The names of the positional parameters are not recorded.
        (_, false) => return,
    };
    json::set(attributes, INPUT_VALUE, arguments);
}
