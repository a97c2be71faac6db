//! The handle that doors hold.

use std::{
    any::Any,
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use sentry_genai_conventions::{
    Attributes, ContentLimits, SentrySpan, SourceSpan, TraceId, Translator,
};

pub(crate) use crate::shared::Shared;
use crate::{
    accounting::{LossReason, Stats},
    config::Config,
    failure::SendFailure,
    ids,
    incoming::IncomingTrace,
    recycle, scope,
    segment::Segment,
    sender::{Role, Sender},
    thread::{self, on_delivery_thread},
    trace::{Trace, should_continue},
    unread::{Ended, Unread},
    worker::Worker,
};

/// The longest wait for copies to Spotlight once everything else is done.
const COPY_TIMEOUT: Duration = Duration::from_secs(2);

/// A hook that sees every span after its translation. It may change the span, or drop it by returning `None`.
///
/// It runs on a delivery thread. If it panics, the span is dropped. It cannot change the trace id of a span. These are
/// added after the hook: what spans of a trace exchange, and the user and the tags of Sentry's scope.
pub type BeforeSendSpan = Arc<dyn Fn(SentrySpan) -> Option<SentrySpan> + Send + Sync>;

/// Delivers finished spans to Sentry. Clones share one delivery.
///
/// A forked process starts with an empty delivery and statistics of its own. Spans that were waiting at the time of the
/// fork stay with the parent. In the child, spans of traces that were open at the fork may be lost until a new trace
/// starts or some dozens of spans have ended.
///
/// When the last clone is dropped, spans that were handed over are still sent in the background. Call
/// [`close`](Self::close) to wait for them.
#[derive(Clone)]
pub struct Delivery(Arc<Handle>);

/// Ends the threads when the last handle is dropped. The threads hold [`Shared`], so it would never be dropped by
/// itself.
struct Handle {
    shared: Arc<Shared>,
    params: StartParams,
    /// Sends copies to Spotlight.
    mirror: Option<Delivery>,
    /// The delivery of a child process that was forked from this one.
    forked: OnceLock<Delivery>,
}

/// What a delivery is started from.
#[derive(Clone)]
struct StartParams {
    config: Arc<Config>,
    translator: Translator,
    before_send_span: Option<BeforeSendSpan>,
}

impl Delivery {
    /// Starts a delivery with its two threads.
    ///
    /// If the system refuses to create a thread, the delivery counts every span as [`LossReason::InternalSdkError`].
    #[must_use]
    pub fn start(
        config: Config,
        translator: Translator,
        before_send_span: Option<BeforeSendSpan>,
    ) -> Self {
        Self::start_with(StartParams {
            config: Arc::new(config),
            translator,
            before_send_span,
        })
    }

    fn start_with(params: StartParams) -> Self {
        let StartParams {
            config,
            translator,
            before_send_span,
        } = params.clone();
        let mirror = config.spotlight_copy().map(|config| {
            Self::start_with(StartParams {
                config: Arc::new(config),
                ..params.clone()
            })
        });
        let shared = Arc::new(Shared::new(config));
        let worker = Worker::new(
            Arc::clone(&shared),
            translator,
            before_send_span,
            mirror.clone(),
        );
        let sender = Sender::new(Arc::clone(&shared), Role::Main);
        let started = thread::spawn("sentry-genai-send", move || sender.run())
            .and_then(|()| thread::spawn("sentry-genai", move || worker.run()));
        if started.is_err() {
            shared.queue.close();
            shared.outbox.close();
            shared.progress.stop();
        }
        Self(Arc::new(Handle {
            shared,
            params,
            mirror,
            forked: OnceLock::new(),
        }))
    }

    /// Returns the delivery of this process.
    ///
    /// A forked child gets its own delivery, started on first use. Threads and connections stay with the parent, and a
    /// lock may have been held at the fork by a thread that does not exist in the child.
    fn of_this_process(&self) -> &Handle {
        let handle = &*self.0;
        match handle.forked.get() {
            Some(forked) => forked.of_this_process(),
            None if handle.shared.is_of_this_process() => handle,
            None => (handle.forked)
                .get_or_init(|| self.fork())
                .of_this_process(),
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.of_this_process().shared
    }

    /// Returns the same without checking for a fork. The check is a system call, which is too expensive for every span.
    fn shared_without_fork_check(&self) -> &Arc<Shared> {
        match self.0.forked.get() {
            None => &self.0.shared,
            Some(forked) => forked.shared_without_fork_check(),
        }
    }

    #[cold]
    fn fork(&self) -> Self {
        ids::reseed();
        let mut config = (*self.0.params.config).clone();
        // The Sentry client has no threads in this process, and perhaps holds a lock that nobody will release.
        config.meter = None;
        Self::start_with(StartParams {
            config: Arc::new(config),
            ..self.0.params.clone()
        })
    }

    /// Takes the user and the tags from the scope of the current hub and assigns them to the segment. All spans of the
    /// segment are sent with them, unless they have a user of their own, or an attribute that is named like the tag.
    ///
    /// The scope is read at most twice per segment, and not again once a user is known. The user's email, name and IP
    /// address are only sent with [`ClientOptions::send_default_pii`](sentry_core::ClientOptions::send_default_pii).
    pub fn read_scope(&self, segment: &Segment) {
        if segment.may_read_scope() {
            let is_pii_sent = self.shared_without_fork_check().config.send_default_pii;
            segment.scope().read(is_pii_sent, scope::current);
        }
    }

    /// Hands over a span that has ended.
    ///
    /// Like [`send_record`](Self::send_record), for a door that does not keep its spans in [records](Self::record).
    pub fn send(&self, span: SourceSpan, segment: &Arc<Segment>) {
        self.send_record(recycle::boxed(span), segment);
    }

    /// Hands over a span that has ended, in the [record](Self::record) that it was written to.
    ///
    /// This does not block, apart from a short lock. If the trace is not [recorded](Trace::recorded), the span is
    /// counted as by [`record_unsampled`](Self::record_unsampled).
    pub fn send_record(&self, span: Box<SourceSpan>, segment: &Arc<Segment>) {
        if !segment.trace().recorded() {
            self.record_unsampled(1);
            return;
        }
        let bytes = span.footprint();
        self.hand_over(Ended::Read(span), bytes, segment);
    }

    /// Hands over a span that has ended but has not been read yet. A delivery thread reads it, so that the program's
    /// own thread does not have to. Until then the span occupies `bytes` bytes of memory.
    ///
    /// Spans are read in the order in which they are handed over. A span whose [`Unread::read`] panics is counted as
    /// [`LossReason::InternalSdkError`]. A single thread reads all spans, and it may be [behind](Self::is_behind).
    pub fn send_unread(
        &self,
        span: Box<impl Unread + 'static>,
        bytes: usize,
        segment: &Arc<Segment>,
    ) {
        if segment.trace().recorded() {
            self.hand_over(Ended::Unread(span), bytes, segment);
        } else {
            self.record_unsampled(1);
        }
    }

    /// Hands over a span that has already been translated, for example by a door that sees a whole trace before it
    /// sends any of it.
    ///
    /// Spans that are sent together still exchange information with each other, as other spans of a trace do.
    pub fn send_translated(&self, span: SentrySpan, segment: &Arc<Segment>) {
        if segment.trace().recorded() {
            let bytes = span.footprint();
            self.hand_over(Ended::Translated(Box::new(span)), bytes, segment);
        } else {
            self.record_unsampled(1);
        }
    }

    /// Returns the box of a span that has been [read](Unread::read), for another one, if there is one of this type.
    #[must_use]
    pub fn spent_box<T: Any>(&self) -> Option<Box<T>> {
        let spent_boxes = &self.shared_without_fork_check().spent_boxes;
        recycle::spent_box(spent_boxes)?.downcast().ok()
    }

    /// Returns whether the delivery thread is not keeping up. A door should then read its spans itself.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.shared_without_fork_check().budget.is_behind()
    }

    fn hand_over(&self, span: Ended, bytes: usize, segment: &Arc<Segment>) {
        if let Err(span) = self
            .shared_without_fork_check()
            .enqueue(span, bytes, segment)
        {
            // A delivery that has just been started belongs to this process.
            let _ = self.shared().enqueue(span, bytes, segment);
        }
    }

    /// Returns an empty record for a span with about `fields` attributes. Reuses the record of a span that has been
    /// sent, if there is one, so that nothing is allocated.
    ///
    /// The caller must set the ids, the name and the times, whose initial values are arbitrary.
    #[must_use]
    pub fn record(&self, fields: usize) -> Box<SourceSpan> {
        recycle::record(fields, &self.shared_without_fork_check().queue)
    }

    /// Takes back a record that is not needed after all.
    pub fn give_back(&self, record: Box<SourceSpan>) {
        recycle::give_back(record);
    }

    /// Returns an empty attribute store for about `fields` attributes. Reuses the store of a span that has been sent,
    /// if there is one.
    #[must_use]
    pub fn attributes(&self, fields: usize) -> Attributes {
        recycle::attributes(fields, &self.shared_without_fork_check().queue)
    }

    /// Sends everything that was handed over before, and waits at most `timeout` for it.
    ///
    /// Returns true only if each of these spans
    ///
    /// - got an answer from the server,
    /// - was counted as lost, or
    /// - is held, because its trace was not sampled but [may still be kept](crate::Config::with_keep_ai_traces).
    ///
    /// On a delivery thread (inside a hook) this returns false at once, since that thread cannot wait for itself.
    pub fn flush(&self, timeout: Duration) -> bool {
        let begin = Instant::now();
        let Handle { shared, mirror, .. } = self.of_this_process();
        let flush = shared.queue.request_flush();
        let complete = shared.wait(flush, timeout);
        if let Some(mirror) = mirror {
            mirror.flush(timeout.saturating_sub(begin.elapsed()).min(COPY_TIMEOUT));
        }
        complete
    }

    /// Flushes as [`flush`](Self::flush) does, and then ends the delivery.
    ///
    /// Spans handed over from now on are counted as [`LossReason::InternalSdkError`]. Spans without an answer when the
    /// timeout expires are counted as [`LossReason::NetworkError`], even if they are in flight and arrive later. On a
    /// delivery thread this returns false at once, and the spans handed over so far are still sent in the background.
    pub fn close(&self, timeout: Duration) -> bool {
        let begin = Instant::now();
        let Handle { shared, mirror, .. } = self.of_this_process();
        let flush = shared.queue.close();
        let complete = shared.wait(flush, timeout);
        if !complete && !on_delivery_thread() {
            let accounting = &shared.accounting;
            // The request has not failed yet, and the program may be gone when it does.
            if shared.outbox.awaits_answer() {
                accounting.set_last_failure(format!("no answer within {timeout:.1?}"));
            }
            for size in shared.outbox.abandon() {
                shared.budget.release(size.bytes);
                accounting.count_lost(LossReason::NetworkError, size.spans);
            }
        }
        if let Some(mirror) = mirror {
            mirror.close(timeout.saturating_sub(begin.elapsed()).min(COPY_TIMEOUT));
        }
        #[cfg(feature = "tracing")]
        if !std::thread::panicking() {
            shared.loss_events.emit_final(&shared.accounting);
        }
        complete
    }

    /// Starts a trace for a local root, or continues `incoming`, and makes the sampling decision.
    ///
    /// - A `traces_sampler` decides if there is one. It sees `name`, `op` and the incoming decision. It is not called
    ///   for a trace that was [adopted](IncomingTrace::adopted) with a decision.
    /// - Otherwise an incoming decision holds.
    /// - Otherwise the `traces_sample_rate` decides.
    ///
    /// If neither a sampler nor a rate is configured, nothing is sampled and nothing is counted.
    #[must_use]
    pub fn start_trace(
        &self,
        incoming: Option<&IncomingTrace>,
        name: &str,
        op: &str,
    ) -> Arc<Trace> {
        let shared = self.shared();
        let trace = Trace::start(&shared.config, incoming, name, op);
        shared.count_start(&trace);
        trace
    }

    /// Like [`start_trace`](Self::start_trace), for a door whose spans already have ids, such as OpenTelemetry's.
    ///
    /// The trace keeps `trace_id` even if `incoming` is a different trace or must not be continued. In both cases the
    /// trace starts here.
    #[must_use]
    pub fn start_trace_with_id(
        &self,
        trace_id: TraceId,
        incoming: Option<&IncomingTrace>,
        name: &str,
        op: &str,
    ) -> Arc<Trace> {
        let incoming = incoming.filter(|incoming| incoming.trace_id() == trace_id);
        let shared = self.shared();
        let trace = Trace::start_with_id(&shared.config, trace_id, incoming, name, op);
        shared.count_start(&trace);
        trace
    }

    /// Returns whether an incoming trace is continued. A trace of another organization is not. With
    /// `strict_trace_continuation`, neither is a trace whose organization cannot be compared.
    #[must_use]
    pub fn continues(&self, incoming: &IncomingTrace) -> bool {
        should_continue(&self.0.shared.config, incoming)
    }

    /// Returns what became of the spans so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let shared = self.shared();
        let mut stats = shared.accounting.stats();
        stats.buffered_bytes = shared.budget.reserved() as u64;
        stats
    }

    /// Returns how and when the most recent failed request failed. Returns `None` if no request has failed.
    ///
    /// A server that stays silent until [`close`](Self::close) gives up counts as a failure, too.
    #[must_use]
    pub fn last_failure(&self) -> Option<SendFailure> {
        self.shared().accounting.last_failure()
    }

    /// Returns whether the client has tracing enabled: a sample rate (0 included) or a sampler.
    #[must_use]
    pub fn is_tracing(&self) -> bool {
        !self.0.shared.config.sampling.is_disabled()
    }

    /// Returns how long content may be.
    #[must_use]
    pub fn content_limits(&self) -> ContentLimits {
        self.0.params.translator.options().limits
    }

    /// Counts spans of traces that are not sampled, as [`LossReason::SampleRate`].
    ///
    /// Does nothing if the client has tracing disabled, since no spans were wanted then.
    pub fn record_unsampled(&self, spans: u64) {
        let shared = self.shared_without_fork_check();
        if !shared.config.sampling.is_disabled() {
            shared.record_lost(LossReason::SampleRate, spans);
        }
    }

    /// Counts spans that the door has lost before it could hand them over.
    pub fn record_lost(&self, reason: LossReason, spans: u64) {
        self.shared_without_fork_check().record_lost(reason, spans);
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("config", &self.0.params.config)
            .field("stats", &self.stats())
            .field("last_failure", &self.last_failure())
            .finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // In a forked process there are no threads to end.
        if self.shared.is_of_this_process() {
            self.shared.queue.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use sentry_genai_conventions::TranslateOptions;

    use super::*;
    use crate::testing;

    #[test]
    fn a_closed_delivery_ends_its_threads() {
        const PATIENCE: Duration = Duration::from_secs(10);

        let config = testing::config(&testing::options());
        let translator = Translator::new(TranslateOptions::default());
        let delivery = Delivery::start((*config).clone(), translator, None);
        let shared = Arc::downgrade(delivery.shared());
        assert!(delivery.close(PATIENCE));
        drop(delivery);
        let begin = Instant::now();
        while shared.strong_count() > 0 {
            assert!(begin.elapsed() < PATIENCE, "a thread goes on");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
