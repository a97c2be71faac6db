//! Gathers the spans of each trace until they are sent together.

mod bucket;
#[cfg(test)]
mod tests;

use std::{
    collections::{VecDeque, hash_map::Entry},
    sync::Arc,
    time::{Duration, Instant},
};

pub(crate) use bucket::Bucket;
use foldhash::HashMap;
use sentry_genai_conventions::{SentrySpan, TraceId};

use crate::{recycle::MAX_SPARE_SPANS, segment::Segment, trace::Trace};

/// How long the first span of a bucket waits at most.
const MAX_AGE: Duration = Duration::from_secs(5);

/// How long the first span of a bucket is held if nothing decides about its trace.
const MAX_HELD_AGE: Duration = Duration::from_secs(60 * 60);

/// How long a bucket stays open for siblings after its segment has ended.
const LINGER: Duration = Duration::from_millis(50);

/// All buckets, by trace.
#[derive(Debug)]
pub(crate) struct Buckets {
    purpose: Purpose,
    open: HashMap<TraceId, Bucket>,
    /// The memory reserved for the spans in all of them.
    bytes: usize,
    /// Deadlines in the order in which they fall due. A removed bucket leaves its deadlines behind.
    by_age: VecDeque<Deadline>,
    by_segment_end: VecDeque<Deadline>,
    opened_count: u64,
    /// Empty vectors for the spans of future buckets.
    free_vectors: Vec<Vec<SentrySpan>>,
    free_capacity: usize,
}

/// What the buckets are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be sent soon, one envelope at a time.
    Sending,
    /// To be sent when the segment has ended.
    WholeSegments,
    /// To be kept or dropped, once it is known whether the trace contains an AI span.
    Holding,
}

#[derive(Clone, Copy, Debug)]
struct Deadline {
    at: Instant,
    trace_id: TraceId,
    bucket: u64,
}

impl Deadline {
    /// Whether its bucket has been removed.
    fn is_stale(&self, open: &HashMap<TraceId, Bucket>) -> bool {
        let bucket = open.get(&self.trace_id);
        bucket.is_none_or(|bucket| bucket.number != self.bucket)
    }
}

impl Buckets {
    pub(crate) fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            open: HashMap::default(),
            bytes: 0,
            by_age: VecDeque::new(),
            by_segment_end: VecDeque::new(),
            opened_count: 0,
            free_vectors: Vec::new(),
            free_capacity: 0,
        }
    }

    /// Returns how much memory is reserved for the spans that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Moves spans of one segment to the bucket of their trace. Removes and returns the bucket if it is full now.
    pub(crate) fn add(
        &mut self,
        now: Instant,
        spans: &mut Vec<SentrySpan>,
        bytes: usize,
        segment: &Arc<Segment>,
    ) -> Option<Bucket> {
        let trace_id = segment.trace().trace_id();
        self.compact_deadlines();
        let bucket = match self.open.entry(trace_id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                self.opened_count += 1;
                let max_age = match self.purpose {
                    Purpose::Sending => MAX_AGE,
                    Purpose::WholeSegments | Purpose::Holding => MAX_HELD_AGE,
                };
                self.by_age.push_back(Deadline {
                    at: now + max_age,
                    trace_id,
                    bucket: self.opened_count,
                });
                let vector = self.free_vectors.pop().unwrap_or_default();
                self.free_capacity -= vector.capacity();
                entry.insert(Bucket {
                    spans: vector,
                    bytes: 0,
                    segment: Arc::clone(segment),
                    other_segments: HashMap::default(),
                    number: self.opened_count,
                    is_lingering: false,
                })
            }
        };
        bucket.add(spans, bytes, segment);
        self.bytes += bytes;
        let is_done = self.purpose != Purpose::Holding && bucket.is_full();
        is_done.then(|| self.remove(trace_id))?
    }

    /// Takes in the spans of a trace that is kept now, if they are to be sent with the rest of their segment. Returns what is
    /// to be sent at once.
    pub(crate) fn add_kept(&mut self, now: Instant, mut kept: Bucket) -> Vec<Bucket> {
        if self.purpose != Purpose::WholeSegments {
            return vec![kept];
        }
        let mut reserved = kept.bytes;
        let last = kept.spans.len().saturating_sub(1);
        let spans = kept.take_spans().enumerate();
        let full = spans.filter_map(|(index, (segment, span))| {
            // All that is reserved for the bucket is released with its spans.
            let bytes = match index == last {
                true => reserved,
                false => span.footprint().min(reserved),
            };
            reserved -= bytes;
            self.add(now, &mut vec![span], bytes, &segment)
        });
        full.collect()
    }

    /// Takes back the vector of a bucket whose spans are gone, because a new vector would be copied as it grows.
    pub(crate) fn recycle(&mut self, vector: Vec<SentrySpan>) {
        let spans = self.free_capacity + vector.capacity();
        if vector.is_empty() && spans <= MAX_SPARE_SPANS {
            self.free_capacity = spans;
            self.free_vectors.push(vector);
        }
    }

    /// Makes the bucket of a trace due soon, since its segment has ended.
    pub(crate) fn end_segment(&mut self, now: Instant, trace_id: TraceId) {
        if let Some(bucket) = self.open.get_mut(&trace_id)
            && !bucket.is_lingering
        {
            bucket.is_lingering = true;
            self.by_segment_end.push_back(Deadline {
                at: now + LINGER,
                trace_id,
                bucket: bucket.number,
            });
        }
    }

    /// Removes and returns a bucket that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Bucket> {
        self.drop_stale_deadlines();
        let due = |deadline: Option<&Deadline>| deadline.copied().filter(|it| it.at <= now);
        let Some(Deadline { trace_id, .. }) = due(self.by_segment_end.front()) else {
            let deadline = due(self.by_age.front())?;
            return self.remove(deadline.trace_id);
        };
        if self.purpose != Purpose::Sending
            && let Some(ended) = self.extract(trace_id, Segment::has_ended)
        {
            // Other segments of the trace go on.
            if let Some(rest) = self.open.get_mut(&trace_id) {
                rest.is_lingering = false;
            }
            self.by_segment_end.pop_front();
            return Some(ended);
        }
        self.remove(trace_id)
    }

    /// Returns when [`pop_due`](Self::pop_due) will next return a bucket.
    pub(crate) fn next_due(&mut self) -> Option<Instant> {
        self.drop_stale_deadlines();
        let time_of = |deadline: Option<&Deadline>| deadline.map(|it| it.at);
        let (age, segment_end) = (
            time_of(self.by_age.front()),
            time_of(self.by_segment_end.front()),
        );
        age.into_iter().chain(segment_end).min()
    }

    /// Removes and returns the bucket that was opened first.
    pub(crate) fn pop_oldest(&mut self) -> Option<Bucket> {
        self.drop_stale_deadlines();
        let oldest = self.by_age.front()?.trace_id;
        self.remove(oldest)
    }

    /// Removes and returns the bucket of a segment that can get no more spans, because nobody but the caller holds a
    /// reference to the segment.
    pub(crate) fn remove_complete(&mut self, segment: &Arc<Segment>) -> Option<Bucket> {
        /// The references of the bucket and of the caller.
        const KNOWN: usize = 2;

        if Arc::strong_count(segment) > KNOWN {
            return None;
        }
        let trace_id = segment.trace().trace_id();
        let is_complete = self.open.get(&trace_id)?.contains_only(segment);
        is_complete.then(|| self.remove(trace_id))?
    }

    pub(crate) fn remove(&mut self, trace_id: TraceId) -> Option<Bucket> {
        let removed = self.open.remove(&trace_id)?;
        self.bytes -= removed.bytes;
        Some(removed)
    }

    /// Removes and returns what [`Bucket::extract`] takes out of the bucket of a trace.
    fn extract(
        &mut self,
        trace_id: TraceId,
        predicate: impl Fn(&Segment) -> bool,
    ) -> Option<Bucket> {
        let extracted = self.open.get_mut(&trace_id)?.extract(predicate)?;
        self.bytes -= extracted.bytes;
        Some(extracted)
    }

    /// Removes and returns those spans of a trace that are kept now.
    pub(crate) fn remove_kept(&mut self, trace_id: TraceId) -> Option<Bucket> {
        // Nearly always there are no buckets at all.
        if self.open.is_empty() {
            return None;
        }
        if self.open.get(&trace_id)?.traces().all(Trace::is_held) {
            return None;
        }
        let kept = self.extract(trace_id, |segment| !segment.trace().is_held());
        kept.or_else(|| self.remove(trace_id))
    }

    /// Removes and returns the spans of all traces that are kept now, including traces without recent spans.
    pub(crate) fn remove_all_kept(&mut self) -> Vec<Bucket> {
        let traces: Vec<_> = self.open.keys().copied().collect();
        let kept = traces.into_iter().filter_map(|it| self.remove_kept(it));
        kept.collect()
    }

    /// Removes and returns the buckets of traces that have been dropped.
    pub(crate) fn remove_dropped(&mut self) -> Vec<Bucket> {
        let is_dropped = |bucket: &Bucket| bucket.traces().any(Trace::is_dropped);
        let dropped = self.open.extract_if(|_, bucket| is_dropped(bucket));
        let dropped = dropped.map(|(_, bucket)| bucket);
        dropped
            .inspect(|bucket| self.bytes -= bucket.bytes)
            .collect()
    }

    /// Drops the deadlines of removed buckets at the front of each list.
    fn drop_stale_deadlines(&mut self) {
        let open = &self.open;
        for deadlines in [&mut self.by_age, &mut self.by_segment_end] {
            while deadlines.front().is_some_and(|it| it.is_stale(open)) {
                deadlines.pop_front();
            }
        }
    }

    /// Drops all deadlines of removed buckets if many have accumulated behind one that is still open.
    #[inline]
    fn compact_deadlines(&mut self) {
        const MANY: usize = 1024;

        if self.by_age.len() > 2 * self.open.len() + MANY {
            let open = &self.open;
            self.by_age.retain(|it| !it.is_stale(open));
        }
    }
}
