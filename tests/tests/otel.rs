//! Tests `sentry-genai-opentelemetry` with each version of the SDK.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "otel/v0_32.rs"]
mod v0_32;
#[path = "otel/v0_33.rs"]
mod v0_33;
