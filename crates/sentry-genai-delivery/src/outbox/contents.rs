//! What is waiting and what is in flight, and which of it is next.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use foldhash::HashMap;
use sentry_genai_conventions::TraceId;

use super::{Held, Parcel, Task, parcel::Number};
use crate::{
    accounting::LossReason,
    limits::RateLimits,
    progress::Ticket,
    retry::{Backoff, RetryPolicy},
};

#[derive(Debug)]
pub(super) struct Contents {
    pub(super) waiting: VecDeque<Parcel>,
    /// The number of waiting parcels of each trace.
    pub(super) waiting_of: HashMap<TraceId, usize>,
    pub(super) in_flight: BTreeMap<Number, Flight>,
    /// Each with the number of the first parcel that it does not cover.
    pub(super) tickets: VecDeque<(Ticket, u64)>,
    /// How many senders are about to announce that a ticket has been reached.
    pub(super) reaching: usize,
    pub(super) next_number: u64,
    pub(super) senders: usize,
    pub(super) idle_senders: usize,
    pub(super) limits: RateLimits,
    pub(super) backoff: Backoff,
    /// Whether a client report got no answer, and nothing has been answered since.
    pub(super) has_unconfirmed_report: bool,
    pub(super) state: State,
}

/// Whether parcels are still accepted and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// The worker has ended; the remaining parcels are still sent.
    Closed,
    /// Nobody waits for an answer any more; nothing is sent.
    Abandoned,
}

/// A parcel that a sender is working on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Flight {
    Undecided(Held),
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
            waiting_of: HashMap::default(),
            in_flight: BTreeMap::new(),
            tickets: VecDeque::new(),
            reaching: 0,
            next_number: 0,
            senders: 1,
            idle_senders: 0,
            limits: RateLimits::default(),
            backoff: Backoff::default(),
            has_unconfirmed_report: false,
            state: State::Open,
        }
    }

    pub(super) fn next(&mut self, now: Instant, policy: &RetryPolicy) -> Next {
        if self.state == State::Abandoned {
            return Next::Task(Task::Stop);
        }
        if let Some(ticket) = self.reached_ticket() {
            self.reaching += 1;
            return Next::Task(Task::Reach(ticket));
        }
        let Some(Parcel { slip: first, .. }) = self.waiting.front() else {
            let over = self.state == State::Closed
                && self.in_flight.is_empty()
                && self.tickets.is_empty()
                && self.reaching == 0;
            return if over {
                Next::Task(Task::Stop)
            } else {
                Next::WhenChanged
            };
        };
        if first.trace.is_given_up() {
            return self.discard(LossReason::QueueOverflow);
        }
        if !self.limits.allows(first.category, now) {
            return self.discard(LossReason::RatelimitBackoff);
        }
        if self.backoff.is_probing() {
            let expires = first.since.checked_add(policy.max_age);
            if expires.is_some_and(|at| at <= now) {
                return self.discard(LossReason::NetworkError);
            }
            if let Some(until) = self.backoff.paused_until(now) {
                return Next::At(expires.map_or(until, |at| until.min(at)));
            }
            if !self.in_flight.is_empty() {
                return Next::WhenChanged;
            }
        }
        self.launch(Task::Deliver)
    }

    fn discard(&mut self, reason: LossReason) -> Next {
        self.launch(|parcel| Task::Discard(parcel, reason))
    }

    fn launch(&mut self, task: impl FnOnce(Parcel) -> Task) -> Next {
        let Some(parcel) = self.waiting.pop_front() else {
            return Next::WhenChanged;
        };
        self.count_out(&parcel);
        let flight = Flight::Undecided(parcel.slip.held);
        self.in_flight.insert(parcel.slip.number, flight);
        Next::Task(task(parcel))
    }

    /// Puts a parcel back in its place.
    pub(super) fn put_back(&mut self, parcel: Parcel) {
        self.count_in(&parcel);
        let number = parcel.slip.number;
        let place = self.waiting.partition_point(|it| it.slip.number < number);
        self.waiting.insert(place, parcel);
    }

    pub(super) fn count_in(&mut self, parcel: &Parcel) {
        *self.waiting_of.entry(parcel.slip.trace_id()).or_default() += 1;
    }

    fn count_out(&mut self, parcel: &Parcel) {
        let trace_id = parcel.slip.trace_id();
        if let Some(count) = self.waiting_of.get_mut(&trace_id) {
            *count -= 1;
            if *count == 0 {
                self.waiting_of.remove(&trace_id);
            }
        }
    }

    fn reached_ticket(&mut self) -> Option<Ticket> {
        let (ticket, bound) = *self.tickets.front()?;
        let undecided = self.in_flight.keys().next().copied();
        let waiting = self.waiting.front().map(|parcel| parcel.slip.number);
        let is_reached = [undecided, waiting]
            .into_iter()
            .flatten()
            .all(|number| number.place >= bound);
        if is_reached {
            self.tickets.pop_front();
        }
        is_reached.then_some(ticket)
    }
}

impl Flight {
    pub(super) fn undecided(self) -> Option<Held> {
        match self {
            Self::Undecided(held) => Some(held),
            Self::Claimed => None,
        }
    }
}
