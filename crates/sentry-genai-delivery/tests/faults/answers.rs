//! What servers answer: temporary trouble, refusals, and bodies that are too large.

use std::time::{Duration, Instant};

use sentry_genai_delivery::{LossReason, RetryPolicy};
use sentry_genai_testkit::Fault;

use super::{PATIENCE, Pair, send_trace};

#[test]
fn envelopes_are_retried_while_the_server_is_overloaded() {
    for status in [502, 503, 504] {
        let pair = Pair::new();
        pair.ingest
            .script([Fault::status(status), Fault::status(status)]);
        pair.send_trace(3);
        pair.flush();
        assert_eq!(pair.verified_losses(), []);
        assert_eq!(pair.ingest.spans().len(), 3);
        assert_eq!(pair.ingest.figures().requests, 3);
    }
}

#[test]
fn retry_after_of_an_overloaded_server_is_respected() {
    let pair = Pair::new();
    pair.ingest
        .script([Fault::status(503).with_retry_after("1")]);
    let begin = Instant::now();
    pair.send_trace(1);
    pair.flush();
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!(pair.verified_losses(), []);
}

#[test]
fn retries_are_limited() {
    let pair = Pair::with(|options| {
        let pauses = Duration::from_millis(1);
        let policy = RetryPolicy::default().with_pauses(pauses, pauses);
        options.with_retries(policy.with_max_attempts(3))
    });
    pair.ingest
        .script([Fault::status(503), Fault::status(503), Fault::status(503)]);
    pair.send_trace(2);
    pair.flush();
    assert_eq!(pair.verified_losses(), [(LossReason::NetworkError, 2)]);
    pair.send_trace(1);
    pair.flush();
    assert_eq!(pair.reported(), [("network_error".to_owned(), 2)]);
}

#[test]
fn zero_attempts_are_one_attempt() {
    let never = RetryPolicy::default().with_max_attempts(0);
    let pair = Pair::with(|options| options.with_retries(never));
    pair.ingest.script([Fault::status(503), Fault::none()]);
    pair.send_trace(2);
    pair.wait();
    assert_eq!(pair.verified_losses(), [(LossReason::NetworkError, 2)]);
    assert_eq!(pair.ingest.figures().requests, 1);
}

#[test]
fn old_envelopes_are_dropped() {
    let pair = Pair::with(|options| {
        let policy = RetryPolicy::default().with_max_attempts(u32::MAX);
        let policy = policy.with_pauses(Duration::from_millis(20), Duration::from_millis(20));
        options.with_retries(policy.with_max_age(Duration::from_millis(300)))
    });
    pair.ingest.always(Fault::status(503));
    pair.send_trace(1);
    pair.send_trace(1);
    let begin = Instant::now();
    pair.flush();
    let waited = begin.elapsed();
    assert!(
        (Duration::from_millis(250)..PATIENCE / 2).contains(&waited),
        "{waited:?}"
    );
    assert_eq!(pair.verified_losses(), [(LossReason::NetworkError, 2)]);
}

#[test]
fn an_unlimited_age_is_allowed() {
    let forever = RetryPolicy::default().with_max_age(Duration::MAX);
    let pair = Pair::with(|options| options.with_retries(forever));
    pair.ingest.script([Fault::status(503)]);
    pair.send_trace(1);
    pair.flush();
    assert_eq!(pair.verified_losses(), []);
}

#[test]
fn possibly_accepted_envelopes_are_not_retried() {
    let faults = [
        Fault::close(),
        Fault::reset(),
        Fault::reset_after(100),
        Fault::status(500),
        Fault::hang(Duration::from_millis(50)),
    ];
    for fault in faults {
        let pair = Pair::new();
        pair.ingest.script([fault.clone()]);
        pair.send_trace(2);
        pair.flush();
        pair.send_trace(1);
        pair.flush();
        let reason = if fault == Fault::status(500) {
            LossReason::SendError
        } else {
            LossReason::NetworkError
        };
        assert_eq!(pair.verified_losses(), [(reason, 2)], "{fault:?}");
        assert_eq!(
            pair.reported(),
            [(reason.as_str().to_owned(), 2)],
            "{fault:?}"
        );
    }
}

#[test]
fn rejections_are_final() {
    for status in [400, 401, 403, 404, 500, 501] {
        let pair = Pair::new();
        pair.ingest.script([Fault::status(status)]);
        pair.send_trace(2);
        pair.flush();
        assert_eq!(
            pair.verified_losses(),
            [(LossReason::SendError, 2)],
            "{status}"
        );
        // The request and the report.
        assert_eq!(pair.ingest.figures().requests, 2, "{status}");
    }
}

#[test]
fn reports_survive_rejections() {
    let pair = Pair::new();
    pair.ingest.always(Fault::status(500));
    for _ in 0..3 {
        pair.send_trace(2);
        pair.flush();
    }
    pair.ingest.heal();
    pair.send_trace(1);
    pair.flush();
    assert_eq!(pair.verified_losses(), [(LossReason::SendError, 6)]);
    assert_eq!(pair.reported(), [("send_error".to_owned(), 6)]);
}

#[test]
fn a_report_counts_once_although_its_envelope_is_sent_again() {
    let pair = Pair::new();
    pair.ingest
        .script([Fault::status(500), Fault::status(503), Fault::none()]);
    for _ in 0..2 {
        pair.send_trace(1);
        pair.wait();
    }
    pair.flush();
    assert_eq!(pair.verified_losses(), [(LossReason::SendError, 1)]);
    assert_eq!(pair.reported(), [("send_error".to_owned(), 1)]);
}

/// No envelope follows that could carry the report.
#[test]
fn the_last_report_is_retried_until_it_is_read() {
    for fault in [500, 413, 503].map(Fault::status) {
        let pair = Pair::new();
        pair.ingest
            .script([Fault::status(400), fault.clone(), fault.clone()]);
        pair.send_trace(2);
        pair.wait();
        assert!(pair.delivery.close(PATIENCE), "{fault:?}");
        assert_eq!(
            pair.verified_losses(),
            [(LossReason::SendError, 2)],
            "{fault:?}"
        );
        let reported = pair.reported();
        assert_eq!(reported, [("send_error".to_owned(), 2)], "{fault:?}");
    }
}

/// Each report may have been accepted although there was no answer.
#[test]
fn unanswered_reports_are_not_repeated() {
    let pair = Pair::new();
    pair.ingest.always(Fault::close());
    const TRACES: u64 = 20;
    for _ in 0..TRACES {
        pair.send_trace(1);
        pair.flush();
    }
    pair.ingest.heal();
    pair.send_trace(1);
    pair.flush();
    assert_eq!(pair.verified_losses(), [(LossReason::NetworkError, TRACES)]);
    let sent = String::from_utf8(pair.ingest.bytes()).unwrap();
    let reported = sent.split("\"quantity\":").skip(1).map(|rest| {
        let digits = rest.find(|it: char| !it.is_ascii_digit()).unwrap();
        rest[..digits].parse::<u64>().unwrap()
    });
    let reported: u64 = reported.sum();
    // The first report is repeated once, because a request without an answer has usually not been read.
    assert!(
        (TRACES..TRACES + 3).contains(&reported),
        "{reported}: {sent}"
    );
}

#[test]
fn endless_answers_lose_only_the_connection() {
    for fault in [
        Fault::truncated_answer(),
        Fault::trickle(Duration::from_secs(1)),
    ] {
        let pair = Pair::new();
        pair.ingest.script([fault.clone()]);
        pair.send_trace(2);
        pair.flush();
        pair.send_trace(2);
        pair.flush();
        assert_eq!(pair.verified_losses(), [], "{fault:?}");
        assert_eq!(pair.ingest.figures().accepted_spans, 4, "{fault:?}");
    }
}

#[test]
fn a_hanging_server_is_bounded_by_the_request_timeout() {
    let timeout = Duration::from_millis(500);
    let pair = Pair::with(|options| options.with_timeouts(timeout, timeout));
    pair.ingest.script([Fault::hang(Duration::from_secs(60))]);
    let begin = Instant::now();
    pair.send_trace(1);
    pair.flush();
    let ratio = begin.elapsed().as_secs_f64() / timeout.as_secs_f64();
    assert!((0.9..10.0).contains(&ratio), "{ratio}");
    assert_eq!(pair.verified_losses(), [(LossReason::NetworkError, 1)]);
}

#[test]
fn a_too_large_envelope_is_split_once() {
    let pair = Pair::new();
    pair.ingest.script([Fault::status(413)]);
    pair.send_trace(5);
    pair.flush();
    assert_eq!(pair.verified_losses(), []);
    let envelopes = pair.ingest.envelopes();
    let spans: Vec<_> = envelopes.iter().map(|it| it.spans().len()).collect();
    assert_eq!(spans, [5, 2, 3]);
    assert_eq!(pair.delivery.stats().buffered_bytes, 0);

    let pair = Pair::new();
    pair.ingest
        .script([Fault::status(413), Fault::status(413), Fault::none()]);
    pair.send_trace(5);
    pair.flush();
    assert_eq!(pair.verified_losses(), [(LossReason::SendError, 2)]);
    assert_eq!(pair.ingest.spans().len(), 3);
}

#[test]
fn a_too_large_envelope_is_split_even_if_it_was_not_read() {
    let pair = Pair::new();
    pair.ingest.script([Fault::early_status(413)]);
    let text = "x".repeat(400_000);
    send_trace(&pair.delivery, 8, &text);
    pair.flush();
    let lost = pair.verified_losses();
    // Sometimes the answer is lost, when the connection is reset before it was read.
    if lost.is_empty() {
        assert_eq!(pair.ingest.spans().len(), 8);
    } else {
        assert_eq!(lost, [(LossReason::NetworkError, 8)]);
    }
}

/// A hook may make a span as large as it likes.
#[test]
fn a_span_that_is_too_large_by_itself_is_lost_and_said_to_be() {
    let pair = Pair::with(|options| {
        options.with_before_send_span(|mut span| {
            span.name = "x".repeat(5_000_000).into();
            Some(span)
        })
    });
    pair.send_trace(1);
    pair.flush();
    assert_eq!(pair.verified_losses(), [(LossReason::SendError, 1)]);
    let failure = pair.delivery.last_failure().unwrap();
    assert_eq!(failure.cause, "a span is too large for an envelope");
}
