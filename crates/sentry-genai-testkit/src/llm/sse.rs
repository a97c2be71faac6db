//! Streams answers as server-sent events.

use std::time::Duration;

use axum::{
    body::Body,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use serde_json::Value;

/// One server-sent event.
#[derive(Debug)]
pub(super) struct Event {
    name: Option<String>,
    data: String,
}

impl Event {
    /// Creates an event without a name, as `OpenAI`'s chat completions send them.
    pub(super) fn data(data: &Value) -> Self {
        Self {
            name: None,
            data: data.to_string(),
        }
    }

    /// Creates an event named after the `type` of its data.
    pub(super) fn typed(data: &Value) -> Self {
        Self {
            name: data.get("type").and_then(Value::as_str).map(str::to_owned),
            data: data.to_string(),
        }
    }

    /// Creates the event that marks the end of a chat completion.
    pub(super) fn done() -> Self {
        Self {
            name: None,
            data: "[DONE]".to_owned(),
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        let name = self
            .name
            .map_or_else(String::new, |name| format!("event: {name}\n"));
        format!("{name}data: {}\n\n", self.data).into_bytes()
    }
}

/// The pause between two events, so that the first one arrives before the last one.
const EVENT_INTERVAL: Duration = Duration::from_millis(1);

pub(super) fn respond(events: Vec<Event>) -> Response {
    let pieces = stream::iter(events).then(|event| async {
        tokio::time::sleep(EVENT_INTERVAL).await;
        Ok::<_, std::convert::Infallible>(event.into_bytes())
    });
    (
        [(CONTENT_TYPE, "text/event-stream")],
        Body::from_stream(pieces),
    )
        .into_response()
}

/// Cuts `text` into the pieces that a model would stream. Joined, they are `text` again.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// Cuts the JSON of tool arguments into pieces that are not valid JSON on their own.
pub(super) fn json_pieces(json: &str) -> impl Iterator<Item = &str> {
    json.split_inclusive(':')
}
