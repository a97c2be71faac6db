//! What an OpenTelemetry GenAI span means to Sentry.
//!
//! [`Translator`] turns a [`SourceSpan`], as any instrumentation of any GenAI library wrote it, into a [`SentrySpan`] that
//! Sentry's AI Agents dashboards, trace view and Conversations understand. It knows no transport, no clock and no tracing
//! library; the crates `sentry-genai` and `sentry-genai-delivery` do.
//!
//! The steps, one module each:
//!
//! 1. recognise the dialect and the operation,
//! 2. rename to canonical keys with canonical types,
//! 3. messages of every dialect become one shape,
//! 4. token counts add up and count once,
//! 5. content leaves only if it may,
//! 6. and only as much of it as Sentry keeps,
//! 7. op and name,
//! 8. status and the reason for an error.
//!
//! Names and types come from Sentry's published attribute registry (`@sentry/conventions`), generated into a table; what
//! the libraries do comes from captures of them.

mod attributes;
mod content;
mod dialect;
mod events;
mod family;
#[cfg(test)]
mod growth;
mod heritage;
mod logged_error;
mod messages;
mod naming;
mod operation;
mod plain;
mod plan;
mod planning;
mod privacy;
mod provider;
mod reasons;
mod recognise;
mod relatives;
mod rename;
mod span;
mod stack_trace;
mod status;
mod tables;
mod timestamp;
mod tokens;
mod tracing_opentelemetry;
mod translate;
mod vocabulary;

pub use attributes::{
    AttributeKey, Attributes, Encodable, Input, Scalar, Signs, Value, is_gen_ai, needs_no_escape,
};
pub use content::ContentLimits;
pub use heritage::Heritage;
pub use logged_error::LoggedError;
pub use messages::excerpt;
pub use naming::name_at_start;
pub use planning::PlanningTranslator;
pub use span::{
    AiKind, Ancestors, Inherited, Link, SentrySpan, SourceEvent, SourceSpan, SourceStatus, SpanId,
    SpanKind, Status, Timestamp, TraceId,
};
pub use translate::{Identity, TranslateOptions, Translator};
pub use vocabulary::{Deprecation, attribute_names, deprecation};
