//! The queue through which the application's threads hand spans over to the worker.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError},
    time::{Duration, Instant},
};

use foldhash::{HashMap, HashSet};
use sentry_genai_conventions::TraceId;

use crate::{
    budget::Budget,
    progress::FlushId,
    recycle::{Record, Spares},
    segment::Segment,
    trace::Trace,
    unread::Ended,
};

/// How long a busy worker lets spans accumulate, so that not every span wakes it.
const NAP: Duration = Duration::from_millis(10);

/// The number of waiting spans that ends a nap early.
const NAP_SPANS: usize = 512;

/// Every time so many spans have accumulated, `push` checks whether there is still a worker to take them.
const SPANS_ON_TRUST: usize = 64;

/// What travels from the application to the worker.
#[derive(Debug)]
pub(crate) enum Message {
    Span(Handover),
    Flush(FlushId),
}

#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) span: Ended,
    /// The id of the segment's trace, copied here for scans of the queue.
    pub(crate) trace_id: TraceId,
    pub(crate) segment: Arc<Segment>,
    /// The memory reserved for it in the budget.
    pub(crate) bytes: usize,
}

impl Handover {
    /// Returns whether this is the local root, whose end is the end of its segment.
    pub(crate) fn is_local_root(&self) -> bool {
        self.span.span_id() == self.segment.local_root()
    }
}

/// The number of dropped spans, and of local roots among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) spans: u64,
    pub(crate) local_roots: u64,
}

/// Why a span was not accepted.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The queue is closed; the span is lost.
    Closed,
    /// This process was forked from the one whose worker empties the queue.
    Forked(Handover),
}

/// Whether more messages may follow.
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
    /// Whether the worker left messages behind at its last visit.
    has_rest: bool,
    /// Whether traces have been given up since the last visit of the worker.
    was_shortened: bool,
    supply: Supply,
    last_flush: FlushId,
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
    /// Creates an empty queue that keeps at most `max_spare_bytes` bytes of memory for reuse.
    pub(crate) fn new(max_spare_bytes: usize) -> Self {
        Self {
            state: Mutex::new(State {
                messages: VecDeque::new(),
                worker: Worker::Busy,
                has_rest: false,
                was_shortened: false,
                supply: Supply::Open,
                last_flush: FlushId(0),
                spares: Spares::new(max_spare_bytes),
            }),
            arrived: Condvar::new(),
        }
    }

    /// Hands over a span. Returns an empty record for another span if there is one and the caller wants it. `hurry`
    /// ends the worker's nap.
    ///
    /// In a forked process nobody empties the queue, and the lock may be held forever. Since checking for a fork is a
    /// system call, `is_same_process` is only called before a wait, before another system call, and once every
    /// [`SPANS_ON_TRUST`] waiting spans.
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

    /// Asks the worker to pass on everything in the queue. Returns the id of the flush.
    ///
    /// For a closed queue, this is the id of the flush it was closed with.
    pub(crate) fn request_flush(&self) -> FlushId {
        let state = self.lock();
        if state.supply == Supply::Closed {
            return state.last_flush;
        }
        self.add_flush(state)
    }

    /// Flushes, and refuses all further spans.
    pub(crate) fn close(&self) -> FlushId {
        let mut state = self.lock();
        if state.supply == Supply::Closed {
            return state.last_flush;
        }
        state.supply = Supply::Closed;
        self.add_flush(state)
    }

    /// Returns whether the queue refuses all further spans.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().supply == Supply::Closed
    }

    /// Removes and returns at most `most` empty records.
    pub(crate) fn take_spares(&self, most: usize) -> Vec<Record> {
        // If the lock is held (after a fork perhaps forever), allocating a record is better than waiting.
        let Ok(mut state) = self.state.try_lock() else {
            return Vec::new();
        };
        (0..most).map_while(|_| state.spares.take()).collect()
    }

    /// Accepts empty records for reuse, as far as there is room for them.
    pub(crate) fn recycle(&self, mut spent: Vec<Record>) {
        self.lock().spares.add(&mut spent);
        // The remaining records are freed here, after the lock was released.
    }

    /// Moves messages to `batch`, which must be empty: all of them, or about `portion` bytes.
    ///
    /// Waits until there are some, but not beyond `due`. If the worker `was_busy`, lets them accumulate for a moment.
    pub(crate) fn take(
        &self,
        batch: &mut VecDeque<Message>,
        portion: usize,
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
            urgent
                || state.has_rest
                || state.messages.len() >= enough
                || state.supply == Supply::Closed
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
            // Whoever wakes the worker also marks it busy. The nap is over then.
            if mem::replace(&mut state.worker, Worker::Busy) == Worker::Busy {
                break;
            }
        }
        let mut room = portion;
        let beyond = state.messages.iter().position(|message| {
            let fits = room > 0;
            room = room.saturating_sub(message.bytes());
            !fits
        });
        state.has_rest = beyond.is_some();
        let Some(beyond) = beyond else {
            mem::swap(&mut state.messages, batch);
            return state.supply;
        };
        batch.extend(state.messages.drain(..beyond));
        // More is to come: at least the message that closes the queue.
        Supply::Open
    }

    /// Whether traces have been given up in the queue since the last call.
    pub(crate) fn was_shortened(&self) -> bool {
        mem::take(&mut self.lock().was_shortened)
    }

    /// Drops the oldest traces until the budget is met again. Returns the number of dropped spans.
    pub(crate) fn drop_oldest_traces(&self, budget: &Budget, give_up: impl Fn(&Trace)) -> Dropped {
        let mut state = self.lock();
        // Check under the lock: if several threads find the budget exceeded, the first one makes room.
        let excess = budget.excess();
        if excess == 0 {
            return Dropped::default();
        }
        // The spans of concurrent traces alternate in the queue. Count every trace as a whole, so that few have to be
        // dropped.
        let mut bytes = HashMap::<TraceId, usize>::default();
        for handover in state.messages.iter().filter_map(Message::span) {
            *bytes.entry(handover.trace_id).or_default() += handover.bytes;
        }
        let (mut freed, mut dropped) = (0, Dropped::default());
        let mut oldest = HashSet::<TraceId>::default();
        // In place, because memory is too short for a second queue.
        state.messages.retain(|message| {
            let Some(handover) = message.span() else {
                return true;
            };
            let trace_id = handover.trace_id;
            if freed < excess && oldest.insert(trace_id) {
                freed += bytes[&trace_id];
            }
            let goes = oldest.contains(&trace_id);
            if goes {
                give_up(handover.segment.trace());
                dropped.spans += 1;
                dropped.local_roots += u64::from(handover.is_local_root());
            }
            !goes
        });
        state.was_shortened |= dropped.spans > 0;
        budget.release_queued(freed);
        dropped
    }

    fn add_flush(&self, mut state: MutexGuard<'_, State>) -> FlushId {
        state.last_flush = FlushId(state.last_flush.0 + 1);
        let flush = state.last_flush;
        state.messages.push_back(Message::Flush(flush));
        self.wake(state, true);
        flush
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
    fn span(&self) -> Option<&Handover> {
        match self {
            Self::Span(handover) => Some(handover),
            Self::Flush(_) => None,
        }
    }

    /// The memory reserved for it in the budget.
    fn bytes(&self) -> usize {
        self.span().map_or(0, |handover| handover.bytes)
    }

    fn is_flush(&self) -> bool {
        matches!(self, Self::Flush(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{budget::Level, ids::new_span_id, testing};

    fn handover() -> Handover {
        handover_of(&testing::segment())
    }

    fn handover_of(segment: &Arc<Segment>) -> Handover {
        Handover {
            span: Ended::Read(Box::new(testing::source(segment, new_span_id()))),
            trace_id: segment.trace().trace_id(),
            segment: Arc::clone(segment),
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

    /// Otherwise nothing would arrive from a program that produces more than can be sent.
    #[test]
    fn of_traces_that_grow_side_by_side_some_stay_whole_without_a_worker() {
        const TRACES: usize = 160;
        const SPANS: usize = 12;
        let (queue, budget) = (Queue::new(0), Budget::new(300));
        // As much as the worker may hold.
        budget.hold(225);
        let open: Vec<_> = (0..TRACES).map(|_| testing::segment()).collect();
        let (mut given_up, mut dropped) = (0, 0);
        for _ in 0..SPANS {
            for segment in &open {
                if segment.trace().is_given_up() {
                    given_up += 1;
                    continue;
                }
                let level = budget.hold_queued(1);
                let taken = queue.push(handover_of(segment), false, false, || true);
                assert!(taken.is_ok());
                if level == Level::Exceeded {
                    dropped += queue.drop_oldest_traces(&budget, Trace::give_up).spans;
                }
                assert!(budget.held() <= 300);
            }
        }
        let waiting = mem::take(&mut queue.lock().messages);
        assert_eq!(waiting.len() + given_up + dropped as usize, TRACES * SPANS);
        let mut whole = 0;
        for segment in &open {
            let of_it = |message: &&Message| match message {
                Message::Span(handover) => Arc::ptr_eq(&handover.segment, segment),
                Message::Flush(_) => false,
            };
            match waiting.iter().filter(of_it).count() {
                0 => {}
                SPANS => whole += 1,
                torso => panic!("{torso} of {SPANS}"),
            }
        }
        assert!(whole > 0);
        assert!(queue.was_shortened() && !queue.was_shortened());
    }

    #[test]
    fn the_worker_takes_a_portion_at_a_time_and_all_that_there_is() {
        let queue = Queue::new(0);
        let push = || queue.push(handover(), false, false, || true);
        for _ in 0..7 {
            assert!(push().is_ok());
        }
        let flush = queue.close();
        let mut sizes = Vec::new();
        loop {
            let mut batch = VecDeque::new();
            let supply = queue.take(&mut batch, 3, true, None);
            sizes.push(batch.len());
            if supply == Supply::Closed {
                let last = batch.pop_back();
                assert!(matches!(last, Some(Message::Flush(last)) if last == flush));
                break;
            }
        }
        assert_eq!(sizes, [3, 3, 2]);
    }
}
