//! Spans in, bytes on a socket out.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "loopback/server.rs"]
mod server;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use sentry_core::ClientOptions;
use sentry_genai_conventions::{SourceSpan, SpanId, Timestamp, TranslateOptions, Translator};
use sentry_genai_delivery::{
    BeforeSendSpan, Config, Delivery, LossReason, Segment, Unread, new_span_id, on_delivery_thread,
};
use server::{Reply, Server};

const PATIENCE: Duration = Duration::from_secs(10);
const TRACE: &str = "4c79f60c11214eb38604f4ae0781bfb2-a1b2c3d4e5f60718-1";

fn options(server: &Server) -> ClientOptions {
    ClientOptions::new()
        .dsn(&server.dsn())
        .release("shop@1.4.2")
        .traces_sample_rate(1.0)
}

fn start(options: &ClientOptions) -> Delivery {
    start_with(Config::from_client_options(options).unwrap(), None)
}

fn start_with(config: Config, hook: Option<BeforeSendSpan>) -> Delivery {
    Delivery::start(config, Translator::new(TranslateOptions::default()), hook)
}

fn segment(delivery: &Delivery, name: &str) -> Arc<Segment> {
    let trace = delivery.start_trace(None, name, "http.server");
    Arc::new(Segment::new(trace, new_span_id(), name))
}

fn span(segment: &Segment, span_id: SpanId, name: &'static str) -> SourceSpan {
    let start = Timestamp::from_nanos(1_795_132_800_100_000_000);
    let mut span = SourceSpan::new(segment.trace().trace_id(), span_id, name, start);
    span.end = Timestamp::from_nanos(1_795_132_801_100_000_000);
    if span_id != segment.span_id() {
        span.parent_span_id = Some(segment.span_id());
    }
    span
}

fn send_child(delivery: &Delivery, segment: &Arc<Segment>) {
    delivery.send(span(segment, new_span_id(), "work"), segment);
}

fn send_root(delivery: &Delivery, segment: &Arc<Segment>) {
    delivery.send(span(segment, segment.span_id(), "POST /ask"), segment);
}

#[test]
fn an_envelope_as_it_crosses_the_socket() {
    let server = Server::start([]);
    let delivery = start(&options(&server));
    let segment = segment(&delivery, "starting");
    send_child(&delivery, &segment);
    send_root(&delivery, &segment);
    assert!(delivery.flush(PATIENCE));

    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!(request.line, "POST /api/42/envelope/ HTTP/1.1");
    assert_eq!(
        request.header("content-type"),
        Some("application/x-sentry-envelope")
    );
    let agent = format!("sentry.rust.genai/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(request.header("user-agent"), Some(&*agent));
    let auth = request.header("x-sentry-auth").unwrap();
    assert!(auth.starts_with("Sentry sentry_key=public, sentry_version=7"));
    assert!(auth.contains(&format!("sentry_client={agent}")), "{auth}");

    let lines = request.lines();
    assert_eq!(lines.len(), 3);
    let trace_id = segment.trace().trace_id().to_string();
    let dsc = &lines[0]["trace"];
    assert_eq!(dsc["trace_id"], trace_id);
    assert_eq!(dsc["public_key"], "public");
    assert_eq!(dsc["sampled"], "true");
    assert_eq!(dsc["release"], "shop@1.4.2");
    assert_eq!(dsc["transaction"], "POST /ask");
    let sent_at = lines[0]["sent_at"].as_str().unwrap();
    assert!(
        sent_at.starts_with("20") && sent_at.ends_with('Z'),
        "{sent_at}"
    );
    assert_eq!(lines[1]["type"], "span");
    assert_eq!(lines[1]["item_count"], 2);
    assert_eq!(lines[2]["version"], 2);
    let items = lines[2]["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    for item in items {
        assert_eq!(item["trace_id"], trace_id);
        let attributes = &item["attributes"];
        assert_eq!(attributes["sentry.segment.name"]["value"], "POST /ask");
        assert_eq!(
            attributes["sentry.segment.id"]["value"],
            segment.span_id().to_string()
        );
    }
    assert_eq!(items[0]["is_segment"], false);
    assert_eq!(items[1]["is_segment"], true);

    let stats = delivery.stats();
    assert_eq!((stats.produced, stats.accepted), (2, 2));
    assert_eq!(stats.pending(), 0);
    assert!(delivery.close(PATIENCE));
}

/// A span that its door would read later, or not at all.
struct Sealed {
    span: SourceSpan,
    is_broken: bool,
    read: Arc<AtomicU64>,
}

impl Unread for Sealed {
    fn span_id(&self) -> SpanId {
        self.span.span_id
    }

    fn read(self: Box<Self>, span: &mut SourceSpan) {
        assert!(on_delivery_thread() && !self.is_broken, "expected");
        assert!(span.attributes.is_empty() && span.links.is_empty());
        self.read.fetch_add(1, Ordering::Relaxed);
        *span = self.span;
    }
}

#[test]
fn what_is_handed_over_unread_is_read_behind_it() {
    let server = Server::start([]);
    let delivery = start(&options(&server));
    let read = Arc::new(AtomicU64::new(0));
    let send = |segment: &Arc<Segment>, span_id, name, is_broken| {
        let sealed = Sealed {
            span: span(segment, span_id, name),
            is_broken,
            read: Arc::clone(&read),
        };
        delivery.send_unread(Box::new(sealed), 500, segment);
    };
    for _ in 0..3 {
        let segment = segment(&delivery, "POST /ask");
        send(&segment, new_span_id(), "first", false);
        send_child(&delivery, &segment);
        send(&segment, new_span_id(), "never", true);
        send(&segment, segment.span_id(), "POST /ask", false);
    }
    assert!(delivery.flush(PATIENCE));
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        let lines = request.lines();
        let items = lines[2]["items"].as_array().unwrap();
        let names: Vec<_> = items.iter().map(|item| &item["name"]).collect();
        assert_eq!(names, ["first", "work", "POST /ask"]);
    }
    let stats = delivery.stats();
    assert_eq!((stats.produced, stats.accepted), (12, 9));
    assert_eq!(stats.lost(LossReason::InternalSdkError), 3);
    assert_eq!(stats.buffered_bytes, 0);
    assert_eq!(read.load(Ordering::Relaxed), 6);

    let unsampled = start(&options(&server).traces_sample_rate(0.0));
    let segment = segment(&unsampled, "x");
    let sealed = Sealed {
        span: span(&segment, segment.span_id(), "x"),
        is_broken: true,
        read,
    };
    unsampled.send_unread(Box::new(sealed), 500, &segment);
    assert_eq!(unsampled.stats().lost(LossReason::SampleRate), 1);
}

#[test]
fn a_segment_that_ended_leaves_by_itself() {
    let server = Server::start([]);
    let delivery = start(&options(&server));
    let segment = segment(&delivery, "x");
    send_root(&delivery, &segment);
    server.wait_for(1, Duration::from_secs(3));
}

#[test]
fn two_traces_never_share_an_envelope_but_a_connection() {
    let server = Server::start([]);
    let config = Config::from_client_options(&options(&server)).unwrap();
    let delivery = start_with(config.with_max_connections(1), None);
    let segments = [(); 20].map(|()| segment(&delivery, "x"));
    for _ in 0..3 {
        for segment in &segments {
            send_child(&delivery, segment);
        }
    }
    assert!(delivery.flush(PATIENCE));

    let requests = server.requests();
    assert_eq!(requests.len(), segments.len());
    for request in &requests {
        let lines = request.lines();
        assert_eq!(lines[1]["item_count"], 3);
        for item in lines[2]["items"].as_array().unwrap() {
            assert_eq!(item["trace_id"], lines[0]["trace"]["trace_id"]);
        }
    }
    assert_eq!(server.connections(), 1);
    assert_eq!(delivery.stats().accepted, 60);
}

#[test]
fn a_trace_is_continued() {
    let server = Server::start([]);
    let delivery = start(&options(&server));
    let headers = [
        ("Sentry-Trace", TRACE),
        ("Baggage", "sentry-release=theirs"),
    ];
    let incoming = sentry_genai_delivery::IncomingTrace::from_headers(headers).unwrap();
    let trace = delivery.start_trace(Some(&incoming), "x", "y");
    let segment = Arc::new(Segment::new(trace, new_span_id(), "x"));
    let mut root = span(&segment, segment.span_id(), "x");
    root.parent_span_id = segment.trace().parent_span_id();
    delivery.send(root, &segment);
    assert!(delivery.flush(PATIENCE));
    let lines = server.requests()[0].lines();
    assert_eq!(lines[0]["trace"]["release"], "theirs");
    let root = &lines[2]["items"][0];
    assert_eq!(root["trace_id"], "4c79f60c11214eb38604f4ae0781bfb2");
    assert_eq!(root["parent_span_id"], "a1b2c3d4e5f60718");
    assert_eq!(root["is_segment"], true);
}

#[test]
fn a_server_that_hangs_does_not_hold_up_the_application() {
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
    assert!(waited < Duration::from_secs(3), "{waited:?}");

    // The first span got no answer, the second had no chance, and one that comes too late has none either.
    delivery.send(span(&segment, new_span_id(), "late"), &segment);
    let stats = delivery.stats();
    assert_eq!(stats.lost(LossReason::NetworkError), 2);
    assert_eq!(stats.lost(LossReason::InternalSdkError), 1);
    assert_eq!(stats.pending(), 0);
}

#[test]
fn overflow_drops_the_oldest_traces_and_is_reported() {
    let server = Server::start([Reply::Gate]);
    let seen = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&seen);
    let hook: BeforeSendSpan = Arc::new(move |span| {
        counter.fetch_add(1, Ordering::SeqCst);
        Some(span)
    });
    let config = Config::from_client_options(&options(&server)).unwrap();
    let config = config.with_max_buffer_bytes(64 * 1024);
    let delivery = start_with(config.with_max_connections(1), Some(hook));
    send_root(&delivery, &segment(&delivery, "x"));
    server.wait_for(1, PATIENCE);

    // The sender waits for an answer; meanwhile more comes than there is room for.
    let mut traces = Vec::new();
    let begin = Instant::now();
    for sent in 1..=100 {
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
    assert_eq!(stats.accepted + lost, 201);
    let arrived: Vec<_> = (server.requests().iter().skip(1))
        .map(|request| request.lines())
        .filter(|lines| lines[1]["type"] == "span")
        .map(|lines| lines[0]["trace"]["trace_id"].as_str().unwrap().to_owned())
        .collect();
    assert!(arrived.len() > 5 && arrived.len() < 95, "{stats:?}");
    // The newest, but for a few: one that was encoded may have needed the room of another, and one lingered that was held on to.
    let newest = &traces[traces.len() - (arrived.len() - 5)..];
    let dropped: Vec<_> = newest.iter().filter(|it| !arrived.contains(it)).collect();
    assert!(dropped.is_empty(), "{dropped:?}");
    assert_eq!(lost, 2 * (traces.len() - arrived.len()) as u64);
    assert_eq!(server.reported("queue_overflow"), lost);
}

#[test]
fn memory_is_given_back() {
    let server = Server::start([Reply::Status(500, "")]);
    let hook: BeforeSendSpan = Arc::new(|span| (span.name != "drop").then_some(span));
    let config = Config::from_client_options(&options(&server)).unwrap();
    let delivery = start_with(config.with_max_buffer_bytes(32 * 1024), Some(hook));
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
    let hook: BeforeSendSpan = Arc::new(move |span| {
        drop(inside.lock());
        Some(span)
    });
    let config = Config::from_client_options(&options(&server)).unwrap();
    let delivery = start_with(config.with_max_buffer_bytes(64 * 1024), Some(hook));
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

#[test]
fn a_refusal_is_reported_with_what_comes_next() {
    let server = Server::start([Reply::Status(500, ""), Reply::Status(500, "")]);
    let delivery = start(&options(&server));
    delivery.record_unsampled(7);
    send_child(&delivery, &segment(&delivery, "x"));
    // The envelope and the report are refused, and nothing is forgotten over it.
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
fn a_server_that_is_not_there_costs_the_spans_only() {
    let options = ClientOptions::new()
        .dsn("http://public@127.0.0.1:1/42")
        .traces_sample_rate(1.0);
    let delivery = start(&options);
    send_child(&delivery, &segment(&delivery, "x"));
    assert!(delivery.flush(PATIENCE));
    assert_eq!(delivery.stats().lost(LossReason::NetworkError), 1);
}

/// Each time on a new connection, and only the first time with a look-up.
#[test]
fn a_server_is_found_by_its_name_again_and_again() {
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

#[test]
fn the_hook_changes_drops_and_may_panic() {
    let server = Server::start([]);
    let hook: BeforeSendSpan = Arc::new(|mut span| {
        assert!(on_delivery_thread());
        match span.attributes.text("do") {
            Some("drop") => return None,
            Some("panic") => panic!("expected"),
            _ => {}
        }
        span.attributes.push("seen", 1_i64);
        span.attributes.push("seen", 2_i64);
        Some(span)
    });
    let config = Config::from_client_options(&options(&server)).unwrap();
    let delivery = start_with(config, Some(hook));
    let segment = segment(&delivery, "x");
    for what in ["drop", "panic", "keep"] {
        let mut span = span(&segment, new_span_id(), "work");
        span.attributes.push("do", what);
        delivery.send(span, &segment);
    }
    assert!(delivery.flush(PATIENCE));
    let stats = delivery.stats();
    assert_eq!(stats.lost(LossReason::BeforeSend), 1);
    assert_eq!(stats.lost(LossReason::InternalSdkError), 1);
    assert_eq!(stats.accepted, 1);
    let request = &server.requests()[0];
    assert_eq!(request.body.matches(r#""seen""#).count(), 1);
    assert_eq!(
        request.lines()[2]["items"][0]["attributes"]["seen"]["value"],
        2
    );
    assert!(!on_delivery_thread());
}

#[test]
fn a_span_sent_twice_arrives_once() {
    let server = Server::start([]);
    let delivery = start(&options(&server));
    let segment = segment(&delivery, "x");
    let twice = new_span_id();
    for name in ["earlier", "later"] {
        delivery.send(span(&segment, twice, name), &segment);
    }
    assert!(delivery.flush(PATIENCE));
    let lines = server.requests()[0].lines();
    assert_eq!(lines[1]["item_count"], 1);
    assert_eq!(lines[2]["items"][0]["name"], "later");
    assert_eq!(delivery.stats().lost(LossReason::InternalSdkError), 1);
}

#[test]
fn unsampled_spans_are_counted_unless_tracing_is_off() {
    let server = Server::start([]);
    let counted = |options: &ClientOptions| {
        let delivery = start(options);
        let segment = segment(&delivery, "x");
        assert!(!segment.trace().sampled());
        send_root(&delivery, &segment);
        delivery.record_unsampled(2);
        assert!(delivery.close(PATIENCE));
        delivery.stats().lost(LossReason::SampleRate)
    };
    assert_eq!(counted(&options(&server).traces_sample_rate(0.0)), 3);
    assert_eq!(server.reported("sample_rate"), 3);
    assert_eq!(counted(&ClientOptions::new().dsn(&server.dsn())), 0);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn what_was_handed_over_still_leaves_when_the_last_handle_is_gone() {
    let server = Server::start([]);
    let delivery = start(&options(&server));
    send_child(&delivery, &segment(&delivery, "x"));
    drop(delivery);
    server.wait_for(1, Duration::from_secs(3));
}

#[test]
fn many_threads_lose_nothing() {
    let server = Server::start([]);
    let delivery = start(&options(&server));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let segment = segment(&delivery, "x");
                    for _ in 0..20 {
                        send_child(&delivery, &segment);
                    }
                    send_root(&delivery, &segment);
                }
            });
        }
    });
    assert!(delivery.close(PATIENCE));
    let stats = delivery.stats();
    assert_eq!((stats.produced, stats.accepted), (4200, 4200));
    let spans: u64 = (server.requests().iter())
        .map(|request| request.lines()[1]["item_count"].as_u64().unwrap())
        .sum();
    assert_eq!(spans, 4200);
}
