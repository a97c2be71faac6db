//! Hands over spans, and checks the bytes that arrive on a socket.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "loopback/answers.rs"]
mod answers;
#[path = "loopback/memory.rs"]
mod memory;
#[path = "loopback/server.rs"]
mod server;

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use sentry_core::ClientOptions;
use sentry_genai_conventions::{SentrySpan, SourceSpan, SpanId, Timestamp};
use sentry_genai_delivery::{
    Delivery, LossReason, Options, Segment, SpentBox, Unread, new_span_id, on_delivery_thread,
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
    Options::new().start(options).unwrap()
}

fn start_with(server: &Server, delivery: Options) -> Delivery {
    delivery.start(&options(server)).unwrap()
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

    fn read(
        self: Box<Self>,
        blank: &mut dyn FnMut() -> Box<SourceSpan>,
    ) -> (Box<SourceSpan>, Option<SpentBox>) {
        assert!(on_delivery_thread() && !self.is_broken, "expected");
        let mut span = blank();
        assert!(span.attributes.is_empty() && span.links.is_empty());
        self.read.fetch_add(1, Ordering::Relaxed);
        *span = self.span;
        (span, None)
    }
}

#[test]
fn unread_spans_are_read_on_the_delivery_thread_in_order() {
    let server = Server::start([]);
    let delivery = start(&options(&server));
    let read = Arc::new(AtomicU64::new(0));
    let send = |segment: &Arc<Segment>, span_id, name, is_broken| {
        let sealed = Sealed {
            span: span(segment, span_id, name),
            is_broken,
            read: Arc::clone(&read),
        };
        delivery.send_unread(Box::new(sealed), 500, Arc::clone(segment));
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
    unsampled.send_unread(Box::new(sealed), 500, segment);
    assert_eq!(unsampled.stats().lost(LossReason::SampleRate), 1);
}

#[test]
fn an_ended_segment_is_sent_without_a_flush() {
    let server = Server::start([]);
    let delivery = start(&options(&server));
    let segment = segment(&delivery, "x");
    send_root(&delivery, &segment);
    server.wait_for(1, Duration::from_secs(3));
}

#[test]
fn traces_share_a_connection_but_never_an_envelope() {
    let server = Server::start([]);
    let delivery = start_with(&server, Options::new().with_max_connections(1));
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
fn the_hook_changes_drops_and_may_panic() {
    let server = Server::start([]);
    let hook = |mut span: SentrySpan| {
        assert!(on_delivery_thread());
        match span.attributes.text("do") {
            Some("drop") => return None,
            Some("panic") => panic!("expected"),
            _ => {}
        }
        span.attributes.push("seen", 1_i64);
        span.attributes.push("seen", 2_i64);
        Some(span)
    };
    let delivery = start_with(&server, Options::new().with_before_send_span(hook));
    let segment = segment(&delivery, "x");
    for what in ["drop", "panic", "keep"] {
        let mut span = span(&segment, new_span_id(), "work");
        span.attributes.push("do", what);
        delivery.send(span, &segment);
    }
    assert!(delivery.flush(PATIENCE));
    let stats = delivery.stats();
    assert_eq!(stats.lost(LossReason::BeforeSend), 1);
    assert_eq!(stats.lost(LossReason::CallbackError), 1);
    assert_eq!(stats.accepted, 1);
    let request = &server.requests()[0];
    assert_eq!(request.body.matches(r#""seen""#).count(), 1);
    assert_eq!(
        request.lines()[2]["items"][0]["attributes"]["seen"]["value"],
        2
    );
    assert!(!on_delivery_thread());
}

/// The thread cannot wait for itself, and the timeout has not expired.
#[test]
fn close_inside_a_hook_loses_no_earlier_spans() {
    let server = Server::start([]);
    let own: Arc<OnceLock<Delivery>> = Arc::default();
    let inside = Arc::clone(&own);
    let hook = move |span| {
        let closed = inside.wait().close(PATIENCE);
        assert!(!closed);
        Some(span)
    };
    let delivery = own.get_or_init(|| {
        let options = Options::new().with_before_send_span(hook);
        start_with(&server, options)
    });
    let segment = segment(delivery, "POST /ask");
    send_root(delivery, &segment);
    assert!(delivery.close(PATIENCE));
    assert_eq!(delivery.stats().accepted, 1, "{delivery:?}");
    send_child(delivery, &segment);
    let stats = delivery.stats();
    assert_eq!(stats.lost(LossReason::InternalSdkError), 1);
    assert_eq!(stats.buffered_bytes, 0);
}

/// The worker is still translating it when nobody waits any more.
#[test]
fn a_span_that_is_translated_too_late_is_counted() {
    let server = Server::start([]);
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let hook = move |span| {
        let _ = wait.lock().unwrap().recv_timeout(PATIENCE);
        Some(span)
    };
    let delivery = start_with(&server, Options::new().with_before_send_span(hook));
    send_root(&delivery, &segment(&delivery, "POST /ask"));
    assert!(!delivery.close(Duration::ZERO));
    go.send(()).unwrap();
    let begin = Instant::now();
    while delivery.stats().pending() > 0 {
        assert!(begin.elapsed() < PATIENCE, "{delivery:?}");
        thread::sleep(Duration::from_millis(5));
    }
    let stats = delivery.stats();
    assert_eq!(stats.lost(LossReason::NetworkError), 1);
    assert_eq!(stats.buffered_bytes, 0);
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
fn pending_spans_are_sent_after_the_last_handle_is_dropped() {
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
