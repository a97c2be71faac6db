//! The memory of waiting spans is limited.

use super::*;

#[test]
fn overflow_drops_the_oldest_traces_and_is_reported() {
    let server = Server::start([Reply::Gate]);
    let seen = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&seen);
    let hook = move |span| {
        counter.fetch_add(1, Ordering::SeqCst);
        Some(span)
    };
    let options = Options::new().with_before_send_span(hook);
    let options = options.with_max_buffer_bytes(64 * 1024);
    let delivery = start_with(&server, options.with_max_connections(1));
    send_root(&delivery, &segment(&delivery, "x"));
    server.wait_for(1, PATIENCE);

    // The sender waits for an answer, while more arrives than there is room for.
    let mut traces = Vec::new();
    let begin = Instant::now();
    for sent in 1..=200 {
        let segment = segment(&delivery, "x");
        send_child(&delivery, &segment);
        send_root(&delivery, &segment);
        traces.push(segment.trace().trace_id().to_string());
        while seen.load(Ordering::SeqCst) < 1 + 2 * sent {
            thread::sleep(Duration::from_millis(1));
            assert!(begin.elapsed() < PATIENCE, "the worker made no room");
        }
    }
    assert!(!delivery.flush(Duration::from_millis(100)));
    server.open_gate();
    assert!(delivery.flush(PATIENCE));

    let stats = delivery.stats();
    let lost = stats.lost(LossReason::QueueOverflow);
    assert_eq!(stats.lost_total(), lost);
    assert_eq!(stats.accepted + lost, 401);
    let arrived: Vec<_> = (server.requests().iter().skip(1))
        .map(|request| request.lines())
        .filter(|lines| lines[1]["type"] == "span")
        .map(|lines| lines[0]["trace"]["trace_id"].as_str().unwrap().to_owned())
        .collect();
    assert!(arrived.len() > 5 && arrived.len() < 195, "{stats:?}");
    // The newest traces, except for a few: an encoded one may have needed the room of another, and one was held back.
    let newest = &traces[traces.len() - (arrived.len() - 5)..];
    let dropped: Vec<_> = newest.iter().filter(|it| !arrived.contains(it)).collect();
    assert!(dropped.is_empty(), "{dropped:?}");
    assert_eq!(lost, 2 * (traces.len() - arrived.len()) as u64);
    assert_eq!(server.reported("queue_overflow"), lost);
}

#[test]
fn memory_is_released() {
    let server = Server::start([Reply::Status(500, "")]);
    let hook = |span: SentrySpan| (span.name != "drop").then_some(span);
    let options = Options::new().with_before_send_span(hook);
    let delivery = start_with(&server, options.with_max_buffer_bytes(32 * 1024));
    for _ in 0..50 {
        let segment = segment(&delivery, "x");
        let twice = new_span_id();
        for name in ["drop", "a", "b"] {
            delivery.send(span(&segment, twice, name), &segment);
        }
        assert!(delivery.flush(PATIENCE));
    }
    let stats = delivery.stats();
    assert_eq!(stats.lost(LossReason::QueueOverflow), 0);
    assert_eq!(stats.accepted, 49);
}

#[test]
fn memory_is_bounded_even_while_a_hook_hangs() {
    let server = Server::start([]);
    let gate = Arc::new(Mutex::new(()));
    let held = gate.lock().unwrap();
    let inside = Arc::clone(&gate);
    let hook = move |span| {
        drop(inside.lock());
        Some(span)
    };
    let options = Options::new().with_before_send_span(hook);
    let delivery = start_with(&server, options.with_max_buffer_bytes(64 * 1024));
    let begin = Instant::now();
    for _ in 0..2000 {
        send_root(&delivery, &segment(&delivery, "x"));
    }
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert!(delivery.stats().lost(LossReason::QueueOverflow) > 1500);
    drop(held);
    assert!(delivery.flush(PATIENCE));
    assert_eq!(delivery.stats().pending(), 0);
}
