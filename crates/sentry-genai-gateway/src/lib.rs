//! The OTLP door: traces as OpenTelemetry exporters write them become spans that the translation understands.
//!
//! [`otlp_json::parse`] reads an export request in OTLP/JSON; [`inherit_batch`] hands down among the spans of a batch what
//! a door hands down: conversation, session and agent.

mod inherit;
pub mod otlp_json;

pub use inherit::inherit_batch;
