//! Two processes, one trace, one conversation: a front end that uses `tracing` calls a back end that uses the OpenTelemetry SDK,
//! over HTTP.
//!
//! ```text
//! cargo run --bin two_services
//! ```

use std::{
    collections::HashMap,
    env,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use axum::{Router, http::HeaderMap, routing::post};
use sentry_genai::propagation;
use sentry_genai_examples::{Backend, show};
use sentry_genai_opentelemetry::{
    SentryGenAiProcessor, SentryGenAiPropagator,
    opentelemetry::{
        KeyValue, global,
        propagation::TextMapCompositePropagator,
        trace::{SpanKind, TraceContextExt as _, Tracer as _},
    },
    opentelemetry_sdk::propagation::TraceContextPropagator,
};
use tokio::net::TcpListener;
use tracing::instrument;
use tracing_subscriber::{filter::LevelFilter, prelude::*};

const BACK: &str = "back";
const LISTENING_PREFIX: &str = "back listens at ";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if env::args().nth(1).as_deref() == Some(BACK) {
        back().await
    } else {
        front().await
    }
}

/// The service that users talk to.
async fn front() -> anyhow::Result<()> {
    let backend = Backend::start()?;
    let sentry = sentry_genai::init(
        sentry::ClientOptions::new()
            .dsn(backend.dsn())
            .release("front@1.0.0")
            .traces_sample_rate(1.0),
    );
    tracing_subscriber::registry()
        .with(sentry_genai::layer().with_filter(LevelFilter::INFO))
        .init();

    let (mut back, url) = start_back_end(backend.dsn())?;
    let answer = sentry_genai::conversation("conv_5j66")
        .scope(front_desk(&url))
        .await;
    back.kill()?;
    back.wait()?;
    show(answer? + "\n");
    backend.finish(&sentry)
}

/// Starts this program as the back end, and waits until it listens.
fn start_back_end(dsn: &str) -> anyhow::Result<(Child, String)> {
    let mut back = Command::new(env::current_exe()?)
        .arg(BACK)
        .env("SENTRY_DSN", dsn)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = BufReader::new(back.stdout.take().context("there is a pipe")?);
    let mut lines = output.lines();
    let url = lines.find_map(|line| Some(line.ok()?.strip_prefix(LISTENING_PREFIX)?.to_owned()));
    Ok((back, url.context("the back did not start")?))
}

/// The headers tell the back end which trace and which conversation the request belongs to.
#[instrument(skip_all, fields(gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "Front Desk"))]
async fn front_desk(url: &str) -> anyhow::Result<String> {
    let mut request = reqwest::Client::new()
        .post(url)
        .body("Which tea goes with cake?");
    for (name, value) in propagation::outgoing_headers() {
        request = request.header(name, value);
    }
    Ok(request.send().await?.text().await?)
}

/// The back end.
async fn back() -> anyhow::Result<()> {
    // The DSN is in `SENTRY_DSN`.
    let sentry = sentry::init(
        sentry::ClientOptions::new()
            .release("back@1.0.0")
            .traces_sample_rate(1.0),
    );
    let processor = SentryGenAiProcessor::new(&sentry);
    let provider = processor.provider_builder().build();
    global::set_tracer_provider(provider.clone());
    global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(SentryGenAiPropagator::new(&processor)),
    ]));

    let app = Router::new().route(
        "/tea",
        post(async move |headers: HeaderMap| {
            let answer = tea_expert(&headers);
            // This process is killed as soon as the answer has arrived.
            tokio::task::spawn_blocking(move || provider.force_flush())
                .await
                .ok();
            answer
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    show(format_args!(
        "{LISTENING_PREFIX}http://{}/tea",
        listener.local_addr()?
    ));
    axum::serve(listener, app).await?;
    Ok(())
}

/// An agent with its own model.
fn tea_expert(headers: &HeaderMap) -> &'static str {
    let headers: HashMap<_, _> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    let incoming = global::get_text_map_propagator(|propagator| propagator.extract(&headers));
    let tracer = global::tracer("back");
    let start = |name: &'static str, kind, attributes: &[(&'static str, &'static str)], parent| {
        let attributes = attributes.iter();
        let attributes = attributes.map(|(key, value)| KeyValue::new(*key, *value));
        let builder = tracer.span_builder(name).with_kind(kind);
        builder
            .with_attributes(attributes)
            .start_with_context(&tracer, parent)
    };
    let request = [("http.request.method", "POST"), ("http.route", "/tea")];
    let request = incoming.with_span(start("POST /tea", SpanKind::Server, &request, &incoming));
    let agent = [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.agent.name", "Tea Expert"),
    ];
    let agent = request.with_span(start("agent", SpanKind::Internal, &agent, &request));
    let chat = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "gpt-5-mini"),
    ];
    let chat = agent.with_span(start("chat", SpanKind::Client, &chat, &agent));
    std::thread::sleep(Duration::from_millis(5));
    chat.span().set_attributes([
        KeyValue::new("gen_ai.usage.input_tokens", 42),
        KeyValue::new("gen_ai.usage.output_tokens", 17),
    ]);
    for span in [chat, agent, request] {
        span.span().end();
    }
    "Darjeeling, first flush."
}
