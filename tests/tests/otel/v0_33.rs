#![expect(clippy::duplicate_mod, reason = "the same stories for every version")]

pub(crate) use sentry_genai_opentelemetry::otel_0_33 as door;
pub(crate) use tracing_opentelemetry_0_34 as tracing_opentelemetry;

mod corpus;
mod correlation;
mod exporter;
mod memory;
mod privacy;
mod processor;
mod propagation;
mod rewriting;
mod sampler;
mod threads;
mod tracing_layer;
