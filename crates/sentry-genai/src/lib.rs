#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod conversation;
mod correlation;
mod current;
mod handle;
mod heritage;
mod layer;
mod local_trace;
mod options;
mod plan;
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
    AiKind, Attributes, ContentLimits, Input as AttributeValue, Link, SentrySpan, SpanKind, Status,
    Value,
};
pub use sentry_genai_delivery::{
    Compression, Delivery, LossReason, RetryPolicy, Stats, TraceLifecycle,
};
pub use span_ext::SpanExt;

pub use sentry;
pub use tracing;
