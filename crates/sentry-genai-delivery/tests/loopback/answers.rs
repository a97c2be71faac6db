//! Servers that refuse, and servers that do not answer.

use super::*;

#[test]
fn a_hanging_server_does_not_block_the_application() {
    let server = Server::start([Reply::Hang]);
    let delivery = start(&options(&server));
    let segment = segment(&delivery, "x");
    send_child(&delivery, &segment);
    let begin = Instant::now();
    assert!(!delivery.flush(Duration::from_millis(200)));
    send_child(&delivery, &segment);
    assert!(!delivery.close(Duration::from_millis(300)));
    let waited = begin.elapsed();
    assert!(waited >= Duration::from_millis(500), "{waited:?}");
    assert!(waited < PATIENCE, "{waited:?}");

    // The first span got no answer, the second could not be sent, and one that comes too late is not sent either.
    delivery.send(span(&segment, new_span_id(), "late"), &segment);
    let stats = delivery.stats();
    assert_eq!(stats.lost(LossReason::NetworkError), 2);
    assert_eq!(stats.lost(LossReason::InternalSdkError), 1);
    assert_eq!(stats.pending(), 0);
    assert_eq!(
        delivery.last_failure().unwrap().cause,
        "no answer within 300.0ms"
    );
}

#[test]
fn a_limit_for_spans_stops_them_but_not_the_report() {
    let server = Server::start([Reply::Status(
        429,
        "X-Sentry-Rate-Limits: 60:span:organization:quota\r\n",
    )]);
    let delivery = start(&options(&server));
    send_child(&delivery, &segment(&delivery, "refused"));
    assert!(delivery.flush(PATIENCE));
    send_child(&delivery, &segment(&delivery, "never sent"));
    send_child(&delivery, &segment(&delivery, "never sent"));
    assert!(delivery.flush(PATIENCE));

    assert_eq!(delivery.stats().lost(LossReason::RatelimitBackoff), 3);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    let report = requests[1].lines();
    assert_eq!(report[0].get("trace"), None);
    assert_eq!(report[1]["type"], "client_report");
    // The server has counted the first one itself.
    assert_eq!(server.reported("ratelimit_backoff"), 2);
    assert_eq!(report[2]["discarded_events"][0]["category"], "span");
}

#[test]
fn a_limit_for_everything_stops_everything() {
    let server = Server::start([Reply::Status(200, "Retry-After: 60\r\n")]);
    let delivery = start(&options(&server));
    for _ in 0..2 {
        send_child(&delivery, &segment(&delivery, "x"));
        assert!(delivery.flush(PATIENCE));
    }
    assert_eq!(server.requests().len(), 1);
    let stats = delivery.stats();
    assert_eq!(stats.accepted, 1);
    assert_eq!(stats.lost(LossReason::RatelimitBackoff), 1);
}

/// The status alone does not say what is wrong: the key, the project, or a feature that is off.
#[test]
fn the_last_failure_says_why_sentry_refused() {
    let refused = |status, body| {
        let server = Server::start([Reply::Refusal(status, body)]);
        let delivery = start(&options(&server));
        send_child(&delivery, &segment(&delivery, "x"));
        assert!(delivery.flush(PATIENCE));
        delivery.last_failure().unwrap().cause
    };
    assert_eq!(
        refused(
            403,
            r#"{"detail":"event submission rejected with_reason: ProjectId"}"#
        ),
        "HTTP status 403: event submission rejected with_reason: ProjectId"
    );
    // Causes may quote the request, and other answers are not Sentry's.
    let quoting =
        r#"{"detail":"invalid event envelope","causes":["invalid type: string \"secret\""]}"#;
    assert_eq!(
        refused(400, quoting),
        "HTTP status 400: invalid event envelope"
    );
    assert_eq!(refused(403, "<html>secret</html>"), "HTTP status 403");
}

#[test]
fn a_rejection_is_reported_with_the_next_envelope() {
    let server = Server::start([Reply::Status(500, ""), Reply::Status(500, "")]);
    let delivery = start(&options(&server));
    delivery.record_unsampled(7);
    send_child(&delivery, &segment(&delivery, "x"));
    // The envelope and the report are refused, and the loss is not forgotten.
    assert!(delivery.flush(PATIENCE));
    send_child(&delivery, &segment(&delivery, "x"));
    assert!(delivery.flush(PATIENCE));
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    let lines = requests[2].lines();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[1]["type"], "span");
    assert_eq!(lines[3]["type"], "client_report");
    let events = &lines[4]["discarded_events"];
    assert_eq!(events.as_array().unwrap().len(), 2);
    assert_eq!(events[0]["reason"], "send_error");
    assert_eq!(events[0]["quantity"], 1);
    assert_eq!(events[1]["reason"], "sample_rate");
    assert_eq!(events[1]["quantity"], 7);
}

#[test]
fn an_unreachable_server_loses_the_spans_only() {
    let options = ClientOptions::new()
        .dsn("http://public@127.0.0.1:1/42")
        .traces_sample_rate(1.0);
    let delivery = start(&options);
    send_child(&delivery, &segment(&delivery, "x"));
    assert!(delivery.flush(PATIENCE));
    assert_eq!(delivery.stats().lost(LossReason::NetworkError), 1);
}

/// Every request opens a new connection, but only the first one resolves the host.
#[test]
fn new_connections_use_the_cached_address() {
    let server = Server::start([Reply::Status(200, "Connection: close\r\n")]);
    let dsn = server.dsn().replace("127.0.0.1", "localhost");
    let options = ClientOptions::new().dsn(&dsn).traces_sample_rate(1.0);
    let delivery = start(&options);
    for sent in 1..=3 {
        send_child(&delivery, &segment(&delivery, "x"));
        assert!(delivery.flush(PATIENCE));
        assert_eq!(delivery.stats().accepted, sent);
    }
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn redirects_are_not_followed() {
    let other = Server::start([]);
    let location = format!("Location: {}\r\n", other.url("/elsewhere"));
    let server = Server::start([Reply::Status(307, location.leak())]);
    let delivery = start(&options(&server));
    send_child(&delivery, &segment(&delivery, "x"));
    assert!(delivery.flush(PATIENCE));
    assert!(other.requests().is_empty());
    assert_eq!(delivery.stats().lost(LossReason::SendError), 1);
}
