//! Delivers finished spans to Sentry.
//!
//! A *door* is a source of spans, such as the `tracing` layer or the OpenTelemetry span processor. It creates one
//! [`Delivery`] per client, requests a [`Trace`] for every local root, and hands over each span when the span has
//! ended. Everything else happens on background threads:
//!
//! - One thread translates the spans and gathers them by trace.
//! - One thread encodes what was gathered as a span v2 container and sends it. While many envelopes wait, more
//!   threads do this; see [`Options::with_max_connections`].
//!
//! The modules that a span passes through, by thread:
//!
//! ```text
//! the program's         sentry-genai                       sentry-genai-send, one or more
//!
//! door ──▶ queue ──────▶ worker: translation, hook
//!                          │
//!                          ▼
//!                        buckets: one for each trace
//!                          │
//!                          ├──▶ model_calls ──▶ metrics
//!                          ▼
//!                        outbox ──────────────────────────▶ sender: pack (encode, wire) ──▶ http
//!                                                                     limits, retry
//! recycle ◀─────────────────────────────────────────────────────────── emptied records
//! ```
//!
//! What spans share is in `trace` (the decision of `sampling`, and the `dsc`) and `segment`. `budget` bounds the memory
//! of all stages together, and `accounting` counts what becomes of every span.
//!
//! Every span that was handed over is either accepted by the server or counted by [reason](LossReason), and the counts
//! are reported to Sentry. [`Delivery::stats`] returns both figures.

mod accounting;
mod answer;
mod baggage;
mod buckets;
mod budget;
mod buffers;
mod certificates;
mod clock;
mod compress;
mod config;
mod connections;
mod correlation;
mod delivery;
mod door;
mod dsc;
mod encode;
mod failure;
mod http;
mod hub;
mod ids;
mod incoming;
mod json;
mod legacy;
mod limits;
#[cfg(feature = "tracing")]
mod loss_events;
mod machine;
#[cfg(feature = "metrics")]
mod metrics;
mod model_calls;
mod options;
mod outbox;
mod overflow;
mod pack;
mod per_process;
mod progress;
mod queue;
mod recycle;
mod resolver;
mod retry;
mod rfc3339;
mod sampling;
mod scope;
mod segment;
mod sender;
mod shared;
#[cfg(test)]
mod testing;
mod thread;
mod trace;
mod transaction;
mod unread;
pub mod wire;
mod worker;

pub use accounting::{LossReason, Stats};
pub use baggage::{Baggage, conversation_in_baggage, read_conversation_id};
pub use clock::Clock;
pub use config::{Compression, Config, TraceLifecycle};
pub use correlation::{SpanIds, link_logs_and_metrics, protocol_span_id, protocol_trace_id};
pub use delivery::{BeforeSendSpan, Delivery};
pub use encode::{SDK_NAME, SDK_VERSION};
pub use failure::SendFailure;
pub use hub::{start_stand_in, with_hub};
pub use ids::{new_span_id, new_trace_id};
pub use incoming::IncomingTrace;
pub use options::{Options, Prepared};
pub use per_process::PerProcess;
pub use retry::RetryPolicy;
pub use segment::Segment;
pub use thread::on_delivery_thread;
pub use trace::Trace;
pub use unread::{SpentBox, Unread};
