//! Reads the errors that a program logs.

use std::fmt;

use sentry_genai_conventions::{LoggedError, excerpt};
use tracing::field::{Field, Visit};

/// Reads an ERROR event as an exception event of OpenTelemetry's conventions.
pub(super) struct ExceptionRecorder {
    pub(super) error: LoggedError,
    /// The maximum length of a text that is copied, in bytes.
    pub(super) max_text_bytes: usize,
}

impl Visit for ExceptionRecorder {
    fn record_str(&mut self, field: &Field, value: &str) {
        let text = excerpt(value, self.max_text_bytes);
        self.error.field(field.name(), text.into_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_error_is_cut() {
        let _all = tracing::subscriber::set_default(tracing_subscriber::registry());
        let span = tracing::info_span!("fields", message = 1, error = 1);
        let field = |name| span.metadata().unwrap().fields().field(name).unwrap();
        let mut recorder = ExceptionRecorder {
            error: LoggedError::default(),
            max_text_bytes: 100,
        };
        recorder.record_str(&field("message"), &"x".repeat(100_000));
        recorder.record_debug(&field("error"), &"y".repeat(100_000));
        let event = recorder.error.into_event();
        let message = event.attributes.text("exception.message").unwrap();
        assert!((200..400).contains(&message.len()), "{message}");
        assert!(message.starts_with('x') && message.ends_with("y\""));
    }
}
