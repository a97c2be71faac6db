//! The file format `tracing-capture-v1`: what a program told `tracing`, span by span.

use serde::Deserialize;
use serde_json::Value;

use super::ReplayError;

const FORMAT: &str = "tracing-capture-v1";

/// A capture, as its file contains it.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct CaptureFile {
    /// The name of the format: `tracing-capture-v1`.
    pub format: String,
    /// The library that created the spans, with its version.
    #[serde(default)]
    pub library: String,
    /// What the library was asked to do.
    #[serde(default)]
    pub scenario: String,
    /// The spans.
    pub spans: Vec<CapturedSpan>,
    /// Events that happened outside any span.
    #[serde(default)]
    pub events_outside_spans: Vec<CapturedEvent>,
}

impl CaptureFile {
    /// Parses a capture.
    ///
    /// # Errors
    ///
    /// Returns an error if `json` is not JSON, lacks a member, or names another format.
    pub fn parse(json: &str) -> Result<Self, ReplayError> {
        let file: Self = serde_json::from_str(json).map_err(ReplayError::Json)?;
        if file.format != FORMAT {
            return Err(ReplayError::Format(file.format));
        }
        Ok(file)
    }

    /// Returns whether a text is a capture, judging by the format that it names.
    #[must_use]
    pub fn is_named_in(json: &str) -> bool {
        #[derive(Deserialize)]
        struct Named {
            format: String,
        }

        // Most files of other formats can be told apart without parsing them.
        json.contains(FORMAT)
            && serde_json::from_str::<Named>(json).is_ok_and(|named| named.format == FORMAT)
    }
}

/// A span of a capture.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct CapturedSpan {
    /// The number by which other spans refer to it.
    pub span: u64,
    /// The number of the parent.
    pub parent: Option<u64>,
    /// How the span got its parent.
    pub parent_kind: ParentKind,
    /// The name in its metadata.
    pub name: String,
    /// The target in its metadata.
    pub target: String,
    /// The level in its metadata, such as `INFO`.
    pub level: String,
    /// The module it was created in.
    pub module_path: Option<String>,
    /// The file it was created in.
    pub file: Option<String>,
    /// All fields that the span declares.
    pub declared_fields: Vec<String>,
    /// The fields set at creation.
    pub fields_at_new: Vec<CapturedField>,
    /// The fields recorded later.
    #[serde(default)]
    pub records: Vec<CapturedField>,
    /// The events that happened in it.
    #[serde(default)]
    pub events: Vec<CapturedEvent>,
    /// The numbers of the spans it follows from.
    #[serde(default)]
    pub follows_from: Vec<u64>,
    /// When it was created, in microseconds since the capture began.
    pub new_us: u64,
    /// When it was closed, in microseconds since the capture began; `None` if it was left open.
    pub closed_us: Option<u64>,
}

/// How a span got its parent.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ParentKind {
    /// The parent was the current span.
    Contextual,
    /// The parent was given explicitly.
    Explicit,
    /// The span was explicitly created as a root.
    ExplicitRoot,
}

/// A value that a field was given.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct CapturedField {
    /// The name of the field.
    pub field: String,
    /// The visitor method that received the value.
    pub via: Via,
    /// The value; a number beyond 64 bits is a string.
    pub value: Value,
    /// When it was recorded, in microseconds since the capture began.
    #[serde(default)]
    pub at_us: u64,
}

impl CapturedField {
    /// Returns the value as text.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        }
    }
}

/// The visitor method that received a value.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Via {
    /// `record_str`
    Str,
    /// `record_i64`
    I64,
    /// `record_u64`
    U64,
    /// `record_f64`
    F64,
    /// `record_bool`
    Bool,
    /// `record_i128`
    I128,
    /// `record_debug`, which also receives values recorded with `Display`
    Debug,
    /// `record_error`
    Error,
}

/// An event.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct CapturedEvent {
    /// The name in its metadata.
    pub name: String,
    /// The target in its metadata.
    pub target: String,
    /// The level in its metadata, such as `ERROR`.
    pub level: String,
    /// When it happened, in microseconds since the capture began.
    pub at_us: u64,
    /// Its fields.
    pub fields: Vec<CapturedField>,
}
