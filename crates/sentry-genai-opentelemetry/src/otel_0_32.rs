//! For `opentelemetry` and `opentelemetry_sdk` 0.32, the versions that `sentry-opentelemetry` 0.49 and `tracing-opentelemetry`
//! 0.33 work with.

#[path = "adapter/mod.rs"]
mod adapter;

pub use adapter::*;
pub use opentelemetry_0_32 as opentelemetry;
pub use opentelemetry_sdk_0_32 as opentelemetry_sdk;
