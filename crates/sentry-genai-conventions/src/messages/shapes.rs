//! The spellings of messages. They are told apart by the fields that are present, never by the library's name.

pub(super) mod answer;
mod envelope;
pub(super) mod fields;
mod kind;
mod message;
pub(super) mod part;
mod provider_tools;

use serde_json::Value;

use self::envelope::Reader;
pub(crate) use self::kind::is_part;
use super::{Message, Object, Side, parse};

/// How much a JSON value says about messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    /// It is content: structured output, or text that happens to be JSON.
    Content,
    /// It is one or more parts of a message.
    Parts,
    /// It is a message, or wraps some.
    Messages,
}

/// Returns what `value` is, judging by its fields.
pub(super) fn classify(value: &Value) -> Shape {
    match value {
        Value::Object(object)
            if is_evaluation(object) || envelope::is_message_or_wrapper(object) =>
        {
            Shape::Messages
        }
        Value::Object(object) if is_part(object) => Shape::Parts,
        Value::Array(items)
            if fields::role_and_text(items).is_some() || are_serialised_messages(items) =>
        {
            Shape::Messages
        }
        Value::Array(items) => {
            let mut shape = Shape::Content;
            for item in items {
                shape = shape.max(classify(item));
                if shape == Shape::Messages {
                    break;
                }
            }
            shape
        }
        _ => Shape::Content,
    }
}

/// Returns whether every item of a list is a JSON string that holds messages, as in OpenTelemetry's list attributes.
fn are_serialised_messages(items: &[Value]) -> bool {
    let first = match items.first() {
        Some(Value::String(text)) if text.starts_with('{') => parse::json(text),
        _ => None,
    };
    first.is_some_and(|first| classify(&first) == Shape::Messages)
        && items.iter().all(Value::is_string)
}

/// Returns whether `value` is a conversation, a message or a part of one in a known spelling.
pub(super) fn is_known(value: &Value) -> bool {
    classify(value) != Shape::Content
}

/// Returns whether `value` is a message that is read by itself, whatever other messages are around it.
pub(super) fn is_whole_message(value: &Value) -> bool {
    value.as_object().is_some_and(|object| {
        message::is_message(object)
            && object.get("role").is_some_and(Value::is_string)
            && !is_evaluation(object)
            && !envelope::is_serialised(object)
    })
}

/// Reads what [`is_known`] has recognised.
pub(super) fn read(value: Value, side: Side) -> Vec<Message> {
    let mut reader = Reader::new(side);
    reader.read(value, side.role());
    reader.finish()
}

fn is_evaluation(object: &Object) -> bool {
    fields::kind(object).as_deref() == Some("evaluation")
}
