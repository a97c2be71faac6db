//! For `opentelemetry` and `opentelemetry_sdk` 0.33, the versions that `tracing-opentelemetry` 0.34 works with.

// The same source file as for the other version, compiled again.
#[cfg_attr(
    feature = "otel-0-32",
    expect(clippy::duplicate_mod, reason = "one adapter, compiled per version")
)]
#[path = "adapter/mod.rs"]
mod adapter;

pub use adapter::*;
pub use opentelemetry_0_33 as opentelemetry;
pub use opentelemetry_sdk_0_33 as opentelemetry_sdk;
