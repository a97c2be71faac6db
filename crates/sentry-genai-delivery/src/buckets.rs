//! Spans of the same trace, gathered until they are sent together.

use std::{
    collections::{VecDeque, hash_map::Entry},
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use foldhash::{HashMap, HashSet};
use sentry_genai_conventions::{SentrySpan, SpanId, TraceId};

use crate::{
    recycle::MAX_SPARE_SPANS,
    segment::Segment,
    trace::Trace,
    wire::{MAX_ENVELOPE_BYTES, MAX_ENVELOPE_SPANS},
};

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
    /// Deadlines in the order they fall due. A bucket that is gone leaves its deadlines behind.
    by_age: VecDeque<Deadline>,
    by_segment_end: VecDeque<Deadline>,
    opened: u64,
    /// Room for the spans of buckets to come.
    spare: Vec<Vec<SentrySpan>>,
    spare_spans: usize,
}

/// What buckets are filled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be sent soon, an envelope at a time.
    Sending,
    /// To be sent when the segment has ended.
    WholeSegments,
    /// To be kept or not, once it is known whether there is an AI span in the trace.
    Holding,
}

/// The waiting spans of one trace.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) spans: Vec<SentrySpan>,
    /// The memory held for the spans.
    pub(crate) bytes: usize,
    /// The segment of all spans that are not in `others`.
    segment: Arc<Segment>,
    others: HashMap<SpanId, Arc<Segment>>,
    number: u64,
    lingers: bool,
}

#[derive(Clone, Copy, Debug)]
struct Deadline {
    at: Instant,
    trace_id: TraceId,
    bucket: u64,
}

impl Deadline {
    /// Whether the bucket it is for is gone.
    fn is_past(&self, open: &HashMap<TraceId, Bucket>) -> bool {
        let bucket = open.get(&self.trace_id);
        bucket.is_none_or(|bucket| bucket.number != self.bucket)
    }
}

impl Buckets {
    pub(crate) fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            open: HashMap::default(),
            by_age: VecDeque::new(),
            by_segment_end: VecDeque::new(),
            opened: 0,
            spare: Vec::new(),
            spare_spans: 0,
        }
    }

    /// Moves spans of one segment to the bucket of their trace, and returns that if it is full now.
    pub(crate) fn add(
        &mut self,
        now: Instant,
        spans: &mut Vec<SentrySpan>,
        bytes: usize,
        segment: &Arc<Segment>,
    ) -> Option<Bucket> {
        let trace_id = segment.trace().trace_id();
        self.forget_many_past();
        let bucket = match self.open.entry(trace_id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                self.opened += 1;
                let max_age = match self.purpose {
                    Purpose::Sending => MAX_AGE,
                    Purpose::WholeSegments | Purpose::Holding => MAX_HELD_AGE,
                };
                self.by_age.push_back(Deadline {
                    at: now + max_age,
                    trace_id,
                    bucket: self.opened,
                });
                let room = self.spare.pop().unwrap_or_default();
                self.spare_spans -= room.capacity();
                entry.insert(Bucket {
                    spans: room,
                    bytes: 0,
                    segment: Arc::clone(segment),
                    others: HashMap::default(),
                    number: self.opened,
                    lingers: false,
                })
            }
        };
        bucket.add(spans, bytes, segment);
        if self.purpose != Purpose::Holding && bucket.is_full() {
            return self.open.remove(&trace_id);
        }
        None
    }

    /// Takes back the room of a bucket whose spans are gone: room that grows is copied.
    pub(crate) fn recycle(&mut self, room: Vec<SentrySpan>) {
        let spans = self.spare_spans + room.capacity();
        if room.is_empty() && spans <= MAX_SPARE_SPANS {
            self.spare_spans = spans;
            self.spare.push(room);
        }
    }

    /// Lets the bucket of a trace go soon, since its segment has ended.
    pub(crate) fn end_segment(&mut self, now: Instant, trace_id: TraceId) {
        if let Some(bucket) = self.open.get_mut(&trace_id)
            && !bucket.lingers
        {
            bucket.lingers = true;
            self.by_segment_end.push_back(Deadline {
                at: now + LINGER,
                trace_id,
                bucket: bucket.number,
            });
        }
    }

    /// Removes a bucket whose time has come.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Bucket> {
        self.forget_past();
        let due = |deadline: Option<&Deadline>| deadline.copied().filter(|it| it.at <= now);
        let Some(deadline) = due(self.by_segment_end.front()) else {
            let deadline = due(self.by_age.front())?;
            return self.open.remove(&deadline.trace_id);
        };
        if self.purpose != Purpose::Sending
            && let Some(bucket) = self.open.get_mut(&deadline.trace_id)
            && let Some(ended) = bucket.take_out(Segment::has_ended)
        {
            // Other segments of the trace go on.
            bucket.lingers = false;
            self.by_segment_end.pop_front();
            return Some(ended);
        }
        self.open.remove(&deadline.trace_id)
    }

    /// Returns when [`pop_due`](Self::pop_due) will have something next.
    pub(crate) fn next_due(&mut self) -> Option<Instant> {
        self.forget_past();
        let at = |deadline: Option<&Deadline>| deadline.map(|it| it.at);
        let (age, segment_end) = (at(self.by_age.front()), at(self.by_segment_end.front()));
        age.into_iter().chain(segment_end).min()
    }

    /// Removes the bucket that was opened first.
    pub(crate) fn pop_oldest(&mut self) -> Option<Bucket> {
        self.forget_past();
        let oldest = self.by_age.front()?.trace_id;
        self.open.remove(&oldest)
    }

    /// Removes the bucket of a segment that nothing can be added to any more: whoever makes spans of it, or has them, is gone, but
    /// for the one who asks.
    pub(crate) fn remove_complete(&mut self, segment: &Arc<Segment>) -> Option<Bucket> {
        /// The bucket's own, and that of who asks.
        const KNOWN: usize = 2;

        if Arc::strong_count(segment) > KNOWN {
            return None;
        }
        match self.open.entry(segment.trace().trace_id()) {
            Entry::Occupied(entry) if entry.get().is_of(segment) => Some(entry.remove()),
            _ => None,
        }
    }

    pub(crate) fn remove(&mut self, trace_id: TraceId) -> Option<Bucket> {
        self.open.remove(&trace_id)
    }

    /// Removes what there is of a trace if that is kept now.
    pub(crate) fn remove_kept(&mut self, trace_id: TraceId) -> Option<Bucket> {
        // Nearly always there is none at all.
        if self.open.is_empty() {
            return None;
        }
        let bucket = self.open.get_mut(&trace_id)?;
        if bucket.traces().all(Trace::is_held) {
            return None;
        }
        let kept = bucket.take_out(|segment| !segment.trace().is_held());
        kept.or_else(|| self.remove(trace_id))
    }

    /// Removes the buckets of traces that have been given up.
    pub(crate) fn remove_given_up(&mut self) -> Vec<Bucket> {
        let is_given_up = |bucket: &Bucket| bucket.traces().any(Trace::is_given_up);
        let given_up = self.open.extract_if(|_, bucket| is_given_up(bucket));
        given_up.map(|(_, bucket)| bucket).collect()
    }

    /// Drops the deadlines of buckets that are gone, as far as they are first in line.
    fn forget_past(&mut self) {
        let open = &self.open;
        for deadlines in [&mut self.by_age, &mut self.by_segment_end] {
            while deadlines.front().is_some_and(|it| it.is_past(open)) {
                deadlines.pop_front();
            }
        }
    }

    /// Drops all of them, if behind one that stays there are many.
    #[inline]
    fn forget_many_past(&mut self) {
        const MANY: usize = 1024;

        if self.by_age.len() > 2 * self.open.len() + MANY {
            let open = &self.open;
            self.by_age.retain(|it| !it.is_past(open));
        }
    }
}

impl Bucket {
    fn add(&mut self, spans: &mut Vec<SentrySpan>, bytes: usize, segment: &Arc<Segment>) {
        if !Arc::ptr_eq(segment, &self.segment) {
            let ids = spans.iter().map(|span| span.span_id);
            self.others.extend(ids.map(|id| (id, Arc::clone(segment))));
        }
        self.spans.append(spans);
        self.bytes += bytes;
    }

    /// Takes out the spans of the segments that `goes` is true of; `None` if that would be none of them, or all.
    pub(crate) fn take_out(&mut self, goes: impl Fn(&Segment) -> bool) -> Option<Self> {
        // Nearly always there is one segment.
        if self.others.is_empty() {
            return None;
        }
        let goes = |segment: &Arc<Segment>| goes(segment);
        let segments = || std::iter::once(&self.segment).chain(self.others.values());
        if segments().all(goes) || !segments().any(goes) {
            return None;
        }
        let spans = mem::take(&mut self.spans).into_iter();
        let (going, staying) = spans
            .map(|span| {
                let segment = self.others.get(&span.span_id).unwrap_or(&self.segment);
                (Arc::clone(segment), span)
            })
            .partition::<Vec<_>, _>(|(segment, _)| goes(segment));
        match (Self::of(going, self.number), Self::of(staying, self.number)) {
            (Some(taken), Some(mut rest)) => {
                rest.bytes = self.bytes.saturating_sub(taken.bytes);
                rest.lingers = self.lingers;
                *self = rest;
                Some(taken)
            }
            (all, none) => {
                self.spans = all.or(none).map(|all| all.spans).unwrap_or_default();
                None
            }
        }
    }

    /// `None` without spans.
    fn of(spans: Vec<(Arc<Segment>, SentrySpan)>, number: u64) -> Option<Self> {
        let mut bucket = Self {
            spans: Vec::with_capacity(spans.len()),
            bytes: 0,
            segment: Arc::clone(&spans.first()?.0),
            others: HashMap::default(),
            number,
            lingers: false,
        };
        for (segment, span) in spans {
            let bytes = span.footprint();
            bucket.add(&mut vec![span], bytes, &segment);
        }
        Some(bucket)
    }

    /// Whether it is of this segment alone.
    fn is_of(&self, segment: &Arc<Segment>) -> bool {
        self.others.is_empty() && Arc::ptr_eq(&self.segment, segment)
    }

    /// Splits off the first spans, of so many bytes or a little more; `None` if the rest would be small.
    pub(crate) fn split_off(&mut self, bytes: usize) -> Option<Self> {
        if self.bytes < bytes + bytes / 2 {
            return None;
        }
        let mut taken = 0;
        let is_enough = |span: &SentrySpan| {
            taken += span.footprint();
            taken >= bytes
        };
        let last = self.spans.iter().position(is_enough)?;
        if last + 1 == self.spans.len() {
            return None;
        }
        // Spans may have grown since memory was held for them, and no more than that may be released.
        let taken = taken.min(self.bytes);
        self.bytes -= taken;
        Some(Self {
            spans: self.spans.drain(..=last).collect(),
            bytes: taken,
            segment: Arc::clone(&self.segment),
            others: self.others.clone(),
            number: self.number,
            lingers: self.lingers,
        })
    }

    fn is_full(&self) -> bool {
        self.spans.len() >= MAX_ENVELOPE_SPANS || self.bytes >= MAX_ENVELOPE_BYTES
    }

    /// A segment of the trace; its trace is that of the bucket.
    pub(crate) fn segment(&self) -> &Segment {
        &self.segment
    }

    /// The traces of its spans: one, unless the program takes part in a trace several times.
    pub(crate) fn traces(&self) -> impl Iterator<Item = &Trace> {
        let segments = std::iter::once(&self.segment).chain(self.others.values());
        segments.map(|segment| &**segment.trace())
    }

    pub(crate) fn segment_of(&self, span_id: SpanId) -> &Segment {
        self.others.get(&span_id).unwrap_or(&self.segment)
    }

    /// Keeps the last span of every id, as the server would, and returns how many went.
    pub(crate) fn drop_duplicates(&mut self) -> usize {
        let before = self.spans.len();
        let mut ids: Vec<_> = self
            .spans
            .iter()
            .map(|span| u64::from_ne_bytes(span.span_id.to_bytes()))
            .collect();
        // Nearly always there is none, and that is found out fastest so.
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            let mut seen = HashSet::with_capacity_and_hasher(before, Default::default());
            self.spans.reverse();
            self.spans.retain(|span| seen.insert(span.span_id));
            self.spans.reverse();
        }
        before - self.spans.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn add(buckets: &mut Buckets, now: Instant, segment: &Arc<Segment>) -> Option<Bucket> {
        let span = testing::span(segment, crate::new_span_id());
        buckets.add(now, &mut vec![span], 100, segment)
    }

    #[test]
    fn a_bucket_goes_five_seconds_after_its_first_span() {
        let start = Instant::now();
        let (first, second) = (testing::segment(), testing::segment());
        let mut buckets = Buckets::new(Purpose::Sending);
        assert!(add(&mut buckets, start, &first).is_none());
        assert!(add(&mut buckets, start + MAX_AGE / 2, &second).is_none());
        assert!(add(&mut buckets, start + MAX_AGE / 2, &first).is_none());

        assert_eq!(buckets.next_due(), Some(start + MAX_AGE));
        assert!(buckets.pop_due(start + MAX_AGE / 2).is_none());
        let bucket = buckets.pop_due(start + MAX_AGE).unwrap();
        assert_eq!(bucket.segment.trace().trace_id(), first.trace().trace_id());
        assert_eq!((bucket.spans.len(), bucket.bytes), (2, 200));
        assert!(buckets.pop_due(start + MAX_AGE).is_none());
        assert_eq!(buckets.next_due(), Some(start + MAX_AGE * 3 / 2));
    }

    #[test]
    fn a_segment_goes_when_it_has_ended_and_others_of_its_trace_stay() {
        let now = Instant::now();
        for purpose in [Purpose::WholeSegments, Purpose::Holding] {
            let first = testing::segment();
            let trace = Arc::clone(first.trace());
            let second = Arc::new(Segment::new(trace, crate::new_span_id(), "second"));
            let mut buckets = Buckets::new(purpose);
            for segment in [&first, &second, &second] {
                assert!(add(&mut buckets, now, segment).is_none());
            }
            let trace_id = first.trace().trace_id();
            for (segment, spans) in [(&second, 2), (&first, 1)] {
                segment.end();
                buckets.end_segment(now, trace_id);
                let bucket = buckets.pop_due(now + LINGER).unwrap();
                assert_eq!(bucket.spans.len(), spans, "{purpose:?}");
                let span_id = bucket.segment_of(bucket.spans[0].span_id).span_id();
                assert_eq!(span_id, segment.span_id(), "{purpose:?}");
                assert!(buckets.pop_due(now + LINGER).is_none());
            }
            assert!(buckets.open.is_empty());
        }
    }

    #[test]
    fn a_segment_is_complete_when_nobody_else_holds_it_and_alone_in_its_bucket() {
        let now = Instant::now();
        let segment = testing::segment();
        let mut buckets = Buckets::new(Purpose::Sending);
        assert!(buckets.remove_complete(&segment).is_none(), "no bucket");
        add(&mut buckets, now, &segment);
        let open_span = Arc::clone(&segment);
        assert!(buckets.remove_complete(&segment).is_none());
        drop(open_span);
        assert!(buckets.remove_complete(&segment).is_some());

        add(&mut buckets, now, &segment);
        let other = Segment::new(Arc::clone(segment.trace()), crate::new_span_id(), "other");
        add(&mut buckets, now, &Arc::new(other));
        assert!(buckets.remove_complete(&segment).is_none());
    }

    #[test]
    fn deadlines_of_buckets_that_have_gone_do_not_pile_up() {
        let now = Instant::now();
        let mut buckets = Buckets::new(Purpose::Holding);
        add(&mut buckets, now, &testing::segment());
        for _ in 0..5000 {
            let segment = testing::segment();
            add(&mut buckets, now, &segment);
            buckets.remove(segment.trace().trace_id());
        }
        assert!(buckets.by_age.len() < 2000, "{}", buckets.by_age.len());
        assert!(buckets.pop_oldest().is_some() && buckets.pop_oldest().is_none());
    }

    #[test]
    fn a_segment_that_ended_waits_for_late_siblings_only() {
        let start = Instant::now();
        let (first, second) = (testing::segment(), testing::segment());
        let mut buckets = Buckets::new(Purpose::Sending);
        add(&mut buckets, start, &first);
        add(&mut buckets, start, &second);
        buckets.end_segment(start, second.trace().trace_id());
        add(&mut buckets, start + LINGER / 2, &second);

        assert_eq!(buckets.next_due(), Some(start + LINGER));
        let bucket = buckets.pop_due(start + LINGER).unwrap();
        assert_eq!(bucket.segment.trace().trace_id(), second.trace().trace_id());
        assert_eq!(bucket.spans.len(), 2);
        assert_eq!(buckets.next_due(), Some(start + MAX_AGE));
    }

    #[test]
    fn a_new_bucket_of_a_trace_does_not_inherit_a_deadline() {
        let start = Instant::now();
        let segment = testing::segment();
        let mut buckets = Buckets::new(Purpose::Sending);
        add(&mut buckets, start, &segment);
        buckets.end_segment(start, segment.trace().trace_id());
        assert!(buckets.pop_due(start + LINGER).is_some());
        add(&mut buckets, start + LINGER, &segment);
        assert_eq!(buckets.next_due(), Some(start + LINGER + MAX_AGE));
        assert!(buckets.pop_due(start + MAX_AGE).is_none());
    }

    #[test]
    fn a_full_bucket_goes_at_once() {
        let now = Instant::now();
        let segment = testing::segment();
        let mut buckets = Buckets::new(Purpose::Sending);
        let full: Vec<_> = (0..MAX_ENVELOPE_SPANS + 1)
            .filter_map(|_| add(&mut buckets, now, &segment))
            .collect();
        assert_eq!(full.len(), 1);
        assert_eq!(full[0].spans.len(), MAX_ENVELOPE_SPANS);
        let span = testing::span(&segment, crate::new_span_id());
        let large = buckets.add(now, &mut vec![span], MAX_ENVELOPE_BYTES, &segment);
        assert_eq!(large.unwrap().spans.len(), 2);
    }

    #[test]
    fn a_large_bucket_is_sent_in_parts_of_about_one_size() {
        let segment = testing::segment();
        let mut bucket = testing::bucket(&segment, 25);
        let each = bucket.spans[0].footprint();
        bucket.bytes = 25 * each;
        let mut parts: Vec<_> = std::iter::from_fn(|| bucket.split_off(10 * each)).collect();
        parts.push(bucket);
        let sizes = parts.iter().map(|part| (part.spans.len(), part.bytes));
        assert!(sizes.eq([(10, 10 * each), (10, 10 * each), (5, 5 * each)]));
    }

    /// Otherwise more would be released than was held, and the budget would never be right again.
    #[test]
    fn parts_share_what_was_held_also_if_their_spans_have_grown() {
        let segment = testing::segment();
        let mut bucket = testing::bucket(&segment, 3);
        let each = bucket.spans[0].footprint();
        bucket.bytes = each - 1;
        let part = bucket.split_off(each / 2).unwrap();
        assert_eq!((part.spans.len(), bucket.spans.len()), (1, 2));
        assert_eq!((part.bytes, bucket.bytes), (each - 1, 0));
    }

    #[test]
    fn the_oldest_goes_first_when_room_is_needed() {
        let now = Instant::now();
        let segments = [testing::segment(), testing::segment(), testing::segment()];
        let mut buckets = Buckets::new(Purpose::Sending);
        for segment in &segments {
            add(&mut buckets, now, segment);
        }
        buckets.remove(segments[0].trace().trace_id());
        let oldest = buckets.pop_oldest().unwrap();
        assert_eq!(
            oldest.segment.trace().trace_id(),
            segments[1].trace().trace_id()
        );
    }

    /// Of a trace in parts the parts go, however young, before a whole one.
    #[test]
    fn what_is_given_up_goes_before_the_oldest() {
        let now = Instant::now();
        let segments = [testing::segment(), testing::segment(), testing::segment()];
        let mut buckets = Buckets::new(Purpose::Sending);
        for segment in &segments {
            add(&mut buckets, now, segment);
        }
        assert!(buckets.remove_given_up().is_empty());
        segments[1].trace().give_up();
        let given_up = buckets.remove_given_up();
        let traces = given_up
            .iter()
            .map(|bucket| bucket.segment.trace().trace_id());
        assert!(traces.eq([segments[1].trace().trace_id()]));
        let left = std::iter::from_fn(|| buckets.pop_oldest());
        let left = left.map(|bucket| bucket.segment.trace().trace_id());
        assert!(left.eq([&segments[0], &segments[2]].map(|segment| segment.trace().trace_id())));
    }

    #[test]
    fn the_later_of_two_spans_with_one_id_stays() {
        let now = Instant::now();
        let segment = testing::segment();
        let mut buckets = Buckets::new(Purpose::Sending);
        let twice = crate::new_span_id();
        for (id, name) in [
            (twice, "earlier"),
            (crate::new_span_id(), "other"),
            (twice, "later"),
        ] {
            let mut span = testing::span(&segment, id);
            span.name = name.into();
            buckets.add(now, &mut vec![span], 1, &segment);
        }
        let mut bucket = buckets.pop_oldest().unwrap();
        assert_eq!(bucket.drop_duplicates(), 1);
        let names: Vec<_> = bucket.spans.iter().map(|span| &*span.name).collect();
        assert_eq!(names, ["other", "later"]);
        assert_eq!(bucket.drop_duplicates(), 0);
    }

    #[test]
    fn the_room_of_a_bucket_is_used_again_and_bounded() {
        let now = Instant::now();
        let mut buckets = Buckets::new(Purpose::Sending);
        buckets.recycle(Vec::with_capacity(100));
        buckets.recycle(Vec::with_capacity(MAX_SPARE_SPANS));
        assert_eq!((buckets.spare.len(), buckets.spare_spans), (1, 100));
        let segment = testing::segment();
        add(&mut buckets, now, &segment);
        assert_eq!((buckets.spare.len(), buckets.spare_spans), (0, 0));
        let bucket = buckets.pop_oldest().unwrap();
        assert_eq!(bucket.spans.capacity(), 100);
        buckets.recycle(bucket.spans);
        assert!(buckets.spare.is_empty(), "there are spans in it");
    }
}
