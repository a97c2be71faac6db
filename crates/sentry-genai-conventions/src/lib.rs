//! What an OpenTelemetry GenAI span means to Sentry.
//!
//! [`Translator`] turns a [`SourceSpan`], as written by the instrumentation of any GenAI library, into a [`SentrySpan`]
//! that Sentry's AI Agents dashboards, trace view and Conversations understand. It performs no I/O, reads no clock, and
//! depends on no tracing library. The crates `sentry-genai` and `sentry-genai-delivery` take care of these.
//!
//! A *door* is a source of spans, such as the `tracing` layer or the OpenTelemetry span processor. A *dialect* is the
//! set of attributes that one library or convention uses.
//!
//! The translation of a span takes these steps, each in a module of its own:
//!
//! 1. Recognise the dialect and the operation (`dialect`, `recognise`).
//! 2. Move what events and the dialect's own attributes hold to the attributes of the conventions (`events`, `dialect`).
//! 3. Rename deprecated attributes, and convert values to their canonical types (`rename`).
//! 4. Reconcile token counts, so that each token counts once (`tokens`).
//! 5. Determine the status and the reason for an error (`status`).
//! 6. Determine the op and the name (`naming`).
//! 7. Remove content that may not be sent (`privacy`).
//! 8. Convert messages of every dialect to one shape, and cut content to what Sentry stores (`content`, `messages`).
//!
//! What only the relatives of a span know is settled afterwards, for all spans of a trace at hand (`cross_span`).
//!
//! Names and types come from Sentry's published attribute registry (`@sentry/conventions`), from which a table is
//! generated. The knowledge of libraries comes from captures of their spans.

mod attributes;
mod content;
mod cross_span;
mod dialect;
mod events;
#[cfg(test)]
mod growth;
mod inheritance;
pub mod json_string;
mod logged_error;
mod messages;
mod naming;
mod operation;
mod plain;
mod plan;
mod privacy;
mod provider;
mod recognise;
mod rename;
mod span;
mod stack_trace;
mod status;
mod tables;
#[cfg(test)]
mod testing;
mod text_room;
mod timestamp;
mod tokens;
mod tracing_opentelemetry;
mod translate;
mod vocabulary;

pub use attributes::{
    AttributeKey, Attributes, Encodable, Input, KeyFlags, Scalar, Value, is_gen_ai, needs_no_escape,
};
pub use content::{ContentLimits, shorten_content};
pub use inheritance::Inheritable;
pub use logged_error::LoggedError;
pub use messages::excerpt;
pub use naming::{op_at_start, segment_name_at_start};
pub use plan::PlanningTranslator;
pub use span::{
    AiKind, Ancestors, Inherited, Link, SentrySpan, SourceEvent, SourceSpan, SourceStatus, SpanId,
    SpanKind, Status, Timestamp, TraceId,
};
pub use text_room::TextRoom;
pub use translate::{Identity, TranslateOptions, Translator};
pub use vocabulary::{Deprecation, attribute_names, deprecation};
