//! The handle that programs and doors hold.

use std::{
    fmt, process,
    sync::Arc,
    time::{Duration, Instant},
};

use sentry_genai_conventions::{SentrySpan, TextRoom};

use crate::{
    accounting::{LossReason, Stats},
    failure::SendFailure,
    ids,
    options::Prepared,
    per_process::PerProcess,
    sender::{Role, Sender},
    shared::Shared,
    thread::{self, on_delivery_thread},
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
pub struct Delivery(Arc<PerProcess<Handle>>);

/// Ends the threads when the last handle is dropped. The threads hold [`Shared`], so it would never be dropped by
/// itself.
struct Handle {
    shared: Arc<Shared>,
    /// What it was started from, to start that of a child process.
    prepared: Prepared,
    /// Sends copies to Spotlight.
    mirror: Option<Delivery>,
}

/// What programs need.
impl Delivery {
    /// Sends everything that was handed over before, and waits at most `timeout` for it.
    ///
    /// Returns true only if each of these spans
    ///
    /// - got an answer from the server,
    /// - was counted as lost, or
    /// - is held, because its trace was not sampled but [may still be kept](crate::Options::with_keep_ai_traces).
    ///
    /// On a delivery thread (inside a hook) this returns false at once, since that thread cannot wait for itself.
    pub fn flush(&self, timeout: Duration) -> bool {
        let begin = Instant::now();
        let Handle { shared, mirror, .. } = self.of_this_process();
        let flush = shared.queue.request_flush();
        let complete = shared.wait(flush, timeout);
        if let Some(mirror) = mirror {
            mirror.flush(time_for_copies(timeout, begin.elapsed()));
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
            mirror.close(time_for_copies(timeout, begin.elapsed()));
        }
        #[cfg(feature = "tracing")]
        if !std::thread::panicking() {
            shared.loss_events.emit_final(&shared.accounting);
        }
        complete
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
    /// A server that stays silent until [`close`](Self::close) gives up counts as a failure, too, and so does a span that is
    /// too large for an envelope.
    #[must_use]
    pub fn last_failure(&self) -> Option<SendFailure> {
        self.shared().accounting.last_failure()
    }

    /// Returns whether nothing is sent any more: after [`close`](Self::close), or if no thread could be started.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared().queue.is_closed()
    }

    /// Returns the URL that spans are sent to, such as `https://o1.ingest.sentry.io/api/42/envelope/`, without the key.
    #[must_use]
    pub fn destination(&self) -> String {
        self.0.latest().prepared.config.destination()
    }

    /// Returns how much of a text a door copies.
    #[must_use]
    pub fn text_room(&self) -> TextRoom {
        self.0.latest().prepared.translator.options().text_room()
    }

    pub(crate) fn start(prepared: Prepared) -> Self {
        let handle = Handle::start(prepared);
        Self(Arc::new(PerProcess::made_by(process::id(), handle)))
    }

    /// Returns the delivery of this process. A forked one gets its own, as threads and connections stay with the parent.
    fn of_this_process(&self) -> &Handle {
        self.0.of_this_process(Handle::fork)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.of_this_process().shared
    }

    pub(crate) fn shared_without_fork_check(&self) -> &Arc<Shared> {
        &self.0.latest().shared
    }
}

impl Handle {
    /// Starts a delivery with its two threads.
    fn start(prepared: Prepared) -> Self {
        let Prepared {
            config,
            translator,
            before_send_span,
        } = prepared.clone();
        let mirror = config.spotlight_copy().map(|config| {
            Delivery::start(Prepared {
                config: Arc::new(config),
                ..prepared.clone()
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
        let started = thread::spawn("sentry-genai-send", Box::new(move || sender.run()))
            .and_then(|()| thread::spawn("sentry-genai", Box::new(move || worker.run())));
        if let Err(error) = started {
            let cause = format!("no thread could be started: {error}");
            shared.accounting.set_last_failure(cause);
            // The worker and the sender have been dropped or end now, and stop everything else as they always do.
            shared.queue.close();
        }
        Self {
            shared,
            prepared,
            mirror,
        }
    }

    #[cold]
    fn fork(&self) -> Self {
        ids::reseed();
        let mut prepared = self.prepared.clone();
        // The Sentry client has no threads in this process, and perhaps holds a lock that nobody will release.
        Arc::make_mut(&mut prepared.config).settings.meter = None;
        Self::start(prepared)
    }
}

/// Returns how long copies to Spotlight may still take, `elapsed` after a wait of at most `timeout` began.
fn time_for_copies(timeout: Duration, elapsed: Duration) -> Duration {
    timeout.saturating_sub(elapsed).min(COPY_TIMEOUT)
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("config", &self.0.latest().prepared.config)
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

    use super::*;
    use crate::{options::Options, testing};

    #[test]
    fn copies_take_no_longer_than_asked_and_never_much_longer_than_the_spans() {
        for (timeout, elapsed, expected) in [(20, 1, 2), (3, 2, 1), (3, 3, 0), (3, 4, 0)] {
            let [timeout, elapsed, expected] =
                [timeout, elapsed, expected].map(Duration::from_secs);
            assert_eq!(time_for_copies(timeout, elapsed), expected);
        }
    }

    #[test]
    fn a_closed_delivery_ends_its_threads() {
        const PATIENCE: Duration = Duration::from_secs(10);

        let delivery = Options::new().start(&testing::options()).unwrap();
        let shared = Arc::downgrade(delivery.shared());
        assert!(!delivery.is_closed());
        assert!(delivery.close(PATIENCE));
        assert!(delivery.is_closed());
        drop(delivery);
        let begin = Instant::now();
        while shared.strong_count() > 0 {
            assert!(begin.elapsed() < PATIENCE, "a thread goes on");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
