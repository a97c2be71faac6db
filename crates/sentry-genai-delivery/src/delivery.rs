//! The handle that doors hold.

use std::{fmt, sync::Arc, time::Duration};

use sentry_core::TracesSamplingStrategy;
use sentry_genai_conventions::{SentrySpan, SourceSpan, TraceId, Translator};

use crate::{
    accounting::{Accounting, LossReason, Stats},
    budget::Budget,
    config::Config,
    http::{HttpPost, Post},
    incoming::IncomingTrace,
    outbox::Outbox,
    progress::{Progress, Ticket},
    queue::{Handover, Queue},
    segment::Segment,
    sender::Sender,
    thread::{self, on_delivery_thread},
    trace::{Trace, should_continue},
    worker::Worker,
};

/// A hook that sees every span last, and may change it, or drop it by returning `None`.
///
/// It runs on a delivery thread. A span it panics on is dropped. The trace id of a span cannot be changed.
pub type BeforeSendSpan = Arc<dyn Fn(SentrySpan) -> Option<SentrySpan> + Send + Sync>;

/// Brings finished spans to Sentry. Clones share one delivery.
///
/// When the last clone is gone, what was handed over is still sent in the background; call [`close`](Self::close) to
/// wait for it.
#[derive(Clone)]
pub struct Delivery(Arc<Handle>);

/// Ends the threads when the last handle is gone: they hold [`Shared`], so that alone would never be dropped.
struct Handle {
    shared: Arc<Shared>,
}

/// What the application's threads and ours work on together.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Arc<Config>,
    pub(crate) accounting: Accounting,
    pub(crate) budget: Budget,
    pub(crate) queue: Queue,
    pub(crate) outbox: Outbox,
    pub(crate) progress: Progress,
}

impl Delivery {
    /// Starts a delivery with its two threads.
    ///
    /// If the system refuses a thread, the delivery counts every span as [`LossReason::InternalSdkError`].
    #[must_use]
    pub fn start(
        config: Config,
        translator: Translator,
        before_send_span: Option<BeforeSendSpan>,
    ) -> Self {
        let post = Box::new(HttpPost::new(&config));
        Self::start_with(config, translator, before_send_span, post)
    }

    pub(crate) fn start_with(
        config: Config,
        translator: Translator,
        before_send_span: Option<BeforeSendSpan>,
        post: Box<dyn Post>,
    ) -> Self {
        let shared = Arc::new(Shared {
            accounting: Accounting::default(),
            budget: Budget::new(config.max_buffer_bytes),
            queue: Queue::new(),
            outbox: Outbox::new(),
            progress: Progress::new(),
            config: Arc::new(config),
        });
        let worker = Worker::new(Arc::clone(&shared), translator, before_send_span);
        let sender = Sender::new(Arc::clone(&shared), post);
        let started = thread::spawn("sentry-genai-send", move || sender.run())
            .and_then(|()| thread::spawn("sentry-genai", move || worker.run()));
        if started.is_err() {
            shared.queue.close();
            shared.outbox.close();
            shared.progress.stop();
        }
        Self(Arc::new(Handle { shared }))
    }

    /// Hands over a span that has ended.
    ///
    /// Waits for nothing but a short lock. A span of a trace that is not [sampled](Trace::sampled) is counted as if
    /// given to [`record_unsampled`](Self::record_unsampled).
    pub fn send(&self, span: SourceSpan, segment: &Arc<Segment>) {
        if !segment.trace().sampled() {
            self.record_unsampled(1);
            return;
        }
        let shared = &self.0.shared;
        shared.accounting.produce(1);
        let bytes = span.footprint();
        shared.budget.hold(bytes);
        let handover = Handover {
            span,
            segment: Arc::clone(segment),
            bytes,
        };
        let hurry = shared.budget.above_mark() > 0;
        if shared.queue.push(handover, hurry).is_err() {
            shared.budget.release(bytes);
            shared.accounting.lose(LossReason::InternalSdkError, 1);
        } else if shared.budget.is_exceeded() {
            shared.shorten_queue();
        }
    }

    /// Sends everything that was handed over before, and waits for it, at most `timeout`.
    ///
    /// Returns true only if each of these spans has either been answered for by the server or been counted as lost. On a
    /// delivery thread (inside a hook) this returns false at once, since that thread cannot wait for itself.
    pub fn flush(&self, timeout: Duration) -> bool {
        let ticket = self.0.shared.queue.request_flush();
        self.0.shared.wait(ticket, timeout)
    }

    /// Does what [`flush`](Self::flush) does, and ends the delivery.
    ///
    /// Spans handed over from now on are counted as [`LossReason::InternalSdkError`]. What has not left when the time is
    /// up is counted as [`LossReason::NetworkError`], except for a request that is under way.
    pub fn close(&self, timeout: Duration) -> bool {
        let shared = &self.0.shared;
        let ticket = shared.queue.close();
        let complete = shared.wait(ticket, timeout);
        if !complete {
            for parcel in shared.outbox.abandon() {
                shared.budget.release(parcel.bytes());
                let spans = parcel.spans();
                shared.accounting.lose(LossReason::NetworkError, spans);
            }
        }
        complete
    }

    /// Starts a trace for a local root, or continues `incoming`, and decides whether it is sampled.
    ///
    /// An incoming decision holds; a `traces_sampler` overrides it (and sees it, with `name` and `op`); without either
    /// the `traces_sample_rate` decides. If none is configured, nothing is sampled, and nothing counted.
    #[must_use]
    pub fn start_trace(
        &self,
        incoming: Option<&IncomingTrace>,
        name: &str,
        op: &str,
    ) -> Arc<Trace> {
        Trace::start(&self.0.shared.config, incoming, name, op)
    }

    /// Does what [`start_trace`](Self::start_trace) does for a door whose spans have ids already, such as OpenTelemetry's.
    ///
    /// The trace keeps `trace_id` also where `incoming` is another trace or must not be continued; it then starts here.
    #[must_use]
    pub fn start_trace_with_id(
        &self,
        trace_id: TraceId,
        incoming: Option<&IncomingTrace>,
        name: &str,
        op: &str,
    ) -> Arc<Trace> {
        let incoming = incoming.filter(|incoming| incoming.trace_id() == trace_id);
        let config = &self.0.shared.config;
        Trace::start_with_id(config, trace_id, incoming, name, op)
    }

    /// Returns whether a trace that came in is continued: not one of another organization, and with
    /// `strict_trace_continuation` neither one whose organization cannot be compared.
    #[must_use]
    pub fn continues(&self, incoming: &IncomingTrace) -> bool {
        should_continue(&self.0.shared.config, incoming)
    }

    /// Returns what became of the spans so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.shared.accounting.stats()
    }

    /// Counts spans of traces that are not sampled, as [`LossReason::SampleRate`].
    ///
    /// Does nothing if the client has tracing disabled: nobody wanted these spans.
    pub fn record_unsampled(&self, spans: u64) {
        let shared = &self.0.shared;
        if !matches!(shared.config.sampling, TracesSamplingStrategy::Disabled) {
            shared.accounting.produce(spans);
            shared.accounting.lose(LossReason::SampleRate, spans);
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("config", &self.0.shared.config)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

impl Shared {
    fn wait(&self, ticket: Ticket, timeout: Duration) -> bool {
        !on_delivery_thread() && self.progress.wait(ticket, timeout)
    }

    /// Drops the oldest traces of the queue: the worker, who would choose better, does not keep up.
    fn shorten_queue(&self) {
        let (bytes, spans) = self.queue.drop_oldest_traces(self.budget.above_mark());
        self.budget.release(bytes);
        self.accounting.lose(LossReason::QueueOverflow, spans);
    }
}
