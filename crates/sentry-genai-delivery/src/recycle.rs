//! Reuses the records of spans that have been sent.
//!
//! The worker and the senders empty the records and leave them in the queue. A thread that hands over a span receives
//! one in return, and fills it with its next span. So a program in steady state allocates no records, and no lock is
//! needed apart from the queue's.

use std::{
    cell::RefCell,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sentry_genai_conventions::{Attributes, SentrySpan, SourceSpan, Timestamp};

use crate::{
    ids::{new_span_id, new_trace_id},
    queue::Queue,
    unread::SpentBox,
    wire::MAX_ENVELOPE_SPANS,
};

/// How many records a thread keeps: about as many as it has open spans.
const MAX_CACHED: usize = 8;

/// How many records a thread without any takes from the queue at once.
const REFILL: usize = 4;

/// How many boxes a thread without any takes at once.
const BOX_REFILL: usize = 16;

/// How many attributes the translation adds to most spans at most: a total, a conversation, an agent, system
/// instructions.
const ADDED: usize = 4;

/// The largest size of a store that is kept for reuse, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// A boxed span, so that moving it moves only its address.
pub(crate) type Record = Box<SourceSpan>;

thread_local! {
    static THREAD_CACHE: RefCell<ThreadCache> = const {
        RefCell::new(ThreadCache { records: Vec::new(), boxes: Vec::new() })
    };
}

struct ThreadCache {
    records: Vec<Record>,
    boxes: Vec<SpentBox>,
}

/// Returns an empty record with room for about `fields` attributes. Its ids and times are arbitrary.
pub(crate) fn record(fields: usize, queue: &Queue) -> Record {
    take_cached(queue).unwrap_or_else(|| {
        let mut record = shell();
        // Most texts are short, and a long one makes room for itself.
        record.attributes = Attributes::with_capacity(fields + ADDED, 32 * fields);
        record
    })
}

fn shell() -> Record {
    let start = Timestamp::default();
    Box::new(SourceSpan::new(new_trace_id(), new_span_id(), "", start))
}

/// Takes back a record that was not needed.
pub(crate) fn give_back(mut record: Record) {
    if empty(&mut record.attributes).is_some() && has_room() {
        keep(record);
    }
}

/// Returns whether this thread would keep another record.
#[inline]
pub(crate) fn has_room() -> bool {
    with_cache(|cache| cache.records.len() < MAX_CACHED).unwrap_or(false)
}

/// Keeps a record for this thread's next span.
#[inline]
pub(crate) fn keep(record: Record) {
    with_cache(|cache| cache.records.push(record));
}

fn take_cached(queue: &Queue) -> Option<Record> {
    let cached = with_cache(|cache| cache.records.pop()).flatten();
    cached.or_else(|| {
        let mut taken = queue.take_records(REFILL);
        let record = taken.pop();
        with_cache(|cache| cache.records.append(&mut taken));
        record
    })
}

/// Returns `None` on a thread that is being torn down, which starts no more spans.
#[inline]
fn with_cache<T>(use_it: impl FnOnce(&mut ThreadCache) -> T) -> Option<T> {
    let used = THREAD_CACHE.try_with(|cache| use_it(&mut cache.borrow_mut()));
    used.ok()
}

/// Empty records that wait for a thread to take them.
#[derive(Debug)]
pub(crate) struct RecordPool {
    /// Each with its size in bytes.
    records: Vec<(Record, usize)>,
    bytes: usize,
    max_bytes: usize,
}

impl RecordPool {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            records: Vec::new(),
            bytes: 0,
            max_bytes,
        }
    }

    /// Accepts as many records as there is room for, and leaves the others.
    pub(crate) fn add(&mut self, spent: &mut Vec<Record>) {
        while let Some(record) = spent.pop() {
            let bytes = record.footprint();
            if self.bytes + bytes > self.max_bytes {
                spent.push(record);
                break;
            }
            self.bytes += bytes;
            self.records.push((record, bytes));
        }
    }

    pub(crate) fn take(&mut self) -> Option<Record> {
        let (record, bytes) = self.records.pop()?;
        self.bytes -= bytes;
        Some(record)
    }
}

/// What is left of spans after translating and encoding. The worker has the records, the senders have the attribute
/// stores and the vectors.
#[derive(Debug, Default)]
pub(crate) struct RecycledParts(Mutex<Parts>);

#[derive(Debug, Default)]
struct Parts {
    /// Records whose attributes are in the translated span.
    shells: Vec<Record>,
    /// Empty vectors for the spans of buckets.
    vectors: Vec<Vec<SentrySpan>>,
}

/// How many shells wait for a store. They are not accounted for, as the memory of their spans has been released by
/// then.
const MAX_SHELLS: usize = 1024;

/// Keeps the record of a translated span, which is empty now.
pub(crate) fn keep_shell(shells: &mut Vec<Record>, shell: Record) {
    if shells.len() < MAX_SHELLS {
        shells.push(shell);
    }
}

/// The total capacity of the vectors kept for the worker, and of those kept for buckets: as many spans as one envelope
/// takes.
pub(crate) const MAX_SPARE_SPANS: usize = MAX_ENVELOPE_SPANS.next_power_of_two();

impl RecycledParts {
    /// Accepts the records of translated spans.
    pub(crate) fn add_shells(&self, shells: &mut Vec<Record>) {
        let mut parts = self.lock();
        let room = MAX_SHELLS.saturating_sub(parts.shells.len());
        let kept = shells.len().min(room);
        parts.shells.extend(shells.drain(..kept));
        drop(parts);
        shells.clear();
    }

    /// Combines shells with the attribute stores of encoded spans. Returns the resulting empty records.
    pub(crate) fn refill(&self, mut spans: Vec<SentrySpan>) -> Vec<Record> {
        let mut parts = self.lock();
        let others = parts.shells.len().saturating_sub(spans.len());
        let mut records = parts.shells.split_off(others);
        drop(parts);
        let stores = spans.iter_mut().map(|span| &mut span.attributes);
        let mut filled = 0;
        for (record, store) in records.iter_mut().zip(stores.filter_map(empty)) {
            mem::swap(&mut record.attributes, store);
            filled += 1;
        }
        let mut unfilled = records.split_off(filled);
        spans.clear();
        let mut parts = self.lock();
        parts.shells.append(&mut unfilled);
        let waiting: usize = parts.vectors.iter().map(Vec::capacity).sum();
        if waiting + spans.capacity() <= MAX_SPARE_SPANS {
            parts.vectors.push(spans);
        }
        records
    }

    /// Passes on the vectors that have been collected.
    pub(crate) fn drain_vectors(&self, keep: impl FnMut(Vec<SentrySpan>)) {
        self.lock().vectors.drain(..).for_each(keep);
    }

    fn lock(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The boxes of spans that have been read, which wait for a thread to take them.
#[derive(Debug)]
pub(crate) struct SpentBoxes {
    boxes: Mutex<Vec<SpentBox>>,
    max_bytes: usize,
}

impl SpentBoxes {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            boxes: Mutex::default(),
            max_bytes,
        }
    }

    /// Accepts as many boxes as there is room for, and frees the others.
    pub(crate) fn add(&self, spent: &mut Vec<SpentBox>) {
        let Some(bytes) = spent.first().map(|first| size_of_val(&**first)) else {
            return;
        };
        // Nearly always they are all of one type.
        let max_boxes = self.max_bytes / bytes.max(1);
        let mut boxes = self.boxes.lock().unwrap_or_else(PoisonError::into_inner);
        let room = max_boxes.saturating_sub(boxes.len());
        let kept = spent.len().min(room);
        boxes.extend(spent.drain(..kept));
        drop(boxes);
        spent.clear();
    }

    /// Moves some boxes to `taken`.
    fn take(&self, taken: &mut Vec<SpentBox>) {
        // If the lock is held (after a fork perhaps forever), allocating a box is better than waiting.
        if let Ok(mut boxes) = self.boxes.try_lock() {
            let rest = boxes.len().saturating_sub(BOX_REFILL);
            taken.extend(boxes.drain(rest..));
        }
    }
}

/// Returns the box of a span that has been read.
pub(crate) fn spent_box(spent_boxes: &SpentBoxes) -> Option<SpentBox> {
    with_cache(|cache| {
        if cache.boxes.is_empty() {
            spent_boxes.take(&mut cache.boxes);
        }
        cache.boxes.pop()
    })
    .flatten()
}

/// The records that the worker reads spans into.
#[derive(Debug, Default)]
pub(crate) struct BlankRecords(Vec<Record>);

/// How many of them the worker takes from the queue at once.
const BLANKS_PER_REFILL: usize = 64;

impl BlankRecords {
    pub(crate) fn next(&mut self, queue: &Queue) -> Record {
        if self.0.is_empty() {
            self.0 = queue.take_records(BLANKS_PER_REFILL);
        }
        self.0.pop().unwrap_or_else(shell)
    }
}

/// Empties the store of an encoded span. Returns `None` if the store is not worth keeping.
fn empty(attributes: &mut Attributes) -> Option<&mut Attributes> {
    attributes.clear();
    let bytes = attributes.footprint();
    (bytes > 0 && bytes <= MAX_BYTES).then_some(attributes)
}

#[cfg(test)]
mod tests {
    use sentry_genai_conventions::{PlanningTranslator, TranslateOptions, Translator};

    use super::*;
    use crate::testing;

    #[test]
    fn spent_boxes_are_bounded_and_come_back() {
        let spent_boxes = SpentBoxes::new(3 * size_of::<u64>());
        let mut spent: Vec<SpentBox> = (0..5_u64).map(|it| Box::new(it) as SpentBox).collect();
        spent_boxes.add(&mut spent);
        assert!(spent.is_empty());
        let mut count = 0;
        while let Some(spent) = spent_box(&spent_boxes) {
            assert!(spent.is::<u64>());
            count += 1;
        }
        assert_eq!(count, 3);
    }

    #[test]
    fn records_are_emptied_for_reuse() {
        let segment = testing::segment();
        let mut translator = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
        let mut shells = Vec::new();
        // The first two spans of a shape are translated step by step, the third by a plan.
        let mut spans: Vec<_> = std::iter::repeat_with(|| {
            let mut span = testing::source(&segment, new_span_id());
            span.scope = "shop".into();
            span.attributes.push("gen_ai.request.model", "gpt-5-mini");
            span.inherited.agent_name = Some("Support Bot".into());
            let mut record = Box::new(span);
            let translated = translator.translate(&mut record);
            assert!(!translated.attributes.is_empty());
            shells.push(record);
            translated
        })
        .take(3)
        .collect();

        spans.push(testing::span(&segment, new_span_id()));
        shells.push(shell());
        let recycled_parts = RecycledParts::default();
        recycled_parts.add_shells(&mut shells);
        assert!(shells.is_empty());

        let mut records = recycled_parts.refill(spans);
        assert_eq!(records.len(), 3, "there were three stores worth keeping");
        let mut vectors = Vec::new();
        recycled_parts.drain_vectors(|vector| vectors.push(vector));
        assert!(matches!(&vectors[..], [vector] if vector.is_empty() && vector.capacity() >= 4));
        assert_eq!(recycled_parts.lock().shells.len(), 1, "one had no store");
        for record in &records {
            assert!(record.attributes.is_empty() && record.attributes.footprint() > 0);
            assert!(record.scope.is_empty() && record.inherited.agent_name.is_none());
            assert!(record.parent_span_id.is_none() && record.links.is_empty());
        }
        let record = records.swap_remove(0);

        let mut pool = RecordPool::new(record.footprint());
        let mut spent = vec![record.clone(), record];
        pool.add(&mut spent);
        assert_eq!(spent.len(), 1, "there is room for one");
        assert!(pool.take().is_some() && pool.take().is_none());
        assert_eq!(pool.bytes, 0);
    }
}
