//! Rate limits, and what is reported while one is in effect.

use std::{
    thread,
    time::{Duration, SystemTime},
};

use sentry_genai_delivery::LossReason;
use sentry_genai_testkit::Fault;

use super::Pair;

#[test]
fn limits_in_every_form_are_respected() {
    let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90));
    let limited = |limits: &str| Fault::status(429).with_rate_limits(limits);
    // The answer, and how many of the two spans sent after it are lost.
    let cases = [
        (limited("60:span:organization:quota"), 2),
        (limited("60:span;span_indexed:organization"), 2),
        (limited("60:error;span:key"), 2),
        (limited("60::organization"), 2),
        (limited("60::"), 2),
        (limited("1:error:key, 60:span:project, 2:span:org"), 2),
        (limited("60:span_indexed:organization"), 0),
        (limited("60:error;transaction:organization"), 0),
        (Fault::none().with_rate_limits("60:span:organization"), 2),
        (Fault::status(429).with_retry_after("60"), 2),
        (Fault::status(429).with_retry_after(&soon), 2),
        (Fault::status(429), 2),
        (
            Fault::status(413).with_rate_limits("60:span:organization"),
            2,
        ),
    ];
    for (fault, lost) in cases {
        let pair = Pair::new();
        pair.ingest.script([fault.clone()]);
        pair.send_trace(1);
        pair.flush();
        let before = pair.delivery.stats().lost(LossReason::RatelimitBackoff);
        thread::sleep(Duration::from_millis(120));
        pair.send_trace(1);
        pair.send_trace(1);
        pair.flush();
        let after = pair.delivery.stats().lost(LossReason::RatelimitBackoff);
        assert_eq!(after - before, lost, "{fault:?}");
        pair.verified_losses();
    }
}

#[test]
fn a_limit_expires() {
    let pair = Pair::new();
    pair.ingest
        .script([Fault::status(429).with_rate_limits("1:span:organization")]);
    pair.send_trace(1);
    pair.flush();
    pair.send_trace(1);
    pair.flush();
    thread::sleep(Duration::from_millis(1100));
    pair.send_trace(1);
    pair.flush();
    assert_eq!(pair.verified_losses(), [(LossReason::RatelimitBackoff, 2)]);
    assert_eq!(pair.ingest.spans().len(), 1);
    // The server has counted the first one itself.
    assert_eq!(pair.reported(), [("ratelimit_backoff".to_owned(), 1)]);
}

/// Sentry never saw it, and says so by no header of its own.
#[test]
fn what_a_proxy_refuses_is_reported() {
    let pair = Pair::new();
    let refused = Fault::status(429).with_retry_after("1");
    pair.ingest.script([refused]);
    pair.send_trace(1);
    pair.wait();
    thread::sleep(Duration::from_millis(1100));
    pair.send_trace(1);
    pair.flush();
    assert_eq!(pair.verified_losses(), [(LossReason::RatelimitBackoff, 1)]);
    assert_eq!(pair.reported(), [("ratelimit_backoff".to_owned(), 1)]);
}

/// Sentry also reads the report of an envelope that it refuses for a quota.
#[test]
fn a_report_is_not_piggybacked_on_an_envelope_that_may_be_rejected() {
    let pair = Pair::new();
    let limited = || Fault::status(429).with_rate_limits("1:span:organization");
    pair.ingest.script([limited(), limited()]);
    for _ in 0..3 {
        pair.send_trace(1);
        pair.wait();
        pair.send_trace(1);
        pair.wait();
        thread::sleep(Duration::from_millis(1100));
    }
    pair.flush();
    assert_eq!(pair.verified_losses(), [(LossReason::RatelimitBackoff, 4)]);
    assert_eq!(pair.reported(), [("ratelimit_backoff".to_owned(), 2)]);
    let sent = String::from_utf8(pair.ingest.bytes()).unwrap();
    assert_eq!(sent.matches("discarded_events").count(), 1, "{sent}");
}

/// This also holds for the first refusal, which nobody could foresee.
#[test]
fn a_report_read_with_a_rejected_envelope_is_not_sent_again() {
    let pair = Pair::new();
    let limited = Fault::status(429).with_rate_limits("1:span:organization");
    pair.ingest.script([Fault::status(500), limited]);
    pair.send_trace(1);
    thread::sleep(Duration::from_millis(200));
    pair.send_trace(1);
    pair.flush();
    let sent = String::from_utf8(pair.ingest.bytes()).unwrap();
    assert_eq!(sent.matches("send_error").count(), 1, "{sent}");
    assert_eq!(pair.reported(), [("send_error".to_owned(), 1)]);
}
