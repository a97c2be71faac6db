//! The span exporter.

use std::{sync::Arc, time::Duration};

use sentry_core::Client;
use sentry_genai_delivery::{Delivery, Options, SendFailure, Stats};

use super::{
    super::opentelemetry_sdk::{
        Resource,
        error::{OTelSdkError, OTelSdkResult},
        trace::{SpanData, SpanExporter},
    },
    convert::{self, source_span},
};
use crate::door::Door;

/// A span exporter that sends what the SDK's batch or simple processor gives it to Sentry, with AI spans translated.
///
/// Prefer [`SentryGenAiProcessor`](super::SentryGenAiProcessor) where you can. An exporter sees spans only after they have ended:
///
/// - It does not know the context that a span was started in.
/// - If the parent of a span comes in a later batch, it assumes that the parent is the root of the segment.
/// - A span inherits only from ancestors that have been exported so far.
///
/// The `force_flush` of a provider does not reach an exporter, since the SDK's processors, of both versions, never pass it on. It
/// returns `Ok` once the spans have been handed over; they are sent within five seconds. To wait for that, call
/// [`flush`](Self::flush) on a clone. Shutting the provider down sends everything.
///
/// Clones share one state: keep one for [`flush`](Self::flush) and [`stats`](Self::stats).
///
/// ```
/// # #[cfg(feature = "otel-0-33")] {
/// use std::time::Duration;
///
/// use sentry_genai_opentelemetry::{SentryGenAiExporter, opentelemetry_sdk::trace::SdkTracerProvider};
///
/// # let client = sentry_core::Client::from(sentry_core::ClientOptions::new());
/// let exporter = SentryGenAiExporter::new(&client);
/// let provider = SdkTracerProvider::builder()
///     .with_batch_exporter(exporter.clone())
///     .build();
///
/// // From the batch processor to the exporter, and from there to Sentry.
/// let complete = provider.force_flush().is_ok() && exporter.flush(Duration::from_secs(5));
/// # assert!(complete);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SentryGenAiExporter {
    door: Arc<Door>,
}

impl SentryGenAiExporter {
    /// Creates an exporter with default options for a Sentry client.
    #[must_use]
    pub fn new(client: &Client) -> Self {
        Self::with_options(client, Options::new())
    }

    /// Creates an exporter with the given options, such as which content may leave the process, its limits, and a hook.
    #[must_use]
    pub fn with_options(client: &Client, options: Options) -> Self {
        Self {
            door: Arc::new(Door::new(client, options)),
        }
    }

    /// Creates an exporter that sends through a delivery shared with others. Shutting down flushes the delivery but does not end
    /// it.
    #[must_use]
    pub fn with_delivery(delivery: Delivery) -> Self {
        Self {
            door: Arc::new(Door::shared(delivery)),
        }
    }

    /// Sends the spans that were handed over, and waits up to `timeout` for the outcome.
    ///
    /// Returns true if every span was accepted by the server or counted as lost, and also if there is no destination: neither a
    /// DSN nor Spotlight. Spans that still wait in the SDK's batch processor are handed over by the provider's `force_flush`.
    pub fn flush(&self, timeout: Duration) -> bool {
        let delivery = self.door.delivery();
        delivery.is_none_or(|delivery| delivery.flush(timeout))
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
}

impl SpanExporter for SentryGenAiExporter {
    /// Hands the spans over and returns at once.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        if self.door.is_shut_down() {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        let sampled = batch
            .into_iter()
            .filter(|span| span.span_context.is_sampled());
        let room = self.door.text_room();
        let spans = sampled.filter_map(|mut span| {
            let ids = convert::ids(&span.span_context)?;
            let parent = convert::parent(&span);
            let source = Box::new(source_span(ids, &mut span, room));
            Some((source, parent))
        });
        self.door.receive(spans.collect());
        Ok(())
    }

    /// Sends all waiting spans, and waits for at most five seconds or the client's `shutdown_timeout`, whichever is longer; with
    /// a shared delivery, five seconds. The SDK's processors do not call it; programs use [`flush`](Self::flush).
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
