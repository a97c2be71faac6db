//! The thread that talks to the server.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    accounting::{LossReason, Report},
    delivery::Shared,
    http::{Answer, Post, Unanswered},
    limits::RateLimits,
    outbox::{Parcel, Task},
    rfc3339, wire,
};

/// How long losses wait for an envelope to ride along with.
const REPORT_PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Sender {
    shared: Arc<Shared>,
    post: Box<dyn Post>,
    limits: RateLimits,
}

impl Sender {
    pub(crate) fn new(shared: Arc<Shared>, post: Box<dyn Post>) -> Self {
        Self {
            shared,
            post,
            limits: RateLimits::default(),
        }
    }

    /// Sends until the outbox is closed and empty.
    pub(crate) fn run(mut self) {
        loop {
            match self.shared.outbox.take(REPORT_PATIENCE) {
                Task::Send(parcel) => self.send(parcel),
                Task::Reach(ticket) => {
                    self.send_report();
                    self.shared.progress.reach(ticket);
                }
                Task::Idle => self.send_report(),
                Task::Stop => break,
            }
        }
    }

    fn send(&mut self, parcel: Parcel) {
        let (spans, bytes) = (parcel.spans(), parcel.bytes());
        if self.limits.allows_spans(Instant::now()) {
            self.post_spans(parcel);
        } else {
            self.shared
                .accounting
                .lose(LossReason::RatelimitBackoff, spans);
        }
        self.shared.budget.release(bytes);
    }

    fn post_spans(&mut self, parcel: Parcel) {
        let spans = parcel.spans();
        let report = self.shared.accounting.take_report();
        let outcome = self.post(parcel.envelope.bytes, report.as_ref());
        let accounting = &self.shared.accounting;
        if outcome != Outcome::Accepted
            && let Some(report) = &report
        {
            accounting.put_back(report);
        }
        match outcome {
            Outcome::Accepted => accounting.accept(spans),
            Outcome::RateLimited => {
                accounting.lose_known_to_server(LossReason::RatelimitBackoff, spans);
            }
            Outcome::Refused => accounting.lose(LossReason::SendError, spans),
            Outcome::Unanswered => accounting.lose(LossReason::NetworkError, spans),
            Outcome::Panicked => accounting.lose(LossReason::InternalSdkError, spans),
        }
    }

    /// Sends the losses nobody has been told of in an envelope of their own.
    fn send_report(&mut self) {
        if !self.limits.allows_anything(Instant::now()) {
            return;
        }
        let Some(report) = self.shared.accounting.take_report() else {
            return;
        };
        if self.post(wire::empty_envelope(), Some(&report)) != Outcome::Accepted {
            self.shared.accounting.put_back(&report);
        }
    }

    fn post(&mut self, mut envelope: Vec<u8>, report: Option<&Report>) -> Outcome {
        let now = SystemTime::now();
        wire::stamp(&mut envelope, now);
        if let Some(report) = report {
            report.write_item(&mut envelope, rfc3339::since_epoch(now).as_secs());
        }
        let answer = catch_unwind(AssertUnwindSafe(|| self.post.post(&envelope)));
        if let Ok(Ok(answer)) = &answer {
            self.limits.update(
                Instant::now(),
                answer.status,
                answer.rate_limits.as_deref(),
                answer.retry_after.as_deref(),
            );
        }
        match answer {
            Ok(Ok(answer)) => Outcome::of(&answer),
            Ok(Err(Unanswered)) => Outcome::Unanswered,
            Err(_) => Outcome::Panicked,
        }
    }
}

/// Whatever ends the thread, nobody may wait for it any longer.
impl Drop for Sender {
    fn drop(&mut self) {
        self.shared.progress.stop();
    }
}

/// What became of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Accepted,
    /// The server counts what it turns away for a quota.
    RateLimited,
    Refused,
    Unanswered,
    Panicked,
}

impl Outcome {
    fn of(answer: &Answer) -> Self {
        match answer.status {
            200..=299 => Self::Accepted,
            429 => Self::RateLimited,
            _ => Self::Refused,
        }
    }
}
