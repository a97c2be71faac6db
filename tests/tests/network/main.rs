//! Tests what is between a program and Sentry: certificates and proxies.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod proxy;
mod tls;

use std::{sync::Arc, time::Duration};

use proxy::Proxy;
use sentry::ClientOptions;
use sentry_genai_conventions::{SourceSpan, Timestamp};
use sentry_genai_delivery::{LossReason, Options, RetryPolicy, Segment, Stats, new_span_id};
use sentry_genai_testkit::Ingest;
use sentry_genai_tests::command;
use tls::TlsFront;

const PATIENCE: Duration = Duration::from_secs(20);

/// Sends one span, and returns what became of it.
fn send_one(options: ClientOptions) -> Stats {
    let options = options.traces_sample_rate(1.0);
    let pause = Duration::from_millis(20);
    let retries = RetryPolicy::default().with_pauses(pause, pause);
    let delivery = Options::new().with_retries(retries.with_max_attempts(3));
    let delivery = delivery.start(&options).unwrap();
    let trace = delivery.start_trace(None, "work", "");
    let segment = Arc::new(Segment::new(trace, new_span_id(), "work"));
    let start = Timestamp::from_nanos(1_795_132_800_000_000_000);
    let (trace_id, span_id) = (segment.trace().trace_id(), segment.span_id());
    delivery.send(SourceSpan::new(trace_id, span_id, "work", start), &segment);
    assert!(delivery.flush(PATIENCE));
    delivery.stats()
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_and_the_spans_are_counted() {
    let ingest = Ingest::start().unwrap();
    let front = TlsFront::start(&ingest);
    let stats = send_one(ClientOptions::new().dsn(&front.dsn()));
    assert_eq!(
        (stats.accepted, stats.lost(LossReason::NetworkError)),
        (0, 1)
    );
    assert_eq!(front.connections(), 3, "it is tried again");
    assert_eq!(ingest.figures().requests, 0, "not a byte of it leaves");
}

#[test]
fn an_invalid_certificate_is_accepted_on_request() {
    let ingest = Ingest::start().unwrap();
    let front = TlsFront::start(&ingest);
    let options = ClientOptions::new().dsn(&front.dsn());
    let stats = send_one(options.accept_invalid_certs(true));
    assert_eq!((stats.accepted, front.connections()), (1, 1));
    assert_eq!(ingest.violations(), [""; 0]);
    assert_eq!(ingest.spans().len(), 1);
}

#[test]
fn a_certificate_of_an_authority_of_ones_own() {
    let ingest = Ingest::start().unwrap();
    let front = TlsFront::start(&ingest);
    let directory = std::env::temp_dir();
    let file = |name| directory.join(format!("{name}-{}.pem", std::process::id()));
    let (roots, empty) = (file("roots"), file("empty"));
    std::fs::write(&roots, front.pem()).unwrap();
    std::fs::write(&empty, "").unwrap();
    for (roots, last_failure) in [
        (&roots, "None"),
        (&empty, "UnknownIssuer (SSL_CERT_FILE: no certificates)"),
        (&file("missing"), "UnknownIssuer (SSL_CERT_FILE: "),
    ] {
        let output = command(env!("CARGO_BIN_EXE_endings"))
            .arg("trouble")
            .env("SENTRY_DSN", front.dsn())
            .env("SSL_CERT_FILE", roots)
            .env("SHUTDOWN_MILLIS", "1000")
            .output()
            .unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.contains(last_failure), "{shown}");
        assert_eq!(ingest.spans().len(), 1, "only the first is trusted");
    }
    std::fs::remove_file(roots).unwrap();
    std::fs::remove_file(empty).unwrap();
}

/// Reading them takes many milliseconds. This file can be opened only when somebody writes to it.
#[cfg(unix)]
#[test]
fn without_tls_no_certificates_are_read() {
    let ingest = Ingest::start().unwrap();
    let file = std::env::temp_dir().join(format!("pipe-{}", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&file).status();
    assert!(made.unwrap().success());
    let output = command(env!("CARGO_BIN_EXE_endings"))
        .arg("trouble")
        .env("SENTRY_DSN", ingest.dsn())
        .env("SSL_CERT_FILE", &file)
        .output();
    std::fs::remove_file(file).unwrap();
    assert_eq!(ingest.spans().len(), 1, "{output:?}");
}

#[test]
fn https_goes_through_a_tunnel_of_the_proxy() {
    let ingest = Ingest::start().unwrap();
    let front = TlsFront::start(&ingest);
    let (proxy, other) = (Proxy::start(), Proxy::start());
    let options = ClientOptions::new()
        .dsn(&front.dsn())
        .accept_invalid_certs(true)
        .https_proxy(proxy.url("user:secret@"))
        .http_proxy(other.url(""));
    assert_eq!(send_one(options).accepted, 1);
    assert_eq!(ingest.spans().len(), 1);
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1);
    assert!(
        requests[0].starts_with("CONNECT localhost:"),
        "{requests:?}"
    );
    // base64 of `user:secret`
    let credentials = "proxy-authorization: basic dxnlcjpzzwnyzxq=";
    assert!(
        requests[0].to_lowercase().contains(credentials),
        "{requests:?}"
    );
    assert!(
        !requests[0].contains("sentry_key"),
        "the proxy learns no key"
    );
    assert!(other.requests().is_empty());
}

#[test]
fn http_goes_through_its_proxy_and_https_through_it_too_if_there_is_no_other() {
    let ingest = Ingest::start().unwrap();
    let front = TlsFront::start(&ingest);
    for dsn in [ingest.dsn(), front.dsn()] {
        let proxy = Proxy::start();
        let options = ClientOptions::new()
            .dsn(&dsn)
            .accept_invalid_certs(true)
            .http_proxy(proxy.url(""));
        assert_eq!(send_one(options).accepted, 1, "{dsn}");
        assert_eq!(proxy.requests().len(), 1, "{dsn}");
    }
    // A proxy for HTTPS does not apply to HTTP.
    let proxy = Proxy::start();
    let options = ClientOptions::new().dsn(&ingest.dsn());
    assert_eq!(send_one(options.https_proxy(proxy.url(""))).accepted, 1);
    assert!(proxy.requests().is_empty());
    assert_eq!(ingest.spans().len(), 3);
    assert_eq!(ingest.violations(), [""; 0]);
}

#[test]
fn a_proxy_that_refuses_or_is_not_there() {
    let ingest = Ingest::start().unwrap();
    let front = TlsFront::start(&ingest);
    let refusing = Proxy::refusing();
    for proxy in [refusing.url(""), "http://127.0.0.1:1".to_owned()] {
        let options = ClientOptions::new()
            .dsn(&front.dsn())
            .accept_invalid_certs(true)
            .https_proxy(proxy);
        let stats = send_one(options);
        assert_eq!(
            (stats.accepted, stats.lost(LossReason::NetworkError)),
            (0, 1)
        );
        // The span is tried three times, and the final report of its loss up to four times.
        let attempts = refusing.requests().len();
        assert!((3..=7).contains(&attempts), "{attempts}");
    }
    assert_eq!(ingest.figures().requests, 0);
}
