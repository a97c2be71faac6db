//! Reads the errors that a program logs.

use sentry_genai_conventions::LoggedError;
use tracing::field::{Field, Visit};

/// Reads an ERROR event as an exception event of OpenTelemetry's conventions.
#[derive(Default)]
pub(super) struct ExceptionRecorder(pub(super) LoggedError);

impl Visit for ExceptionRecorder {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.field(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.field(field.name(), format!("{value:?}"));
    }
}
