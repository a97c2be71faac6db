//! The span processor.

use std::{sync::Arc, time::Duration};

use sentry_core::Client;
use sentry_genai_delivery::{Delivery, Options, Stats};

use super::{
    super::{
        opentelemetry::{Context, trace::Span as _},
        opentelemetry_sdk::{
            Resource,
            error::{OTelSdkError, OTelSdkResult},
            trace::{SdkTracerProvider, Span, SpanData, SpanProcessor, TracerProviderBuilder},
        },
    },
    SentryGenAiSampler,
    context::surroundings,
    convert::{self, EndedSpan},
    sampler::SamplerOfEnvironment,
    start::{identity, node_below, operation},
};
use crate::{
    OpenSpans,
    announced::{self, Seen},
    door::{Door, Outcome, Parent, Start},
    open_spans::Key,
};

/// Sends every span that ends to Sentry, AI spans translated.
///
/// It needs no batch processor around it: a span is handed over when it ends, and everything else happens on threads of its
/// own. Spans keep the ids of OpenTelemetry. A span inherits its conversation and agent from its ancestors, from what
/// [`with_conversation_id`](super::GenAiContextExt::with_conversation_id) put into the context, and from baggage. Children that
/// end, or even start, after their parents arrive like any other.
///
/// What OpenTelemetry's sampler lets through is sampled once more by the options of the Sentry client, a trace as a whole.
/// Without a DSN the processor does nothing.
///
/// The SDK lets nobody read an open span without a copy of all that was set so far, long prompts as well. A
/// [provider made for it](Self::provider_builder) spares that copy; in one that exists already, its [sampler](Self::sampler) does.
///
/// Clones share one state: keep one for [`stats`](Self::stats).
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
    /// Creates a processor with default options for a Sentry client, which goes on to send events, logs and metrics.
    ///
    /// Where the client has no release or environment, those of the resource apply: `service.version` and
    /// `deployment.environment.name`.
    #[must_use]
    pub fn new(client: &Client) -> Self {
        Self::with_options(client, Options::new())
    }

    /// Creates a processor with options of its own: which content may leave, how much of it, and a hook.
    #[must_use]
    pub fn with_options(client: &Client, options: Options) -> Self {
        Self {
            door: Arc::new(Door::new(client, options)),
        }
    }

    /// Creates a processor that sends by way of a delivery that something else uses too, such as the `tracing` layer of
    /// `sentry-genai` (`guard.handle()` has it). Shutting down flushes the delivery and does not end it.
    #[must_use]
    pub fn with_delivery(delivery: Delivery) -> Self {
        Self {
            door: Arc::new(Door::shared(delivery)),
        }
    }

    /// Creates the builder of a provider with this processor and its [sampler](Self::sampler), in front of the one that every provider
    /// has: `parentbased_always_on`, unless the variable `OTEL_TRACES_SAMPLER` says otherwise.
    ///
    /// Anything can be added to it. A sampler that is set on it stands alone, so give it to [`sampler`](Self::sampler) first.
    #[must_use]
    pub fn provider_builder(&self) -> TracerProviderBuilder {
        SdkTracerProvider::builder()
            .with_sampler(self.sampler(SamplerOfEnvironment::new()))
            .with_span_processor(self.clone())
    }

    /// Creates a sampler that samples as `next` does, and saves the copy that the SDK makes of every span for this processor to
    /// read it at its start. It changes nothing else.
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

    /// Returns how many spans were produced, accepted and lost; zeros without a DSN.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.door
            .delivery()
            .map_or_else(Stats::default, Delivery::stats)
    }

    /// Returns how the last request failed that did, such as "HTTP status 403"; `None` if there was no such request.
    #[must_use]
    pub fn last_failure(&self) -> Option<String> {
        self.door.delivery()?.last_failure()
    }

    /// Returns how many spans are open, and how many of those were forgotten.
    #[must_use]
    pub fn open_spans(&self) -> OpenSpans {
        self.door.open_spans()
    }
}

impl SentryGenAiProcessor {
    /// Notes a span that starts and that no sampler has read.
    fn start_unannounced(&self, ids: Key, parent: Parent, span: &Span, context: &Context) {
        let (trace_id, span_id) = ids;
        let above = self.door.parent_node(trace_id, parent);
        let above = match above {
            Some(above) if !above.segment.trace().recorded() => {
                return self.door.start_below(ids, above);
            }
            above => above,
        };
        // The only way to read a span that is open; it copies all that was set so far.
        let Some(data) = span.exported_data() else {
            return;
        };
        let attributes = data.attributes.iter();
        if let Some(above) = above {
            let node = node_below(above, attributes, context);
            return self.door.start_below(ids, node);
        }
        self.door.start_root(Start {
            trace_id,
            span_id,
            parent,
            name: &data.name,
            operation: operation(attributes.clone()),
            identity: identity(attributes, None),
            surroundings: surroundings(context),
        });
    }
}

impl SpanProcessor for SentryGenAiProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        let own = span.span_context();
        if !own.is_sampled() || !self.door.is_open() {
            return;
        }
        let Some((trace_id, span_id)) = convert::ids(own) else {
            return;
        };
        let parent = convert::parent_in(context);
        match announced::take(&self.door, trace_id, parent) {
            Some(Seen::Below(node)) => self.door.start_below((trace_id, span_id), node),
            Some(Seen::Root(root)) => self.door.start_root(Start {
                trace_id,
                span_id,
                parent,
                name: &root.name,
                operation: root.operation.as_deref(),
                identity: root.identity,
                surroundings: root.surroundings,
            }),
            None => self.start_unannounced((trace_id, span_id), parent, span, context),
        }
    }

    fn on_end(&self, data: SpanData) {
        if !data.span_context.is_sampled() || self.door.delivery().is_none() {
            return;
        }
        if let Some(ids) = convert::ids(&data.span_context) {
            self.door.end(EndedSpan { ids, data });
        }
    }

    /// Sends what is waiting, for at most five seconds or the client's `shutdown_timeout`, whichever is longer.
    fn force_flush(&self) -> OTelSdkResult {
        result(self.door.flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        result(self.door.shut_down(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.door.set_origin(convert::origin(resource));
    }
}

/// An error says that something may not have left; the client's report says what.
pub(super) fn result(outcome: Outcome) -> OTelSdkResult {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::TimedOut(timeout) => Err(OTelSdkError::Timeout(timeout)),
        Outcome::AlreadyShutDown => Err(OTelSdkError::AlreadyShutdown),
    }
}
