//! The threads that encode spans and talk to the server, called senders.

use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    accounting::{LossReason, Report},
    answer::Answer,
    buckets::Bucket,
    clock::Clock,
    http::{FailureKind, RequestError},
    outbox::{JobMeta, Payload, Size, Task},
    pack::Packer,
    rfc3339,
    shared::Shared,
    thread,
    wire::{self, Encoded, Envelope},
};

/// How long losses wait for an envelope that can carry their report.
const REPORT_INTERVAL: Duration = Duration::from_secs(30);

/// How often the last report is sent until the server has read it.
const LAST_REPORT_ATTEMPTS: u32 = 4;

/// From this size on, the time until the answer depends on the size more than on the distance to the server, and more
/// connections do not help.
const LARGE_BYTES: usize = 64 * 1024;

/// How long an extra sender stays without work.
const EXTRA_IDLE_TIMEOUT: Duration = Duration::from_secs(3);

/// How many senders without work an extra sender joins. Each is woken whenever something may have become possible.
const MAX_IDLE_SENDERS: usize = 4;

/// A server that closes the connection may have found an envelope of at least this size too large. No server refuses
/// smaller ones.
const MIN_TOO_LARGE_BYTES: usize = 64 * 1024;

/// Starts another sender if enough is waiting to make it worthwhile.
pub(crate) fn scale_up(shared: &Arc<Shared>) {
    if !shared.outbox.try_register_sender() {
        return;
    }
    let sender = Sender::new(Arc::clone(shared), Role::Extra);
    // If no thread can be created, the sender is dropped, which unregisters it.
    let _ = thread::spawn("sentry-genai-send", Box::new(move || sender.run()));
}

/// A thread that encodes and sends one envelope after the other.
pub(crate) struct Sender {
    shared: Arc<Shared>,
    packer: Packer,
    /// Memory for compressed bodies.
    packed: Vec<u8>,
    role: Role,
    /// When losses were last reported, or could have been.
    last_report: Instant,
}

/// How long a sender stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// As long as the delivery.
    Main,
    /// As long as there is more work than for one sender.
    Extra,
}

impl Sender {
    pub(crate) fn new(shared: Arc<Shared>, role: Role) -> Self {
        Self {
            packer: Packer::new(&shared.config),
            shared,
            packed: Vec::new(),
            role,
            last_report: Instant::now(),
        }
    }

    /// Sends until the outbox is closed and empty. An extra sender also stops when it has been idle.
    pub(crate) fn run(mut self) {
        // The job of a run that panicked is counted when the delivery is closed.
        while let Ok(ControlFlow::Continue(())) | Err(_) =
            catch_unwind(AssertUnwindSafe(|| self.run_once()))
        {}
    }

    fn run_once(&mut self) -> ControlFlow<()> {
        let (idle_timeout, max_idle) = match self.role {
            Role::Main => (REPORT_INTERVAL, None),
            Role::Extra => (EXTRA_IDLE_TIMEOUT, Some(MAX_IDLE_SENDERS)),
        };
        let task = self.shared.outbox.take(idle_timeout, max_idle);
        self.perform(task)
    }

    fn perform(&mut self, task: Task) -> ControlFlow<()> {
        match task {
            Task::Deliver(job) => {
                // More may have arrived while this sender slept than one sender can send.
                scale_up(&self.shared);
                match job.payload {
                    Payload::Spans(bucket) => self.encode(&job.meta, bucket),
                    Payload::Envelope(envelope) => {
                        let outcome = self.send(&job.meta, envelope);
                        // Other senders may have connections, and can do without those who compete for them.
                        if outcome == Outcome::Unreachable && self.role == Role::Extra {
                            return ControlFlow::Break(());
                        }
                    }
                }
            }
            Task::Discard(job, reason) => {
                self.settle_lost(&job.meta, reason);
                // While jobs are only discarded, no envelope is sent that could carry the report.
                if self.last_report.elapsed() >= REPORT_INTERVAL {
                    self.send_report();
                }
            }
            Task::CompleteFlush(flush) => {
                self.send_report();
                if self.shared.queue.is_closed() {
                    self.retry_report();
                }
                self.shared.progress.complete(flush);
                self.shared.outbox.finish_flush();
            }
            Task::Idle if self.role == Role::Extra => return ControlFlow::Break(()),
            Task::Idle => {
                self.send_report();
                self.packed = Vec::new();
                self.shared.transport.free_unused();
                self.shared.buffers.clear();
            }
            Task::Stop => return ControlFlow::Break(()),
        }
        // If a subscriber panics here, `run` catches it, so that the thread goes on.
        #[cfg(feature = "tracing")]
        self.shared.loss_events.emit(&self.shared.accounting);
        ControlFlow::Continue(())
    }

    /// Encodes spans, and replaces their job with the resulting envelopes.
    fn encode(&mut self, meta: &JobMeta, bucket: Bucket) {
        let shared = &self.shared;
        let encoded = catch_unwind(AssertUnwindSafe(|| {
            self.packer.pack(&bucket, &shared.buffers)
        }));
        let spent = shared.recycled_parts.refill(bucket.spans);
        shared.queue.recycle(spent);
        let Ok(Encoded {
            envelopes,
            too_large,
        }) = encoded
        else {
            return self.settle_lost(meta, LossReason::InternalSdkError);
        };
        if !shared.outbox.claim(meta) {
            return;
        }
        let (accounting, budget) = (&shared.accounting, &shared.budget);
        if too_large > 0 {
            accounting.count_lost(LossReason::SendError, too_large as u64);
            // No answer says why.
            accounting.set_last_failure("a span is too large for an envelope".to_owned());
        }
        let sizes = envelopes.iter().map(Size::of);
        let (spans, bytes) = sizes.fold((0, 0), |(spans, bytes), size| {
            (spans + size.spans, bytes + size.bytes)
        });
        let missing = meta.size.spans.saturating_sub(spans + too_large as u64);
        accounting.count_lost(LossReason::InternalSdkError, missing);
        budget.release(meta.size.bytes);
        budget.reserve(bytes);
        if !shared.outbox.put_encoded(meta, envelopes) {
            // Abandoned after it was claimed.
            accounting.count_lost(LossReason::NetworkError, spans);
            budget.release(bytes);
        }
    }

    fn send(&mut self, meta: &JobMeta, mut envelope: Envelope) -> Outcome {
        let report = self.take_piggyback_report();
        let outcome = self.post(&mut envelope.bytes, report, meta.clock);
        let accounting = &self.shared.accounting;
        match outcome {
            Outcome::Accepted => {
                self.settle_with(meta, |spans| accounting.count_accepted(spans));
                self.shared.buffers.give_back(envelope.bytes);
            }
            Outcome::RateLimited { by_sentry: true } => self.settle_with(meta, |spans| {
                accounting.count_lost_known_to_server(LossReason::RatelimitBackoff, spans);
            }),
            Outcome::RateLimited { by_sentry: false } => {
                self.settle_lost(meta, LossReason::RatelimitBackoff);
            }
            Outcome::TooLarge => self.split(meta, &envelope),
            Outcome::Rejected => self.settle_lost(meta, LossReason::SendError),
            Outcome::Unanswered => self.settle_lost(meta, LossReason::NetworkError),
            Outcome::Retryable | Outcome::Unreachable => {
                if !self.shared.outbox.retry(meta, envelope) {
                    self.settle_lost(meta, LossReason::NetworkError);
                }
            }
            Outcome::Panicked => self.settle_lost(meta, LossReason::InternalSdkError),
        }
        outcome
    }

    /// Sends an envelope that was too large again, in two halves.
    fn split(&self, meta: &JobMeta, envelope: &Envelope) {
        let halves = if meta.is_half() {
            None
        } else {
            wire::split(envelope)
        };
        let Some(halves) = halves else {
            return self.settle_lost(meta, LossReason::SendError);
        };
        let budget = &self.shared.budget;
        let bytes = halves.iter().map(|half| Size::of(half).bytes).sum();
        budget.reserve(bytes);
        if self.shared.outbox.put_halves(meta, halves) {
            budget.release(meta.size.bytes);
        } else {
            budget.release(bytes);
        }
    }

    fn settle_lost(&self, meta: &JobMeta, reason: LossReason) {
        self.settle_with(meta, |_| self.shared.count_lost_job(meta, reason));
    }

    /// Counts a job, unless it was abandoned, and hence counted, while this sender was working on it.
    fn settle_with(&self, meta: &JobMeta, count: impl FnOnce(u64)) {
        if self.shared.outbox.claim(meta) {
            count(meta.size.spans);
            self.shared.budget.release(meta.size.bytes);
        }
        self.shared.outbox.settle(meta);
    }

    /// Takes the unreported losses if they may be sent along with an envelope.
    fn take_piggyback_report(&mut self) -> Option<Report> {
        let shared = &self.shared;
        if !shared.accounting.has_unreported_losses() || !shared.outbox.may_piggyback_report() {
            return None;
        }
        self.last_report = Instant::now();
        shared.accounting.take_report()
    }

    /// Sends the unreported losses in an envelope of their own.
    fn send_report(&mut self) {
        self.last_report = Instant::now();
        if !self.shared.outbox.allows_report() {
            return;
        }
        let Some(report) = self.shared.accounting.take_report() else {
            return;
        };
        self.post(&mut wire::empty_envelope(), Some(report), None);
    }

    /// Repeats the last report if it was not read. The timeout given to `close` limits how long that may take.
    fn retry_report(&mut self) {
        for _ in 1..LAST_REPORT_ATTEMPTS {
            if !self.shared.accounting.has_unreported_losses() {
                return;
            }
            let Some(pause) = self.shared.outbox.report_retry_delay() else {
                return;
            };
            std::thread::sleep(pause);
            self.send_report();
        }
    }

    /// Sends an envelope, along with a report if there is one. The envelope itself stays unchanged. `clock` is that of its
    /// spans.
    fn post(
        &mut self,
        envelope: &mut Vec<u8>,
        report: Option<Report>,
        clock: Option<Clock>,
    ) -> Outcome {
        let now = clock.map_or_else(SystemTime::now, Clock::system_time);
        wire::set_sent_at(envelope, now);
        let length = envelope.len();
        if let Some(report) = &report {
            report.write_item(envelope, rfc3339::since_epoch(now).as_secs());
        }
        let start = Instant::now();
        let answer = catch_unwind(AssertUnwindSafe(|| {
            let transport = &self.shared.transport;
            transport.send_envelope(envelope, &mut self.packed)
        }));
        envelope.truncate(length);
        let outcome = match answer {
            Ok(Ok(answer)) => {
                let answer_time = (length < LARGE_BYTES).then(|| start.elapsed());
                self.handle_answer(&answer, answer_time)
            }
            Ok(Err(error)) => self.handle_error(error, length),
            Err(_) => Outcome::Panicked,
        };
        if let Some(report) = report {
            let was_read = outcome.has_read_report();
            if was_read.is_none() {
                self.shared.outbox.mark_report_unconfirmed();
            }
            if was_read != Some(true) {
                self.shared.accounting.restore_report(&report);
            }
        }
        outcome
    }

    fn handle_answer(&self, answer: &Answer, answer_time: Option<Duration>) -> Outcome {
        let outbox = &self.shared.outbox;
        outbox.update_from_answer(answer, answer_time);
        let outcome = Outcome::of(answer);
        if outcome != Outcome::Accepted {
            self.shared.accounting.set_last_failure(answer.describe());
        }
        outcome
    }

    fn handle_error(&self, RequestError { kind, cause }: RequestError, length: usize) -> Outcome {
        self.shared.accounting.set_last_failure(cause);
        match kind {
            // Servers close the connection of a large envelope like this, before they have read it. If a small one is
            // cut off, the server went away.
            FailureKind::ConnectionClosed if length >= MIN_TOO_LARGE_BYTES => Outcome::TooLarge,
            FailureKind::NotConnected | FailureKind::ConnectionClosed => {
                self.shared.outbox.record_unreachable();
                Outcome::Unreachable
            }
            FailureKind::NoAnswer => Outcome::Unanswered,
        }
    }
}

/// When the main sender ends, for whatever reason, nobody may go on waiting.
impl Drop for Sender {
    fn drop(&mut self) {
        self.shared.outbox.unregister_sender();
        if self.role == Role::Main {
            self.shared.progress.stop();
        }
    }
}

/// What became of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Accepted,
    /// Rejected for a quota, and counted by Sentry. `by_sentry` is false if a proxy in front of it refused the envelope.
    RateLimited {
        by_sentry: bool,
    },
    TooLarge,
    Rejected,
    /// The server has not accepted it, so another attempt cannot make a duplicate.
    Retryable,
    /// There was no connection to send it on, so the same holds.
    Unreachable,
    Unanswered,
    Panicked,
}

impl Outcome {
    fn of(answer: &Answer) -> Self {
        match answer.status {
            200..=299 => Self::Accepted,
            429 => Self::RateLimited {
                by_sentry: answer.rate_limits.is_some(),
            },
            413 => Self::TooLarge,
            _ if answer.is_overloaded() => Self::Retryable,
            _ => Self::Rejected,
        }
    }

    /// Whether the server has read the report that was sent along. `None` if that is unknown.
    fn has_read_report(self) -> Option<bool> {
        match self {
            Self::Accepted => Some(true),
            // Sentry also reads the report of an envelope that it refuses for a quota.
            Self::RateLimited { by_sentry } => Some(by_sentry),
            Self::TooLarge
            | Self::Rejected
            | Self::Retryable
            | Self::Unreachable
            | Self::Panicked => Some(false),
            Self::Unanswered => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use sentry_genai_testkit::Ingest;

    use super::*;
    use crate::{outbox::Job, pack, testing};

    /// Nothing is sent that could carry the report.
    #[test]
    fn losses_are_reported_while_nothing_comes_and_while_everything_is_discarded() {
        let ingest = Ingest::start().unwrap();
        let options = testing::options().dsn(&ingest.dsn());
        let shared = Arc::new(Shared::new(testing::config(&options)));
        let mut sender = Sender::new(Arc::clone(&shared), Role::Main);
        let reported = || ingest.client_reports().into_values().sum::<u64>();

        shared.accounting.count_lost(LossReason::BeforeSend, 2);
        assert_eq!(sender.perform(Task::Idle), ControlFlow::Continue(()));
        assert_eq!(reported(), 2);

        for (spans, expected) in [(3, 2), (4, 2 + 3 + 4)] {
            let bucket = testing::bucket(&testing::segment(), spans);
            let job = Job::new(bucket, pack::category(shared.config.settings.lifecycle));
            shared.outbox.put(job).unwrap();
            let Task::Deliver(job) = shared.outbox.take(Duration::ZERO, None) else {
                panic!("no job");
            };
            let _ = sender.perform(Task::Discard(job, LossReason::RatelimitBackoff));
            assert_eq!(reported(), expected);
            sender.last_report -= REPORT_INTERVAL;
        }
    }

    #[test]
    fn a_sender_that_ends_makes_room_for_another() {
        let shared = Arc::new(Shared::new(testing::config(&testing::options())));
        for _ in 0..5 {
            let bucket = testing::bucket(&testing::segment(), 1);
            let job = Job::new(bucket, pack::category(shared.config.settings.lifecycle));
            shared.outbox.put(job).unwrap();
        }
        for _ in 0..3 {
            assert!(shared.outbox.try_register_sender());
            drop(Sender::new(Arc::clone(&shared), Role::Extra));
        }
    }

    /// Otherwise all attempts would be used up within milliseconds while a proxy waits for its backend.
    #[test]
    fn a_server_that_cuts_off_an_envelope_gets_a_pause() {
        let config = testing::config(&testing::options());
        let sender = Sender::new(Arc::new(Shared::new(config)), Role::Main);
        let cut_off = |length| {
            let error = RequestError {
                kind: FailureKind::ConnectionClosed,
                cause: "Broken pipe".to_owned(),
            };
            sender.handle_error(error, length)
        };
        assert_eq!(cut_off(MIN_TOO_LARGE_BYTES), Outcome::TooLarge);
        assert!(sender.shared.outbox.allows_report());
        assert_eq!(cut_off(MIN_TOO_LARGE_BYTES - 1), Outcome::Unreachable);
        assert!(!sender.shared.outbox.allows_report());
        let failure = sender.shared.accounting.last_failure().unwrap();
        assert_eq!(failure.cause, "Broken pipe");
    }
}
