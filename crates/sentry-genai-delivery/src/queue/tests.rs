use std::thread;

use super::*;
use crate::{budget::Level, ids::new_span_id, testing};

fn queued_span() -> QueuedSpan {
    queued_span_of(&testing::segment())
}

fn queued_span_of(segment: &Arc<Segment>) -> QueuedSpan {
    QueuedSpan {
        span: Ended::Read(Box::new(testing::source(segment, new_span_id()))),
        trace_id: segment.trace().trace_id(),
        segment: Arc::clone(segment),
        bytes: 1,
    }
}

/// Otherwise the child would wait for a lock that nobody releases, or fill a queue that nobody empties.
#[test]
fn a_fork_is_detected_before_waiting_or_waking_and_every_so_many_spans() {
    let queue = Queue::new(0);
    let push = |queued| queue.push(queued, false, false, || false);
    let is_rejected = |pushed| matches!(pushed, Err(PushError::Forked(_)));
    let mut accepted = 0;
    while !is_rejected(push(queued_span())) {
        accepted += 1;
    }
    assert_eq!(accepted, FORK_CHECK_INTERVAL - 1);

    queue.lock().messages.clear();
    assert!(push(queued_span()).is_ok());
    queue.lock().worker = WorkerState::Idle;
    assert!(is_rejected(push(queued_span())));
    let guard = queue.lock();
    assert!(is_rejected(push(queued_span())));
    drop(guard);
}

/// Otherwise nothing would arrive from a program that produces more than can be sent.
#[test]
fn overflow_without_a_worker_leaves_some_concurrent_traces_complete() {
    const TRACES: usize = 160;
    const SPANS: usize = 12;
    let (queue, budget) = (Queue::new(0), Budget::new(300));
    // As much as the worker may hold.
    budget.reserve(225);
    let open: Vec<_> = (0..TRACES).map(|_| testing::segment()).collect();
    let (mut skipped, mut dropped) = (0, 0);
    for _ in 0..SPANS {
        for segment in &open {
            if segment.trace().is_dropped() {
                skipped += 1;
                continue;
            }
            let level = budget.reserve_queued(1);
            let pushed = queue.push(queued_span_of(segment), false, false, || true);
            assert!(pushed.is_ok());
            if level == Level::Exceeded {
                dropped += queue.drop_oldest_traces(&budget, Trace::mark_dropped).spans;
            }
            assert!(budget.reserved() <= 300);
        }
    }
    let waiting = mem::take(&mut queue.lock().messages);
    assert_eq!(waiting.len() + skipped + dropped as usize, TRACES * SPANS);
    let mut complete = 0;
    for segment in &open {
        let is_of_segment = |message: &&Message| match message {
            Message::Span(queued) => Arc::ptr_eq(&queued.segment, segment),
            Message::Flush(_) => false,
        };
        match waiting.iter().filter(is_of_segment).count() {
            0 => {}
            SPANS => complete += 1,
            partial => panic!("{partial} of {SPANS}"),
        }
    }
    assert!(complete > 0);
    assert!(queue.take_dropped_flag() && !queue.take_dropped_flag());
}

#[test]
fn overflow_drops_what_is_needed_once_and_no_more() {
    const LIMIT: usize = 160;
    let (queue, budget) = (Queue::new(0), Budget::new(LIMIT));
    for _ in 0..=LIMIT {
        budget.reserve_queued(1);
        assert!(queue.push(queued_span(), false, false, || true).is_ok());
    }
    let needed = budget.excess();
    let drop_oldest = || queue.drop_oldest_traces(&budget, |_| ()).spans;
    assert_eq!((drop_oldest(), drop_oldest()), (needed as u64, 0));
    let waiting = queue.lock().messages.len();
    assert_eq!((waiting, budget.reserved()), (LIMIT + 1 - needed, waiting));
}

#[test]
fn an_idle_worker_sleeps_until_it_is_needed_and_a_busy_one_for_a_moment() {
    const LONG: Duration = Duration::from_secs(60);

    let queue = Queue::new(0);
    let take = |was_busy, due: Option<Duration>| {
        let start = Instant::now();
        let due = due.map(|due| start + due);
        queue.take(&mut VecDeque::new(), 3, was_busy, due);
        start.elapsed()
    };
    let pause = BATCH_DELAY * 5;
    assert!(take(false, Some(pause)) >= pause);
    let moment = take(true, Some(LONG));
    assert!((BATCH_DELAY..LONG).contains(&moment), "{moment:?}");
    thread::scope(|scope| {
        let idle = scope.spawn(|| take(false, None));
        thread::sleep(pause);
        assert!(queue.push(queued_span(), false, false, || true).is_ok());
        let waited = idle.join().unwrap();
        assert!(waited >= pause / 2, "{waited:?}");
    });
}

#[test]
fn take_returns_limited_batches_until_the_queue_is_empty() {
    let queue = Queue::new(0);
    let push = || queue.push(queued_span(), false, false, || true);
    for _ in 0..7 {
        assert!(push().is_ok());
    }
    let flush = queue.close();
    let mut sizes = Vec::new();
    loop {
        let mut batch = VecDeque::new();
        let status = queue.take(&mut batch, 3, true, None);
        sizes.push(batch.len());
        if status == QueueStatus::Closed {
            let last = batch.pop_back();
            assert!(matches!(last, Some(Message::Flush(last)) if last == flush));
            break;
        }
    }
    assert_eq!(sizes, [3, 3, 2]);
}
