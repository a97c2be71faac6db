//! The span processor.

use std::{sync::Arc, time::Duration};

use sentry_core::Client;
use sentry_genai_conventions::TraceId;
use sentry_genai_delivery::{Delivery, Options, SendFailure, Stats};

use super::{
    super::{
        opentelemetry::{Context, KeyValue, trace::Span as _},
        opentelemetry_sdk::{
            Resource,
            error::OTelSdkResult,
            trace::{SdkTracerProvider, Span, SpanData, SpanProcessor, TracerProviderBuilder},
        },
    },
    SentryGenAiSampler, convert,
    sampler::EnvironmentSampler,
    start::StartingSpan,
};
use crate::{
    OpenSpans,
    door::{Door, Parent, StartInfo},
    pending_start, unwinding,
};

const ERROR_TYPE: &str = "error.type";

/// A span processor that sends every span to Sentry when it ends, with AI spans translated.
///
/// It needs no batch processor around it: it hands a span over when the span ends, and everything else happens on its own
/// threads. Spans keep their OpenTelemetry ids. Children that end, or even start, after their parents arrive like any other span.
///
/// A span inherits its conversation and agent from its ancestors, from what
/// [`with_conversation_id`](super::GenAiContextExt::with_conversation_id) put into the context, and from baggage.
///
/// The spans that OpenTelemetry's sampler lets through are sampled once more, per trace, by the options of the Sentry client.
/// Without a DSN or Spotlight the processor does nothing.
///
/// In the SDK, reading an open span copies everything that was set on it so far, including long prompts. A [provider built for
/// the processor](Self::provider_builder) avoids that copy; in a provider built elsewhere, use the processor's
/// [sampler](Self::sampler).
///
/// Clones share one state: keep one for [`stats`](Self::stats). It ends with the first provider that is shut down, so give each
/// provider a processor of its own.
///
/// ```
/// # #[cfg(feature = "otel-0-33")] {
/// use sentry_genai_opentelemetry::SentryGenAiProcessor;
///
/// # let client = sentry_core::Client::from(sentry_core::ClientOptions::new());
/// // `client` is what `sentry::init` returned.
/// let provider = SentryGenAiProcessor::new(&client).provider_builder().build();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SentryGenAiProcessor {
    pub(super) door: Arc<Door>,
}

impl SentryGenAiProcessor {
    /// Creates a processor with default options for a Sentry client. The client continues to send events, logs and metrics.
    ///
    /// If the client has no release or environment, those of the resource are used: `service.version` and
    /// `deployment.environment.name`.
    #[must_use]
    pub fn new(client: &Client) -> Self {
        Self::with_options(client, Options::new())
    }

    /// Creates a processor with the given options, such as which content may leave the process, its limits, and a hook.
    #[must_use]
    pub fn with_options(client: &Client, options: Options) -> Self {
        Self {
            door: Arc::new(Door::new(client, options)),
        }
    }

    /// Creates a processor that sends through a delivery shared with others, such as the `tracing` layer of `sentry-genai`
    /// (`Handle::delivery` returns it). Shutting down flushes the delivery but does not end it.
    #[must_use]
    pub fn with_delivery(delivery: Delivery) -> Self {
        Self {
            door: Arc::new(Door::shared(delivery)),
        }
    }

    /// Creates a provider builder with this processor and its [sampler](Self::sampler). The sampler wraps the default one of
    /// every provider: `parentbased_always_on`, unless the environment variable `OTEL_TRACES_SAMPLER` says otherwise.
    ///
    /// Anything can be added to the builder. A sampler set on it replaces the processor's, so wrap it with
    /// [`sampler`](Self::sampler) first.
    #[must_use]
    pub fn provider_builder(&self) -> TracerProviderBuilder {
        SdkTracerProvider::builder()
            .with_sampler(self.sampler(EnvironmentSampler::new()))
            .with_span_processor(self.clone())
    }

    /// Creates a sampler that samples as `next` does and reads spans for this processor as they start. This avoids the copy that
    /// the SDK otherwise makes of every span; nothing else changes.
    ///
    /// ```
    /// # #[cfg(feature = "otel-0-33")] {
    /// use sentry_genai_opentelemetry::{
    ///     SentryGenAiProcessor,
    ///     opentelemetry_sdk::trace::{Sampler, SdkTracerProvider},
    /// };
    ///
    /// # let client = sentry_core::Client::from(sentry_core::ClientOptions::new());
    /// let processor = SentryGenAiProcessor::new(&client);
    /// let provider = SdkTracerProvider::builder()
    ///     .with_sampler(processor.sampler(Sampler::TraceIdRatioBased(0.5)))
    ///     .with_span_processor(processor)
    ///     .build();
    /// # }
    /// ```
    #[must_use]
    pub fn sampler<S>(&self, next: S) -> SentryGenAiSampler<S> {
        SentryGenAiSampler::new(next, Arc::clone(&self.door))
    }

    /// Returns how many spans were produced, accepted and lost; zeros if there is neither a DSN nor Spotlight.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.door.stats()
    }

    /// Returns how and when the latest failed request failed; `None` if no request has failed.
    #[must_use]
    pub fn last_failure(&self) -> Option<SendFailure> {
        self.door.last_failure()
    }

    /// Returns how many spans are open, and how many were forgotten or orphaned.
    #[must_use]
    pub fn open_spans(&self) -> OpenSpans {
        self.door.open_spans()
    }
}

impl SentryGenAiProcessor {
    /// Reads a span that starts without having been seen by the sampler.
    fn read(
        &self,
        trace_id: TraceId,
        parent: Parent,
        span: &Span,
        context: &Context,
    ) -> Option<StartInfo> {
        let parent_node = self.door.parent_node(trace_id, parent);
        let parent_node = match parent_node {
            Some(parent_node) if !parent_node.segment.trace().recorded() => {
                return Some(StartInfo::Child(parent_node));
            }
            parent_node => parent_node,
        };
        // There is no other way to read an open span; it copies everything set so far.
        let data = span.exported_data()?;
        let span = StartingSpan {
            name: &data.name,
            kind: &data.span_kind,
            attributes: &data.attributes,
            added: &[],
        };
        Some(span.read(parent_node, context))
    }
}

impl SpanProcessor for SentryGenAiProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        let own = span.span_context();
        if !own.is_sampled() || !self.door.accepts_spans() {
            return;
        }
        let Some(ids) = convert::ids(own) else {
            return;
        };
        let parent = convert::parent_in(context);
        let info = pending_start::take(&self.door, ids.0, parent);
        let info = info.or_else(|| self.read(ids.0, parent, span, context));
        if let Some(info) = info {
            self.door.start(ids, parent, info);
        }
    }

    fn on_end(&self, mut data: SpanData) {
        if !data.span_context.is_sampled() || self.door.delivery().is_none() {
            return;
        }
        if let Some(ids) = convert::ids(&data.span_context) {
            if unwinding::ends(ids, convert::parent(&data)) {
                mark_as_panicked(&mut data);
            }
            self.door.end(ids, data);
        }
    }

    /// Sends all waiting spans, and waits for at most five seconds or the client's `shutdown_timeout`, whichever is longer; with
    /// a shared delivery, five seconds.
    fn force_flush(&self) -> OTelSdkResult {
        convert::result(self.door.flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        convert::result(self.door.shut_down(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.door
            .set_resource_info(convert::resource_info(resource));
    }
}

fn mark_as_panicked(span: &mut SpanData) {
    let is_error_type = |pair: &KeyValue| pair.key.as_str() == ERROR_TYPE;
    if !span.attributes.iter().any(is_error_type) {
        span.attributes.push(KeyValue::new(ERROR_TYPE, "panic"));
    }
}
