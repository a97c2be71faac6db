//! What the ingest remembers, and waiting for it.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::envelope::ReceivedEnvelope;

/// The envelopes received so far, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Record {
    envelopes: Mutex<Vec<ReceivedEnvelope>>,
    arrived: Condvar,
}

impl Record {
    pub(super) fn push(&self, envelope: ReceivedEnvelope) {
        self.lock().push(envelope);
        self.arrived.notify_all();
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// Reads all envelopes, valid or not.
    pub(super) fn read<T>(&self, read: impl FnOnce(&[ReceivedEnvelope]) -> T) -> T {
        read(&self.lock())
    }

    /// Blocks until `is_enough` or the timeout, then reads.
    pub(super) fn wait<T>(
        &self,
        timeout: Duration,
        is_enough: impl Fn(&[ReceivedEnvelope]) -> bool,
        read: impl FnOnce(&[ReceivedEnvelope]) -> T,
    ) -> T {
        let waited = self
            .arrived
            .wait_timeout_while(self.lock(), timeout, |envelopes| !is_enough(envelopes));
        let (envelopes, _) = waited.unwrap_or_else(PoisonError::into_inner);
        read(&envelopes)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ReceivedEnvelope>> {
        self.envelopes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
