//! The thread that translates spans and gathers them by trace.

use std::{
    collections::VecDeque,
    mem,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use sentry_genai_conventions::{PlanningTranslator, SentrySpan, TraceId, Translator};

use crate::{
    accounting::LossReason,
    buckets::{Bucket, Buckets, Purpose},
    config::TraceLifecycle,
    delivery::{BeforeSendSpan, Delivery},
    legacy,
    model_calls::ModelCalls,
    outbox::Job,
    pack,
    queue::{Dropped, Message, QueueStatus, QueuedSpan},
    recycle::{self, BlankRecords, Record},
    segment::Segment,
    sender,
    shared::Shared,
    trace::Trace,
    unread::{Ended, SpentBox},
};

/// The capacity for messages that is kept after a burst.
const KEPT_CAPACITY: usize = 1024;

/// About how many bytes of spans are encoded at once. Encoding needs as much memory again, and parts can be shared
/// among senders.
const PART_BYTES: usize = 1024 * 1024;

/// What a segment takes beside the contents of its spans, which is more than these if it is small. Its trace, bucket and job are
/// mostly its own. Vectors have room for four spans.
const SEGMENT_BYTES: usize = size_of::<Segment>()
    + size_of::<Trace>()
    + size_of::<Bucket>()
    + size_of::<Job>()
    + 2 * size_of::<SentrySpan>();

pub(crate) struct Worker {
    shared: Arc<Shared>,
    translator: PlanningTranslator,
    before_send_span: Option<BeforeSendSpan>,
    /// Sends copies to Spotlight.
    mirror: Option<Delivery>,
    buckets: Buckets,
    /// Spans of unsampled traces that may still be kept.
    held: Buckets,
    /// Spans of unsampled traces, to be measured and then dropped.
    unsampled: Buckets,
    calls: Option<ModelCalls>,
    batch: VecDeque<Message>,
    /// The records of translated spans, until the next bucket is dispatched.
    shells: Vec<Record>,
    blanks: BlankRecords,
    /// The boxes of spans that were read in this run.
    spent_boxes: Vec<SpentBox>,
    /// The span between its translation and its bucket. With a place of its own it is moved only once.
    translated: Vec<SentrySpan>,
    was_busy: bool,
}

impl Worker {
    pub(crate) fn new(
        shared: Arc<Shared>,
        translator: Translator,
        before_send_span: Option<BeforeSendSpan>,
        mirror: Option<Delivery>,
    ) -> Self {
        Self {
            buckets: sending_buckets(&shared),
            calls: shared.config.settings.meter.clone().map(ModelCalls::new),
            shared,
            translator: PlanningTranslator::new(translator),
            before_send_span,
            mirror,
            held: Buckets::new(Purpose::Holding),
            unsampled: Buckets::new(Purpose::Sending),
            batch: VecDeque::new(),
            shells: Vec::new(),
            blanks: BlankRecords::default(),
            spent_boxes: Vec::new(),
            translated: Vec::with_capacity(1),
            was_busy: false,
        }
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.run_once())) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break,
                Err(_) => self.discard_buckets(),
            }
        }
    }

    fn run_once(&mut self) -> ControlFlow<()> {
        let status = self.take_batch();
        self.drop_marked_buckets();
        let recycled_parts = &self.shared.recycled_parts;
        recycled_parts.drain_vectors(|vector| self.buckets.recycle(vector));
        let now = Instant::now();
        while let Some(message) = self.batch.pop_front() {
            match message {
                Message::Span(queued) => self.process_span(now, queued),
                Message::Flush(flush) => {
                    let is_last = status == QueueStatus::Closed && self.batch.is_empty();
                    self.flush(is_last);
                    self.shared.outbox.put_flush(flush);
                }
            }
            self.enforce_budget();
        }
        self.batch.shrink_to(KEPT_CAPACITY);
        self.shared.spent_boxes.add(&mut self.spent_boxes);
        self.spent_boxes.shrink_to(KEPT_CAPACITY);
        self.dispatch_due();
        match status {
            QueueStatus::Open => ControlFlow::Continue(()),
            QueueStatus::Closed => ControlFlow::Break(()),
        }
    }

    /// Waits for messages, or until a bucket is due.
    fn take_batch(&mut self) -> QueueStatus {
        let due = [&mut self.buckets, &mut self.held, &mut self.unsampled];
        let due = due.into_iter().filter_map(Buckets::next_due).min();
        let status = if self.batch.is_empty() {
            let queue = &self.shared.queue;
            let max_bytes = self.shared.budget.max_batch_bytes();
            queue.take(&mut self.batch, max_bytes, self.was_busy, due)
        } else {
            // Messages left by a run that panicked come first.
            QueueStatus::Open
        };
        self.was_busy = !self.batch.is_empty();
        status
    }

    /// Sends what can be sent. Unless this flush `is_last`, held traces may still be decided.
    fn flush(&mut self, is_last: bool) {
        while let Some(bucket) = (self.buckets.pop_oldest()).or_else(|| self.unsampled.pop_oldest())
        {
            self.dispatch(bucket);
        }
        for bucket in self.held.remove_all_kept() {
            self.dispatch(bucket);
        }
        while is_last && let Some(bucket) = self.held.pop_oldest() {
            self.dispatch(bucket);
        }
    }

    fn dispatch_due(&mut self) {
        let now = Instant::now();
        while let Some(bucket) = self.buckets.pop_due(now) {
            self.dispatch(bucket);
            self.enforce_budget();
        }
        while let Some(bucket) = (self.held.pop_due(now)).or_else(|| self.unsampled.pop_due(now)) {
            self.dispatch(bucket);
        }
    }

    fn process_span(&mut self, now: Instant, queued: QueuedSpan) {
        let ends_segment = queued.is_local_root();
        let QueuedSpan {
            span: ended,
            trace_id,
            segment,
            bytes,
        } = queued;
        self.shared.budget.release_queued(bytes);
        if segment.trace().is_dropped() {
            return self.drop_queued(trace_id, ends_segment);
        }
        let result = catch_unwind(AssertUnwindSafe(|| self.read(ended, &segment)));
        match (result, self.translated.last()) {
            (Ok(Ok(())), Some(span)) => {
                if ends_segment && *segment.name() != *span.name {
                    segment.set_name(&*span.name);
                }
                if span.ai.is_some() {
                    segment.trace().note_ai_span();
                }
                let mut bytes = span.footprint();
                if ends_segment {
                    bytes += SEGMENT_BYTES;
                }
                self.shared.budget.reserve(bytes);
                self.add_to_bucket(now, bytes, &segment);
            }
            (Ok(Err(reason)), _) => self.count_lost(reason, 1),
            _ => self.count_lost(LossReason::InternalSdkError, 1),
        }
        self.translated.clear();
        if let Some(kept) = self.held.remove_kept(trace_id) {
            for bucket in self.buckets.add_kept(now, kept) {
                self.dispatch(bucket);
            }
        }
        self.settle_segment(now, &segment, ends_segment);
    }

    /// Sends the bucket of a segment once no more spans can come, or lets it wait for those that may.
    fn settle_segment(&mut self, now: Instant, segment: &Arc<Segment>, ends_segment: bool) {
        let trace_id = segment.trace().trace_id();
        let is_late = segment.has_ended();
        if ends_segment {
            segment.end();
        }
        if (ends_segment || is_late)
            && let Some(complete) = self.buckets.remove_complete(segment)
        {
            self.dispatch(complete);
        }
        // If segments are sent as a whole, a late span has nothing to wait for. Otherwise it waits for further spans of
        // its trace.
        let sends_whole_segments = self.shared.config.settings.lifecycle != TraceLifecycle::Stream;
        if ends_segment || is_late && sends_whole_segments {
            self.buckets.end_segment(now, trace_id);
            self.held.end_segment(now, trace_id);
            self.unsampled.end_segment(now, trace_id);
        }
    }

    /// Translates a span, and puts it into `translated` unless the hook drops it.
    #[inline]
    fn read(&mut self, ended: Ended, segment: &Arc<Segment>) -> Result<(), LossReason> {
        match ended {
            Ended::Read(source) => self.translate(source, segment),
            Ended::Unread(unread) => {
                let mut blank = || self.blanks.next(&self.shared.queue);
                let (source, spent) = unread.read(&mut blank);
                self.spent_boxes.extend(spent);
                self.translate(source, segment);
            }
            Ended::Translated(span) => {
                if let Some(mirror) = self.mirror_of(segment) {
                    mirror.send_translated((*span).clone(), segment);
                }
                self.translated.push(*span);
            }
        }
        if self.shared.config.settings.legacy_attributes
            && let Some(span) = self.translated.last_mut()
            && span.ai.is_some()
        {
            let limits = &self.shared.config.settings.content_limits;
            legacy::add(&mut span.attributes, limits);
        }
        if let Some(hook) = &self.before_send_span
            && let Some(span) = self.translated.pop()
        {
            // A hook that panics may have been about to remove something, so its span is dropped.
            let kept = catch_unwind(AssertUnwindSafe(|| hook(span)));
            let kept = kept.map_err(|_| LossReason::CallbackError)?;
            let mut span = kept.ok_or(LossReason::BeforeSend)?;
            // A hook may append a key that exists already. The translation has resolved all others.
            span.attributes.settle();
            self.translated.push(span);
        }
        Ok(())
    }

    /// Counts a span of a trace that has been dropped, and drops what is left of that trace.
    #[cold]
    fn drop_queued(&mut self, trace_id: TraceId, ends_segment: bool) {
        self.shared.count_lost_queued(Dropped {
            spans: 1,
            local_roots: ends_segment.into(),
        });
        let gathered = [&mut self.buckets, &mut self.held].map(|it| it.remove(trace_id));
        for bucket in gathered.into_iter().flatten() {
            self.drop_bucket(bucket);
        }
    }

    #[inline]
    fn translate(&mut self, mut source: Record, segment: &Arc<Segment>) {
        if let Some(mirror) = self.mirror_of(segment) {
            mirror.send((*source).clone(), segment);
        }
        self.translated.push(self.translator.translate(&mut source));
        recycle::keep_shell(&mut self.shells, source);
    }

    /// Returns the delivery for copies of a segment's spans, if there is one.
    fn mirror_of(&self, segment: &Segment) -> Option<&Delivery> {
        let mirror = self.mirror.as_ref();
        mirror.filter(|_| segment.trace().may_be_sent())
    }

    /// Moves the span in `translated` to the bucket of its trace.
    fn add_to_bucket(&mut self, now: Instant, bytes: usize, segment: &Arc<Segment>) {
        let buckets = if segment.trace().is_held() {
            &mut self.held
        } else if segment.trace().sampled() {
            &mut self.buckets
        } else {
            &mut self.unsampled
        };
        if let Some(full) = buckets.add(now, &mut self.translated, bytes, segment) {
            self.dispatch(full);
        }
    }

    /// Drops the gathered parts of traces that have been dropped in the queue.
    fn drop_marked_buckets(&mut self) {
        if !self.shared.queue.take_dropped_flag() {
            return;
        }
        let dropped = [&mut self.held, &mut self.buckets].map(Buckets::remove_dropped);
        for bucket in dropped.into_iter().flatten() {
            self.drop_bucket(bucket);
        }
    }

    /// Drops a bucket for lack of memory. Its model calls are measured nevertheless.
    fn drop_bucket(&mut self, mut bucket: Bucket) {
        let spans = bucket.spans.len() as u64;
        if self.calls.is_some() {
            let _ = catch_unwind(AssertUnwindSafe(|| self.reconcile(&mut bucket)));
        }
        self.count_lost_bucket(&bucket, spans, LossReason::QueueOverflow);
    }

    /// Counts the spans of a bucket as lost. It had `spans` spans when it arrived.
    fn count_lost_bucket(&self, bucket: &Bucket, spans: u64, reason: LossReason) {
        self.shared.budget.release(bucket.bytes);
        self.count_lost(reason, spans);
        self.shared
            .count_lost_transactions(reason, bucket.transactions());
    }

    /// Resolves the relations between the spans of a bucket, and measures the model calls among them.
    fn reconcile(&mut self, bucket: &mut Bucket) {
        self.translator.reconcile(&mut bucket.spans);
        bucket.drop_duplicates();
        if let Some(calls) = &mut self.calls {
            calls.measure(&bucket.spans);
        }
    }

    /// Passes the spans of a bucket on to the senders if their trace is sampled.
    fn dispatch(&mut self, mut bucket: Bucket) {
        if bucket.traces().any(Trace::is_dropped) {
            return self.drop_bucket(bucket);
        }
        // A program that takes part in a trace several times may have made different decisions about it.
        if let Some(unsampled) = bucket.extract(|segment| !segment.trace().sampled()) {
            self.dispatch(unsampled);
        }
        let expected = bucket.spans.len() as u64;
        let is_sampled = bucket.segment().trace().sampled();
        let related = catch_unwind(AssertUnwindSafe(|| {
            if is_sampled || self.calls.is_some() {
                self.reconcile(&mut bucket);
            }
        }));
        let lost = match related {
            Ok(()) if is_sampled => None,
            Ok(()) => Some(LossReason::SampleRate),
            Err(_) => Some(LossReason::InternalSdkError),
        };
        if let Some(reason) = lost {
            return self.count_lost_bucket(&bucket, expected, reason);
        }
        // Duplicates, and any spans that resolving the relations has removed.
        let removed = expected.saturating_sub(bucket.spans.len() as u64);
        self.count_lost(LossReason::InternalSdkError, removed);
        self.shared.recycled_parts.add_shells(&mut self.shells);
        // A transaction must stay whole.
        if self.shared.config.settings.lifecycle == TraceLifecycle::Stream {
            while let Some(part) = bucket.split_off(PART_BYTES) {
                self.put_in_outbox(part);
            }
        }
        self.put_in_outbox(bucket);
    }

    fn put_in_outbox(&self, bucket: Bucket) {
        let category = pack::category(self.shared.config.settings.lifecycle);
        if let Err(size) = self.shared.outbox.put(Job::new(bucket, category)) {
            self.shared.budget.release(size.bytes);
            self.count_lost(LossReason::NetworkError, size.spans);
        }
        sender::scale_up(&self.shared);
    }

    /// Drops the traces that have waited longest, at whatever stage, until there is room.
    fn enforce_budget(&mut self) {
        let max_held = self.shared.config.settings.max_buffer_bytes / 2;
        while self.held.bytes() > max_held
            && let Some(bucket) = self.held.pop_oldest()
        {
            self.dispatch(bucket);
        }
        if !self.is_short_of_memory() {
            return;
        }
        // Held traces go first: they would not be sent anyway, unless they are kept.
        while self.is_short_of_memory()
            && let Some(bucket) = (self.held.pop_oldest()).or_else(|| self.unsampled.pop_oldest())
        {
            self.dispatch(bucket);
        }
        if self.is_short_of_memory() {
            self.drop_marked_buckets();
        }
        while self.is_short_of_memory() && self.drop_oldest_trace() {}
    }

    fn is_short_of_memory(&self) -> bool {
        self.shared.budget.is_over_worker_share()
    }

    /// Drops the trace that has waited longest to be sent. Returns whether there was one.
    fn drop_oldest_trace(&mut self) -> bool {
        let jobs = self.shared.outbox.drop_oldest_trace();
        let bucket = match jobs.first() {
            Some(job) => self.buckets.remove(job.meta.trace_id()),
            None => self.buckets.pop_oldest(),
        };
        let has_dropped = !jobs.is_empty() || bucket.is_some();
        for Job { meta, .. } in jobs {
            self.shared.mark_dropped(&meta.trace);
            self.shared.budget.release(meta.size.bytes);
            self.shared.count_lost_job(&meta, LossReason::QueueOverflow);
        }
        if let Some(bucket) = bucket {
            bucket
                .traces()
                .for_each(|trace| self.shared.mark_dropped(trace));
            self.drop_bucket(bucket);
        }
        has_dropped
    }

    /// Counts the contents of the buckets as lost, after a panic has left them in an unknown state.
    fn discard_buckets(&mut self) {
        const REASON: LossReason = LossReason::InternalSdkError;

        let discarded = [
            mem::replace(&mut self.buckets, sending_buckets(&self.shared)),
            mem::replace(&mut self.held, Buckets::new(Purpose::Holding)),
            mem::replace(&mut self.unsampled, Buckets::new(Purpose::Sending)),
        ];
        for mut buckets in discarded {
            while let Some(bucket) = buckets.pop_oldest() {
                self.count_lost_bucket(&bucket, bucket.spans.len() as u64, REASON);
            }
        }
        self.count_lost(REASON, self.translated.len() as u64);
        self.translated.clear();
    }

    fn count_lost(&self, reason: LossReason, spans: u64) {
        self.shared.accounting.count_lost(reason, spans);
    }
}

fn sending_buckets(shared: &Shared) -> Buckets {
    Buckets::new(match shared.config.settings.lifecycle {
        TraceLifecycle::Stream => Purpose::Sending,
        TraceLifecycle::Transaction | TraceLifecycle::Classic => Purpose::WholeSegments,
    })
}

/// Lets the sender end too, whatever ended this thread.
impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.outbox.close();
    }
}

#[cfg(test)]
mod tests;
