//! Where the application's threads hand spans over to the worker.

use std::{
    collections::{HashSet, VecDeque},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError},
    time::{Duration, Instant},
};

use crate::{
    progress::Ticket,
    recycle::{Record, Spares},
    segment::Segment,
    trace::Trace,
};

/// How long the worker lets spans pile up while it has work, so that not every span wakes it.
const NAP: Duration = Duration::from_millis(10);

/// How many spans end a nap early.
const NAP_SPANS: usize = 512;

/// After so many spans that wait one looks whether there is still somebody who will take them.
const SPANS_ON_TRUST: usize = 64;

/// What travels from the application to the worker.
#[derive(Debug)]
pub(crate) enum Message {
    Span(Handover),
    Flush(Ticket),
}

#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) span: Record,
    pub(crate) segment: Arc<Segment>,
    /// The memory held for it.
    pub(crate) bytes: usize,
}

/// Why a span was not taken.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The queue is closed; the span is lost.
    Closed,
    /// This process was forked from the one that empties the queue.
    Forked(Handover),
}

/// Whether more may come after what was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Supply {
    Open,
    Closed,
}

#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug)]
struct State {
    messages: VecDeque<Message>,
    worker: Worker,
    supply: Supply,
    last_ticket: Ticket,
    spares: Spares,
}

/// What the worker is doing, and hence whether it must be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worker {
    Busy,
    Napping,
    Asleep,
}

impl Queue {
    /// Creates an empty queue, which keeps so many bytes of memory to be used again.
    pub(crate) fn new(max_spare_bytes: usize) -> Self {
        Self {
            state: Mutex::new(State {
                messages: VecDeque::new(),
                worker: Worker::Busy,
                supply: Supply::Open,
                last_ticket: Ticket(0),
                spares: Spares::new(max_spare_bytes),
            }),
            arrived: Condvar::new(),
        }
    }

    /// Hands over a span, and returns an empty record for another one, if there is one and it is wanted. `hurry` ends a nap of
    /// the worker.
    ///
    /// After a fork nobody takes anything from here, and the lock may be taken for good. Asking whether this is still the same
    /// process is a system call, so `is_same_process` is asked only where a wait or another system call is due, and now and
    /// then.
    pub(crate) fn push(
        &self,
        handover: Handover,
        hurry: bool,
        wants_spare: bool,
        is_same_process: impl Fn() -> bool,
    ) -> Result<Option<Record>, Refusal> {
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if is_same_process() => self.lock(),
            Err(TryLockError::WouldBlock) => return Err(Refusal::Forked(handover)),
        };
        if state.supply == Supply::Closed {
            return Err(Refusal::Closed);
        }
        let waiting = state.messages.len() + 1;
        let wake = match state.worker {
            Worker::Busy => false,
            Worker::Napping => hurry || waiting >= NAP_SPANS,
            Worker::Asleep => true,
        };
        if (wake || waiting.is_multiple_of(SPANS_ON_TRUST)) && !is_same_process() {
            return Err(Refusal::Forked(handover));
        }
        state.messages.push_back(Message::Span(handover));
        let spare = if wants_spare {
            state.spares.take()
        } else {
            None
        };
        self.wake(state, wake);
        Ok(spare)
    }

    /// Asks the worker to pass on everything that is here, and returns the ticket for it.
    ///
    /// On a closed queue this is the ticket it was closed with.
    pub(crate) fn request_flush(&self) -> Ticket {
        let state = self.lock();
        if state.supply == Supply::Closed {
            return state.last_ticket;
        }
        self.add_flush(state)
    }

    /// Flushes and refuses everything from now on.
    pub(crate) fn close(&self) -> Ticket {
        let mut state = self.lock();
        if state.supply == Supply::Closed {
            return state.last_ticket;
        }
        state.supply = Supply::Closed;
        self.add_flush(state)
    }

    /// Takes out so many empty records, or fewer.
    pub(crate) fn take_spares(&self, most: usize) -> Vec<Record> {
        // Where the lock is taken, be it for good after a fork, a record is allocated sooner than waited for.
        let Ok(mut state) = self.state.try_lock() else {
            return Vec::new();
        };
        (0..most).map_while(|_| state.spares.take()).collect()
    }

    /// Takes in empty records, to be used again, as far as there is room for them.
    pub(crate) fn recycle(&self, mut spent: Vec<Record>) {
        self.lock().spares.add(&mut spent);
        // What is left is freed here, with nothing locked.
    }

    /// Moves all messages to `batch`, which must be empty.
    ///
    /// Waits until there are some, but not beyond `due`. If the worker `was_busy`, lets them pile up for a moment.
    pub(crate) fn take(
        &self,
        batch: &mut VecDeque<Message>,
        was_busy: bool,
        due: Option<Instant>,
    ) -> Supply {
        let mut state = self.lock();
        let nap_end = was_busy.then(|| Instant::now() + NAP);
        let until = match (nap_end, due) {
            (Some(nap_end), Some(due)) => Some(nap_end.min(due)),
            (nap_end, due) => nap_end.or(due),
        };
        let rested = |state: &State| {
            let urgent = state.messages.back().is_some_and(Message::is_flush);
            let enough = if was_busy { NAP_SPANS } else { 1 };
            urgent || state.messages.len() >= enough || state.supply == Supply::Closed
        };
        while !rested(&state) {
            let remaining = until.map(|until| until.saturating_duration_since(Instant::now()));
            if remaining.is_some_and(|remaining| remaining.is_zero()) {
                break;
            }
            state.worker = if was_busy {
                Worker::Napping
            } else {
                Worker::Asleep
            };
            state = self.wait(state, remaining);
            // Whoever wakes the worker marks it busy; a nap that ends so is over.
            if mem::replace(&mut state.worker, Worker::Busy) == Worker::Busy {
                break;
            }
        }
        mem::swap(&mut state.messages, batch);
        state.supply
    }

    /// Gives up the oldest traces until `bytes` are free, and returns the bytes freed and the spans lost.
    pub(crate) fn drop_oldest_traces(
        &self,
        bytes: usize,
        give_up: impl Fn(&Trace),
    ) -> (usize, u64) {
        let (mut freed, mut dropped) = (0, 0);
        let mut traces = HashSet::new();
        // In place: while memory is short, a second queue would be one too many.
        self.lock().messages.retain(|message| match message {
            Message::Span(handover)
                if freed < bytes || traces.contains(&handover.span.trace_id) =>
            {
                traces.insert(handover.span.trace_id);
                give_up(handover.segment.trace());
                freed += handover.bytes;
                dropped += 1;
                false
            }
            _ => true,
        });
        (freed, dropped)
    }

    fn add_flush(&self, mut state: MutexGuard<'_, State>) -> Ticket {
        state.last_ticket = Ticket(state.last_ticket.0 + 1);
        let ticket = state.last_ticket;
        state.messages.push_back(Message::Flush(ticket));
        self.wake(state, true);
        ticket
    }

    fn wake(&self, mut state: MutexGuard<'_, State>, wake: bool) {
        let wake = wake && state.worker != Worker::Busy;
        if wake {
            state.worker = Worker::Busy;
        }
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        timeout: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        match timeout {
            Some(timeout) => {
                let woken = self.arrived.wait_timeout(state, timeout);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
            None => {
                let woken = self.arrived.wait(state);
                woken.unwrap_or_else(PoisonError::into_inner)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Message {
    fn is_flush(&self) -> bool {
        matches!(self, Self::Flush(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::new_span_id, testing};

    fn handover() -> Handover {
        let segment = testing::segment();
        Handover {
            span: Box::new(testing::source(&segment, new_span_id())),
            segment,
            bytes: 1,
        }
    }

    /// Otherwise the child would wait for a lock that nobody releases, or fill a queue that nobody empties.
    #[test]
    fn a_forked_process_notices_when_it_would_wait_or_wake_or_after_some_spans() {
        let queue = Queue::new(0);
        let push = |handover| queue.push(handover, false, false, || false);
        let is_refused = |pushed| matches!(pushed, Err(Refusal::Forked(_)));
        let mut accepted = 0;
        while !is_refused(push(handover())) {
            accepted += 1;
        }
        assert_eq!(accepted, SPANS_ON_TRUST - 1);

        queue.lock().messages.clear();
        assert!(push(handover()).is_ok());
        queue.lock().worker = Worker::Asleep;
        assert!(is_refused(push(handover())));
        let taken = queue.lock();
        assert!(is_refused(push(handover())));
        drop(taken);
    }
}
