//! Servers and networks at their worst: every span is accepted once or counted, and nobody waits longer than asked.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    io::Read,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use sentry_core::ClientOptions;
use sentry_genai_conventions::{SourceSpan, SpanId, Timestamp, TranslateOptions, Translator};
use sentry_genai_delivery::{
    Compression, Config, Delivery, LossReason, RetryPolicy, Segment, new_span_id,
};
use sentry_genai_testkit::{Fault, Ingest};

const PATIENCE: Duration = Duration::from_secs(20);

/// A delivery and the server it sends to.
struct Pair {
    ingest: Ingest,
    delivery: Delivery,
}

impl Pair {
    fn new() -> Self {
        Self::with(|config| config)
    }

    /// Starts a pair that retries without long pauses.
    fn with(configure: impl FnOnce(Config) -> Config) -> Self {
        let ingest = Ingest::start().unwrap();
        let delivery = deliver_to(&ingest.dsn(), configure);
        Self { ingest, delivery }
    }

    /// Sends a trace of `spans` spans.
    fn send_trace(&self, spans: usize) {
        send_trace(&self.delivery, spans, "");
    }

    fn flush(&self) {
        assert!(self.delivery.flush(PATIENCE), "{:?}", self.delivery);
    }

    /// Checks what must hold whatever happened, and returns the spans lost.
    fn balance(&self) -> Vec<(LossReason, u64)> {
        let stats = self.delivery.stats();
        assert_eq!(stats.pending(), 0, "{stats:?}");
        assert_eq!(stats.produced, stats.accepted + stats.lost_total());
        let figures = self.ingest.figures();
        assert_eq!(figures.duplicate_spans, 0, "{figures:?}");
        assert_eq!(figures.breaches, 0, "{figures:?}");
        assert_eq!(self.ingest.violations(), [""; 0]);
        assert!(
            figures.accepted_spans >= stats.accepted,
            "{figures:?} {stats:?}"
        );
        stats.losses().collect()
    }

    fn reported(&self) -> Vec<(String, u64)> {
        let reports = self.ingest.client_reports().into_iter();
        reports
            .map(|((_, reason), spans)| (reason, spans))
            .collect()
    }
}

fn deliver_to(dsn: &str, configure: impl FnOnce(Config) -> Config) -> Delivery {
    deliver_for(&ClientOptions::new().dsn(dsn), configure)
}

fn deliver_for(options: &ClientOptions, configure: impl FnOnce(Config) -> Config) -> Delivery {
    let options = options.clone().traces_sample_rate(1.0);
    let config = Config::from_client_options(&options).unwrap();
    let retries =
        RetryPolicy::default().with_pauses(Duration::from_millis(20), Duration::from_millis(100));
    let config = configure(config.with_retries(retries));
    Delivery::start(config, Translator::new(TranslateOptions::default()), None)
}

fn send_trace(delivery: &Delivery, spans: usize, text: &str) {
    let trace = delivery.start_trace(None, "POST /ask", "http.server");
    let segment = Arc::new(Segment::new(trace, new_span_id(), "POST /ask"));
    for _ in 1..spans {
        delivery.send(span(&segment, new_span_id(), text), &segment);
    }
    delivery.send(span(&segment, segment.span_id(), text), &segment);
}

fn span(segment: &Segment, span_id: SpanId, text: &str) -> SourceSpan {
    let start = Timestamp::from_nanos(1_795_132_800_100_000_000);
    let mut span = SourceSpan::new(segment.trace().trace_id(), span_id, "work", start);
    span.end = Timestamp::from_nanos(1_795_132_801_100_000_000);
    if span_id != segment.span_id() {
        span.parent_span_id = Some(segment.span_id());
    }
    if !text.is_empty() {
        span.attributes.push("text", text);
    }
    span
}

#[test]
fn a_server_that_is_overloaded_for_a_moment_gets_everything_once() {
    for status in [502, 503, 504] {
        let pair = Pair::new();
        pair.ingest
            .script([Fault::status(status), Fault::status(status)]);
        pair.send_trace(3);
        pair.flush();
        assert_eq!(pair.balance(), []);
        assert_eq!(pair.ingest.spans().len(), 3);
        assert_eq!(pair.ingest.figures().requests, 3);
    }
}

#[test]
fn an_overloaded_server_says_how_long() {
    let pair = Pair::new();
    pair.ingest
        .script([Fault::status(503).with_retry_after("1")]);
    let begin = Instant::now();
    pair.send_trace(1);
    pair.flush();
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!(pair.balance(), []);
}

#[test]
fn retries_end() {
    let pair = Pair::with(|config| {
        let pauses = Duration::from_millis(1);
        let policy = RetryPolicy::default().with_pauses(pauses, pauses);
        config.with_retries(policy.with_max_attempts(3))
    });
    pair.ingest
        .script([Fault::status(503), Fault::status(503), Fault::status(503)]);
    pair.send_trace(2);
    pair.flush();
    assert_eq!(pair.balance(), [(LossReason::NetworkError, 2)]);
    pair.send_trace(1);
    pair.flush();
    assert_eq!(pair.reported(), [("network_error".to_owned(), 2)]);
}

#[test]
fn old_envelopes_are_given_up() {
    let pair = Pair::with(|config| {
        let policy = RetryPolicy::default().with_max_attempts(u32::MAX);
        let policy = policy.with_pauses(Duration::from_millis(20), Duration::from_millis(20));
        config.with_retries(policy.with_max_age(Duration::from_millis(300)))
    });
    pair.ingest.always(Fault::status(503));
    pair.send_trace(1);
    pair.send_trace(1);
    let begin = Instant::now();
    pair.flush();
    let waited = begin.elapsed();
    assert!(
        (Duration::from_millis(250)..Duration::from_secs(3)).contains(&waited),
        "{waited:?}"
    );
    assert_eq!(pair.balance(), [(LossReason::NetworkError, 2)]);
}

#[test]
fn what_may_have_been_accepted_is_not_sent_again() {
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
        assert_eq!(pair.balance(), [(reason, 2)], "{fault:?}");
        assert_eq!(
            pair.reported(),
            [(reason.as_str().to_owned(), 2)],
            "{fault:?}"
        );
    }
}

#[test]
fn refusals_are_final() {
    for status in [400, 401, 403, 404, 500, 501] {
        let pair = Pair::new();
        pair.ingest.script([Fault::status(status)]);
        pair.send_trace(2);
        pair.flush();
        assert_eq!(pair.balance(), [(LossReason::SendError, 2)], "{status}");
        // The request, and the report.
        assert_eq!(pair.ingest.figures().requests, 2, "{status}");
    }
}

#[test]
fn answers_that_never_end_cost_nothing_but_the_connection() {
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
        assert_eq!(pair.balance(), [], "{fault:?}");
        assert_eq!(pair.ingest.figures().accepted_spans, 4, "{fault:?}");
    }
}

#[test]
fn a_hanging_server_costs_the_request_timeout_only() {
    let timeout = Duration::from_millis(500);
    let pair = Pair::with(|config| config.with_timeouts(timeout, timeout));
    pair.ingest.script([Fault::hang(Duration::from_secs(60))]);
    let begin = Instant::now();
    pair.send_trace(1);
    pair.flush();
    let ratio = begin.elapsed().as_secs_f64() / timeout.as_secs_f64();
    assert!((0.9..2.5).contains(&ratio), "{ratio}");
    assert_eq!(pair.balance(), [(LossReason::NetworkError, 1)]);
}

#[test]
fn what_is_too_large_is_divided_once() {
    let pair = Pair::new();
    pair.ingest.script([Fault::status(413)]);
    pair.send_trace(5);
    pair.flush();
    assert_eq!(pair.balance(), []);
    let envelopes = pair.ingest.envelopes();
    let spans: Vec<_> = envelopes.iter().map(|it| it.spans().len()).collect();
    assert_eq!(spans, [5, 2, 3]);

    let pair = Pair::new();
    pair.ingest
        .script([Fault::status(413), Fault::status(413), Fault::none()]);
    pair.send_trace(5);
    pair.flush();
    assert_eq!(pair.balance(), [(LossReason::SendError, 2)]);
    assert_eq!(pair.ingest.spans().len(), 3);
}

#[test]
fn what_is_too_large_is_divided_also_if_nobody_reads_it() {
    let pair = Pair::new();
    pair.ingest.script([Fault::early_status(413)]);
    let text = "x".repeat(400_000);
    send_trace(&pair.delivery, 8, &text);
    pair.flush();
    let lost = pair.balance();
    // The answer gets lost now and then, when the connection is reset before it was read.
    if lost.is_empty() {
        assert_eq!(pair.ingest.spans().len(), 8);
    } else {
        assert_eq!(lost, [(LossReason::NetworkError, 8)]);
    }
}

#[test]
fn limits_in_every_form_are_kept() {
    let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90));
    let limited = |limits: &str| Fault::status(429).with_rate_limits(limits);
    // What is told, and how many of the two spans sent after it are lost.
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
        pair.balance();
    }
}

#[test]
fn a_limit_ends() {
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
    assert_eq!(pair.balance(), [(LossReason::RatelimitBackoff, 2)]);
    assert_eq!(pair.ingest.spans().len(), 1);
    // The server has counted the first one itself.
    assert_eq!(pair.reported(), [("ratelimit_backoff".to_owned(), 1)]);
}

/// Sentry takes a report also out of an envelope that it turns away for a quota.
#[test]
fn a_report_does_not_ride_along_with_what_may_be_turned_away() {
    let pair = Pair::new();
    let limited = || Fault::status(429).with_rate_limits("1:span:organization");
    pair.ingest.script([limited(), limited()]);
    for _ in 0..3 {
        pair.send_trace(1);
        thread::sleep(Duration::from_millis(100));
        pair.send_trace(1);
        thread::sleep(Duration::from_millis(1100));
    }
    pair.flush();
    assert_eq!(pair.balance(), [(LossReason::RatelimitBackoff, 4)]);
    assert_eq!(pair.reported(), [("ratelimit_backoff".to_owned(), 2)]);
    let sent = String::from_utf8(pair.ingest.bytes()).unwrap();
    assert_eq!(sent.matches("discarded_events").count(), 1, "{sent}");
}

#[test]
fn a_connection_that_ends_before_the_request_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    thread::spawn(move || {
        for connection in listener.incoming() {
            counted.fetch_add(1, Ordering::Relaxed);
            // A load balancer that has nobody behind it hangs up in the middle of the handshake.
            let _ = connection.unwrap().read(&mut [0; 64]);
        }
    });
    let attempts = |config: Config| {
        let policy = RetryPolicy::default().with_max_attempts(3);
        let pause = Duration::from_millis(10);
        config.with_retries(policy.with_pauses(pause, pause))
    };
    let delivery = deliver_to(&format!("https://public@{address}/1"), attempts);
    send_trace(&delivery, 1, "");
    assert!(delivery.flush(PATIENCE));
    assert_eq!(delivery.stats().lost(LossReason::NetworkError), 1);
    assert_eq!(connections.load(Ordering::Relaxed), 3);
}

#[test]
fn reports_survive_refusals() {
    let pair = Pair::new();
    pair.ingest.always(Fault::status(500));
    for _ in 0..3 {
        pair.send_trace(2);
        pair.flush();
    }
    pair.ingest.heal();
    pair.send_trace(1);
    pair.flush();
    assert_eq!(pair.balance(), [(LossReason::SendError, 6)]);
    assert_eq!(pair.reported(), [("send_error".to_owned(), 6)]);
}

#[test]
fn a_server_that_comes_up_late_gets_everything() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let delivery = deliver_to(&format!("http://public@{address}/1"), |config| {
        let policy = RetryPolicy::default().with_max_attempts(1000);
        let pause = Duration::from_millis(20);
        config.with_retries(policy.with_pauses(pause, pause))
    });
    for _ in 0..10 {
        send_trace(&delivery, 2, "");
    }
    assert!(!delivery.flush(Duration::from_millis(200)));
    assert_eq!(delivery.stats().pending(), 20);
    let listener = TcpListener::bind(address).unwrap();
    let server = thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let mut served = 0;
        let mut buffer = vec![0; 1 << 20];
        // One request per connection, small enough to come in one piece or two.
        while served < 10 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut read = 0;
            while !buffer[..read].ends_with(b"]}\n") {
                read += stream.read(&mut buffer[read..]).unwrap();
            }
            let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
            stream.write_all(answer).unwrap();
            served += 1;
        }
    });
    assert!(delivery.flush(PATIENCE));
    server.join().unwrap();
    assert_eq!(delivery.stats().accepted, 20);
}

#[test]
fn names_that_do_not_resolve_and_servers_that_speak_no_tls() {
    let plain = Ingest::start().unwrap();
    let https = plain.dsn().replace("http://", "https://");
    for dsn in ["http://public@does-not-exist.invalid/1", &https] {
        let delivery = deliver_to(dsn, |config| {
            let retries = RetryPolicy::default().with_max_attempts(2);
            let pause = Duration::from_millis(10);
            config.with_retries(retries.with_pauses(pause, pause))
        });
        send_trace(&delivery, 2, "");
        assert!(delivery.flush(PATIENCE), "{dsn}");
        let stats = delivery.stats();
        assert_eq!(stats.lost(LossReason::NetworkError), 2, "{dsn}");
    }
    assert_eq!(plain.figures().accepted_spans, 0);
}

#[test]
fn a_proxy_is_used() {
    let proxy = Ingest::start().unwrap();
    let options = ClientOptions::new()
        .dsn("http://public@does-not-exist.invalid/1")
        .http_proxy(proxy.url());
    let delivery = deliver_for(&options, |config| {
        config.with_compression(Compression::Never)
    });
    send_trace(&delivery, 1, "");
    assert!(delivery.flush(PATIENCE));
    // This server is no proxy, and says so; what counts is that it was asked.
    assert_eq!(delivery.stats().accepted, 0);
    assert!(proxy.figures().connections > 0);
}

#[test]
fn without_any_room_spans_are_lost_and_nothing_hangs() {
    let pair = Pair::with(|config| config.with_max_buffer_bytes(0));
    pair.send_trace(3);
    pair.flush();
    assert_eq!(pair.balance(), [(LossReason::QueueOverflow, 3)]);
    assert!(pair.delivery.close(PATIENCE));
}

#[test]
fn an_age_without_end_is_none() {
    let forever = RetryPolicy::default().with_max_age(Duration::MAX);
    let pair = Pair::with(|config| config.with_retries(forever));
    pair.ingest.script([Fault::status(503)]);
    pair.send_trace(1);
    pair.flush();
    assert_eq!(pair.balance(), []);
}

/// One lane says that all is decided while another one finds nothing left to do.
#[test]
fn close_is_complete_with_many_lanes() {
    for _ in 0..5 {
        let pair = Pair::new();
        pair.ingest
            .always(Fault::none().with_delay(Duration::from_millis(20)));
        for _ in 0..60 {
            pair.send_trace(1);
        }
        pair.flush();
        // A loss to report, which takes the lane some time.
        pair.delivery.record_unsampled(1);
        assert!(pair.delivery.close(PATIENCE));
        assert_eq!(pair.balance(), [(LossReason::SampleRate, 1)]);
        assert_eq!(pair.reported(), [("sample_rate".to_owned(), 1)]);
    }
}

#[test]
fn a_compressed_envelope_arrives() {
    arrives_compressed(Compression::Always, "gzip");
    #[cfg(feature = "zstd")]
    arrives_compressed(Compression::Zstd, "zstd");
}

fn arrives_compressed(compression: Compression, encoding: &str) {
    let pair = Pair::with(|config| config.with_compression(compression));
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
    assert_eq!(pair.balance(), []);
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
    assert_eq!(pair.balance(), []);
    let figures = pair.ingest.figures();
    assert_eq!(figures.accepted_spans, 6000);
    assert!(figures.connections <= 4, "{figures:?}");
    println!(
        "produced in {produced_in:?}, all there after {:?}",
        begin.elapsed()
    );
}

#[test]
fn a_burst_to_a_distant_server_uses_several_connections() {
    let pair = Pair::new();
    pair.ingest
        .always(Fault::none().with_delay(Duration::from_millis(20)));
    for _ in 0..200 {
        pair.send_trace(2);
    }
    pair.flush();
    assert_eq!(pair.balance(), []);
    let connections = pair.ingest.figures().connections;
    assert!((2..=4).contains(&connections), "{connections}");
}

#[test]
fn a_server_that_is_gone_does_not_fill_the_memory() {
    let limit = 256 * 1024;
    let pair = Pair::with(|config| {
        let policy = RetryPolicy::default().with_max_attempts(u32::MAX);
        let pause = Duration::from_millis(50);
        let config = config.with_retries(policy.with_pauses(pause, pause));
        config.with_max_buffer_bytes(limit)
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
    let lost = pair.balance();
    assert_eq!(lost.len(), 1, "{lost:?}");
    let (reason, spans) = lost[0];
    assert_eq!(reason, LossReason::QueueOverflow);
    assert_eq!(pair.delivery.stats().buffered_bytes, 0);
    assert_eq!(pair.reported(), [("queue_overflow".to_owned(), spans)]);
}

#[test]
fn closing_waits_no_longer_than_asked() {
    let dead = "http://public@127.0.0.1:1/1";
    let hanging = Ingest::start().unwrap();
    hanging.always(Fault::hang(Duration::from_secs(60)));
    for dsn in [dead, &hanging.dsn()] {
        let delivery = deliver_to(dsn, |config| {
            let policy = RetryPolicy::default().with_max_attempts(1000);
            config.with_retries(policy)
        });
        for _ in 0..50 {
            send_trace(&delivery, 2, "");
        }
        let timeout = Duration::from_millis(400);
        let begin = Instant::now();
        assert!(!delivery.close(timeout));
        let ratio = begin.elapsed().as_secs_f64() / timeout.as_secs_f64();
        assert!((0.9..1.5).contains(&ratio), "{dsn}: {ratio}");
        let stats = delivery.stats();
        assert_eq!(
            stats.lost(LossReason::NetworkError),
            100,
            "{dsn}: {stats:?}"
        );
        assert_eq!(stats.pending(), 0);
    }
}

#[test]
fn chance() {
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
        let mut lost: Vec<_> = (pair.balance().into_iter())
            .map(|(reason, spans)| (reason.as_str().to_owned(), spans))
            .collect();
        lost.sort();
        assert_eq!(lost.len(), 2, "{lost:?}");
        assert_eq!(pair.reported(), lost);
        assert!(pair.delivery.stats().accepted > 300);
    }
}

#[test]
fn no_secret_in_what_can_be_logged() {
    let options = ClientOptions::new()
        .dsn("https://sikrit-key:sikrit-pass@127.0.0.1:1/1")
        .http_proxy("http://user:sikrit-proxy@127.0.0.1:2");
    let options = options.traces_sample_rate(1.0);
    let config = Config::from_client_options(&options).unwrap();
    let retries = RetryPolicy::default().with_max_attempts(1);
    let delivery = deliver_for(&options, |config| config.with_retries(retries));
    send_trace(&delivery, 1, "sikrit-content");
    let shown = format!("{config:?} {delivery:?}");
    assert!(!shown.contains("sikrit"), "{shown}");
    assert!(delivery.flush(PATIENCE));
    assert_eq!(delivery.stats().lost(LossReason::NetworkError), 1);
}
