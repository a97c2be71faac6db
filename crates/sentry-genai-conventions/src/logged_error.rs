//! An ERROR event inside a span, read as OpenTelemetry's exception.

use crate::SourceEvent;

/// What an ERROR event of `tracing` or of a log says, field by field.
///
/// Doors collect the fields of such an event and add the resulting [`SourceEvent`] to the span it happened in.
///
/// ```
/// use sentry_genai_conventions::LoggedError;
///
/// let mut error = LoggedError::default();
/// error.field("message", "the call failed".to_owned());
/// error.field("error", "timed out".to_owned());
/// let event = error.into_event();
/// assert_eq!(event.attributes.text("exception.message"), Some("the call failed: timed out"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct LoggedError {
    message: Option<String>,
    error: Option<String>,
    kind: Option<String>,
}

impl LoggedError {
    /// Notes a field; those that say nothing about the error are passed over.
    pub fn field(&mut self, name: &str, text: String) {
        match name {
            "message" => self.message = Some(text),
            "error" | "err" | "exception.message" => self.error = Some(text),
            "error.type" | "exception.type" => self.kind = Some(text),
            _ => {}
        }
    }

    /// Returns the event `exception` with the message and the type that were noted.
    #[must_use]
    pub fn into_event(self) -> SourceEvent {
        let message = match (self.message, self.error) {
            (Some(message), Some(error)) => Some(format!("{message}: {error}")),
            (message, error) => error.or(message),
        };
        let mut event = SourceEvent::new("exception");
        if let Some(message) = message {
            event.attributes.push("exception.message", message);
        }
        if let Some(kind) = self.kind {
            event.attributes.push("exception.type", kind);
        }
        event
    }
}
