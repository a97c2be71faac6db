//! The ingest's memory, and waiting for what arrives.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    client_report,
    envelope::ReceivedEnvelope,
    fault::{Fault, Faults},
    figures::Tally,
};

/// The envelopes received so far, in order of arrival, and their figures.
#[derive(Debug)]
pub(super) struct Record {
    state: Mutex<State>,
    arrived: Condvar,
    faults: Mutex<Faults>,
    retention: Retention,
}

/// What is kept of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retention {
    Envelopes,
    Figures,
}

#[derive(Debug, Default)]
struct State {
    envelopes: Vec<ReceivedEnvelope>,
    tally: Tally,
}

impl Record {
    pub(super) fn new(retention: Retention) -> Self {
        Self {
            state: Mutex::default(),
            arrived: Condvar::new(),
            faults: Mutex::default(),
            retention,
        }
    }

    /// Records an envelope. If it `is_limited`, that is rejected by a rate limit, its client reports are read all the same.
    pub(super) fn push(&self, arrival: Instant, envelope: ReceivedEnvelope, is_limited: bool) {
        let mut state = self.lock();
        state.tally.figures.requests += 1;
        state.tally.count(arrival, &envelope);
        if envelope.is_accepted() || is_limited && envelope.is_valid() {
            client_report::add(&envelope, &mut state.tally.client_reports);
        }
        if self.retention == Retention::Envelopes {
            state.envelopes.push(envelope);
        }
        drop(state);
        self.arrived.notify_all();
    }

    /// Counts a request whose body was not read.
    pub(super) fn count_unread_request(&self) {
        self.lock().tally.figures.requests += 1;
        self.arrived.notify_all();
    }

    pub(super) fn count_connection(&self) {
        self.lock().tally.figures.connections += 1;
    }

    pub(super) fn apply_rate_limits(&self, status: u16, headers: &[(String, String)]) {
        self.lock().tally.apply_rate_limits(status, headers);
    }

    pub(super) fn clear(&self) {
        *self.lock() = State::default();
    }

    pub(super) fn next_fault(&self) -> Fault {
        self.faults().next()
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tally<T>(&self, read: impl FnOnce(&Tally) -> T) -> T {
        read(&self.lock().tally)
    }

    /// Reads all envelopes, valid or not.
    pub(super) fn read<T>(&self, read: impl FnOnce(&[ReceivedEnvelope]) -> T) -> T {
        read(&self.lock().envelopes)
    }

    /// Blocks until `is_enough` or the timeout, then reads.
    pub(super) fn wait<T>(
        &self,
        timeout: Duration,
        is_enough: impl Fn(&Tally) -> bool,
        read: impl FnOnce(&[ReceivedEnvelope]) -> T,
    ) -> T {
        let waited = self
            .arrived
            .wait_timeout_while(self.lock(), timeout, |state| !is_enough(&state.tally));
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        read(&state.envelopes)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
