//! Addresses of those who send requests.

use super::*;
use crate::{SentrySpan, SpanKind};

/// Returns the keys that are kept on a span of this kind, by either translator.
fn kept_on(kind: SpanKind, keys: &[&'static str], options: TranslateOptions) -> Vec<String> {
    let mut span = span_of(&[("http.request.method", Value::Str("GET"))]);
    span.kind = Some(kind);
    for key in keys {
        span.attributes.push(key, "203.0.113.9");
    }
    let kept = |translated: SentrySpan| {
        let kept = translated.attributes.iter();
        let kept = kept.filter(|(_, value)| *value == Value::Str("203.0.113.9"));
        kept.map(|(key, _)| key.to_owned()).collect::<Vec<_>>()
    };
    let expected = kept(Translator::new(options).translate(span.clone()));
    let mut planning = PlanningTranslator::new(Translator::new(options));
    for _ in 0..3 {
        assert_eq!(kept(planning.translate(&mut span.clone())), expected);
    }
    expected
}

#[test]
fn addresses_of_requesters_leave_only_with_permission() {
    let addresses = [
        "client.address",
        "http.client_ip",
        "http.request.header.x-forwarded-for",
        "http.request.header.X_Real_IP",
        "app.headers.x-forwarded-for",
        "rpc.grpc.request.metadata.x-forwarded-for",
        "metadata.requester_ip_address",
        "network.peer.address",
        "src.addr",
        "tags.client.address",
        "user.ip_address",
    ];
    let content_only = TranslateOptions {
        capture_inputs: true,
        capture_outputs: true,
        ..TranslateOptions::default()
    };
    let everything = TranslateOptions {
        capture_client_addresses: true,
        ..content_only
    };
    for options in [TranslateOptions::default(), content_only] {
        assert_eq!(kept_on(SpanKind::Server, &addresses, options), [""; 0]);
    }
    let kept = kept_on(SpanKind::Server, &addresses, everything);
    assert_eq!(kept.len(), addresses.len(), "{kept:?}");
}

#[test]
fn other_addresses_always_leave() {
    let addresses = [
        "server.address",
        "network.peer.address",
        "net.peer.ip",
        "app.forwarded",
    ];
    let kept = kept_on(SpanKind::Client, &addresses, TranslateOptions::default());
    assert_eq!(kept, addresses);
}
