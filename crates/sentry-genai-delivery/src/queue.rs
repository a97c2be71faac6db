//! Where the application's threads hand spans over to the worker.

use std::{
    collections::{HashSet, VecDeque},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sentry_genai_conventions::{Attributes, SourceSpan};

use crate::{progress::Ticket, recycle::Spares, segment::Segment, trace::Trace};

/// How long the worker lets spans pile up while it has work, so that not every span wakes it.
const NAP: Duration = Duration::from_millis(10);

/// How many spans end a nap early.
const NAP_SPANS: usize = 512;

/// What travels from the application to the worker.
#[expect(
    clippy::large_enum_variant,
    reason = "almost every message is a span; a box would be one more allocation for each"
)]
#[derive(Debug)]
pub(crate) enum Message {
    Span(Handover),
    Flush(Ticket),
}

#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) span: SourceSpan,
    pub(crate) segment: Arc<Segment>,
    /// The memory held for it.
    pub(crate) bytes: usize,
}

/// The queue is closed; the span is lost.
#[derive(Debug)]
pub(crate) struct Closed;

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

    /// Hands over a span, and returns an empty store for another one, if there is one. `hurry` ends a nap of the worker.
    pub(crate) fn push(
        &self,
        handover: Handover,
        hurry: bool,
    ) -> Result<Option<Attributes>, Closed> {
        let mut state = self.lock();
        if state.supply == Supply::Closed {
            return Err(Closed);
        }
        state.messages.push_back(Message::Span(handover));
        let wake = match state.worker {
            Worker::Busy => false,
            Worker::Napping => hurry || state.messages.len() >= NAP_SPANS,
            Worker::Asleep => true,
        };
        let spare = state.spares.take();
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

    /// Takes in empty stores, to be used again, as far as there is room for them.
    pub(crate) fn recycle(&self, mut spent: Vec<Attributes>) {
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
