//! Reads the events that say something about the span they happen in.

use std::fmt;

use sentry_genai_conventions::{LoggedError, SourceEvent, excerpt};
use tracing::{
    Event, Level, Metadata,
    field::{Field, Visit},
};

use crate::{callsite::Callsite, handle::Handle, record::Recorder};

/// What an event may say about its span.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// Something failed.
    Error,
    /// This is what the function returned, by `#[instrument(ret)]`.
    Return,
    /// These are messages, or whatever else the conventions describe by an event.
    Content,
    /// This is what Swiftide reports of its span to Langfuse.
    Swiftide,
}

impl Report {
    /// Decides by what all events of a callsite have in common. Returns `None` if they say nothing about a span.
    pub(super) fn of(metadata: &Metadata<'_>) -> Option<Self> {
        let has_field = |name| metadata.fields().field(name).is_some();
        if *metadata.level() == Level::ERROR {
            Some(Self::Error)
        } else if has_field("return") {
            Some(Self::Return)
        } else if metadata.target().starts_with("swiftide_") {
            (has_field("langfuse.input") || has_field("langfuse.output")).then_some(Self::Swiftide)
        } else {
            // A macro that cannot name its event puts the name into a field.
            (metadata.name().starts_with("gen_ai.") || has_field("event.name"))
                .then_some(Self::Content)
        }
    }

    /// Reads an event of this kind. Returns `None` if the conventions do not name it after all.
    pub(super) fn read(self, event: &Event<'_>, handle: &Handle) -> Option<SourceEvent> {
        if self == Self::Error {
            let mut exception = ExceptionRecorder {
                error: LoggedError::default(),
                max_text_bytes: handle.text_room().bytes(),
            };
            event.record(&mut exception);
            return Some(exception.error.into_event());
        }
        let metadata = event.metadata();
        let mut source_event = SourceEvent::new(metadata.name());
        let callsite = Callsite::of(metadata);
        event.record(&mut Recorder::new(
            handle,
            &callsite,
            &mut source_event.attributes,
        ));
        (self != Self::Content || source_event.gen_ai_name().is_some()).then_some(source_event)
    }
}

/// Reads an ERROR event as an exception event of OpenTelemetry's conventions.
struct ExceptionRecorder {
    error: LoggedError,
    /// The maximum length of a text that is copied, in bytes.
    max_text_bytes: usize,
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
