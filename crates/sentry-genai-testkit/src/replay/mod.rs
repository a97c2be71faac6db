//! Replays captured spans of real libraries, without the libraries.

mod callsite;
mod format;
mod timeline;
mod value;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, error::Error, fmt};

pub use self::format::{CaptureFile, CapturedEvent, CapturedField, CapturedSpan, ParentKind, Via};
use self::timeline::Step;

/// A recording of what a program told `tracing`: spans, their fields and events, in order.
///
/// A capture is a JSON document of the format `tracing-capture-v1`. It is recorded by a layer that writes down each call together
/// with the visitor method that received the value.
///
/// ```
/// # fn main() -> Result<(), sentry_genai_testkit::ReplayError> {
/// use sentry_genai_testkit::Capture;
///
/// let capture = Capture::parse(
///     r#"{"format": "tracing-capture-v1", "library": "mine 1.0", "spans": [{
///         "span": 1, "name": "chat", "target": "mine", "level": "INFO", "new_us": 0, "closed_us": 5,
///         "parent_kind": "contextual",
///         "declared_fields": ["gen_ai.operation.name", "gen_ai.usage.input_tokens"],
///         "fields_at_new": [{"field": "gen_ai.operation.name", "via": "str", "value": "chat"}],
///         "records": [{"field": "gen_ai.usage.input_tokens", "via": "u64", "value": 42, "at_us": 4}]
///     }]}"#,
/// )?;
/// assert_eq!(capture.span_count(), 1);
/// capture.replay(); // to the subscriber under test
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Capture {
    library: String,
    scenario: String,
    steps: Vec<Step>,
    span_count: usize,
}

impl Capture {
    /// Parses a capture.
    ///
    /// The metadata of its spans and events (some kB) is leaked on purpose, since `tracing` requires it to be `'static`.
    /// Replaying leaks no more.
    ///
    /// # Errors
    ///
    /// Returns an error if `json` is not a capture, or contradicts itself.
    pub fn parse(json: &str) -> Result<Self, ReplayError> {
        let file = CaptureFile::parse(json)?;
        Ok(Self {
            steps: timeline::steps(&file)?,
            span_count: file.spans.len(),
            library: file.library,
            scenario: file.scenario,
        })
    }

    /// Returns the library that created the spans, with its version.
    #[must_use]
    pub fn library(&self) -> &str {
        &self.library
    }

    /// Returns what the library was asked to do.
    #[must_use]
    pub fn scenario(&self) -> &str {
        &self.scenario
    }

    /// Returns how many spans a replay creates.
    #[must_use]
    pub fn span_count(&self) -> usize {
        self.span_count
    }

    /// Replays the capture to the current default dispatcher, at once, in the captured order.
    ///
    /// A subscriber sees the names, targets, levels, fields, parents, links (`follows_from`), events and closes of the original,
    /// and the values by the same visitor methods. It does not see the original's times, line numbers and polls: a span is
    /// entered only where its events happen and its contextual children begin.
    ///
    /// A span that had no parent because none was current becomes a child of the caller's current span. Spans that the capture
    /// left open are closed at the end.
    pub fn replay(&self) {
        let mut spans = BTreeMap::new();
        for step in &self.steps {
            step.play(&mut spans);
        }
    }
}

/// Why a capture cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReplayError {
    /// The document is not JSON, or lacks a member.
    Json(serde_json::Error),
    /// The document names another format.
    Format(String),
    /// The document contradicts itself, as described.
    Inconsistent(String),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(formatter, "not a capture: {error}"),
            Self::Format(format) => {
                write!(formatter, "format {format:?} is not \"tracing-capture-v1\"")
            }
            Self::Inconsistent(what) => write!(formatter, "inconsistent capture: {what}"),
        }
    }
}

// The text of the source is part of the error's own.
impl Error for ReplayError {}
