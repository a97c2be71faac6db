//! Next to `sentry-tower`: its transaction and our spans form one trace.

use std::convert::Infallible;

use sentry::{
    ClientOptions, Hub, SentryFutureExt,
    integrations::tower::{NewSentryLayer, SentryHttpLayer},
};
use sentry_genai_tests::Bridge;
use tower::{Layer, ServiceExt, service_fn};
use tracing::{Instrument, info_span};

type Request = http::Request<()>;
type Response = http::Response<()>;

#[test]
fn spans_of_a_request_join_its_transaction() {
    let bridge = Bridge::with(
        sentry_genai::Options::new(),
        ClientOptions::new().traces_sample_rate(1.0),
    );
    let handler = service_fn(|_: Request| {
        let answer = async {
            info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.request.model = "m"
            )
            .in_scope(|| {});
        };
        async {
            // The span is created when the request is handled, as with a handler under `#[instrument]`.
            answer.instrument(info_span!("handler")).await;
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(Response::new(()))
        }
    });
    bridge.block_on(async {
        let service = SentryHttpLayer::new().enable_transaction().layer(handler);
        let service = NewSentryLayer::<Request>::new_from_top().layer(service);
        let request = Request::get("http://localhost/ask").body(()).unwrap();
        let hub = Hub::current();
        service.oneshot(request).bind_hub(hub).await.unwrap();
    });
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
