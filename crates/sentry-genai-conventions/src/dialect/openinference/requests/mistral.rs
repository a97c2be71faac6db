//! Python's instrumentation of Mistral.

use serde_json::Value;

use super::{INPUT_VALUE, OUTPUT_VALUE};
use crate::{
    Attributes, SourceSpan,
    dialect::{DEFINITIONS, json},
    messages,
};

pub(in crate::dialect::openinference) const SCOPE: &str = "openinference.instrumentation.mistralai";

/// Reads what only the request has, names its provider, which only answers do, and unwraps the answer of a stream, which is in an
/// envelope.
pub(super) fn adjust(span: &mut SourceSpan) {
    if span.scope != SCOPE {
        return;
    }
    let attributes = &mut span.attributes;
    read_request(attributes);
    if !attributes.contains_any(&["llm.provider", "llm.system"]) {
        attributes.supply("gen_ai.provider.name", "mistral_ai");
    }
    if let Some(mut envelope) = json::object(attributes, OUTPUT_VALUE)
        && envelope.len() == 1
        && let Some(answer @ Value::Object(_)) = envelope.remove("data")
    {
        json::set(attributes, OUTPUT_VALUE, answer);
    }
}

/// Reads the tool definitions, and the messages that are objects of the SDK, which are recorded as their text.
fn read_request(attributes: &mut Attributes) {
    let Some(mut request) = json::object(attributes, INPUT_VALUE) else {
        return;
    };
    if let Some(tools @ Value::Array(_)) = request.remove("tools") {
        json::put(attributes, DEFINITIONS, tools);
    }
    let Some(Value::Array(items)) = request.get_mut("messages") else {
        return;
    };
    for item in items {
        if let Some(message) = item.as_str().and_then(messages::read_model)
            && message.contains_key("role")
        {
            *item = message.into();
        }
    }
    json::set(attributes, INPUT_VALUE, request.into());
}
