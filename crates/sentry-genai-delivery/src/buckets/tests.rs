use super::*;
use crate::{
    incoming::IncomingTrace,
    testing,
    wire::{MAX_ENVELOPE_BYTES, MAX_ENVELOPE_SPANS},
};

fn add(buckets: &mut Buckets, now: Instant, segment: &Arc<Segment>) -> Option<Bucket> {
    let span = testing::span(segment, crate::new_span_id());
    buckets.add(now, &mut vec![span], 100, segment)
}

#[test]
fn a_bucket_is_due_five_seconds_after_its_first_span() {
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
fn an_ended_segment_is_due_and_others_of_its_trace_stay() {
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
        assert!(buckets.open.is_empty() && buckets.bytes() == 0);
    }
}

#[test]
fn a_segment_is_complete_when_unreferenced_and_alone_in_its_bucket() {
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
fn deadlines_of_removed_buckets_do_not_accumulate() {
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
fn segments_are_due_in_the_order_in_which_they_ended() {
    let start = Instant::now();
    let segments = [(); 3].map(|()| testing::segment());
    let mut buckets = Buckets::new(Purpose::Sending);
    let ends = (0..).map(|millis| start + Duration::from_millis(millis));
    for (segment, end) in segments.iter().zip(ends.clone()) {
        add(&mut buckets, start, segment);
        buckets.end_segment(end, segment.trace().trace_id());
    }
    for (segment, end) in segments.iter().zip(ends) {
        assert_eq!(buckets.next_due(), Some(end + LINGER));
        let bucket = buckets.pop_due(end + LINGER).unwrap();
        assert!(bucket.contains_only(segment));
    }
}

/// Memory is limited elsewhere, for all held traces together.
#[test]
fn a_held_bucket_is_never_full() {
    let (now, segment) = (Instant::now(), testing::segment());
    let mut buckets = Buckets::new(Purpose::Holding);
    let spans = || testing::span(&segment, crate::new_span_id());
    let mut spans = std::iter::repeat_with(spans)
        .take(MAX_ENVELOPE_SPANS)
        .collect();
    let full = buckets.add(now, &mut spans, MAX_ENVELOPE_BYTES, &segment);
    assert!(full.is_none());
}

#[test]
fn the_kept_part_of_a_held_trace_is_removed_and_the_rest_stays() {
    let config = testing::keeping(&testing::options().traces_sample_rate(0.0));
    let header = "4c79f60c11214eb38604f4ae0781bfb2-a1b2c3d4e5f60718-0";
    let incoming = IncomingTrace::parse(header, None).unwrap();
    let [kept, held] = [(); 2].map(|()| {
        let trace = Trace::start(&config, Some(&incoming), "POST /ask", "http.server");
        Arc::new(Segment::new(trace, crate::new_span_id(), "POST /ask"))
    });
    let mut buckets = Buckets::new(Purpose::Holding);
    for segment in [&held, &kept, &held] {
        add(&mut buckets, Instant::now(), segment);
    }
    assert!(buckets.remove_all_kept().is_empty());
    kept.trace().note_ai_span();
    let [removed] = &buckets.remove_all_kept()[..] else {
        panic!("one bucket");
    };
    assert!(removed.contains_only(&kept));
    assert_eq!(removed.spans.len(), 1);
    assert_eq!(buckets.pop_oldest().unwrap().spans.len(), 2);
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
fn a_full_bucket_is_returned_at_once() {
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

/// Otherwise more would be released than was reserved, and the budget would stay wrong.
#[test]
fn parts_share_the_reserved_bytes_even_if_their_spans_have_grown() {
    let segment = testing::segment();
    let mut bucket = testing::bucket(&segment, 3);
    let each = bucket.spans[0].footprint();
    bucket.bytes = each - 1;
    let part = bucket.split_off(each / 2).unwrap();
    assert_eq!((part.spans.len(), bucket.spans.len()), (1, 2));
    assert_eq!((part.bytes, bucket.bytes), (each - 1, 0));
}

#[test]
fn pop_oldest_skips_removed_buckets() {
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

/// Once part of a trace has been dropped, the rest goes before any complete trace, however young it is.
#[test]
fn dropped_traces_are_removed_before_the_oldest() {
    let now = Instant::now();
    let segments = [testing::segment(), testing::segment(), testing::segment()];
    let mut buckets = Buckets::new(Purpose::Sending);
    for segment in &segments {
        add(&mut buckets, now, segment);
    }
    assert!(buckets.remove_dropped().is_empty());
    segments[1].trace().mark_dropped();
    let dropped = buckets.remove_dropped();
    let traces = dropped
        .iter()
        .map(|bucket| bucket.segment.trace().trace_id());
    assert!(traces.eq([segments[1].trace().trace_id()]));
    let left = std::iter::from_fn(|| buckets.pop_oldest());
    let left = left.map(|bucket| bucket.segment.trace().trace_id());
    assert!(left.eq([&segments[0], &segments[2]].map(|segment| segment.trace().trace_id())));
    assert_eq!(buckets.bytes(), 0);
}

#[test]
fn drop_duplicates_keeps_the_later_span() {
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
    bucket.drop_duplicates();
    let names: Vec<_> = bucket.spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["other", "later"]);
}

#[test]
fn the_vector_of_a_bucket_is_reused_and_bounded() {
    let now = Instant::now();
    let mut buckets = Buckets::new(Purpose::Sending);
    buckets.recycle(Vec::with_capacity(100));
    buckets.recycle(Vec::with_capacity(MAX_SPARE_SPANS));
    assert_eq!(
        (buckets.free_vectors.len(), buckets.free_capacity),
        (1, 100)
    );
    let segment = testing::segment();
    add(&mut buckets, now, &segment);
    assert_eq!((buckets.free_vectors.len(), buckets.free_capacity), (0, 0));
    let bucket = buckets.pop_oldest().unwrap();
    assert_eq!(bucket.spans.capacity(), 100);
    buckets.recycle(bucket.spans);
    assert!(buckets.free_vectors.is_empty(), "there are spans in it");
}

/// Spans may grow or shrink while they wait, and a segment needs more than its spans.
#[test]
fn what_is_reserved_for_kept_spans_moves_with_them() {
    let now = Instant::now();
    let segment = testing::segment();
    for reserved in [&[10_000, 1][..], &[1, 10_000], &[1, 1], &[10_000]] {
        let mut held = Buckets::new(Purpose::Holding);
        for bytes in reserved {
            let span = testing::span(&segment, crate::new_span_id());
            assert!(held.add(now, &mut vec![span], *bytes, &segment).is_none());
        }
        let kept = held.remove(segment.trace().trace_id()).unwrap();
        let mut whole = Buckets::new(Purpose::WholeSegments);
        assert!(whole.add_kept(now, kept).is_empty());
        assert_eq!(whole.bytes(), reserved.iter().sum::<usize>());
    }
}

/// They are sent as a transaction of their own if the root has left before.
#[test]
fn spans_without_their_root_are_a_transaction_only_after_the_end_of_their_segment() {
    let segment = testing::segment();
    let bucket = testing::bucket(&segment, 2);
    assert_eq!(bucket.transactions(), 0);
    segment.end();
    assert_eq!(bucket.transactions(), 1);
}
