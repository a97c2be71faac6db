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
    recycle::{Record, RecordPool},
    segment::Segment,
    trace::Trace,
    unread::Ended,
};

/// How long a busy worker lets spans accumulate, so that not every span wakes it.
const BATCH_DELAY: Duration = Duration::from_millis(10);

/// The number of waiting spans that ends the delay early.
const BATCH_SPANS: usize = 512;

/// Every time so many spans have accumulated, `push` checks whether there is still a worker to take them.
const FORK_CHECK_INTERVAL: usize = 64;

/// What travels from the application to the worker.
#[derive(Debug)]
pub(crate) enum Message {
    Span(QueuedSpan),
    Flush(FlushId),
}

#[derive(Debug)]
pub(crate) struct QueuedSpan {
    pub(crate) span: Ended,
    /// The id of the segment's trace, copied here for scans of the queue.
    pub(crate) trace_id: TraceId,
    pub(crate) segment: Arc<Segment>,
    /// The memory reserved for it in the budget.
    pub(crate) bytes: usize,
}

impl QueuedSpan {
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
pub(crate) enum PushError {
    /// The queue is closed; the span is lost.
    Closed,
    /// This process was forked from the one whose worker empties the queue.
    Forked(QueuedSpan),
}

/// Whether more messages may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueStatus {
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
    worker: WorkerState,
    /// Whether the worker left messages behind at its last visit.
    has_more: bool,
    /// Whether traces have been dropped since the last visit of the worker.
    has_dropped_traces: bool,
    status: QueueStatus,
    last_flush: FlushId,
    pool: RecordPool,
}

/// What the worker is doing, and hence whether it must be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WorkerState {
    Busy,
    Batching,
    Idle,
}

impl State {
    /// Returns whether the worker need not wait for `min_spans` spans.
    fn is_ready(&self, min_spans: usize) -> bool {
        let is_urgent = self.messages.back().is_some_and(Message::is_flush);
        is_urgent
            || self.has_more
            || self.messages.len() >= min_spans
            || self.status == QueueStatus::Closed
    }

    /// Moves all messages to `batch`, which must be empty, or about `max_bytes` bytes of them.
    fn move_to(&mut self, batch: &mut VecDeque<Message>, max_bytes: usize) -> QueueStatus {
        let mut room = max_bytes;
        let end = self.messages.iter().position(|message| {
            let fits = room > 0;
            room = room.saturating_sub(message.bytes());
            !fits
        });
        self.has_more = end.is_some();
        let Some(end) = end else {
            mem::swap(&mut self.messages, batch);
            return self.status;
        };
        batch.extend(self.messages.drain(..end));
        // More is to come: at least the message that closes the queue.
        QueueStatus::Open
    }
}

impl Queue {
    /// Creates an empty queue that keeps at most `max_spare_bytes` bytes of memory for reuse.
    pub(crate) fn new(max_spare_bytes: usize) -> Self {
        Self {
            state: Mutex::new(State {
                messages: VecDeque::new(),
                worker: WorkerState::Busy,
                has_more: false,
                has_dropped_traces: false,
                status: QueueStatus::Open,
                last_flush: FlushId(0),
                pool: RecordPool::new(max_spare_bytes),
            }),
            arrived: Condvar::new(),
        }
    }

    /// Hands over a span. Returns an empty record for another span if there is one and the caller wants it. `is_urgent`
    /// ends the worker's batch delay.
    ///
    /// In a forked process nobody empties the queue, and the lock may be held forever. Since checking for a fork is a
    /// system call, `is_same_process` is only called before a wait, before another system call, and once every
    /// [`FORK_CHECK_INTERVAL`] waiting spans.
    pub(crate) fn push(
        &self,
        queued: QueuedSpan,
        is_urgent: bool,
        wants_record: bool,
        is_same_process: impl Fn() -> bool,
    ) -> Result<Option<Record>, PushError> {
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if is_same_process() => self.lock(),
            Err(TryLockError::WouldBlock) => return Err(PushError::Forked(queued)),
        };
        if state.status == QueueStatus::Closed {
            return Err(PushError::Closed);
        }
        let waiting = state.messages.len() + 1;
        let wake = match state.worker {
            WorkerState::Busy => false,
            WorkerState::Batching => is_urgent || waiting >= BATCH_SPANS,
            WorkerState::Idle => true,
        };
        if (wake || waiting.is_multiple_of(FORK_CHECK_INTERVAL)) && !is_same_process() {
            return Err(PushError::Forked(queued));
        }
        state.messages.push_back(Message::Span(queued));
        let spare = if wants_record {
            state.pool.take()
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
        if state.status == QueueStatus::Closed {
            return state.last_flush;
        }
        self.add_flush(state)
    }

    /// Flushes, and refuses all further spans.
    pub(crate) fn close(&self) -> FlushId {
        let mut state = self.lock();
        if state.status == QueueStatus::Closed {
            return state.last_flush;
        }
        state.status = QueueStatus::Closed;
        self.add_flush(state)
    }

    /// Returns whether the queue refuses all further spans.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().status == QueueStatus::Closed
    }

    /// Removes and returns at most `max_records` empty records.
    pub(crate) fn take_records(&self, max_records: usize) -> Vec<Record> {
        // If the lock is held (after a fork perhaps forever), allocating a record is better than waiting.
        let Ok(mut state) = self.state.try_lock() else {
            return Vec::new();
        };
        (0..max_records).map_while(|_| state.pool.take()).collect()
    }

    /// Accepts empty records for reuse, as far as there is room for them.
    pub(crate) fn recycle(&self, mut spent: Vec<Record>) {
        self.lock().pool.add(&mut spent);
        // The remaining records are freed here, after the lock was released.
    }

    /// Moves messages to `batch`, which must be empty: all of them, or about `max_bytes` bytes.
    ///
    /// Waits until there are some, but not beyond `due`. If the worker `was_busy`, lets them accumulate for a moment.
    pub(crate) fn take(
        &self,
        batch: &mut VecDeque<Message>,
        max_bytes: usize,
        was_busy: bool,
        due: Option<Instant>,
    ) -> QueueStatus {
        let mut state = self.wait_for_messages(was_busy, due);
        state.move_to(batch, max_bytes)
    }

    /// Waits until there are messages for the worker, until `due`, or until somebody else wakes the worker.
    fn wait_for_messages(&self, was_busy: bool, due: Option<Instant>) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let batch_end = was_busy.then(|| Instant::now() + BATCH_DELAY);
        let until = match (batch_end, due) {
            (Some(batch_end), Some(due)) => Some(batch_end.min(due)),
            (batch_end, due) => batch_end.or(due),
        };
        let min_spans = if was_busy { BATCH_SPANS } else { 1 };
        while !state.is_ready(min_spans) {
            let remaining = until.map(|until| until.saturating_duration_since(Instant::now()));
            if remaining.is_some_and(|remaining| remaining.is_zero()) {
                break;
            }
            state.worker = if was_busy {
                WorkerState::Batching
            } else {
                WorkerState::Idle
            };
            state = self.wait(state, remaining);
            // Whoever wakes the worker also marks it busy. The delay is over then.
            if mem::replace(&mut state.worker, WorkerState::Busy) == WorkerState::Busy {
                break;
            }
        }
        state
    }

    /// Whether traces have been dropped from the queue since the last call.
    pub(crate) fn take_dropped_flag(&self) -> bool {
        mem::take(&mut self.lock().has_dropped_traces)
    }

    /// Drops the oldest traces until the budget is met again. Returns the number of dropped spans.
    pub(crate) fn drop_oldest_traces(
        &self,
        budget: &Budget,
        mark_dropped: impl Fn(&Trace),
    ) -> Dropped {
        let mut state = self.lock();
        // Check under the lock: if several threads find the budget exceeded, the first one makes room.
        let excess = budget.excess();
        if excess == 0 {
            return Dropped::default();
        }
        // The spans of concurrent traces alternate in the queue. Count every trace as a whole, so that few have to be
        // dropped.
        let mut bytes = HashMap::<TraceId, usize>::default();
        for queued in state.messages.iter().filter_map(Message::span) {
            *bytes.entry(queued.trace_id).or_default() += queued.bytes;
        }
        let (mut freed, mut dropped) = (0, Dropped::default());
        let mut oldest = HashSet::<TraceId>::default();
        // In place, because memory is too short for a second queue.
        state.messages.retain(|message| {
            let Some(queued) = message.span() else {
                return true;
            };
            let trace_id = queued.trace_id;
            if freed < excess && oldest.insert(trace_id) {
                freed += bytes[&trace_id];
            }
            let is_dropped = oldest.contains(&trace_id);
            if is_dropped {
                mark_dropped(queued.segment.trace());
                dropped.spans += 1;
                dropped.local_roots += u64::from(queued.is_local_root());
            }
            !is_dropped
        });
        state.has_dropped_traces |= dropped.spans > 0;
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
        let wake = wake && state.worker != WorkerState::Busy;
        if wake {
            state.worker = WorkerState::Busy;
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
    fn span(&self) -> Option<&QueuedSpan> {
        match self {
            Self::Span(queued) => Some(queued),
            Self::Flush(_) => None,
        }
    }

    /// The memory reserved for it in the budget.
    fn bytes(&self) -> usize {
        self.span().map_or(0, |queued| queued.bytes)
    }

    fn is_flush(&self) -> bool {
        matches!(self, Self::Flush(_))
    }
}

#[cfg(test)]
mod tests;
