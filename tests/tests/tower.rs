//! Next to `sentry-tower`: its transaction and our spans form one trace.

use std::convert::Infallible;

use sentry::{
    ClientOptions, Hub, SentryFutureExt,
    integrations::tower::{NewSentryLayer, SentryHttpLayer},
};
use sentry_genai::propagation::IncomingContext;
use sentry_genai_tests::Bridge;
use tower::{Layer, ServiceExt, service_fn};
use tracing::{Instrument, Span, info_span};

type Request = http::Request<()>;
type Response = http::Response<()>;

/// Sends a request through `sentry-tower` to a handler whose first span is made by `open_span`.
fn handle(bridge: &Bridge, request: Request, open_span: fn(&Request) -> Span) {
    let handler = service_fn(|request: Request| {
        let answer = async {
            info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.request.model = "m"
            )
            .in_scope(|| {});
        };
        async move {
            // The span is created when the request is handled, as with a handler under `#[instrument]`.
            answer.instrument(open_span(&request)).await;
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(Response::new(()))
        }
    });
    bridge.block_on(async {
        let service = SentryHttpLayer::new().enable_transaction().layer(handler);
        let service = NewSentryLayer::<Request>::new_from_top().layer(service);
        let hub = Hub::current();
        service.oneshot(request).bind_hub(hub).await.unwrap();
    });
}

#[test]
fn spans_of_a_request_join_its_transaction() {
    let bridge = Bridge::with(
        sentry_genai::Options::new(),
        ClientOptions::new().traces_sample_rate(1.0),
    );
    let request = Request::get("http://localhost/ask").body(()).unwrap();
    handle(&bridge, request, |_| info_span!("handler"));
    let (handler, chat) = (bridge.span("handler"), bridge.span("chat m"));
    let transactions = bridge.ingest.transactions();
    let transaction = &transactions[0]["contexts"]["trace"];
    assert_eq!(handler.trace_id, transaction["trace_id"]);
    assert_eq!(
        handler.parent_span_id.as_deref(),
        transaction["span_id"].as_str()
    );
    assert_eq!(chat.parent_span_id, Some(handler.span_id));
    assert_eq!(
        chat.str("sentry.segment.id"),
        transaction["span_id"].as_str()
    );
    assert!(!handler.is_segment, "the transaction is the segment");
}

/// Both the transaction and the first span read the headers of the request.
#[test]
fn with_headers_the_transaction_comes_between_the_caller_and_the_spans() {
    let bridge = Bridge::start();
    let trace = "4c79f60c11214eb38604f4ae0781bfb2";
    let request = Request::get("http://localhost/ask")
        .header("sentry-trace", format!("{trace}-a1b2c3d4e5f60718-1"))
        .header(
            "baggage",
            format!("sentry-trace_id={trace},sentry-sample_rate=0.25,gen_ai.conversation.id=conv"),
        );
    handle(&bridge, request.body(()).unwrap(), |request| {
        IncomingContext::from_headers(request.headers()).in_scope(|| info_span!("handler"))
    });
    let (handler, chat) = (bridge.span("handler"), bridge.span("chat m"));
    let transactions = bridge.ingest.transactions();
    let transaction = &transactions[0]["contexts"]["trace"];
    assert_eq!(transaction["parent_span_id"], "a1b2c3d4e5f60718");
    assert_eq!(handler.trace_id, trace);
    assert_eq!(
        handler.parent_span_id.as_deref(),
        transaction["span_id"].as_str()
    );
    assert!(!handler.is_segment, "the transaction is the segment");
    assert_eq!(chat.conversation_id(), Some("conv"));
    let envelopes = bridge.ingest.envelopes();
    let of_spans = envelopes.iter().find(|envelope| {
        let mut items = envelope.items.iter();
        items.any(|item| item.header["type"] == "span")
    });
    let header = &of_spans.unwrap().header;
    assert_eq!(header["trace"]["sample_rate"], "0.25");
}
