//! Connections that fail, or lead elsewhere.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use sentry_core::ClientOptions;
use sentry_genai_delivery::{Compression, Config, LossReason, Options, RetryPolicy};
use sentry_genai_testkit::Ingest;

use super::{PATIENCE, deliver_for, deliver_to, send_trace};

#[test]
fn a_connection_closed_before_the_request_is_retried() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    thread::spawn(move || {
        for connection in listener.incoming() {
            counted.fetch_add(1, Ordering::Relaxed);
            // A load balancer without backends closes the connection in the middle of the handshake.
            let _ = connection.unwrap().read(&mut [0; 64]);
        }
    });
    let attempts = |options: Options| {
        let policy = RetryPolicy::default().with_max_attempts(3);
        let pause = Duration::from_millis(10);
        options.with_retries(policy.with_pauses(pause, pause))
    };
    let delivery = deliver_to(&format!("https://public@{address}/1"), attempts);
    send_trace(&delivery, 1, "");
    assert!(delivery.flush(PATIENCE));
    assert_eq!(delivery.stats().lost(LossReason::NetworkError), 1);
    assert_eq!(connections.load(Ordering::Relaxed), 3);
}

#[test]
fn unlimited_timeouts_are_allowed() {
    let ingest = Ingest::start().unwrap();
    let delivery = deliver_to(&ingest.dsn(), |options| {
        options.with_timeouts(Duration::MAX, Duration::MAX)
    });
    send_trace(&delivery, 1, "");
    assert!(delivery.flush(Duration::MAX));
    assert_eq!(delivery.stats().accepted, 1);
}

#[test]
fn a_server_that_starts_late_receives_everything() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let delivery = deliver_to(&format!("http://public@{address}/1"), |options| {
        let policy = RetryPolicy::default().with_max_attempts(1000);
        let pause = Duration::from_millis(20);
        options.with_retries(policy.with_pauses(pause, pause))
    });
    for _ in 0..10 {
        send_trace(&delivery, 2, "");
    }
    assert!(!delivery.flush(Duration::from_millis(200)));
    assert_eq!(delivery.stats().pending(), 20);
    let listener = TcpListener::bind(address).unwrap();
    let server = thread::spawn(move || {
        let mut served = 0;
        let mut buffer = vec![0; 1 << 20];
        // One request per connection, small enough to arrive in one piece or two.
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

/// Reads requests, and answers them after `delay`, until the client ends the connection or there were `max_requests`.
fn answer(mut stream: TcpStream, delay: Duration, max_requests: usize) {
    let mut requests = BufReader::new(stream.try_clone().unwrap());
    let (mut length, mut answered) = (0, 0);
    let mut line = String::new();
    while requests.read_line(&mut line).is_ok_and(|read| read > 0) {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            if answered == max_requests {
                return;
            }
            requests.read_exact(&mut vec![0; length]).unwrap();
            thread::sleep(delay);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
            stream.write_all(answer).unwrap();
            answered += 1;
        }
        line.clear();
    }
}

/// A server that closes connections after five seconds may do so while a request is on its way.
#[test]
fn a_connection_that_a_server_may_be_closing_is_not_used() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            answer(connection.unwrap(), Duration::ZERO, 1);
        }
    });
    let delivery = deliver_to(&format!("http://public@{address}/1"), |options| options);
    send_trace(&delivery, 1, "");
    assert!(delivery.flush(PATIENCE));
    thread::sleep(Duration::from_millis(4900));
    send_trace(&delivery, 1, "");
    assert!(delivery.flush(PATIENCE));
    assert_eq!(delivery.stats().accepted, 2, "{delivery:?}");
}

/// As in a process that has one connection and no file descriptors for others.
#[test]
fn nothing_is_lost_while_a_connection_works_and_no_other_can_be_made() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        drop(listener);
        answer(stream, Duration::from_millis(6), usize::MAX);
    });
    let dsn = format!("http://public@{address}/1");
    let delivery = deliver_to(&dsn, |options| options.with_retries(RetryPolicy::default()));
    for traces in [1, 200] {
        for _ in 0..traces {
            send_trace(&delivery, 1, "");
        }
        assert!(delivery.flush(PATIENCE), "{delivery:?}");
    }
    assert_eq!(delivery.stats().accepted, 201, "{delivery:?}");
    drop(delivery);
    server.join().unwrap();
}

#[test]
fn names_that_do_not_resolve_and_servers_that_speak_no_tls() {
    let plain = Ingest::start().unwrap();
    let https = plain.dsn().replace("http://", "https://");
    for dsn in ["http://public@does-not-exist.invalid/1", &https] {
        let delivery = deliver_to(dsn, |options| {
            let retries = RetryPolicy::default().with_max_attempts(2);
            let pause = Duration::from_millis(10);
            options.with_retries(retries.with_pauses(pause, pause))
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
    let delivery = deliver_for(&options, |options| {
        options.with_compression(Compression::Never)
    });
    send_trace(&delivery, 1, "");
    assert!(delivery.flush(PATIENCE));
    // This server is no proxy, and answers so. What counts is that it was asked.
    assert_eq!(delivery.stats().accepted, 0);
    assert!(proxy.figures().connections > 0);
}

#[test]
fn debug_output_contains_no_secrets() {
    let options = ClientOptions::new()
        .dsn("https://sikrit-key:sikrit-pass@127.0.0.1:1/1")
        .http_proxy("http://user:sikrit-proxy@127.0.0.1:2");
    let options = options.traces_sample_rate(1.0);
    let config = Config::from_client_options(&options).unwrap();
    let retries = RetryPolicy::default().with_max_attempts(1);
    let delivery = deliver_for(&options, |options| options.with_retries(retries));
    send_trace(&delivery, 1, "sikrit-content");
    let shown = format!("{config:?} {delivery:?}");
    assert!(!shown.contains("sikrit"), "{shown}");
    assert!(delivery.flush(PATIENCE));
    assert_eq!(delivery.stats().lost(LossReason::NetworkError), 1);
}
