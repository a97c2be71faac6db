//! Conversations in the spellings of libraries, and what Sentry gets.

mod audio;
mod chat;
mod conversations;
mod fast_path;
mod items;
mod json_forms;
mod limits;
mod parts_and_tools;
mod properties;
mod provider_tools;
mod shortened;
mod spellings;
mod writing;

use serde_json::Value;

use super::{ContentLimits, Messages, Side};

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

/// The order of fields depends on a feature of serde_json that other crates may enable.
fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

/// Returns what Sentry gets for `text`.
fn shown(text: &str, side: Side) -> Value {
    let fitted = Messages::parse(text, side).into_json(&ContentLimits::default());
    assert_eq!(fitted.original_length, None);
    serde_json::from_str(&fitted.json).unwrap()
}

fn input(messages: Value) -> Value {
    shown(&messages.to_string(), Side::Input)
}

fn output(messages: Value) -> Value {
    shown(&messages.to_string(), Side::Output)
}
