//! The threads that encode spans and talk to the server, called lanes.

use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    accounting::{LossReason, Report},
    buckets::Bucket,
    compress::Compressor,
    delivery::Shared,
    http::{Answer, Failure, NoAnswer},
    outbox::{Held, Load, Slip, Task},
    pack::Packer,
    rfc3339, thread,
    wire::{self, Encoded, Envelope},
};

/// How long losses wait for an envelope that can carry their report.
const REPORT_PATIENCE: Duration = Duration::from_secs(30);

/// How often the last report is sent until the server has read it.
const LAST_REPORT_ATTEMPTS: u32 = 4;

/// How long an extra lane stays without work.
const EXTRA_PATIENCE: Duration = Duration::from_secs(3);

/// A server that closes the connection may have found an envelope of at least this size too large. No server refuses
/// smaller ones.
const LARGE: usize = 64 * 1024;

/// Starts another lane if enough is waiting to make it worthwhile.
pub(crate) fn reinforce(shared: &Arc<Shared>) {
    if !shared.outbox.claim_lane() {
        return;
    }
    let lane = Lane::new(Arc::clone(shared), Role::Extra);
    // If no thread can be created, the lane is dropped, which unregisters it.
    let _ = thread::spawn("sentry-genai-send", move || lane.run());
}

/// A thread that encodes and sends one envelope after the other.
pub(crate) struct Lane {
    shared: Arc<Shared>,
    packer: Packer,
    compressor: Compressor,
    role: Role,
    /// When losses were last reported, or could have been.
    last_report: Instant,
}

/// How long a lane stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// As long as the delivery.
    Main,
    /// As long as there is more work than for one lane.
    Extra,
}

impl Lane {
    pub(crate) fn new(shared: Arc<Shared>, role: Role) -> Self {
        Self {
            packer: Packer::new(&shared.config),
            shared,
            compressor: Compressor::default(),
            role,
            last_report: Instant::now(),
        }
    }

    /// Sends until the outbox is closed and empty. An extra lane also stops when it has been idle.
    pub(crate) fn run(mut self) {
        let patience = match self.role {
            Role::Main => REPORT_PATIENCE,
            Role::Extra => EXTRA_PATIENCE,
        };
        // The parcel of a turn that panicked is counted when the delivery is closed.
        while let Ok(ControlFlow::Continue(())) | Err(_) =
            catch_unwind(AssertUnwindSafe(|| self.turn(patience)))
        {}
    }

    fn turn(&mut self, patience: Duration) -> ControlFlow<()> {
        match self.shared.outbox.take(patience) {
            Task::Deliver(parcel) => {
                // More may have arrived while this lane slept than one lane can send.
                reinforce(&self.shared);
                match parcel.load {
                    Load::Spans(bucket) => self.encode(&parcel.slip, bucket),
                    Load::Envelope(envelope) => self.send(&parcel.slip, envelope),
                }
            }
            Task::Discard(parcel, reason) => {
                self.lose(&parcel.slip, reason);
                // While parcels are only discarded, no envelope is sent that could carry the report.
                if self.last_report.elapsed() >= REPORT_PATIENCE {
                    self.send_report();
                }
            }
            Task::Reach(ticket) => {
                self.send_report();
                if self.shared.queue.is_closed() {
                    self.repeat_report();
                }
                self.shared.progress.reach(ticket);
                self.shared.outbox.finish_reaching();
            }
            Task::Idle if self.role == Role::Extra => return ControlFlow::Break(()),
            Task::Idle => {
                self.send_report();
                self.compressor = Compressor::default();
                self.shared.buffers.clear();
            }
            Task::Stop => return ControlFlow::Break(()),
        }
        // If a subscriber panics here, `run` catches it, so that the thread goes on.
        #[cfg(feature = "tracing")]
        self.shared.notices.tell(&self.shared.accounting);
        ControlFlow::Continue(())
    }

    /// Encodes spans, and replaces their parcel with the resulting envelopes.
    fn encode(&mut self, slip: &Slip, bucket: Bucket) {
        let shared = &self.shared;
        let encoded = catch_unwind(AssertUnwindSafe(|| {
            self.packer.pack(&bucket, &shared.buffers)
        }));
        let spent = shared.leftovers.refill(bucket.spans);
        shared.queue.recycle(spent);
        let Ok(Encoded {
            envelopes,
            too_large,
        }) = encoded
        else {
            return self.lose(slip, LossReason::InternalSdkError);
        };
        if !shared.outbox.claim(slip) {
            return;
        }
        let (accounting, budget) = (&shared.accounting, &shared.budget);
        accounting.lose(LossReason::SendError, too_large as u64);
        let held = envelopes.iter().map(Held::of);
        let (spans, bytes) = held.fold((0, 0), |(spans, bytes), it| {
            (spans + it.spans, bytes + it.bytes)
        });
        let missing = slip.held.spans.saturating_sub(spans + too_large as u64);
        accounting.lose(LossReason::InternalSdkError, missing);
        budget.release(slip.held.bytes);
        budget.hold(bytes);
        if !shared.outbox.put_encoded(slip, envelopes) {
            // Given up after it was claimed.
            accounting.lose(LossReason::NetworkError, spans);
            budget.release(bytes);
        }
    }

    fn send(&mut self, slip: &Slip, mut envelope: Envelope) {
        let report = self.riding_report();
        let outcome = self.post(&mut envelope.bytes, report);
        let accounting = &self.shared.accounting;
        match outcome {
            Outcome::Accepted => {
                self.decide(slip, |spans| accounting.accept(spans));
                self.shared.buffers.give_back(envelope.bytes);
            }
            Outcome::RateLimited { .. } => self.decide(slip, |spans| {
                accounting.lose_known_to_server(LossReason::RatelimitBackoff, spans);
            }),
            Outcome::TooLarge => self.divide(slip, &envelope),
            Outcome::Refused => self.lose(slip, LossReason::SendError),
            Outcome::Unanswered => self.lose(slip, LossReason::NetworkError),
            Outcome::Unaccepted => {
                if !self.shared.outbox.retry(slip, envelope) {
                    self.lose(slip, LossReason::NetworkError);
                }
            }
            Outcome::Panicked => self.lose(slip, LossReason::InternalSdkError),
        }
    }

    /// Sends an envelope that was too large again, in two halves.
    fn divide(&self, slip: &Slip, envelope: &Envelope) {
        let halves = if slip.is_half() {
            None
        } else {
            wire::divide(envelope)
        };
        let Some(halves) = halves else {
            return self.lose(slip, LossReason::SendError);
        };
        let budget = &self.shared.budget;
        let bytes = halves.iter().map(|half| Held::of(half).bytes).sum();
        budget.hold(bytes);
        if self.shared.outbox.put_halves(slip, halves) {
            budget.release(slip.held.bytes);
        } else {
            budget.release(bytes);
        }
    }

    fn lose(&self, slip: &Slip, reason: LossReason) {
        self.decide(slip, |_| self.shared.lose_parcel(slip, reason));
    }

    /// Counts a parcel, unless it was given up, and hence counted, while this lane was working on it.
    fn decide(&self, slip: &Slip, count: impl FnOnce(u64)) {
        if self.shared.outbox.claim(slip) {
            count(slip.held.spans);
            self.shared.budget.release(slip.held.bytes);
        }
        self.shared.outbox.settle(slip);
    }

    /// Takes the unreported losses if they may be sent along with an envelope.
    fn riding_report(&mut self) -> Option<Report> {
        let shared = &self.shared;
        if !shared.accounting.has_news() || !shared.outbox.may_carry_report() {
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
        self.post(&mut wire::empty_envelope(), Some(report));
    }

    /// Repeats the last report if it was not read. The timeout given to `close` limits how long that may take.
    fn repeat_report(&mut self) {
        for _ in 1..LAST_REPORT_ATTEMPTS {
            if !self.shared.accounting.has_news() {
                return;
            }
            let Some(pause) = self.shared.outbox.report_pause() else {
                return;
            };
            std::thread::sleep(pause);
            self.send_report();
        }
    }

    /// Sends an envelope, along with a report if there is one. The envelope itself stays unchanged.
    fn post(&mut self, envelope: &mut Vec<u8>, report: Option<Report>) -> Outcome {
        let now = SystemTime::now();
        wire::stamp(envelope, now);
        let length = envelope.len();
        if let Some(report) = &report {
            report.write_item(envelope, rfc3339::since_epoch(now).as_secs());
        }
        let answer = catch_unwind(AssertUnwindSafe(|| {
            self.shared.post.post(envelope, &mut self.compressor)
        }));
        envelope.truncate(length);
        let outcome = match answer {
            Ok(Ok(answer)) => self.learn(&answer),
            Ok(Err(none)) => self.learn_of_failure(none, length),
            Err(_) => Outcome::Panicked,
        };
        if let Some(report) = report {
            let was_read = outcome.has_read_report();
            if was_read.is_none() {
                self.shared.outbox.doubt_report();
            }
            if was_read != Some(true) {
                self.shared.accounting.put_back(&report);
            }
        }
        outcome
    }

    fn learn(&self, answer: &Answer) -> Outcome {
        self.shared.outbox.learn(answer);
        let outcome = Outcome::of(answer);
        if outcome != Outcome::Accepted {
            let how = format!("HTTP status {}", answer.status);
            self.shared.accounting.fail(how);
        }
        outcome
    }

    fn learn_of_failure(&self, NoAnswer { failure, cause }: NoAnswer, length: usize) -> Outcome {
        self.shared.accounting.fail(cause);
        match failure {
            Failure::Unconnected => {
                self.shared.outbox.learn_unreachable();
                Outcome::Unaccepted
            }
            // Servers close the connection of a large envelope like this, before they have read it. If a small one is
            // cut off, the server went away.
            Failure::BrokenOff if length >= LARGE => Outcome::TooLarge,
            Failure::BrokenOff => Outcome::Unaccepted,
            Failure::Unanswered => Outcome::Unanswered,
        }
    }
}

/// When the main lane ends, for whatever reason, nobody may go on waiting.
impl Drop for Lane {
    fn drop(&mut self) {
        self.shared.outbox.release_lane();
        if self.role == Role::Main {
            self.shared.progress.stop();
        }
    }
}

/// What became of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Accepted,
    /// Refused for a quota, and counted by the server. `by_sentry` is false if a proxy in front of Sentry refused it.
    RateLimited {
        by_sentry: bool,
    },
    TooLarge,
    Refused,
    /// No server has accepted it, so another attempt cannot make a duplicate.
    Unaccepted,
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
            _ if answer.is_overloaded() => Self::Unaccepted,
            _ => Self::Refused,
        }
    }

    /// Whether the server has read the report that was sent along. `None` if that is unknown.
    fn has_read_report(self) -> Option<bool> {
        match self {
            Self::Accepted => Some(true),
            // Sentry also reads the report of an envelope that it refuses for a quota.
            Self::RateLimited { by_sentry } => Some(by_sentry),
            Self::TooLarge | Self::Refused | Self::Unaccepted | Self::Panicked => Some(false),
            Self::Unanswered => None,
        }
    }
}
