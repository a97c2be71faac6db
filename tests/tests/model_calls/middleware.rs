//! Through reqwest-middleware.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Error, Next, Result};
use sentry_genai_reqwest::GenAiMiddleware;
use sentry_genai_testkit::{FakeLlm, assert_spans};
use sentry_genai_tests::Bridge;
use serde_json::{Value, json};
use tracing::{Instrument as _, info_span};

use super::requests::{http, post};

/// Opens a span around each request, and stops every second one.
struct Traced(AtomicUsize);

#[async_trait::async_trait]
impl reqwest_middleware::Middleware for Traced {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        if self.0.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            return Err(Error::Middleware(anyhow::anyhow!("my own secret")));
        }
        let span = info_span!("request", otel.kind = "client");
        next.run(request, extensions).instrument(span).await
    }
}

#[test]
fn calls_have_spans_and_other_requests_have_none() {
    let (bridge, llm) = (Bridge::with_content(), FakeLlm::start().unwrap());
    let url = |path: &str| format!("{}{path}", llm.openai_url());
    let hello = json!([{"role": "user", "content": "Hello"}]);
    let request = |model: &str| -> Value { json!({"model": model, "messages": hello}) };
    bridge.block_on(async {
        let middleware = GenAiMiddleware::default()
            .with_content(true)
            .with_provider("acme");
        let client = ClientBuilder::new(http())
            .with(middleware)
            .with(Traced(AtomicUsize::new(0)))
            .build();
        let call = post(&url("/chat/completions"), &request("m"));
        let response = client.execute(call).await.unwrap();
        assert!(response.text().await.unwrap().contains("Hello"));
        let stopped = post(&url("/chat/completions"), &request("stopped"));
        let error = client.execute(stopped).await.unwrap_err();
        assert_eq!(error.to_string(), "my own secret");
        client.get(url("/models")).send().await.unwrap();
        client.get(url("/models")).send().await.unwrap_err();
        let unreachable = post("http://127.0.0.1:1/v1/chat/completions", &request("none"));
        client.execute(unreachable).await.unwrap_err();
    });
    let spans = bridge.spans();
    let call = assert_spans(&spans).one("chat m").is_ok();
    let call = call.has("gen_ai.provider.name", "acme");
    assert_eq!(call.span().int("gen_ai.usage.output_tokens"), Some(17));
    assert!(call.span().output_messages().is_some());
    let requests = assert_spans(&spans).many("request", 3);
    assert_eq!(
        requests[0].span().parent_span_id.as_ref(),
        Some(&call.span().span_id)
    );
    let stopped = assert_spans(&spans).one("chat stopped").is_error();
    let stopped = stopped.has("error.type", "request_error").span();
    assert!(!format!("{stopped:?}").contains("secret"), "{stopped:#?}");
    let failed = assert_spans(&spans).one("chat none").is_error();
    failed.has("error.type", "connection_error");
    assert_eq!(spans.len(), 6);
}
