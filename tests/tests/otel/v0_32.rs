pub(crate) use sentry_genai_opentelemetry::otel_0_32 as door;
pub(crate) use tracing_opentelemetry_0_33 as tracing_opentelemetry;

mod correlation;
mod exporter;
mod memory;
mod privacy;
mod processor;
mod propagation;
mod rewriting;
mod sampler;
mod sentry_propagator;
mod threads;
mod tracing_layer;
