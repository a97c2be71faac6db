//! Spans on their way from the worker to the lanes that encode and send them.

mod contents;
mod parcel;
#[cfg(test)]
mod tests;

use std::{
    mem,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use contents::{Contents, Flight, Next, State};
use parcel::Number;
pub(crate) use parcel::{Held, Load, Parcel, Slip};

use crate::{
    accounting::LossReason, http::Answer, progress::Ticket, retry::RetryPolicy, wire::Envelope,
};

/// How many parcels wait for each lane before there is another one.
const CROWD: usize = 4;

/// What a lane gets to do next.
#[derive(Debug)]
pub(crate) enum Task {
    /// Encode or send it.
    Deliver(Parcel),
    /// Must not be sent, or has been tried for too long.
    Discard(Parcel, LossReason),
    /// Everything before the ticket has been decided.
    Reach(Ticket),
    /// Nothing has come for a while.
    Idle,
    /// Nothing will come any more.
    Stop,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    contents: Mutex<Contents>,
    changed: Condvar,
    policy: RetryPolicy,
    /// How many lanes send at once when much waits. Each is a thread with a connection.
    max_lanes: usize,
}

impl Outbox {
    pub(crate) fn new(policy: RetryPolicy, max_lanes: usize) -> Self {
        Self {
            contents: Mutex::new(Contents::new()),
            changed: Condvar::new(),
            policy,
            max_lanes,
        }
    }

    /// Puts in a parcel, or says what was held for it if nothing is sent any more.
    pub(crate) fn put(&self, mut parcel: Parcel) -> Result<(), Held> {
        let mut contents = self.lock();
        if contents.state == State::Abandoned {
            return Err(parcel.slip.held);
        }
        parcel.slip.number.place = contents.next_number;
        contents.next_number += 1;
        contents.count_in(&parcel);
        contents.waiting.push_back(parcel);
        self.wake(contents, Condvar::notify_one);
        Ok(())
    }

    pub(crate) fn put_ticket(&self, ticket: Ticket) {
        let mut contents = self.lock();
        let bound = contents.next_number;
        contents.tickets.push_back((ticket, bound));
        self.wake(contents, Condvar::notify_all);
    }

    /// Says that the worker has put in all it will.
    pub(crate) fn close(&self) {
        let mut contents = self.lock();
        if contents.state == State::Open {
            contents.state = State::Closed;
        }
        self.wake(contents, Condvar::notify_all);
    }

    /// Forgets everything, also what is being sent, accepts nothing any more, and returns what that was.
    pub(crate) fn abandon(&self) -> Vec<Held> {
        let mut contents = self.lock();
        contents.state = State::Abandoned;
        let in_flight = mem::take(&mut contents.in_flight).into_values();
        let mut held: Vec<_> = in_flight.filter_map(Flight::undecided).collect();
        let waiting = mem::take(&mut contents.waiting);
        contents.waiting_of.clear();
        contents.tickets.clear();
        self.wake(contents, Condvar::notify_all);
        held.extend(waiting.iter().map(|parcel| parcel.slip.held));
        held
    }

    /// Waits for the next task, at most `patience`.
    pub(crate) fn take(&self, patience: Duration) -> Task {
        let start = Instant::now();
        let mut contents = self.lock();
        loop {
            let now = Instant::now();
            let wait = match contents.next(now, &self.policy) {
                Next::Task(task) => return task,
                Next::At(at) => at.saturating_duration_since(now),
                Next::WhenChanged => patience,
            };
            let Some(remaining) = patience.checked_sub(start.elapsed()) else {
                return Task::Idle;
            };
            contents.idle_lanes += 1;
            let wait = wait.min(remaining).max(Duration::from_millis(1));
            let woken = self.changed.wait_timeout(contents, wait);
            contents = woken.unwrap_or_else(PoisonError::into_inner).0;
            contents.idle_lanes -= 1;
        }
    }

    /// Says that the fate of a parcel is known and will be counted now; false if it had been given up before.
    pub(crate) fn claim(&self, slip: &Slip) -> bool {
        let mut contents = self.lock();
        let flight = contents.in_flight.get_mut(&slip.number);
        let is_known = flight.is_some();
        if let Some(flight) = flight {
            *flight = Flight::Claimed;
        }
        is_known
    }

    /// Says that the fate of a parcel has been counted.
    pub(crate) fn settle(&self, slip: &Slip) {
        let mut contents = self.lock();
        contents.in_flight.remove(&slip.number);
        // A ticket may be reached now, a probe over, or the last lane done.
        self.wake(contents, Condvar::notify_all);
    }

    /// Says that whoever waits for a ticket knows that it has been reached.
    pub(crate) fn finish_reaching(&self) {
        let mut contents = self.lock();
        contents.reaching = contents.reaching.saturating_sub(1);
        self.wake(contents, Condvar::notify_all);
    }

    /// Takes back an envelope that no server can have accepted; false if it was tried often enough, or given up.
    pub(crate) fn retry(&self, slip: &Slip, envelope: Envelope) -> bool {
        let mut contents = self.lock();
        let attempts = slip.attempts + 1;
        let worthwhile =
            attempts < self.policy.max_attempts && slip.since.elapsed() < self.policy.max_age;
        if !worthwhile || contents.in_flight.remove(&slip.number).is_none() {
            return false;
        }
        contents.put_back(Parcel {
            slip: Slip {
                attempts,
                ..slip.clone()
            },
            load: Load::Envelope(envelope),
        });
        self.wake(contents, Condvar::notify_all);
        true
    }

    /// Puts the envelopes that spans have become in their place; false if they had been given up.
    pub(crate) fn put_encoded(&self, slip: &Slip, envelopes: Vec<Envelope>) -> bool {
        let place = slip.number.place;
        let numbers = (1..).map(|envelope| Number {
            place,
            envelope,
            half: 0,
        });
        self.replace(slip, numbers.zip(envelopes))
    }

    /// Puts the two halves of an envelope in its place; false if it had been given up.
    pub(crate) fn put_halves(&self, slip: &Slip, halves: [Envelope; 2]) -> bool {
        let number = slip.number;
        let numbers = (1..).map(|half| Number { half, ..number });
        self.replace(slip, numbers.zip(halves))
    }

    fn replace(&self, slip: &Slip, parts: impl Iterator<Item = (Number, Envelope)>) -> bool {
        let mut contents = self.lock();
        if contents.in_flight.remove(&slip.number).is_none() {
            return false;
        }
        let mut count = 0;
        for (number, envelope) in parts {
            contents.put_back(Parcel {
                slip: slip.of_part(number, &envelope),
                load: Load::Envelope(envelope),
            });
            count += 1;
        }
        // For one alone, whoever has brought it comes next.
        if count != 1 {
            self.wake(contents, Condvar::notify_all);
        }
        true
    }

    /// Learns from an answer what may be sent when.
    pub(crate) fn learn(&self, answer: &Answer) {
        let now = Instant::now();
        let mut contents = self.lock();
        contents.report_is_in_doubt = false;
        if answer.is_overloaded() {
            contents.limits.update_limits(now, answer);
            contents.backoff.fail(now, &self.policy, answer.pause());
        } else {
            contents.limits.update(now, answer);
            contents.backoff.succeed();
        }
    }

    /// Learns that no connection could be made.
    pub(crate) fn learn_unreachable(&self) {
        let mut contents = self.lock();
        contents.backoff.fail(Instant::now(), &self.policy, None);
    }

    /// Learns that a client report got no answer. Until the server has answered something there is no other: if it reads them all the
    /// same, it would count the same losses again and again.
    pub(crate) fn doubt_report(&self) {
        self.lock().report_is_in_doubt = true;
    }

    /// Whether a client report may be sent now: the server is there, and has not asked for silence.
    pub(crate) fn allows_report(&self) -> bool {
        let now = Instant::now();
        let contents = self.lock();
        !contents.report_is_in_doubt
            && contents.limits.allows_anything(now)
            && contents.backoff.paused_until(now).is_none()
    }

    /// Returns how long a client report has to wait for a server that has failed; `None` if it should not come, or the server is not
    /// expected back soon.
    pub(crate) fn report_pause(&self) -> Option<Duration> {
        const SOON: Duration = Duration::from_secs(1);

        let now = Instant::now();
        let contents = self.lock();
        let until = contents.backoff.paused_until(now).unwrap_or(now);
        let pause = until.saturating_duration_since(now);
        let is_expected = contents.limits.allows_anything(now) && pause <= SOON;
        (is_expected && !contents.report_is_in_doubt).then_some(pause)
    }

    /// Whether a client report may ride along with an envelope: not with one that may well be turned away.
    pub(crate) fn may_carry_report(&self) -> bool {
        let contents = self.lock();
        !contents.report_is_in_doubt && contents.limits.is_unlimited()
    }

    /// Counts one more lane in if so much waits that one is worthwhile.
    pub(crate) fn claim_lane(&self) -> bool {
        let mut contents = self.lock();
        let wanted = contents.lanes < self.max_lanes
            && contents.idle_lanes == 0
            && contents.state == State::Open
            && !contents.backoff.is_probing()
            && contents.waiting.len() > CROWD * contents.lanes;
        contents.lanes += usize::from(wanted);
        wanted
    }

    /// Counts a lane out.
    pub(crate) fn release_lane(&self) {
        self.lock().lanes -= 1;
    }

    /// Removes all parcels of the trace that has waited longest, unless they are being sent.
    pub(crate) fn drop_oldest_trace(&self) -> Vec<Parcel> {
        let mut contents = self.lock();
        let Some(first) = contents.waiting.pop_front() else {
            return Vec::new();
        };
        let oldest = first.slip.trace_id();
        let mut dropped = vec![first];
        // Nearly always it is alone, and while memory is short this is done often.
        let count = contents.waiting_of.remove(&oldest);
        if count.is_none_or(|count| count > 1) {
            for parcel in mem::take(&mut contents.waiting) {
                if parcel.slip.trace_id() == oldest {
                    dropped.push(parcel);
                } else {
                    contents.waiting.push_back(parcel);
                }
            }
        }
        self.wake(contents, Condvar::notify_all);
        dropped
    }

    /// Lets go of the contents, which have changed, and wakes lanes if any sleep: to ask the system is a call also if none does.
    fn wake(&self, contents: MutexGuard<'_, Contents>, notify: impl FnOnce(&Condvar)) {
        let is_heard = contents.idle_lanes > 0;
        drop(contents);
        if is_heard {
            notify(&self.changed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
