//! Records of spans that have been sent, for the spans to come.
//!
//! The worker and the lanes empty them and leave them with the queue. A thread that hands over a span takes one along, and fills it with
//! its next span. So a program in its stride allocates none, and there is no lock beside the queue's.

use std::{
    cell::RefCell,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sentry_genai_conventions::{Attributes, SentrySpan, SourceSpan, Timestamp};

use crate::{
    ids::{new_span_id, new_trace_id},
    queue::Queue,
    wire::MAX_ENVELOPE_SPANS,
};

/// How many records a thread has at hand: about as many as it has spans open.
const AT_HAND: usize = 8;

/// How many records a thread that has none left takes along at once.
const REFILL: usize = 4;

/// How many attributes the translation adds to most spans at most: a total, a conversation, an agent, system instructions.
const ADDED: usize = 4;

/// How large a store may have become and still be used again.
const MAX_BYTES: usize = 16 * 1024;

/// A span in memory of its own, so that it moves by its address.
pub(crate) type Record = Box<SourceSpan>;

thread_local! {
    static RECYCLED: RefCell<AtHand> = const {
        RefCell::new(AtHand { records: Vec::new(), shells: Vec::new() })
    };
}

struct AtHand {
    records: Vec<Record>,
    /// Records whose attributes went without them.
    shells: Vec<Record>,
}

/// Returns an empty record, whatever its ids and times, with room for `fields` attributes, or about that.
pub(crate) fn record(fields: usize, queue: &Queue) -> Record {
    at_hand(queue).unwrap_or_else(|| {
        let mut record = shell();
        record.attributes = new_store(fields);
        record
    })
}

fn shell() -> Record {
    let start = Timestamp::default();
    Box::new(SourceSpan::new(new_trace_id(), new_span_id(), "", start))
}

/// Returns an empty store with room for `fields` attributes, or about that.
pub(crate) fn attributes(fields: usize, queue: &Queue) -> Attributes {
    let Some(mut record) = at_hand(queue) else {
        return new_store(fields);
    };
    let attributes = mem::take(&mut record.attributes);
    with(|recycled| recycled.keep_shell(record));
    attributes
}

/// Moves a span to where it can travel from.
pub(crate) fn boxed(span: SourceSpan) -> Record {
    match with(|recycled| recycled.shells.pop()).flatten() {
        Some(mut shell) => {
            *shell = span;
            shell
        }
        None => Box::new(span),
    }
}

/// Takes back a record that was not needed.
pub(crate) fn give_back(mut record: Record) {
    if let Some(attributes) = empty(mem::take(&mut record.attributes)) {
        record.attributes = attributes;
        if has_room() {
            keep(record);
        }
    }
}

/// Returns whether this thread would keep one more record.
#[inline]
pub(crate) fn has_room() -> bool {
    with(|recycled| recycled.records.len() < AT_HAND).unwrap_or(false)
}

/// Keeps a record for this thread's next span.
#[inline]
pub(crate) fn keep(record: Record) {
    with(|recycled| recycled.records.push(record));
}

fn at_hand(queue: &Queue) -> Option<Record> {
    let at_hand = with(|recycled| recycled.records.pop()).flatten();
    at_hand.or_else(|| {
        let mut spares = queue.take_spares(REFILL);
        let record = spares.pop();
        with(|recycled| recycled.records.append(&mut spares));
        record
    })
}

fn new_store(fields: usize) -> Attributes {
    // Most texts are short, and one that is not makes room for itself.
    Attributes::with_capacity(fields + ADDED, 32 * fields)
}

/// `None` on a thread that is going away: it starts no more spans.
#[inline]
fn with<T>(use_it: impl FnOnce(&mut AtHand) -> T) -> Option<T> {
    let used = RECYCLED.try_with(|recycled| use_it(&mut recycled.borrow_mut()));
    used.ok()
}

impl AtHand {
    fn keep_shell(&mut self, shell: Record) {
        if self.shells.len() < AT_HAND {
            self.shells.push(shell);
        }
    }
}

/// Empty records that wait for a thread to take them along.
#[derive(Debug)]
pub(crate) struct Spares {
    /// With the bytes that each occupies.
    spares: Vec<(Record, usize)>,
    bytes: usize,
    max_bytes: usize,
}

impl Spares {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            spares: Vec::new(),
            bytes: 0,
            max_bytes,
        }
    }

    /// Takes in as many records as there is room for, and leaves the others.
    pub(crate) fn add(&mut self, spent: &mut Vec<Record>) {
        while let Some(record) = spent.pop() {
            let bytes = record.footprint();
            if self.bytes + bytes > self.max_bytes {
                spent.push(record);
                break;
            }
            self.bytes += bytes;
            self.spares.push((record, bytes));
        }
    }

    pub(crate) fn take(&mut self) -> Option<Record> {
        let (record, bytes) = self.spares.pop()?;
        self.bytes -= bytes;
        Some(record)
    }
}

/// What the spans that have been translated and encoded leave behind. The worker has the records, the lanes have the rest.
#[derive(Debug, Default)]
pub(crate) struct Leftovers(Mutex<Heap>);

#[derive(Debug, Default)]
struct Heap {
    /// Records whose attributes are with the translated span.
    shells: Vec<Record>,
    /// Room for the spans of buckets.
    rooms: Vec<Vec<SentrySpan>>,
}

/// How many shells wait for a store. A span's own memory is gone by then, and these are not accounted for.
const MAX_SHELLS: usize = 1024;

/// Keeps the record of a span that has been translated, and that is empty by now.
pub(crate) fn keep_shell(shells: &mut Vec<Record>, shell: Record) {
    if shells.len() < MAX_SHELLS {
        shells.push(shell);
    }
}

/// For how many spans there is room in what waits for the worker, or for a bucket: as many as one envelope takes.
pub(crate) const MAX_SPARE_SPANS: usize = MAX_ENVELOPE_SPANS.next_power_of_two();

impl Leftovers {
    /// Takes in the records of spans that have been translated.
    pub(crate) fn add_shells(&self, shells: &mut Vec<Record>) {
        let mut heap = self.lock();
        let room = MAX_SHELLS.saturating_sub(heap.shells.len());
        let kept = shells.len().min(room);
        heap.shells.extend(shells.drain(..kept));
        drop(heap);
        shells.clear();
    }

    /// Makes empty records of the stores of spans that have been encoded, as far as it is worth it.
    pub(crate) fn refill(&self, mut spans: Vec<SentrySpan>) -> Vec<Record> {
        let mut heap = self.lock();
        let others = heap.shells.len().saturating_sub(spans.len());
        let mut records = heap.shells.split_off(others);
        drop(heap);
        let stores = spans.iter_mut().map(|span| mem::take(&mut span.attributes));
        let mut filled = 0;
        for (record, store) in records.iter_mut().zip(stores.filter_map(empty)) {
            record.attributes = store;
            filled += 1;
        }
        let mut unfilled = records.split_off(filled);
        spans.clear();
        let mut heap = self.lock();
        heap.shells.append(&mut unfilled);
        let waiting: usize = heap.rooms.iter().map(Vec::capacity).sum();
        if waiting + spans.capacity() <= MAX_SPARE_SPANS {
            heap.rooms.push(spans);
        }
        records
    }

    /// Hands out the room for spans that has come together.
    pub(crate) fn drain_rooms(&self, keep: impl FnMut(Vec<SentrySpan>)) {
        self.lock().rooms.drain(..).for_each(keep);
    }

    fn lock(&self) -> MutexGuard<'_, Heap> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The records that the worker reads spans into.
#[derive(Debug, Default)]
pub(crate) struct Blanks(Vec<Record>);

/// How many of them the worker takes along at once.
const BLANKS: usize = 64;

impl Blanks {
    pub(crate) fn next(&mut self, queue: &Queue) -> Record {
        if self.0.is_empty() {
            self.0 = queue.take_spares(BLANKS);
        }
        self.0.pop().unwrap_or_else(shell)
    }
}

/// Empties the store of a span that has been encoded; `None` if it is not worth keeping.
fn empty(mut attributes: Attributes) -> Option<Attributes> {
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
    fn a_record_comes_back_empty() {
        let segment = testing::segment();
        let mut translator = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
        let mut shells = Vec::new();
        // The first two of a shape are translated step by step, the third by a plan.
        let mut spans: Vec<_> = std::iter::repeat_with(|| {
            let mut span = testing::source(&segment, new_span_id());
            span.scope = "shop".into();
            span.attributes.push("gen_ai.request.model", "gpt-5-mini");
            span.inherited.agent_name = Some("Support Bot".into());
            let mut record = boxed(span);
            let translated = translator.translate(&mut record);
            assert!(!translated.attributes.is_empty());
            shells.push(record);
            translated
        })
        .take(3)
        .collect();

        spans.push(testing::span(&segment, new_span_id()));
        shells.push(shell());
        let leftovers = Leftovers::default();
        leftovers.add_shells(&mut shells);
        assert!(shells.is_empty());

        let mut records = leftovers.refill(spans);
        assert_eq!(records.len(), 3, "there were three stores worth keeping");
        let mut rooms = Vec::new();
        leftovers.drain_rooms(|room| rooms.push(room));
        assert!(matches!(&rooms[..], [room] if room.is_empty() && room.capacity() >= 4));
        assert_eq!(leftovers.lock().shells.len(), 1, "one had no store");
        for record in &records {
            assert!(record.attributes.is_empty() && record.attributes.footprint() > 0);
            assert!(record.scope.is_empty() && record.inherited.agent_name.is_none());
            assert!(record.parent_span_id.is_none() && record.links.is_empty());
        }
        let record = records.swap_remove(0);

        let mut spares = Spares::new(record.footprint());
        let mut spent = vec![record.clone(), record];
        spares.add(&mut spent);
        assert_eq!(spent.len(), 1, "there is room for one");
        assert!(spares.take().is_some() && spares.take().is_none());
        assert_eq!(spares.bytes, 0);
    }
}
