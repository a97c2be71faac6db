//! The file format `tracing-capture-v1`.

use serde::Deserialize;
use serde_json::Value;

pub(super) const FORMAT: &str = "tracing-capture-v1";

#[derive(Debug, Deserialize)]
pub(super) struct CaptureFile {
    pub(super) format: String,
    #[serde(default)]
    pub(super) library: String,
    #[serde(default)]
    pub(super) scenario: String,
    pub(super) spans: Vec<SpanEntry>,
    #[serde(default)]
    pub(super) events_outside_spans: Vec<EventEntry>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SpanEntry {
    pub(super) span: u64,
    pub(super) parent: Option<u64>,
    pub(super) parent_kind: ParentKind,
    pub(super) name: String,
    pub(super) target: String,
    pub(super) level: String,
    pub(super) module_path: Option<String>,
    pub(super) file: Option<String>,
    pub(super) declared_fields: Vec<String>,
    pub(super) fields_at_new: Vec<FieldEntry>,
    #[serde(default)]
    pub(super) records: Vec<FieldEntry>,
    #[serde(default)]
    pub(super) events: Vec<EventEntry>,
    #[serde(default)]
    pub(super) follows_from: Vec<u64>,
    pub(super) new_us: u64,
    pub(super) closed_us: Option<u64>,
}

/// How a span got its parent.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ParentKind {
    /// The parent was the current span.
    Contextual,
    /// The parent was named.
    Explicit,
    /// The span was made a root.
    ExplicitRoot,
}

#[derive(Debug, Deserialize)]
pub(super) struct FieldEntry {
    pub(super) field: String,
    pub(super) via: Via,
    pub(super) value: Value,
    #[serde(default)]
    pub(super) at_us: u64,
}

/// Which method of the visitor got the value.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Via {
    Str,
    I64,
    U64,
    F64,
    Bool,
    I128,
    Debug,
    Error,
}

#[derive(Debug, Deserialize)]
pub(super) struct EventEntry {
    pub(super) name: String,
    pub(super) target: String,
    pub(super) level: String,
    pub(super) at_us: u64,
    pub(super) fields: Vec<FieldEntry>,
}
