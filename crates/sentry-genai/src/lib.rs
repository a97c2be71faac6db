// The README links to docs.rs, since it is also read elsewhere. The first definition of a link wins, so these definitions make
// the links lead to this version of the docs, and rustdoc checks them.
//! [`Compression`]: Compression
//! [`Correlation`]: Correlation
//! [`Guard::flush`]: Guard::flush
//! [`Guard::handle`]: Guard::handle
//! [`Handle::stats`]: Handle::stats
//! [`Options::with_before_send_span`]: Options::with_before_send_span
//! [`Options::with_capture_client_addresses`]: Options::with_capture_client_addresses
//! [`Options::with_capture_inputs`]: Options::with_capture_inputs
//! [`Options::with_capture_outputs`]: Options::with_capture_outputs
//! [`Options::with_conversation_propagation`]: Options::with_conversation_propagation
//! [`Options::with_keep_ai_traces`]: Options::with_keep_ai_traces
//! [`Options::with_legacy_attributes`]: Options::with_legacy_attributes
//! [`Options::with_metrics`]: Options::with_metrics
//! [`Options::with_trace_lifecycle`]: Options::with_trace_lifecycle
//! [`Options::with_traceparent`]: Options::with_traceparent
//! [`attach`]: attach
//! [`conversation()`]: conversation()
//! [`init`]: init
//! [`propagation`]: propagation
//! [`propagation::outgoing_env`]: propagation::outgoing_env
//! [`set_conversation_id`]: set_conversation_id
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attached;
mod callsite;
mod conversation;
mod correlation;
mod current;
mod handle;
mod hub_scope;
mod inheritance;
mod layer;
mod local_trace;
mod options;
pub mod propagation;
mod record;
mod scoped;
mod span_ext;
mod state;
mod unwinding;

pub use conversation::{
    Conversation, ConversationGuard, conversation, remove_conversation_id, set_conversation_id,
};
pub use correlation::Correlation;
pub use handle::{Guard, Handle, flush};
pub use layer::{GenAiLayer, layer};
pub use options::{Options, attach, init};
pub use scoped::Scoped;
pub use sentry_genai_conventions::{
    AiKind, Attributes, ContentLimits, Input as AttributeValue, Link, Scalar, SentrySpan, SpanId,
    SpanKind, Status, Timestamp, TraceId, Value,
};
pub use sentry_genai_delivery::{
    Compression, Delivery, LossReason, RetryPolicy, SendFailure, Stats, TraceLifecycle,
};
pub use span_ext::SpanExt;

pub use sentry;
pub use tracing;
