//! The handle that doors hold.

use std::{
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
    ids,
    incoming::IncomingTrace,
    recycle,
    segment::Segment,
    sender::{Lane, Role},
    thread::{self, on_delivery_thread},
    trace::{Trace, should_continue},
    unread::{Ended, Unread},
    user,
    worker::Worker,
};

/// How long copies to Spotlight are waited for, at most, when everything else is done.
const COPY_PATIENCE: Duration = Duration::from_secs(2);

/// A hook that sees every span when it has been translated, and may change it, or drop it by returning `None`. Only what spans of a
/// trace learn from each other comes later.
///
/// It runs on a delivery thread. A span it panics on is dropped. The trace id of a span cannot be changed.
pub type BeforeSendSpan = Arc<dyn Fn(SentrySpan) -> Option<SentrySpan> + Send + Sync>;

/// Brings finished spans to Sentry. Clones share one delivery.
///
/// A forked process starts with an empty delivery of its own, and its own figures; what was waiting stays with the parent. Spans
/// of traces that were open at the fork may get lost there until a trace starts, or some dozens of them have ended.
///
/// When the last clone is gone, what was handed over is still sent in the background; call [`close`](Self::close) to
/// wait for it.
#[derive(Clone)]
pub struct Delivery(Arc<Handle>);

/// Ends the threads when the last handle is gone: they hold [`Shared`], so that alone would never be dropped.
struct Handle {
    shared: Arc<Shared>,
    seed: Seed,
    /// What sends copies to Spotlight.
    mirror: Option<Delivery>,
    /// The delivery of a process that was forked from this one.
    forked: OnceLock<Delivery>,
}

/// What a delivery is started from.
#[derive(Clone)]
struct Seed {
    config: Arc<Config>,
    translator: Translator,
    before_send_span: Option<BeforeSendSpan>,
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
        Self::grow(Seed {
            config: Arc::new(config),
            translator,
            before_send_span,
        })
    }

    fn grow(seed: Seed) -> Self {
        let Seed {
            config,
            translator,
            before_send_span,
        } = seed.clone();
        let mirror = config.of_spotlight().map(|config| {
            Self::grow(Seed {
                config: Arc::new(config),
                ..seed.clone()
            })
        });
        let shared = Arc::new(Shared::new(config));
        let worker = Worker::new(
            Arc::clone(&shared),
            translator,
            before_send_span,
            mirror.clone(),
        );
        let lane = Lane::new(Arc::clone(&shared), Role::Main);
        let started = thread::spawn("sentry-genai-send", move || lane.run())
            .and_then(|()| thread::spawn("sentry-genai", move || worker.run()));
        if started.is_err() {
            shared.queue.close();
            shared.outbox.close();
            shared.progress.stop();
        }
        Self(Arc::new(Handle {
            shared,
            seed,
            mirror,
            forked: OnceLock::new(),
        }))
    }

    /// The delivery of this process. After a fork that is one of its own, started when it is first used: threads and
    /// connections stay with the parent, and a lock may have been taken with nobody left to release it.
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

    /// The same as far as it is known. To know for certain is a system call, which is too much for every span.
    fn shared_on_trust(&self) -> &Arc<Shared> {
        match self.0.forked.get() {
            None => &self.0.shared,
            Some(forked) => forked.shared_on_trust(),
        }
    }

    #[cold]
    fn fork(&self) -> Self {
        ids::diverge();
        let mut config = (*self.0.seed.config).clone();
        // The Sentry client has no threads here, and perhaps a lock that nobody will release.
        config.meter = None;
        Self::grow(Seed {
            config: Arc::new(config),
            ..self.0.seed.clone()
        })
    }

    /// Gives a segment the user on the scope of the current hub, which all its spans are sent with unless they have one of their own.
    ///
    /// For a segment the scope is looked at twice at most, and no more once there is a user. The email, the name and the address of the
    /// user leave only with [`ClientOptions::send_default_pii`](sentry_core::ClientOptions::send_default_pii).
    pub fn note_user(&self, segment: &Segment) {
        if segment.lacks_user() {
            let is_pii_sent = self.shared_on_trust().config.send_default_pii;
            segment.user().look(is_pii_sent, user::on_scope);
        }
    }

    /// Hands over a span that has ended.
    ///
    /// Does what [`send_record`](Self::send_record) does, for a door that has the span elsewhere.
    pub fn send(&self, span: SourceSpan, segment: &Arc<Segment>) {
        self.send_record(recycle::boxed(span), segment);
    }

    /// Hands over a span that has ended, in the [record](Self::record) that it was written to.
    ///
    /// Waits for nothing but a short lock. A span of a trace that is not [recorded](Trace::recorded) is counted as if
    /// given to [`record_unsampled`](Self::record_unsampled).
    pub fn send_record(&self, span: Box<SourceSpan>, segment: &Arc<Segment>) {
        if !segment.trace().recorded() {
            self.record_unsampled(1);
            return;
        }
        let bytes = span.footprint();
        self.hand_over(Ended::Read(span), bytes, segment);
    }

    /// Hands over a span that has ended, to be read on a delivery thread, so that the program's own does not have to. Until then
    /// it occupies so many `bytes` of memory.
    ///
    /// Spans are read in the order in which they are handed over. One that panics is counted as
    /// [`LossReason::InternalSdkError`]. All of this is done on one thread, which may be [behind](Self::is_behind).
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

    /// Hands over a span that has been translated already, as by a door that sees a trace as a whole before it sends any of it.
    ///
    /// What spans of a trace learn from each other is looked for once more among those that are sent together.
    pub fn send_translated(&self, span: SentrySpan, segment: &Arc<Segment>) {
        if segment.trace().recorded() {
            let bytes = span.footprint();
            self.hand_over(Ended::Translated(Box::new(span)), bytes, segment);
        } else {
            self.record_unsampled(1);
        }
    }

    /// Returns whether the delivery's thread does not keep up, so that a door had better read a span itself.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.shared_on_trust().budget.is_behind()
    }

    fn hand_over(&self, span: Ended, bytes: usize, segment: &Arc<Segment>) {
        if let Err(span) = self.shared_on_trust().accept(span, bytes, segment) {
            // A delivery that has just been started knows its process.
            let _ = self.shared().accept(span, bytes, segment);
        }
    }

    /// Returns an empty record for a span with about so many attributes: that of a span that has been sent, if there is one, so
    /// that nothing is allocated. Its ids, name and times are to be set, whatever they are.
    #[must_use]
    pub fn record(&self, fields: usize) -> Box<SourceSpan> {
        recycle::record(fields, &self.shared_on_trust().queue)
    }

    /// Takes back a record that is not needed after all.
    pub fn give_back(&self, record: Box<SourceSpan>) {
        recycle::give_back(record);
    }

    /// Returns an empty store for about so many attributes: one of a span that has been sent, if there is one.
    #[must_use]
    pub fn attributes(&self, fields: usize) -> Attributes {
        recycle::attributes(fields, &self.shared_on_trust().queue)
    }

    /// Sends everything that was handed over before, and waits for it, at most `timeout`.
    ///
    /// Returns true only if each of these spans has either been answered for by the server or been counted as lost, or is held
    /// because its trace was not sampled but [may be kept](crate::Config::with_keep_ai_traces). On a
    /// delivery thread (inside a hook) this returns false at once, since that thread cannot wait for itself.
    pub fn flush(&self, timeout: Duration) -> bool {
        let begin = Instant::now();
        let Handle { shared, mirror, .. } = self.of_this_process();
        let ticket = shared.queue.request_flush();
        let complete = shared.wait(ticket, timeout);
        if let Some(mirror) = mirror {
            mirror.flush(timeout.saturating_sub(begin.elapsed()).min(COPY_PATIENCE));
        }
        complete
    }

    /// Does what [`flush`](Self::flush) does, and ends the delivery.
    ///
    /// Spans handed over from now on are counted as [`LossReason::InternalSdkError`]. What got no answer before the time
    /// is up is counted as [`LossReason::NetworkError`], also if it is under way and arrives later. On a delivery thread, where no
    /// time passes, what was handed over is still sent in the background.
    pub fn close(&self, timeout: Duration) -> bool {
        let begin = Instant::now();
        let Handle { shared, mirror, .. } = self.of_this_process();
        let ticket = shared.queue.close();
        let complete = shared.wait(ticket, timeout);
        if !complete && !on_delivery_thread() {
            for held in shared.outbox.abandon() {
                shared.budget.release(held.bytes);
                let accounting = &shared.accounting;
                accounting.lose(LossReason::NetworkError, held.spans);
            }
        }
        if let Some(mirror) = mirror {
            mirror.close(timeout.saturating_sub(begin.elapsed()).min(COPY_PATIENCE));
        }
        #[cfg(feature = "tracing")]
        if !std::thread::panicking() {
            shared.notices.tell_all(&shared.accounting);
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
        let shared = self.shared();
        let trace = Trace::start(&shared.config, incoming, name, op);
        shared.count_start(&trace);
        trace
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
        let shared = self.shared();
        let trace = Trace::start_with_id(&shared.config, trace_id, incoming, name, op);
        shared.count_start(&trace);
        trace
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
        let shared = self.shared();
        let mut stats = shared.accounting.stats();
        stats.buffered_bytes = shared.budget.held() as u64;
        stats
    }

    /// Returns how the last request failed that did, such as "HTTP status 403" or what the system says of a connection; `None` if
    /// there was no such request.
    #[must_use]
    pub fn last_failure(&self) -> Option<String> {
        self.shared().accounting.last_failure()
    }

    /// Returns whether the client wants traces at all: whether there is a sample rate, 0 included, or a sampler.
    #[must_use]
    pub fn is_tracing(&self) -> bool {
        !self.0.shared.config.sampling.is_disabled()
    }

    /// Returns how long content may be.
    #[must_use]
    pub fn content_limits(&self) -> ContentLimits {
        self.0.seed.translator.options().limits
    }

    /// Counts spans of traces that are not sampled, as [`LossReason::SampleRate`].
    ///
    /// Does nothing if the client has tracing disabled: nobody wanted these spans.
    pub fn record_unsampled(&self, spans: u64) {
        let shared = self.shared_on_trust();
        if !shared.config.sampling.is_disabled() {
            shared.accounting.produce(spans);
            shared.accounting.lose(LossReason::SampleRate, spans);
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("config", &self.0.seed.config)
            .field("stats", &self.stats())
            .field("last_failure", &self.last_failure())
            .finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // In a forked process there is nothing to end.
        if self.shared.is_of_this_process() {
            self.shared.queue.close();
        }
    }
}
