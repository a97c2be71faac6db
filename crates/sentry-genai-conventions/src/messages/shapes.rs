//! The spellings of messages. They are told apart by the fields that are present, never by the library's name.

mod envelope;
pub(super) mod fields;
mod kind;
mod message;
pub(super) mod part;

use serde_json::Value;

use self::envelope::Reader;
use super::{Message, Object, Side, parse};

/// How much a JSON value says about messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Known {
    /// It is content: structured output, or text that happens to be JSON.
    Nothing,
    /// It is one or more parts of a message.
    Parts,
    /// It is a message, or wraps some.
    Messages,
}

/// Returns whether `object` is unmistakably a part of a message.
pub(super) fn is_part(object: &Object) -> bool {
    kind::knows(object)
}

/// Returns what `value` is, judging by its fields.
pub(super) fn recognise(value: &Value) -> Known {
    match value {
        Value::Object(object) if is_evaluation(object) || envelope::knows(object) => {
            Known::Messages
        }
        Value::Object(object) if kind::knows(object) => Known::Parts,
        Value::Array(items) if fields::pair(items).is_some() || are_written(items) => {
            Known::Messages
        }
        Value::Array(items) => {
            let mut known = Known::Nothing;
            for item in items {
                known = known.max(recognise(item));
                if known == Known::Messages {
                    break;
                }
            }
            known
        }
        _ => Known::Nothing,
    }
}

/// Returns whether every item of a list is a JSON string that holds messages, as in OpenTelemetry's list attributes.
fn are_written(items: &[Value]) -> bool {
    let first = match items.first() {
        Some(Value::String(text)) if text.starts_with('{') => parse::json(text),
        _ => None,
    };
    first.is_some_and(|first| recognise(&first) == Known::Messages)
        && items.iter().all(Value::is_string)
}

/// Returns whether `value` is a conversation, a message or a part of one in a known spelling.
pub(super) fn knows(value: &Value) -> bool {
    recognise(value) != Known::Nothing
}

/// Reads what [`knows`] has recognised.
pub(super) fn read(value: Value, side: Side) -> Vec<Message> {
    let mut reader = Reader::new(side);
    reader.read(value, side.role());
    reader.finish()
}

fn is_evaluation(object: &Object) -> bool {
    fields::kind(object).as_deref() == Some("evaluation")
}
