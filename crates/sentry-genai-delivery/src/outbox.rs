//! Spans on their way from the worker to the lanes that encode and send them.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use foldhash::HashMap;
use sentry_genai_conventions::TraceId;

use crate::{
    accounting::LossReason,
    buckets::Bucket,
    http::Answer,
    limits::RateLimits,
    progress::Ticket,
    retry::{Backoff, RetryPolicy},
    trace::Trace,
    wire::{Category, Envelope},
};

/// How many parcels wait for each lane before there is another one.
const CROWD: usize = 4;

/// What a lane gets in hand at once, of one trace.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) slip: Slip,
    pub(crate) load: Load,
}

/// What is in a parcel.
#[derive(Debug)]
pub(crate) enum Load {
    /// They are encoded late, by the lane that will send them.
    Spans(Bucket),
    Envelope(Envelope),
}

/// What is known of a parcel, whatever its load has become.
#[derive(Clone, Debug)]
pub(crate) struct Slip {
    pub(crate) trace: Arc<Trace>,
    pub(crate) held: Held,
    /// What it counts as where the server limits rates; `None` if it will be envelopes of several kinds.
    category: Option<Category>,
    number: Number,
    attempts: u32,
    since: Instant,
}

impl Parcel {
    pub(crate) fn new(bucket: Bucket, category: Option<Category>) -> Self {
        Self {
            slip: Slip {
                trace: Arc::clone(bucket.segment().trace()),
                held: Held {
                    spans: bucket.spans.len() as u64,
                    bytes: bucket.bytes,
                },
                category,
                number: Number::default(),
                attempts: 0,
                since: Instant::now(),
            },
            load: Load::Spans(bucket),
        }
    }
}

impl Slip {
    pub(crate) fn trace_id(&self) -> TraceId {
        self.trace.trace_id()
    }

    /// How many transactions are lost with it: of spans that are one and more, one.
    pub(crate) fn transactions(&self) -> u64 {
        u64::from(self.category != Some(Category::Span))
    }

    /// Whether it is of a half of an envelope that was too large.
    pub(crate) fn is_half(&self) -> bool {
        self.number.half > 0
    }

    /// The slip of an envelope that comes of what this one is for.
    fn of_part(&self, number: Number, envelope: &Envelope) -> Self {
        Self {
            held: Held::of(envelope),
            category: Some(envelope.category),
            number,
            ..self.clone()
        }
    }
}

/// Where a parcel stands among all, which is what a ticket waits for; which of its envelopes it is; and which half of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    place: u64,
    envelope: u32,
    half: u8,
}

/// A parcel that a lane has in hand.
#[derive(Clone, Copy, Debug)]
enum Flight {
    Undecided(Held),
    /// A lane is about to count it.
    Claimed,
}

/// What is accounted for one parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) spans: u64,
    /// Memory; what is appended to an envelope for a moment does not count.
    pub(crate) bytes: usize,
}

impl Held {
    pub(crate) fn of(envelope: &Envelope) -> Self {
        Self {
            spans: envelope.spans as u64,
            bytes: envelope.bytes.capacity() + size_of::<Trace>(),
        }
    }
}

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

/// What becomes of parcels that are put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The worker has ended; what is here is still sent.
    Closed,
    /// Nobody waits for an answer any more; nothing is sent.
    Abandoned,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    contents: Mutex<Contents>,
    changed: Condvar,
    policy: RetryPolicy,
    /// How many lanes send at once when much waits. Each is a thread with a connection.
    max_lanes: usize,
}

#[derive(Debug)]
struct Contents {
    waiting: VecDeque<Parcel>,
    /// How many of these are of one trace.
    waiting_of: HashMap<TraceId, usize>,
    in_flight: BTreeMap<Number, Flight>,
    /// With the number of the first parcel that does not count for it.
    tickets: VecDeque<(Ticket, u64)>,
    /// How many lanes are about to say that a ticket has been reached.
    reaching: usize,
    next_number: u64,
    lanes: usize,
    idle_lanes: usize,
    limits: RateLimits,
    backoff: Backoff,
    state: State,
}

impl Outbox {
    pub(crate) fn new(policy: RetryPolicy, max_lanes: usize) -> Self {
        Self {
            contents: Mutex::new(Contents {
                waiting: VecDeque::new(),
                waiting_of: HashMap::default(),
                in_flight: BTreeMap::new(),
                tickets: VecDeque::new(),
                reaching: 0,
                next_number: 0,
                lanes: 1,
                idle_lanes: 0,
                limits: RateLimits::default(),
                backoff: Backoff::default(),
                state: State::Open,
            }),
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

    /// Whether a client report may be sent now: the server is there, and has not asked for silence.
    pub(crate) fn allows_report(&self) -> bool {
        let now = Instant::now();
        let contents = self.lock();
        contents.limits.allows_anything(now) && contents.backoff.paused_until(now).is_none()
    }

    /// Whether a client report may ride along with an envelope: it would be counted twice if the server takes it and turns away the rest.
    pub(crate) fn may_carry_report(&self) -> bool {
        self.lock().limits.is_unlimited()
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

/// What a lane can do now.
enum Next {
    Task(Task),
    At(Instant),
    WhenChanged,
}

impl Contents {
    fn next(&mut self, now: Instant, policy: &RetryPolicy) -> Next {
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

    /// Puts a parcel where it was.
    fn put_back(&mut self, parcel: Parcel) {
        self.count_in(&parcel);
        let number = parcel.slip.number;
        let place = self.waiting.partition_point(|it| it.slip.number < number);
        self.waiting.insert(place, parcel);
    }

    fn count_in(&mut self, parcel: &Parcel) {
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
    fn undecided(self) -> Option<Held> {
        match self {
            Self::Undecided(held) => Some(held),
            Self::Claimed => None,
        }
    }
}

#[cfg(test)]
mod tests;
