//! The span processor.

use std::{sync::Arc, time::Duration};

use sentry_core::Client;
use sentry_genai_delivery::{Delivery, Options, Stats};

use super::{
    super::{
        opentelemetry::{Context, Value, trace::Span as _},
        opentelemetry_sdk::{
            Resource,
            error::{OTelSdkError, OTelSdkResult},
            trace::{Span, SpanData, SpanProcessor},
        },
    },
    context,
    convert::{self, source_span},
};
use crate::{
    OpenSpans,
    door::{Door, Outcome, Start},
    node::Identity,
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
/// The SDK lets nobody read an open span without a copy of all that was set so far. Where prompts are long, set them once the
/// span has started.
///
/// Clones share one state: keep one for [`stats`](Self::stats).
///
/// ```
/// # #[cfg(feature = "otel-0-33")] {
/// use sentry_genai_opentelemetry::{SentryGenAiProcessor, opentelemetry_sdk::trace::SdkTracerProvider};
///
/// # let client = sentry_core::Client::from(sentry_core::ClientOptions::new());
/// // `client` is what `sentry::init` returned.
/// let provider = SdkTracerProvider::builder()
///     .with_span_processor(SentryGenAiProcessor::new(&client))
///     .build();
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
    ///
    /// Of texts above 352,000 bytes both ends are kept, also where the delivery was given higher limits.
    #[must_use]
    pub fn with_delivery(delivery: Delivery) -> Self {
        Self {
            door: Arc::new(Door::shared(delivery)),
        }
    }

    /// Returns how many spans were produced, accepted and lost; zeros without a DSN.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.door
            .delivery()
            .map_or_else(Stats::default, Delivery::stats)
    }

    /// Returns how many spans are open, and how many of those were forgotten.
    #[must_use]
    pub fn open_spans(&self) -> OpenSpans {
        self.door.open_spans()
    }
}

impl SpanProcessor for SentryGenAiProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        let own = span.span_context();
        if !own.is_sampled() || !self.door.is_open() {
            return;
        }
        let ids = (
            convert::trace_id(own.trace_id()),
            convert::span_id(own.span_id()),
        );
        let (Some(trace_id), Some(span_id)) = ids else {
            return;
        };
        let parent = convert::parent_in(context);
        let above = self.door.parent_node(trace_id, parent);
        let above = match above {
            Some(above) if !above.segment.trace().recorded() => {
                return self.door.start_unsampled((trace_id, span_id), above);
            }
            above => above,
        };
        // The only way to read a span that is open; it copies all that was set so far.
        let Some(data) = span.exported_data() else {
            return;
        };
        let mut identity = Identity::default();
        let mut operation = None;
        for pair in &data.attributes {
            let key = pair.key.as_str();
            let text = match &pair.value {
                Value::String(text) => Some(text.as_str()),
                _ => None,
            };
            identity.notice(key, text);
            if key == "gen_ai.operation.name" {
                operation = text;
            }
        }
        let start = Start {
            trace_id,
            span_id,
            parent,
            name: &data.name,
            operation,
            identity,
            surroundings: context::surroundings(context),
        };
        self.door.start(start, above);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() || self.door.delivery().is_none() {
            return;
        }
        let ids = (
            convert::trace_id(span.span_context.trace_id()),
            convert::span_id(span.span_context.span_id()),
        );
        if let (Some(trace_id), Some(span_id)) = ids {
            let parent = convert::parent(&span);
            self.door.end((trace_id, span_id), parent, |intake| {
                source_span(&span, intake)
            });
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
