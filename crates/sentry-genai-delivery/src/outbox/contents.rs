//! What is waiting and what is in flight, and which of it is next.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use foldhash::HashMap;
use sentry_genai_conventions::TraceId;

use super::{Job, RECONNECT_PAUSE, Size, Task, job::SequenceNumber};
use crate::{
    accounting::LossReason,
    limits::RateLimits,
    progress::FlushId,
    retry::{Backoff, RetryPolicy},
};

#[derive(Debug)]
pub(super) struct Contents {
    pub(super) waiting: VecDeque<Job>,
    /// The number of waiting jobs of each trace.
    pub(super) waiting_by_trace: HashMap<TraceId, usize>,
    pub(super) in_flight: HashMap<SequenceNumber, InFlight>,
    /// Each with the number of the first job that it does not cover.
    pub(super) flushes: VecDeque<(FlushId, u64)>,
    /// How many senders are about to announce that a flush is complete.
    pub(super) completing: usize,
    pub(super) next_position: u64,
    pub(super) senders: usize,
    pub(super) idle_senders: usize,
    /// How long answers take, as a moving average.
    pub(super) answer_time: Duration,
    pub(super) limits: RateLimits,
    pub(super) backoff: Backoff,
    /// When a sender could not connect.
    pub(super) unreachable_at: Option<Instant>,
    /// Whether a client report got no answer, and nothing has been answered since.
    pub(super) has_unconfirmed_report: bool,
    pub(super) state: State,
}

/// Whether jobs are still accepted and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// The worker has ended; the remaining jobs are still sent.
    Closed,
    /// Nobody waits for an answer any more; nothing is sent.
    Abandoned,
}

/// A job that a sender is working on.
#[derive(Clone, Copy, Debug)]
pub(super) enum InFlight {
    Undecided(Size),
    /// A sender is about to count it.
    Claimed,
}

/// What a sender can do now.
pub(super) enum Next {
    Task(Task),
    At(Instant),
    WhenChanged,
}

impl Contents {
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            waiting_by_trace: HashMap::default(),
            in_flight: HashMap::default(),
            flushes: VecDeque::new(),
            completing: 0,
            next_position: 0,
            senders: 1,
            idle_senders: 0,
            answer_time: Duration::ZERO,
            limits: RateLimits::default(),
            backoff: Backoff::default(),
            unreachable_at: None,
            has_unconfirmed_report: false,
            state: State::Open,
        }
    }

    pub(super) fn next(&mut self, now: Instant, policy: &RetryPolicy) -> Next {
        if self.state == State::Abandoned {
            return Next::Task(Task::Stop);
        }
        if let Some(flush) = self.take_completed_flush() {
            self.completing += 1;
            return Next::Task(Task::CompleteFlush(flush));
        }
        let Some(Job { meta: first, .. }) = self.waiting.front() else {
            let is_finished = self.state == State::Closed
                && self.in_flight.is_empty()
                && self.flushes.is_empty()
                && self.completing == 0;
            return if is_finished {
                Next::Task(Task::Stop)
            } else {
                Next::WhenChanged
            };
        };
        if first.trace.is_dropped() {
            return self.discard(LossReason::QueueOverflow);
        }
        if !self.limits.allows(first.category, now) {
            return self.discard(LossReason::RatelimitBackoff);
        }
        if self.backoff.is_probing() {
            let expires = first.created_at.checked_add(policy.max_age);
            let pause = self.backoff.paused_until(now);
            let may_probe = pause.is_none() && self.in_flight.is_empty();
            // If everything has expired by the end of a pause, something must still be sent: nobody would notice that the
            // server is back.
            let is_probe = may_probe && first.attempts == 0;
            if !is_probe && expires.is_some_and(|at| at <= now) {
                return self.discard(LossReason::NetworkError);
            }
            if let Some(until) = pause {
                return Next::At(expires.map_or(until, |at| until.min(at)));
            }
            if !may_probe {
                return Next::WhenChanged;
            }
        }
        self.start_first(Task::Deliver)
    }

    fn discard(&mut self, reason: LossReason) -> Next {
        self.start_first(|job| Task::Discard(job, reason))
    }

    fn start_first(&mut self, task: impl FnOnce(Job) -> Task) -> Next {
        let Some(job) = self.waiting.pop_front() else {
            return Next::WhenChanged;
        };
        self.subtract_from_trace_count(&job);
        let flight = InFlight::Undecided(job.meta.size);
        self.in_flight.insert(job.meta.number, flight);
        Next::Task(task(job))
    }

    pub(super) fn record_answer_time(&mut self, answer_time: Duration) {
        self.answer_time = (self.answer_time * 3 + answer_time) / 4;
    }

    /// Whether a sender was recently unable to connect.
    pub(super) fn lacks_connections(&self, now: Instant) -> bool {
        let since = |at| now.saturating_duration_since(at);
        self.unreachable_at
            .is_some_and(|at| since(at) < RECONNECT_PAUSE)
    }

    /// Puts a job back in its place.
    pub(super) fn requeue(&mut self, job: Job) {
        self.add_to_trace_count(&job);
        let number = job.meta.number;
        let position = self.waiting.partition_point(|it| it.meta.number < number);
        self.waiting.insert(position, job);
    }

    pub(super) fn add_to_trace_count(&mut self, job: &Job) {
        *self
            .waiting_by_trace
            .entry(job.meta.trace_id())
            .or_default() += 1;
    }

    fn subtract_from_trace_count(&mut self, job: &Job) {
        let trace_id = job.meta.trace_id();
        if let Some(count) = self.waiting_by_trace.get_mut(&trace_id) {
            *count -= 1;
            if *count == 0 {
                self.waiting_by_trace.remove(&trace_id);
            }
        }
    }

    fn take_completed_flush(&mut self) -> Option<FlushId> {
        let (flush, bound) = *self.flushes.front()?;
        let undecided = self.in_flight.keys().min().copied();
        let waiting = self.waiting.front().map(|job| job.meta.number);
        let is_completed = [undecided, waiting]
            .into_iter()
            .flatten()
            .all(|number| number.position >= bound);
        if is_completed {
            self.flushes.pop_front();
        }
        is_completed.then_some(flush)
    }
}

impl InFlight {
    pub(super) fn undecided(self) -> Option<Size> {
        match self {
            Self::Undecided(size) => Some(size),
            Self::Claimed => None,
        }
    }
}
