//! Links errors, logs and metrics to the span they are captured in.

use sentry_core::{ClientOptions, Integration, protocol::Event};
use sentry_genai_delivery::{SpanIds, link_logs_and_metrics};

use super::{super::opentelemetry::trace::get_active_span, convert};

/// A Sentry integration that links the errors, logs and metrics which the client captures to OpenTelemetry's active span.
///
/// Add it to the options of the client. With `tracing-opentelemetry`, the active span is the one that is entered.
///
/// ```
/// # #[cfg(feature = "otel-0-33")] {
/// use sentry_genai_opentelemetry::{Correlation, SentryGenAiProcessor};
///
/// let sentry = sentry::init(
///     sentry::ClientOptions::new()
///         .traces_sample_rate(1.0)
///         .add_integration(Correlation::new()),
/// );
/// let provider = SentryGenAiProcessor::new(&sentry).provider_builder().build();
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Correlation;

impl Correlation {
    /// Creates the integration.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Integration for Correlation {
    fn name(&self) -> &'static str {
        "genai-opentelemetry-correlation"
    }

    fn setup(&self, options: &mut ClientOptions) {
        link_logs_and_metrics(options, active_span);
    }

    fn process_event(
        &self,
        mut event: Event<'static>,
        _: &ClientOptions,
    ) -> Option<Event<'static>> {
        if let Some(ids) = active_span() {
            ids.link_event(&mut event);
        }
        Some(event)
    }
}

/// Returns the ids of the active span; its parent is not known.
fn active_span() -> Option<SpanIds> {
    let (trace_id, span_id) = get_active_span(|span| convert::ids(span.span_context()))?;
    Some(SpanIds::new(trace_id, span_id, None))
}
