//! More spans than the server, the memory or the remaining time can take, and random faults.

use std::{
    thread,
    time::{Duration, Instant},
};

use sentry_genai_delivery::{Compression, LossReason, RetryPolicy};
use sentry_genai_testkit::{Fault, Ingest};

use super::{PATIENCE, Pair, deliver_to, send_trace};

#[test]
fn without_a_buffer_spans_are_lost_and_nothing_hangs() {
    let pair = Pair::with(|options| options.with_max_buffer_bytes(0));
    pair.send_trace(3);
    pair.flush();
    assert_eq!(pair.verified_losses(), [(LossReason::QueueOverflow, 3)]);
    assert!(pair.delivery.close(PATIENCE));
}

/// One sender announces that everything is decided while another one finds nothing left to do.
#[test]
fn close_is_complete_with_many_senders() {
    for _ in 0..5 {
        let pair = Pair::new();
        pair.ingest
            .always(Fault::none().with_delay(Duration::from_millis(20)));
        for _ in 0..60 {
            pair.send_trace(1);
        }
        pair.flush();
        // A loss to report, which keeps the sender busy for a while.
        pair.delivery.record_unsampled(1);
        assert!(pair.delivery.close(PATIENCE));
        assert_eq!(pair.verified_losses(), [(LossReason::SampleRate, 1)]);
        assert_eq!(pair.reported(), [("sample_rate".to_owned(), 1)]);
    }
}

#[test]
fn closing_waits_no_longer_than_asked() {
    let dead = "http://public@127.0.0.1:1/1";
    let hanging = Ingest::start().unwrap();
    hanging.always(Fault::hang(Duration::from_secs(60)));
    for dsn in [dead, &hanging.dsn()] {
        let delivery = deliver_to(dsn, |options| {
            let policy = RetryPolicy::default().with_max_attempts(1000);
            options.with_retries(policy)
        });
        for _ in 0..50 {
            send_trace(&delivery, 2, "");
        }
        let timeout = Duration::from_millis(400);
        let begin = Instant::now();
        assert!(!delivery.close(timeout));
        let waited = begin.elapsed();
        assert!(
            waited >= timeout && waited < PATIENCE / 2,
            "{dsn}: {waited:?}"
        );
        let stats = delivery.stats();
        assert_eq!(
            stats.lost(LossReason::NetworkError),
            100,
            "{dsn}: {stats:?}"
        );
        assert_eq!((stats.pending(), stats.buffered_bytes), (0, 0));
    }
}

/// By then the spans have been counted as lost.
#[test]
fn an_answer_that_comes_after_the_end_is_not_counted() {
    let pair = Pair::new();
    pair.ingest
        .always(Fault::none().with_delay(Duration::from_millis(800)));
    pair.send_trace(2);
    assert!(!pair.delivery.close(Duration::from_millis(300)));
    thread::sleep(Duration::from_secs(1));
    let stats = pair.delivery.stats();
    let lost = stats.lost(LossReason::NetworkError);
    assert_eq!((stats.accepted, lost, stats.buffered_bytes), (0, 2, 0));
}

#[test]
fn a_flush_ends_when_another_thread_stops_waiting_for_the_server() {
    let delivery = deliver_to("http://public@127.0.0.1:1/1", |options| {
        options.with_retries(RetryPolicy::default().with_max_attempts(1000))
    });
    send_trace(&delivery, 1, "");
    thread::scope(|scope| {
        let flush = scope.spawn(|| {
            let begin = Instant::now();
            (delivery.flush(PATIENCE), begin.elapsed())
        });
        thread::sleep(Duration::from_millis(50));
        assert!(!delivery.close(Duration::from_millis(50)));
        let (is_complete, waited) = flush.join().unwrap();
        assert!(!is_complete && waited < PATIENCE / 2, "{waited:?}");
    });
}

#[test]
fn a_compressed_envelope_arrives() {
    arrives_compressed(Compression::Always, "gzip");
    #[cfg(feature = "zstd")]
    arrives_compressed(Compression::Zstd, "zstd");
}

fn arrives_compressed(compression: Compression, encoding: &str) {
    let pair = Pair::with(|options| options.with_compression(compression));
    pair.send_trace(100);
    pair.flush();
    let envelopes = pair.ingest.envelopes();
    let envelope = &envelopes[0];
    assert_eq!(envelope.http_header("content-encoding"), Some(encoding));
    let sent: usize = envelope
        .http_header("content-length")
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        sent * 5 < envelope.bytes.len(),
        "{sent} of {}",
        envelope.bytes.len()
    );
    assert_eq!(pair.verified_losses(), []);
    assert_eq!(pair.ingest.spans().len(), 100);
}

#[test]
fn a_burst_of_traces_arrives_completely() {
    let pair = Pair::new();
    let begin = Instant::now();
    for _ in 0..3000 {
        pair.send_trace(2);
    }
    let produced_in = begin.elapsed();
    pair.flush();
    assert_eq!(pair.verified_losses(), []);
    let figures = pair.ingest.figures();
    assert_eq!(figures.accepted_spans, 6000);
    assert!(figures.connections <= 32, "{figures:?}");
    println!(
        "produced in {produced_in:?}, all there after {:?}",
        begin.elapsed()
    );
}

#[test]
fn a_burst_to_a_distant_server_uses_many_connections_but_no_more_than_allowed() {
    let pair = Pair::with(|options| options.with_max_connections(8));
    pair.ingest
        .always(Fault::none().with_delay(Duration::from_millis(50)));
    for _ in 0..400 {
        pair.send_trace(2);
    }
    pair.flush();
    assert_eq!(pair.verified_losses(), []);
    let connections = pair.ingest.figures().connections;
    assert!((5..=8).contains(&connections), "{connections}");
}

/// On four connections, this burst would take five seconds.
#[test]
fn a_burst_to_a_distant_server_arrives_before_the_program_ends() {
    let pair = Pair::new();
    pair.ingest
        .always(Fault::none().with_delay(Duration::from_millis(100)));
    for _ in 0..200 {
        pair.send_trace(2);
    }
    assert!(pair.delivery.close(Duration::from_secs(4)));
    assert_eq!(pair.verified_losses(), []);
    assert_eq!(pair.ingest.figures().accepted_spans, 400);
}

#[test]
fn an_unavailable_server_does_not_exhaust_memory() {
    let limit = 256 * 1024;
    let pair = Pair::with(|options| {
        let policy = RetryPolicy::default().with_max_attempts(u32::MAX);
        let pause = Duration::from_millis(50);
        let options = options.with_retries(policy.with_pauses(pause, pause));
        options.with_max_buffer_bytes(limit)
    });
    pair.ingest.always(Fault::status(503));
    for _ in 0..2000 {
        pair.send_trace(2);
    }
    assert!(!pair.delivery.flush(Duration::from_millis(100)));
    let held = pair.delivery.stats().buffered_bytes;
    assert!(held <= limit as u64 * 5 / 4, "{held}");
    pair.ingest.heal();
    pair.flush();
    let lost = pair.verified_losses();
    assert_eq!(lost.len(), 1, "{lost:?}");
    let (reason, spans) = lost[0];
    assert_eq!(reason, LossReason::QueueOverflow);
    assert_eq!(pair.delivery.stats().buffered_bytes, 0);
    assert_eq!(pair.reported(), [("queue_overflow".to_owned(), spans)]);
}

#[test]
fn random_faults_leave_no_span_unaccounted_for() {
    for seed in 1..=3 {
        let pair = Pair::new();
        pair.ingest.random(
            seed,
            [
                (0.05, Fault::status(500)),
                (0.05, Fault::status(503)),
                (0.03, Fault::reset()),
                (0.03, Fault::close()),
                (0.03, Fault::status(413)),
                (0.02, Fault::reset_after(200)),
                (0.02, Fault::truncated_answer()),
            ],
        );
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        pair.send_trace(3);
                        thread::sleep(Duration::from_millis(2));
                    }
                });
            }
        });
        pair.flush();
        pair.ingest.heal();
        pair.send_trace(1);
        pair.flush();
        let mut lost: Vec<_> = (pair.verified_losses().into_iter())
            .map(|(reason, spans)| (reason.as_str().to_owned(), spans))
            .collect();
        lost.sort();
        assert_eq!(lost.len(), 2, "{lost:?}");
        assert_eq!(pair.reported(), lost);
        assert!(pair.delivery.stats().accepted > 300);
    }
}
