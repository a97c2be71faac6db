//! A span, and where it came from.

use std::sync::Arc;

use sentry_genai_conventions::{Attributes, SourceSpan};

/// A span, and the resource it came from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedSpan {
    /// Attributes of the resource, shared by the spans that came from it.
    pub resource: Arc<Attributes>,
    /// The span itself.
    pub span: SourceSpan,
}

impl ReceivedSpan {
    /// A span that has come as OTLP, whatever it was before.
    pub(crate) fn over_otlp(resource: &Arc<Attributes>, mut span: SourceSpan) -> Self {
        span.undo_tracing_opentelemetry();
        Self {
            resource: Arc::clone(resource),
            span,
        }
    }
}
