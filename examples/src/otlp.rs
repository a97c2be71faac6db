//! A server that accepts OTLP over HTTP, to show what a Collector passes on.

use std::{
    io::Read as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, any_value},
    trace::v1::Span,
};
use prost::Message as _;
use tokio::net::TcpListener;

/// Keeps the spans that were sent to it.
#[derive(Clone, Debug)]
pub struct OtlpCapture {
    url: String,
    spans: Spans,
}

type Spans = Arc<Mutex<Vec<Span>>>;

impl OtlpCapture {
    /// Starts the server on a free port of loopback.
    ///
    /// # Errors
    ///
    /// Returns an error if no port can be bound.
    pub async fn start() -> anyhow::Result<Self> {
        let spans = Spans::default();
        let app = Router::new()
            .route("/v1/traces", post(receive))
            .with_state(Arc::clone(&spans));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/v1/traces", listener.local_addr()?);
        tokio::spawn(axum::serve(listener, app).into_future());
        Ok(Self { url, spans })
    }

    /// Returns the URL to which spans are to be sent.
    #[must_use]
    pub fn traces_url(&self) -> &str {
        &self.url
    }

    /// Waits until `count` spans have arrived, and describes them: name, and the attributes that matter most to Sentry.
    ///
    /// # Errors
    ///
    /// Returns an error if they do not arrive within ten seconds.
    pub async fn describe(&self, count: usize) -> anyhow::Result<String> {
        let start = Instant::now();
        loop {
            let spans = self.lock().clone();
            if spans.len() >= count {
                return Ok(describe(spans));
            }
            anyhow::ensure!(
                start.elapsed() < Duration::from_secs(10),
                "{} of {count} spans have arrived",
                spans.len()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Span>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn receive(State(spans): State<Spans>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Ok(request) = decode(&headers, &body) else {
        return StatusCode::BAD_REQUEST;
    };
    let received = request
        .resource_spans
        .into_iter()
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans);
    spans
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .extend(received);
    // An empty message means that everything was accepted.
    StatusCode::OK
}

fn decode(headers: &HeaderMap, body: &[u8]) -> anyhow::Result<ExportTraceServiceRequest> {
    let encoding = headers.get("content-encoding");
    if encoding.is_none_or(|encoding| encoding != "gzip") {
        return ExportTraceServiceRequest::decode(body).context("not OTLP");
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(body).read_to_end(&mut plain)?;
    ExportTraceServiceRequest::decode(&*plain).context("not OTLP")
}

fn describe(mut spans: Vec<Span>) -> String {
    spans.sort_by_key(|span| span.start_time_unix_nano);
    let mut lines = Vec::new();
    for span in &spans {
        lines.push(span.name.clone());
        for pair in &span.attributes {
            if SHOWN_ATTRIBUTES.contains(&pair.key.as_str()) {
                lines.push(format!("    {:32}{}", pair.key, text(pair.value.as_ref())));
            }
        }
    }
    lines.join("\n")
}

static SHOWN_ATTRIBUTES: &[&str] = &[
    "gen_ai.agent.name",
    "gen_ai.conversation.id",
    "gen_ai.input.messages",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "sentry.op",
    "sentry.segment.name",
];

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}
