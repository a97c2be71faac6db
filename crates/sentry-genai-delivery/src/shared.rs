//! The state shared by the application's threads and the delivery's own.

use std::{process, sync::Arc, time::Duration};

use crate::{
    accounting::{Accounting, LossReason},
    budget::{Budget, Level},
    buffers::BufferPool,
    config::{Config, TraceLifecycle},
    http::HttpTransport,
    outbox::{JobMeta, Outbox},
    progress::{FlushId, Progress},
    queue::{Dropped, PushError, Queue, QueuedSpan},
    recycle::{self, RecycledParts, SpentBoxes},
    segment::Segment,
    thread::on_delivery_thread,
    trace::Trace,
    unread::Ended,
};

/// How much memory of spent spans is kept for reuse.
const MAX_SPARE_BYTES: usize = 4 * 1024 * 1024;

/// How much memory of spent envelopes is kept for reuse.
const MAX_BUFFER_BYTES: usize = 512 * 1024;

/// How much memory of boxes is kept for reuse: about as much as the spans need that arrive at once.
const MAX_BOX_BYTES: usize = 256 * 1024;

/// Everything a delivery holds, accessible from all threads.
pub(crate) struct Shared {
    /// The process whose threads work on it.
    process: u32,
    pub(crate) config: Arc<Config>,
    pub(crate) accounting: Accounting,
    pub(crate) budget: Budget,
    pub(crate) queue: Queue,
    pub(crate) recycled_parts: RecycledParts,
    pub(crate) spent_boxes: SpentBoxes,
    pub(crate) buffers: BufferPool,
    pub(crate) outbox: Outbox,
    pub(crate) progress: Progress,
    pub(crate) transport: HttpTransport,
    #[cfg(feature = "tracing")]
    pub(crate) loss_events: crate::loss_events::LossEvents,
}

impl Shared {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        let settings = &config.settings;
        let max_bytes = settings.max_buffer_bytes;
        Self {
            process: process::id(),
            accounting: Accounting::new(!config.sampling.is_disabled()),
            budget: Budget::new(max_bytes),
            // In addition to the buffer for waiting spans, and small compared with it.
            queue: Queue::new((max_bytes / 8).min(MAX_SPARE_BYTES)),
            recycled_parts: RecycledParts::default(),
            spent_boxes: SpentBoxes::new((max_bytes / 64).min(MAX_BOX_BYTES)),
            buffers: BufferPool::new((max_bytes / 64).min(MAX_BUFFER_BYTES)),
            outbox: Outbox::new(settings.retries, settings.max_connections),
            progress: Progress::new(),
            transport: HttpTransport::new(Arc::clone(&config)),
            #[cfg(feature = "tracing")]
            loss_events: crate::loss_events::LossEvents::default(),
            config,
        }
    }

    pub(crate) fn is_of_this_process(&self) -> bool {
        process::id() == self.process
    }

    /// Takes a span into the queue. Gives it back if this process was forked from the one that empties the queue.
    pub(crate) fn enqueue(
        &self,
        span: Ended,
        bytes: usize,
        segment: Arc<Segment>,
    ) -> Result<(), QueuedSpan> {
        self.accounting.count_produced(1);
        if segment.trace().is_dropped() {
            self.count_lost_queued(Dropped {
                spans: 1,
                local_roots: u64::from(span.span_id() == segment.local_root()),
            });
            return Ok(());
        }
        let level = self.budget.reserve_queued(bytes);
        // A thread whose spans are read elsewhere needs no records.
        let wants_record = matches!(span, Ended::Read(_)) && recycle::has_room();
        let queued = QueuedSpan {
            span,
            trace_id: segment.trace().trace_id(),
            segment,
            bytes,
        };
        let is_urgent = level != Level::Normal;
        let same_process = || self.is_of_this_process();
        match self
            .queue
            .push(queued, is_urgent, wants_record, same_process)
        {
            Ok(spare) => {
                if let Some(record) = spare {
                    recycle::keep(record);
                }
                if level == Level::Exceeded {
                    self.drop_oldest_queued();
                }
            }
            Err(PushError::Closed) => {
                self.budget.release_queued(bytes);
                self.accounting.count_lost(LossReason::InternalSdkError, 1);
            }
            Err(PushError::Forked(queued)) => return Err(queued),
        }
        Ok(())
    }

    pub(crate) fn wait(&self, flush: FlushId, timeout: Duration) -> bool {
        !on_delivery_thread() && self.progress.wait(flush, timeout)
    }

    /// Marks a trace as dropped because some of it was dropped for lack of memory. Its later spans are dropped too.
    pub(crate) fn mark_dropped(&self, trace: &Trace) {
        if !self.config.is_copy {
            trace.mark_dropped();
        }
    }

    /// Counts a new unsampled trace as a lost transaction. Its spans are counted as they end.
    pub(crate) fn count_start(&self, trace: &Trace) {
        if !trace.recorded() {
            self.count_lost_transactions(LossReason::SampleRate, 1);
        }
    }

    /// Counts spans that were never handed over.
    pub(crate) fn record_lost(&self, reason: LossReason, spans: u64) {
        self.accounting.count_produced(spans);
        self.accounting.count_lost(reason, spans);
    }

    /// Counts a job as lost.
    pub(crate) fn count_lost_job(&self, meta: &JobMeta, reason: LossReason) {
        self.accounting.count_lost(reason, meta.size.spans);
        self.count_lost_transactions(reason, meta.transactions());
    }

    /// Counts lost transactions in addition to their spans, if segments are sent as transactions.
    pub(crate) fn count_lost_transactions(&self, reason: LossReason, transactions: u64) {
        if self.config.settings.lifecycle != TraceLifecycle::Stream {
            self.accounting
                .count_lost_transactions(reason, transactions);
        }
    }

    /// Drops the oldest traces in the queue. The worker would choose better, but it is not keeping up.
    fn drop_oldest_queued(&self) {
        let mark_dropped = |trace: &Trace| self.mark_dropped(trace);
        let dropped = self.queue.drop_oldest_traces(&self.budget, mark_dropped);
        self.count_lost_queued(dropped);
    }

    /// Counts spans that were dropped before they reached a bucket. Every local root among them ends a transaction.
    pub(crate) fn count_lost_queued(&self, dropped: Dropped) {
        let reason = LossReason::QueueOverflow;
        self.accounting.count_lost(reason, dropped.spans);
        self.count_lost_transactions(reason, dropped.local_roots);
    }
}
