//! Encoded envelopes on their way from the worker to the sender.

use std::{
    collections::VecDeque,
    mem,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sentry_genai_conventions::TraceId;

use crate::{progress::Ticket, wire::Envelope};

/// An envelope and whose spans it holds.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) trace_id: TraceId,
    pub(crate) envelope: Envelope,
}

impl Parcel {
    /// The memory held for it.
    pub(crate) fn bytes(&self) -> usize {
        self.envelope.bytes.capacity()
    }

    pub(crate) fn spans(&self) -> u64 {
        self.envelope.spans as u64
    }
}

/// What the sender gets to do next.
#[derive(Debug)]
pub(crate) enum Task {
    Send(Parcel),
    /// Everything before the ticket has been taken.
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
    arrived: Condvar,
}

#[derive(Debug)]
struct Contents {
    entries: VecDeque<Entry>,
    state: State,
}

#[derive(Debug)]
enum Entry {
    Parcel(Parcel),
    Ticket(Ticket),
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            contents: Mutex::new(Contents {
                entries: VecDeque::new(),
                state: State::Open,
            }),
            arrived: Condvar::new(),
        }
    }

    /// Puts in a parcel, or gives it back if nothing is sent any more.
    pub(crate) fn put(&self, parcel: Parcel) -> Result<(), Parcel> {
        let mut contents = self.lock();
        if contents.state == State::Abandoned {
            return Err(parcel);
        }
        contents.entries.push_back(Entry::Parcel(parcel));
        drop(contents);
        self.arrived.notify_one();
        Ok(())
    }

    pub(crate) fn put_ticket(&self, ticket: Ticket) {
        self.lock().entries.push_back(Entry::Ticket(ticket));
        self.arrived.notify_one();
    }

    /// Says that the worker has put in all it will.
    pub(crate) fn close(&self) {
        let mut contents = self.lock();
        if contents.state == State::Open {
            contents.state = State::Closed;
        }
        drop(contents);
        self.arrived.notify_one();
    }

    /// Gives back everything, and accepts nothing any more.
    pub(crate) fn abandon(&self) -> Vec<Parcel> {
        let mut contents = self.lock();
        contents.state = State::Abandoned;
        let entries = mem::take(&mut contents.entries);
        drop(contents);
        self.arrived.notify_one();
        let parcels = entries.into_iter().filter_map(Entry::into_parcel);
        parcels.collect()
    }

    /// Waits for the next task, at most `patience`.
    pub(crate) fn take(&self, patience: Duration) -> Task {
        let start = Instant::now();
        let mut contents = self.lock();
        loop {
            match contents.entries.pop_front() {
                Some(Entry::Parcel(parcel)) => return Task::Send(parcel),
                Some(Entry::Ticket(ticket)) => return Task::Reach(ticket),
                None if contents.state != State::Open => return Task::Stop,
                None => {}
            }
            let Some(remaining) = patience.checked_sub(start.elapsed()) else {
                return Task::Idle;
            };
            let woken = self.arrived.wait_timeout(contents, remaining);
            contents = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Removes all parcels of the trace that has waited longest.
    pub(crate) fn drop_oldest_trace(&self) -> Vec<Parcel> {
        let mut contents = self.lock();
        let Some(oldest) = contents.entries.iter().find_map(Entry::trace_id) else {
            return Vec::new();
        };
        let mut dropped = Vec::new();
        for entry in mem::take(&mut contents.entries) {
            match entry {
                Entry::Parcel(parcel) if parcel.trace_id == oldest => dropped.push(parcel),
                kept => contents.entries.push_back(kept),
            }
        }
        dropped
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn trace_id(&self) -> Option<TraceId> {
        match self {
            Self::Parcel(parcel) => Some(parcel.trace_id),
            Self::Ticket(_) => None,
        }
    }

    fn into_parcel(self) -> Option<Parcel> {
        match self {
            Self::Parcel(parcel) => Some(parcel),
            Self::Ticket(_) => None,
        }
    }
}
