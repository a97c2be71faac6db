//! Chat messages: reads the spelling of any library and writes Sentry's.
//!
//! Whatever a library wrote into a string attribute is read into [`Messages`] and written back as `[{"role", "parts": [...]}]`,
//! the JSON that Sentry's message normalizer shows in full:
//!
//! * The only roles are `system`, `user`, `assistant` and `tool`.
//! * A tool's answer is written as both `response` (OpenTelemetry) and `result` (read by the product).
//! * Binary content becomes `"[Blob substitute]"` with its `mime_type`.
//! * Sentry renders only one kind of content per input message, so text, tool calls and tool answers are split into separate
//!   messages.
//!
//! ```text
//! text ──parse──▶ JSON value ──shapes──▶ Messages ──fit──▶ canonical JSON within the limits
//!        repair                  media
//! ```

mod blobs;
mod block;
pub(crate) mod canonical;
mod cut;
mod excerpt;
mod fit;
mod instructions;
mod media;
mod normalise;
mod parse;
mod repair;
mod scan;
mod shapes;
mod special_bytes;
#[cfg(test)]
mod tests;
mod tools;
mod write;

use serde_json::{Map, Value, json};

pub(crate) use self::{
    blobs::{is_too_short_for_blob, redact_blobs},
    cut::cut,
    instructions::{join_system, system_instructions},
    media::{Media, MediaSource},
    repair::{read_constructor, read_cut_constructor, read_model, read_named, snake_case},
    shapes::{answer::answer as tool_answer, fields::text_of, is_part},
    tools::{tool_definitions, tool_payload},
};

pub use self::excerpt::excerpt;
pub(crate) use self::{cut::floor_char_boundary, excerpt::write_excerpt};

/// Reads an object or a list from JSON or a Python repr. The JSON may be wrapped in quotes.
pub(crate) fn read_json(text: &str) -> Option<Value> {
    match parse::json(text) {
        Some(Value::String(inner)) => parse::json(&inner).or(Some(Value::String(inner))),
        Some(value) => Some(value),
        None => repair::read(text)?.complete(),
    }
}

/// Creates messages from the items of a list. Each item is either a message as JSON or the text of a message.
pub(crate) fn from_list(items: impl Iterator<Item = Value>, side: Side) -> Value {
    let message = |text: String| match parse::json(&text).filter(shapes::is_known) {
        Some(message) => message,
        None => json!({"role": side.role().as_str(), "content": text}),
    };
    let messages = items.map(|item| match item {
        Value::String(text) => message(text),
        item => item,
    });
    messages.collect()
}

/// A JSON object.
type Object = Map<String, Value>;

/// Returns an object with these fields. Of several with the same name, the last one counts.
///
/// To collect them would be the same, but compiles a sort of its own for each iterator.
pub(crate) fn object_of(fields: impl IntoIterator<Item = (String, Value)>) -> Object {
    let mut object = Object::new();
    object.extend(fields);
    object
}

/// The side of a model call that messages are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// What the model was asked; a message without a role is from the user.
    Input,
    /// What the model answered; a message without a role is from the assistant.
    Output,
}

impl Side {
    fn role(self) -> Role {
        match self {
            Self::Input => Role::User,
            Self::Output => Role::Assistant,
        }
    }
}

/// The sender of a message: one of the four roles that Sentry knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

impl Role {
    /// Returns the canonical spelling.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    /// Returns whether a message answers the one before it.
    fn answers(self, before: Self) -> bool {
        before == Self::User && matches!(self, Self::Assistant | Self::Tool)
    }
}

/// A conversation, or the part of one that a span carries.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Messages {
    /// Oldest first. A message without parts exists only for its finish reason and is not written.
    pub(crate) messages: Vec<Message>,
    /// `{"type":"evaluation"}` items, which Sentry reads as they are. If there are any, there are no messages.
    evaluations: Vec<Value>,
    side: Side,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) role: Role,
    /// The participant's name, if the library recorded one.
    pub(crate) name: Option<String>,
    pub(crate) parts: Vec<Part>,
    /// Why the model stopped, in the provider's words. Only output messages have one.
    pub(crate) finish_reason: Option<String>,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(String),
    /// The model's reasoning, as far as the provider shows it.
    Reasoning(String),
    ToolCall {
        id: Option<String>,
        name: String,
        /// Null if the library did not record them.
        arguments: Value,
    },
    ToolCallResponse {
        id: Option<String>,
        name: Option<String>,
        response: Value,
    },
    Media(Media),
    /// Structured output.
    Object(Value),
    /// A part of unknown `type`, kept as it is.
    Other(Object),
}

/// Limits for the length of content, in UTF-8 bytes.
///
/// Independently of these, all texts of a span together are limited to 900,000 bytes, or to `attribute_bytes` if that is more.
/// Content beyond that is shortened further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContentLimits {
    /// The limit for one string inside an attribute; 100,000 by default. Values below 64 count as 64.
    pub text_bytes: usize,
    /// The limit for a whole attribute; 256,000 by default.
    pub attribute_bytes: usize,
}

impl Default for ContentLimits {
    fn default() -> Self {
        Self {
            text_bytes: 100_000,
            attribute_bytes: 256_000,
        }
    }
}

/// Drops everything before the answer, except for system messages at the start. The state of a graph holds the whole
/// conversation, including the question and earlier turns.
fn drop_until_answer(messages: &mut Vec<Message>) {
    let is_answered = |pair: &[Message]| pair[1].role.answers(pair[0].role);
    if let Some(question) = messages.windows(2).rposition(is_answered) {
        let system = (messages.iter()).take_while(|message| message.role == Role::System);
        messages.drain(system.count()..=question);
    }
}

/// Messages within the limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fitted {
    /// A JSON array, always valid and never longer than the attribute may be.
    pub(crate) json: String,
    /// The original number of messages, if any was dropped or shortened.
    pub(crate) original_length: Option<usize>,
}

impl Messages {
    /// Creates a conversation from messages and brings them into the form that Sentry shows.
    pub(crate) fn new(messages: Vec<Message>, side: Side) -> Self {
        let mut messages = normalise::normalise(messages, side);
        if side == Side::Output {
            drop_until_answer(&mut messages);
        }
        Self {
            messages,
            evaluations: Vec::new(),
            side,
        }
    }

    /// Reads any known spelling. A text in no known spelling becomes a single text message from the side's default role; this
    /// never fails.
    pub(crate) fn parse(text: &str, side: Side) -> Self {
        parse::parse(text, side)
    }

    /// Removes the system messages at the start and returns their parts, for `gen_ai.system_instructions`.
    pub(crate) fn take_system(&mut self) -> Vec<Part> {
        let leading_count = self
            .messages
            .iter()
            .take_while(|message| message.role == Role::System)
            .count();
        self.messages
            .drain(..leading_count)
            .flat_map(|message| message.parts)
            .collect()
    }

    /// Returns the finish reasons in the order of the messages.
    pub(crate) fn finish_reasons(&self) -> Vec<String> {
        self.messages
            .iter()
            .filter_map(|message| message.finish_reason.clone())
            .collect()
    }

    /// Returns whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.evaluations.is_empty() && self.messages.iter().all(|message| message.parts.is_empty())
    }

    /// Writes canonical JSON within `limits`.
    ///
    /// Strings that are too long are cut first. Then the oldest messages are dropped, except for the last one and the user's last
    /// one, whose strings are cut further instead.
    pub(crate) fn into_json(self, limits: &ContentLimits) -> Fitted {
        if self.evaluations.is_empty() {
            fit::fit(self.messages, self.side, limits)
        } else {
            fit::fit_values(self.evaluations, limits)
        }
    }
}

impl Message {
    /// Creates a message without a name or a finish reason.
    fn new(role: Role, parts: Vec<Part>) -> Self {
        Self {
            role,
            name: None,
            parts,
            finish_reason: None,
        }
    }
}
