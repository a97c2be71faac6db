//! The threads that talk to the server.

use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    accounting::{LossReason, Report},
    compress::Compressor,
    delivery::Shared,
    http::{Answer, Failure},
    outbox::{Parcel, Task},
    rfc3339, thread, wire,
};

/// How long losses wait for an envelope to ride along with.
const REPORT_PATIENCE: Duration = Duration::from_secs(30);

/// How long an additional lane stays without work.
const EXTRA_PATIENCE: Duration = Duration::from_secs(3);

/// From how many bytes on an envelope may have been too large for a server that does not say so. No server refuses less.
const LARGE: usize = 64 * 1024;

/// Starts one more lane if so much waits that it is worthwhile.
pub(crate) fn reinforce(shared: &Arc<Shared>) {
    if !shared.outbox.claim_lane() {
        return;
    }
    let lane = Lane::new(Arc::clone(shared), Role::Extra);
    // Without a thread the lane is dropped, which counts it out.
    let _ = thread::spawn("sentry-genai-send", move || lane.run());
}

/// A thread that sends one envelope after the other.
pub(crate) struct Lane {
    shared: Arc<Shared>,
    compressor: Compressor,
    role: Role,
}

/// How long a lane stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// As long as the delivery.
    Main,
    /// As long as there is more work than for one.
    Extra,
}

impl Lane {
    pub(crate) fn new(shared: Arc<Shared>, role: Role) -> Self {
        Self {
            shared,
            compressor: Compressor::default(),
            role,
        }
    }

    /// Sends until the outbox is closed and empty, or nothing more is to be done for an additional lane.
    pub(crate) fn run(mut self) {
        let patience = match self.role {
            Role::Main => REPORT_PATIENCE,
            Role::Extra => EXTRA_PATIENCE,
        };
        // What a turn had in hand when it panicked is counted when the delivery is closed.
        while let Ok(ControlFlow::Continue(())) | Err(_) =
            catch_unwind(AssertUnwindSafe(|| self.turn(patience)))
        {}
    }

    fn turn(&mut self, patience: Duration) -> ControlFlow<()> {
        match self.shared.outbox.take(patience) {
            Task::Send(parcel) => {
                // What came while this lane slept may be more than one can send.
                reinforce(&self.shared);
                self.send(parcel);
            }
            Task::Discard(parcel, reason) => self.lose(&parcel, reason),
            Task::Reach(ticket) => {
                self.send_report();
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
        // A subscriber that panics must not end the thread.
        #[cfg(feature = "tracing")]
        self.shared.notices.tell(&self.shared.accounting);
        ControlFlow::Continue(())
    }

    fn send(&mut self, mut parcel: Parcel) {
        let report = self.shared.accounting.take_report();
        let outcome = self.post(&mut parcel.envelope.bytes, report.as_ref());
        let accounting = &self.shared.accounting;
        if outcome != Outcome::Accepted
            && let Some(report) = &report
        {
            accounting.put_back(report);
        }
        match outcome {
            Outcome::Accepted => {
                self.decide(&parcel, |spans| accounting.accept(spans));
                self.shared.buffers.give_back(parcel.envelope.bytes);
            }
            Outcome::RateLimited => self.decide(&parcel, |spans| {
                accounting.lose_known_to_server(LossReason::RatelimitBackoff, spans);
            }),
            Outcome::TooLarge => self.divide(&parcel),
            Outcome::Refused => self.lose(&parcel, LossReason::SendError),
            Outcome::Unanswered => self.lose(&parcel, LossReason::NetworkError),
            Outcome::Unaccepted => {
                if let Err(parcel) = self.shared.outbox.retry(parcel) {
                    self.lose(&parcel, LossReason::NetworkError);
                }
            }
            Outcome::Panicked => self.lose(&parcel, LossReason::InternalSdkError),
        }
    }

    /// Sends an envelope that was too large once more, in two halves.
    fn divide(&self, parcel: &Parcel) {
        let halves = if parcel.is_part {
            None
        } else {
            wire::divide(&parcel.envelope)
        };
        let Some(halves) = halves else {
            return self.lose(parcel, LossReason::SendError);
        };
        let budget = &self.shared.budget;
        let bytes = halves.iter().map(Parcel::footprint).sum();
        budget.hold(bytes);
        if self.shared.outbox.replace(parcel, halves) {
            budget.release(parcel.bytes());
        } else {
            budget.release(bytes);
        }
    }

    fn lose(&self, parcel: &Parcel, reason: LossReason) {
        let accounting = &self.shared.accounting;
        self.decide(parcel, |spans| accounting.lose(reason, spans));
    }

    /// Counts a parcel, unless it was given up, and hence counted, while it was being sent.
    fn decide(&self, parcel: &Parcel, count: impl FnOnce(u64)) {
        if self.shared.outbox.claim(parcel) {
            count(parcel.spans());
            self.shared.budget.release(parcel.bytes());
        }
        self.shared.outbox.settle(parcel);
    }

    /// Sends the losses nobody has been told of in an envelope of their own.
    fn send_report(&mut self) {
        if !self.shared.outbox.allows_report() {
            return;
        }
        let Some(report) = self.shared.accounting.take_report() else {
            return;
        };
        if self.post(&mut wire::empty_envelope(), Some(&report)) != Outcome::Accepted {
            self.shared.accounting.put_back(&report);
        }
    }

    /// Sends an envelope, with a report if there is one, and leaves it as it was.
    fn post(&mut self, envelope: &mut Vec<u8>, report: Option<&Report>) -> Outcome {
        let now = SystemTime::now();
        wire::stamp(envelope, now);
        let length = envelope.len();
        if let Some(report) = report {
            report.write_item(envelope, rfc3339::since_epoch(now).as_secs());
        }
        let answer = catch_unwind(AssertUnwindSafe(|| {
            self.shared.post.post(envelope, &mut self.compressor)
        }));
        envelope.truncate(length);
        let outbox = &self.shared.outbox;
        match answer {
            Ok(Ok(answer)) => {
                outbox.learn(&answer);
                Outcome::of(&answer)
            }
            Ok(Err(Failure::Unconnected)) => {
                outbox.learn_unreachable();
                Outcome::Unaccepted
            }
            // So servers end what is too large before they have read it; a small one was sent to a server that left.
            Ok(Err(Failure::BrokenOff)) if length >= LARGE => Outcome::TooLarge,
            Ok(Err(Failure::BrokenOff)) => Outcome::Unaccepted,
            Ok(Err(Failure::Unanswered)) => Outcome::Unanswered,
            Err(_) => Outcome::Panicked,
        }
    }
}

/// Whatever ends the last thread, nobody may wait for it any longer.
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
    /// The server counts what it turns away for a quota.
    RateLimited,
    TooLarge,
    Refused,
    /// No server has accepted it; another attempt cannot make a duplicate.
    Unaccepted,
    Unanswered,
    Panicked,
}

impl Outcome {
    fn of(answer: &Answer) -> Self {
        match answer.status {
            200..=299 => Self::Accepted,
            429 => Self::RateLimited,
            413 => Self::TooLarge,
            _ if answer.is_overloaded() => Self::Unaccepted,
            _ => Self::Refused,
        }
    }
}
