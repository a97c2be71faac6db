//! Everything that names types of the SDK, compiled once per version of the SDK.

mod context;
mod convert;
mod correlation;
mod exporter;
mod processor;
mod propagator;
mod rewriting;
mod sampler;
mod start;

pub use context::GenAiContextExt;
pub use correlation::Correlation;
pub use exporter::SentryGenAiExporter;
pub use processor::SentryGenAiProcessor;
pub use propagator::SentryGenAiPropagator;
pub use rewriting::RewritingExporter;
pub use sampler::SentryGenAiSampler;
