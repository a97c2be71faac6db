//! Links errors, logs and metrics to the span they are captured in.

use std::thread;

use sentry_core::{ClientOptions, Integration, protocol::Event};
use sentry_genai_delivery::{SpanIds, link_logs_and_metrics};

use super::{super::opentelemetry::trace::get_active_span, convert};
use crate::{open_spans::Key, unwinding};

/// A Sentry integration that links the errors, logs and metrics which the client captures to OpenTelemetry's active span.
///
/// A panic also marks the spans that it unwinds through as failed.
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
        if is_panic(&event) {
            unwinding::start(active_ids());
        }
        Some(event)
    }
}

/// Returns whether the event is a panic that the client reports, which it does before the stack unwinds.
fn is_panic(event: &Event<'_>) -> bool {
    thread::panicking()
        && event.exception.iter().any(|exception| {
            let mechanism = exception.mechanism.as_ref();
            mechanism.is_some_and(|mechanism| mechanism.ty == "panic")
        })
}

/// Returns the ids of the active span; its parent is not known.
fn active_span() -> Option<SpanIds> {
    let (trace_id, span_id) = active_ids()?;
    Some(SpanIds::new(trace_id, span_id, None))
}

fn active_ids() -> Option<Key> {
    get_active_span(|span| convert::ids(span.span_context()))
}
