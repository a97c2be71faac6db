// The program in the README is written for the default version of OpenTelemetry.
#![cfg_attr(feature = "otel-0-33", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "otel-0-33"),
    doc = "Gets the AI spans of programs that run the OpenTelemetry SDK into Sentry."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(any(feature = "otel-0-32", feature = "otel-0-33")),
    expect(
        dead_code,
        reason = "without a version of OpenTelemetry there is no door"
    )
)]

mod batch;
mod conversation;
mod door;
mod ended;
mod endpoint;
mod identity;
mod node;
mod open_spans;
mod pending_start;
mod recently_ended;
mod rewrite;
mod scopes;
mod unwinding;

pub use endpoint::OtlpEndpoint;
pub use open_spans::OpenSpans;
pub use sentry_genai_conventions::{
    AiKind, Attributes, ContentLimits, Input as AttributeValue, Link, Scalar, SentrySpan, SpanId,
    SpanKind, Status, Timestamp, TraceId, Value,
};
pub use sentry_genai_delivery::{
    Compression, Delivery, LossReason, Options, RetryPolicy, SendFailure, Stats, TraceLifecycle,
};

#[cfg(feature = "otel-0-32")]
#[cfg_attr(docsrs, doc(cfg(feature = "otel-0-32")))]
pub mod otel_0_32;
#[cfg(feature = "otel-0-33")]
#[cfg_attr(docsrs, doc(cfg(feature = "otel-0-33")))]
pub mod otel_0_33;

#[cfg(feature = "otel-0-33")]
pub use otel_0_33::*;
