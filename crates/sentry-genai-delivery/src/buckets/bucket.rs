//! The waiting spans of one trace.

use std::{mem, sync::Arc};

use foldhash::{HashMap, HashSet};
use sentry_genai_conventions::{SentrySpan, SpanId};

use crate::{
    segment::Segment,
    trace::Trace,
    wire::{MAX_ENVELOPE_BYTES, MAX_ENVELOPE_SPANS},
};

/// The waiting spans of one trace.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) spans: Vec<SentrySpan>,
    /// The memory reserved for the spans.
    pub(crate) bytes: usize,
    /// The segment of all spans that are not in `other_segments`.
    pub(super) segment: Arc<Segment>,
    pub(super) other_segments: HashMap<SpanId, Arc<Segment>>,
    pub(super) number: u64,
    pub(super) is_lingering: bool,
}

impl Bucket {
    pub(super) fn add(
        &mut self,
        spans: &mut Vec<SentrySpan>,
        bytes: usize,
        segment: &Arc<Segment>,
    ) {
        if !Arc::ptr_eq(segment, &self.segment) {
            let ids = spans.iter().map(|span| span.span_id);
            self.other_segments
                .extend(ids.map(|id| (id, Arc::clone(segment))));
        }
        self.spans.append(spans);
        self.bytes += bytes;
    }

    /// Removes and returns the spans of the segments for which `predicate` is true. Returns `None` if these would be
    /// none, or all.
    pub(crate) fn extract(&mut self, predicate: impl Fn(&Segment) -> bool) -> Option<Self> {
        // Nearly always there is only one segment.
        if self.other_segments.is_empty() {
            return None;
        }
        let is_extracted = |segment: &Arc<Segment>| predicate(segment);
        let segments = || std::iter::once(&self.segment).chain(self.other_segments.values());
        if segments().all(is_extracted) || !segments().any(is_extracted) {
            return None;
        }
        let spans = self.take_spans();
        let (extracted, remaining) =
            spans.partition::<Vec<_>, _>(|(segment, _)| is_extracted(segment));
        match (
            Self::of(extracted, self.number),
            Self::of(remaining, self.number),
        ) {
            (Some(mut taken), Some(mut rest)) => {
                taken.bytes = taken.bytes.min(self.bytes);
                rest.bytes = self.bytes - taken.bytes;
                rest.is_lingering = self.is_lingering;
                *self = rest;
                Some(taken)
            }
            (all, none) => {
                self.spans = all.or(none).map(|all| all.spans).unwrap_or_default();
                None
            }
        }
    }

    /// Removes and returns the spans, each with its segment.
    pub(super) fn take_spans(&mut self) -> impl Iterator<Item = (Arc<Segment>, SentrySpan)> {
        let spans = mem::take(&mut self.spans).into_iter();
        spans.map(|span| {
            let other = self.other_segments.get(&span.span_id);
            (Arc::clone(other.unwrap_or(&self.segment)), span)
        })
    }

    /// Returns `None` if there are no spans.
    fn of(spans: Vec<(Arc<Segment>, SentrySpan)>, number: u64) -> Option<Self> {
        let mut bucket = Self {
            spans: Vec::with_capacity(spans.len()),
            bytes: 0,
            segment: Arc::clone(&spans.first()?.0),
            other_segments: HashMap::default(),
            number,
            is_lingering: false,
        };
        for (segment, span) in spans {
            let bytes = span.footprint();
            bucket.add(&mut vec![span], bytes, &segment);
        }
        Some(bucket)
    }

    /// Whether all spans belong to this segment.
    pub(super) fn contains_only(&self, segment: &Arc<Segment>) -> bool {
        self.other_segments.is_empty() && Arc::ptr_eq(&self.segment, segment)
    }

    /// Splits off the first spans, of `bytes` bytes or a little more. Returns `None` if the rest would be small.
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
        // The spans may have grown since memory was reserved for them, and no more than that may be released.
        let taken = taken.min(self.bytes);
        self.bytes -= taken;
        Some(Self {
            spans: self.spans.drain(..=last).collect(),
            bytes: taken,
            segment: Arc::clone(&self.segment),
            other_segments: self.other_segments.clone(),
            number: self.number,
            is_lingering: self.is_lingering,
        })
    }

    pub(super) fn is_full(&self) -> bool {
        self.spans.len() >= MAX_ENVELOPE_SPANS || self.bytes >= MAX_ENVELOPE_BYTES
    }

    /// One of the segments. All of them belong to the same trace.
    pub(crate) fn segment(&self) -> &Segment {
        &self.segment
    }

    /// The traces of the spans. There is one, unless the program takes part in a trace several times.
    pub(crate) fn traces(&self) -> impl Iterator<Item = &Trace> {
        let segments = std::iter::once(&self.segment).chain(self.other_segments.values());
        segments.map(|segment| &**segment.trace())
    }

    pub(crate) fn segment_of(&self, span_id: SpanId) -> &Segment {
        self.other_segments.get(&span_id).unwrap_or(&self.segment)
    }

    /// Returns how many transactions are lost with the bucket, if segments are sent as transactions: one for every
    /// local root in it, or else one if its segment has ended. A segment that has not ended is counted with its local
    /// root.
    pub(crate) fn transactions(&self) -> u64 {
        let is_local_root =
            |span: &&SentrySpan| self.segment_of(span.span_id).local_root() == span.span_id;
        match self.spans.iter().filter(is_local_root).count() as u64 {
            0 => self.segment.has_ended().into(),
            local_roots => local_roots,
        }
    }

    /// Keeps the last span of every id, as the server would.
    pub(crate) fn drop_duplicates(&mut self) {
        let mut ids: Vec<_> = self
            .spans
            .iter()
            .map(|span| u64::from_ne_bytes(span.span_id.to_bytes()))
            .collect();
        // Nearly always there are no duplicates, and sorting is the fastest way to find that out.
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            let mut seen = HashSet::default();
            self.spans.reverse();
            self.spans.retain(|span| seen.insert(span.span_id));
            self.spans.reverse();
        }
    }
}
