//! Turns an ERROR event inside a span into an OpenTelemetry exception.

use crate::{SourceEvent, dialect::NONE, status};

/// The error that an ERROR event of `tracing` or of a log describes, collected field by field.
///
/// Doors pass the fields of such an event, and add the resulting [`SourceEvent`] to the span in which it happened.
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
    /// Records a field. Ignores fields that say nothing about the error.
    pub fn field(&mut self, name: &str, text: String) {
        match name {
            // The `Debug` output of an empty `Option`.
            _ if text == NONE => {}
            "message" => self.message = Some(text),
            "error" | "err" | "error.message" | "exception.message" => self.error = Some(text),
            // `tower-http` emits an event that classifies the failure of a request.
            "classification" => self.classify(text),
            "error.type" | "exception.type" => self.kind = Some(text),
            _ => {}
        }
    }

    /// Records how a request failed, such as `Status code: 503 Service Unavailable`, `Code: 13` or `Error: timed out`.
    fn classify(&mut self, text: String) {
        let is_number = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(status) = text.strip_prefix("Status code: ") {
            let number = status.get(..3).filter(is_number);
            self.kind = self.kind.take().or(number.map(str::to_owned));
        } else if let Some(code) = text.strip_prefix("Code: ") {
            let name = status::grpc_code(code);
            self.kind = self.kind.take().or(name.map(str::to_owned));
        } else if !text.starts_with("Error: ") {
            return;
        }
        self.error.get_or_insert(text);
    }

    /// Returns the event `exception` with the recorded message and type.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_field_of_none_is_ignored() {
        let mut error = LoggedError::default();
        error.field("message", "unable to process request".to_owned());
        error.field("error", "None".to_owned());
        let event = error.into_event();
        let message = event.attributes.text("exception.message");
        assert_eq!(message, Some("unable to process request"));
    }

    #[test]
    fn the_error_has_various_names() {
        for name in ["error", "err", "error.message", "exception.message"] {
            let mut error = LoggedError::default();
            error.field("message", "the call failed".to_owned());
            error.field(name, "timed out".to_owned());
            let event = error.into_event();
            let message = event.attributes.text("exception.message");
            assert_eq!(message, Some("the call failed: timed out"), "{name}");
        }
    }

    #[test]
    fn a_classification_describes_the_failure() {
        let read = |classification: &str| {
            let mut error = LoggedError::default();
            error.field("classification", classification.to_owned());
            error.field("latency", "3 ms".to_owned());
            error.field("message", "response failed".to_owned());
            let event = error.into_event();
            let text = |key| event.attributes.text(key).map(str::to_owned);
            (text("exception.message"), text("exception.type"))
        };
        let failure = |reason: &str| Some(format!("response failed: {reason}"));
        let unavailable = "Status code: 503 Service Unavailable";
        assert_eq!(
            read(unavailable),
            (failure(unavailable), Some("503".into()))
        );
        assert_eq!(
            read("Code: 13"),
            (failure("Code: 13"), Some("INTERNAL".into()))
        );
        assert_eq!(read("spam"), (Some("response failed".into()), None));
    }
}
