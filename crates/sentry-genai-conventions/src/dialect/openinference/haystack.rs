//! Haystack's messages. The flattened messages lack tool calls and their answers. These are in the reprs of the original objects,
//! and so are the finish reason and all counts.

use serde_json::Value;

use super::{INPUT_VALUE, MODEL_NAME, OUTPUT_VALUE, put_missing_counts};
use crate::{
    SourceSpan,
    dialect::{INPUT, OUTPUT, OperationKind, haystack, json},
    messages,
};

/// The counts of a reply, including cache and reasoning.
const USAGE: &str = "usage";

/// The model that gave a reply. No other model is known.
const MODEL: &str = "model";

/// The totals of all calls of an agent, which have no spans.
const TOTALS: &str = "token_usage";

/// Returns whether a component is an agent. The instrumentation treats agents like any other component.
pub(super) fn is_agent(span: &SourceSpan) -> bool {
    is_haystack(span) && matches!(&*span.name, "Agent.run" | "Agent.run_async")
}

/// Returns whether a component builds a prompt. The instrumentation reports that as the work of a model.
pub(super) fn is_prompt_builder(span: &SourceSpan) -> bool {
    let class = span.name.rsplit_once(".run").map(|(class, _)| class);
    is_haystack(span) && class.is_some_and(|class| class.ends_with("PromptBuilder"))
}

fn is_haystack(span: &SourceSpan) -> bool {
    span.scope.ends_with(".haystack")
}

/// Reads the messages of a model call or an agent from the reprs, if all of them can be read.
pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let replies = match kind {
        OperationKind::Call => "replies",
        OperationKind::Agent => "messages",
        _ => return,
    };
    if !is_haystack(span) {
        return;
    }
    let attributes = &mut span.attributes;
    for (from, field, to) in [
        (INPUT_VALUE, "messages", INPUT),
        (OUTPUT_VALUE, replies, OUTPUT),
    ] {
        let payload = json::object(attributes, from);
        let list = payload.and_then(|mut payload| {
            if let Some(Value::Object(totals)) = payload.get(TOTALS) {
                put_missing_counts(attributes, totals);
            }
            payload.remove(field)
        });
        let Some(Value::Array(reprs)) = list else {
            continue;
        };
        let messages: Option<Vec<_>> = reprs.iter().map(message).collect();
        let Some(messages) = messages else {
            continue;
        };
        if kind == OperationKind::Call
            && to == OUTPUT
            && let Some(reply) = messages.first()
        {
            // Every reply has the counts of all replies.
            if let Value::Object(usage) = &reply[USAGE] {
                put_missing_counts(attributes, usage);
            }
            if reply[MODEL].as_str() == attributes.text(MODEL_NAME) {
                attributes.rename(MODEL_NAME, "gen_ai.response.model");
            }
        }
        json::put(attributes, to, messages.into());
    }
}

/// Reads `ChatMessage(_role=<ChatRole.USER: 'user'>, _content=[TextContent(text='Hi')], _name=None, _meta={})`.
fn message(repr: &Value) -> Option<Value> {
    let text = repr
        .as_str()
        .filter(|text| text.starts_with("ChatMessage("))?;
    let Value::Object(mut message) = messages::read_constructor(text)? else {
        return None;
    };
    let mut converted = haystack::message_of_fields(&mut message)?;
    if let Some(Value::Object(mut meta)) = message.remove("_meta") {
        for field in ["finish_reason", MODEL, USAGE] {
            if let Some(value) = meta.remove(field) {
                converted[field] = value;
            }
        }
    }
    Some(converted)
}
