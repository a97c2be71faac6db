//! The outbox between the worker and the senders, which encode and send its jobs.
//!
//! ```text
//!     put            take                claim, settle
//! ──────────▶ waiting ──▶ in flight ─────────────────────▶ accepted, or lost
//!                ▲            │
//!                ├── retry ◀──┤
//!                └── parts ◀──┘ put_encoded, put_halves
//! ```

mod contents;
mod job;
#[cfg(test)]
mod tests;

use std::{
    mem,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use contents::{Contents, InFlight, Next, State};
use job::SequenceNumber;
pub(crate) use job::{Job, JobMeta, Payload, Size};

use crate::{
    accounting::LossReason, answer::Answer, progress::FlushId, retry::RetryPolicy, wire::Envelope,
};

/// How many waiting jobs per sender justify another sender.
const BACKLOG_PER_SENDER: usize = 4;

/// How many senders there are at most if answers are fast. More would only compete for the processor.
const MAX_BUSY_SENDERS: usize = 4;

/// An answer that takes this long is worth waiting for several at once.
const SLOW_ANSWER: Duration = Duration::from_millis(5);

/// How long there is only one sender after one could not connect. The connections that exist may work well, such as those
/// of a process without file descriptors.
const RECONNECT_PAUSE: Duration = Duration::from_secs(2);

/// What a sender does next.
#[derive(Debug)]
pub(crate) enum Task {
    /// Encode or send this job.
    Deliver(Job),
    /// Count this job as lost. It must not be sent, or has been tried for too long.
    Discard(Job, LossReason),
    /// The outcome of everything before this flush is known.
    CompleteFlush(FlushId),
    /// Nothing has come for a while, or enough senders are waiting.
    Idle,
    /// Nothing will come any more.
    Stop,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    contents: Mutex<Contents>,
    changed: Condvar,
    policy: RetryPolicy,
    /// How many senders may send at once while many jobs wait. Each is a thread with a connection.
    max_senders: usize,
}

impl Outbox {
    pub(crate) fn new(policy: RetryPolicy, max_senders: usize) -> Self {
        Self {
            contents: Mutex::new(Contents::new()),
            changed: Condvar::new(),
            policy,
            max_senders,
        }
    }

    /// Adds a job. If the outbox has been abandoned, returns the size of the job.
    pub(crate) fn put(&self, mut job: Job) -> Result<(), Size> {
        let mut contents = self.lock();
        if contents.state == State::Abandoned {
            return Err(job.meta.size);
        }
        job.meta.number.position = contents.next_position;
        contents.next_position += 1;
        contents.add_to_trace_count(&job);
        contents.waiting.push_back(job);
        self.wake(contents, Condvar::notify_one);
        Ok(())
    }

    pub(crate) fn put_flush(&self, flush: FlushId) {
        let mut contents = self.lock();
        let bound = contents.next_position;
        contents.flushes.push_back((flush, bound));
        self.wake(contents, Condvar::notify_all);
    }

    /// Signals that the worker will not add anything more.
    pub(crate) fn close(&self) {
        let mut contents = self.lock();
        if contents.state == State::Open {
            contents.state = State::Closed;
        }
        self.wake(contents, Condvar::notify_all);
    }

    /// Forgets everything, including jobs in flight, and refuses further ones. Returns the sizes of the jobs.
    pub(crate) fn abandon(&self) -> Vec<Size> {
        let mut contents = self.lock();
        contents.state = State::Abandoned;
        let in_flight = mem::take(&mut contents.in_flight).into_values();
        let mut sizes: Vec<_> = in_flight.filter_map(InFlight::undecided).collect();
        let waiting = mem::take(&mut contents.waiting);
        contents.waiting_by_trace.clear();
        contents.flushes.clear();
        self.wake(contents, Condvar::notify_all);
        sizes.extend(waiting.iter().map(|job| job.meta.size));
        sizes
    }

    /// Whether a sender waits for the server. If the server has failed already, another attempt does not count.
    pub(crate) fn awaits_answer(&self) -> bool {
        let contents = self.lock();
        !contents.in_flight.is_empty() && !contents.backoff.is_probing()
    }

    /// Waits at most `idle_timeout` for the next task. An extra sender does not wait if `max_idle` others are waiting
    /// already, or if there should be only one.
    pub(crate) fn take(&self, idle_timeout: Duration, max_idle: Option<usize>) -> Task {
        let start = Instant::now();
        let mut contents = self.lock();
        loop {
            let now = Instant::now();
            let wait = match contents.next(now, &self.policy) {
                Next::Task(task) => return task,
                Next::At(at) => at.saturating_duration_since(now),
                Next::WhenChanged => idle_timeout,
            };
            let Some(remaining) = idle_timeout.checked_sub(start.elapsed()) else {
                return self.leave(&contents);
            };
            let may_wait =
                |max_idle| contents.idle_senders < max_idle && !contents.lacks_connections(now);
            if !max_idle.is_none_or(may_wait) {
                return self.leave(&contents);
            }
            contents.idle_senders += 1;
            let wait = wait.min(remaining).max(Duration::from_millis(1));
            let woken = self.changed.wait_timeout(contents, wait);
            contents = woken.unwrap_or_else(PoisonError::into_inner).0;
            contents.idle_senders -= 1;
        }
    }

    /// Ends the wait of a sender. Another one takes its place if something waits: it may have been told of it in vain.
    fn leave(&self, contents: &Contents) -> Task {
        if !contents.waiting.is_empty() {
            self.changed.notify_one();
        }
        Task::Idle
    }

    /// Claims a job whose outcome is known, in order to count it. Returns false if the job had been abandoned before.
    pub(crate) fn claim(&self, meta: &JobMeta) -> bool {
        let mut contents = self.lock();
        let flight = contents.in_flight.get_mut(&meta.number);
        let is_known = flight.is_some();
        if let Some(flight) = flight {
            *flight = InFlight::Claimed;
        }
        is_known
    }

    /// Signals that the outcome of a job has been counted.
    pub(crate) fn settle(&self, meta: &JobMeta) {
        let mut contents = self.lock();
        contents.in_flight.remove(&meta.number);
        // A flush may be complete now, a probe may be over, or the last sender may be done.
        self.wake(contents, Condvar::notify_all);
    }

    /// Signals that whoever waits for a flush has been told that it is complete.
    pub(crate) fn finish_flush(&self) {
        let mut contents = self.lock();
        contents.completing = contents.completing.saturating_sub(1);
        self.wake(contents, Condvar::notify_all);
    }

    /// Takes back an envelope that no server can have accepted. Returns false if it has been tried too often or was abandoned.
    pub(crate) fn retry(&self, meta: &JobMeta, envelope: Envelope) -> bool {
        let mut contents = self.lock();
        let attempts = meta.attempts + 1;
        let may_retry = attempts < self.policy.max_attempts;
        if !may_retry || contents.in_flight.remove(&meta.number).is_none() {
            return false;
        }
        contents.requeue(Job {
            meta: JobMeta {
                attempts,
                ..meta.clone()
            },
            payload: Payload::Envelope(envelope),
        });
        self.wake(contents, Condvar::notify_all);
        true
    }

    /// Replaces spans with the envelopes they were encoded to. Returns false if the spans had been abandoned.
    pub(crate) fn put_encoded(&self, meta: &JobMeta, envelopes: Vec<Envelope>) -> bool {
        let position = meta.number.position;
        let numbers = (1..).map(|envelope| SequenceNumber {
            position,
            envelope,
            half: 0,
        });
        self.replace(meta, numbers.zip(envelopes))
    }

    /// Replaces an envelope with its two halves. Returns false if the envelope had been abandoned.
    pub(crate) fn put_halves(&self, meta: &JobMeta, halves: [Envelope; 2]) -> bool {
        let number = meta.number;
        let numbers = (1..).map(|half| SequenceNumber { half, ..number });
        self.replace(meta, numbers.zip(halves))
    }

    fn replace(
        &self,
        meta: &JobMeta,
        parts: impl Iterator<Item = (SequenceNumber, Envelope)>,
    ) -> bool {
        let mut contents = self.lock();
        if contents.in_flight.remove(&meta.number).is_none() {
            return false;
        }
        let mut count = 0;
        for (number, envelope) in parts {
            contents.requeue(Job {
                meta: meta.of_part(number, &envelope),
                payload: Payload::Envelope(envelope),
            });
            count += 1;
        }
        // A single envelope is taken next by the sender that has encoded it.
        if count != 1 {
            self.wake(contents, Condvar::notify_all);
        }
        true
    }

    /// Updates the rate limits and the backoff from an answer. `answer_time` tells how long it took, if that says how far
    /// away the server is.
    pub(crate) fn update_from_answer(&self, answer: &Answer, answer_time: Option<Duration>) {
        let now = Instant::now();
        let mut contents = self.lock();
        if let Some(answer_time) = answer_time {
            contents.record_answer_time(answer_time);
        }
        contents.has_unconfirmed_report = false;
        if answer.is_overloaded() {
            contents.limits.update_limits(now, answer);
            contents.backoff.fail(now, &self.policy, answer.pause());
        } else {
            contents.limits.update(now, answer);
            contents.backoff.succeed(now);
        }
    }

    /// Updates the backoff after a failure to connect.
    pub(crate) fn record_unreachable(&self) {
        let now = Instant::now();
        let mut contents = self.lock();
        contents.backoff.fail_to_connect(now, &self.policy);
        contents.unreachable_at = Some(now);
    }

    /// Records that a client report got no answer. No other report is sent until the server has answered something. If
    /// the server reads the reports but does not answer, it would count the same losses again and again.
    pub(crate) fn mark_report_unconfirmed(&self) {
        self.lock().has_unconfirmed_report = true;
    }

    /// Whether a client report may be sent now: the server is available and has not asked for a pause.
    pub(crate) fn allows_report(&self) -> bool {
        let now = Instant::now();
        let contents = self.lock();
        !contents.has_unconfirmed_report
            && contents.limits.allows_anything(now)
            && contents.backoff.paused_until(now).is_none()
    }

    /// Returns how long a client report has to wait for a server that has failed. Returns `None` if the report must not
    /// be sent, or if the server is not expected back soon.
    pub(crate) fn report_retry_delay(&self) -> Option<Duration> {
        const SOON: Duration = Duration::from_secs(1);

        let now = Instant::now();
        let contents = self.lock();
        let until = contents.backoff.paused_until(now).unwrap_or(now);
        let pause = until.saturating_duration_since(now);
        let is_expected = contents.limits.allows_anything(now) && pause <= SOON;
        (is_expected && !contents.has_unconfirmed_report).then_some(pause)
    }

    /// Whether a client report may be sent along with an envelope. It may not if the envelope is likely to be refused.
    pub(crate) fn may_piggyback_report(&self) -> bool {
        let contents = self.lock();
        !contents.has_unconfirmed_report && contents.limits.is_unlimited()
    }

    /// Registers another sender if enough is waiting to make it worthwhile. Returns whether it did.
    pub(crate) fn try_register_sender(&self) -> bool {
        let mut contents = self.lock();
        let max_senders = if contents.answer_time >= SLOW_ANSWER {
            self.max_senders
        } else {
            self.max_senders.min(MAX_BUSY_SENDERS)
        };
        let is_needed = contents.senders < max_senders
            && contents.idle_senders == 0
            && contents.state != State::Abandoned
            && !contents.backoff.is_probing()
            && !contents.lacks_connections(Instant::now())
            && contents.waiting.len() > BACKLOG_PER_SENDER * contents.senders;
        contents.senders += usize::from(is_needed);
        is_needed
    }

    /// Unregisters a sender.
    pub(crate) fn unregister_sender(&self) {
        self.lock().senders -= 1;
    }

    /// Removes all jobs of the trace that has waited longest, except those in flight.
    pub(crate) fn drop_oldest_trace(&self) -> Vec<Job> {
        let mut contents = self.lock();
        let Some(first) = contents.waiting.pop_front() else {
            return Vec::new();
        };
        let oldest = first.meta.trace_id();
        let mut dropped = vec![first];
        // The trace nearly always has only one job, and this is called often while memory is short.
        let count = contents.waiting_by_trace.remove(&oldest);
        if count.is_none_or(|count| count > 1) {
            for job in mem::take(&mut contents.waiting) {
                if job.meta.trace_id() == oldest {
                    dropped.push(job);
                } else {
                    contents.waiting.push_back(job);
                }
            }
        }
        self.wake(contents, Condvar::notify_all);
        dropped
    }

    /// Unlocks the contents after a change, and wakes senders if any are asleep. Notifying a condition variable without
    /// waiters would still be a system call.
    fn wake(&self, contents: MutexGuard<'_, Contents>, notify: impl FnOnce(&Condvar)) {
        let has_waiters = contents.idle_senders > 0;
        drop(contents);
        if has_waiters {
            notify(&self.changed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
