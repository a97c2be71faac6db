//! A chat server in axum. The conversation comes from a header, the trace from the client, and an error reported to Sentry is
//! linked to the span it happened in.
//!
//! ```text
//! cargo run --bin axum_chat_server
//! ```

use anyhow::Context;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
    routing::post,
};
use genai::chat::{ChatMessage, ChatRequest};
use sentry_genai::propagation::{self, IncomingContext};
use sentry_genai_examples::{Backend, show};
use sentry_genai_testkit::FakeLlm;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tracing::{Span, field::Empty, instrument};
use tracing_subscriber::{filter::LevelFilter, prelude::*};

const SESSION: &str = "x-session-id";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let backend = Backend::start()?;
    let sentry = sentry_genai::init(
        sentry::ClientOptions::new()
            .dsn(backend.dsn())
            .traces_sample_rate(1.0),
    );
    tracing_subscriber::registry()
        .with(sentry_genai::layer().with_filter(LevelFilter::INFO))
        .init();

    let llm = FakeLlm::start()?;
    let genai = sentry_genai_examples::genai_client(&llm)?;
    let app = Router::new()
        .route("/chat", post(post_chat))
        .layer(middleware::from_fn(continue_trace_and_conversation))
        .with_state(genai);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/chat", listener.local_addr()?);
    let server = tokio::spawn(axum::serve(listener, app).into_future());

    show(call(&url, "gpt-5-mini", "Which tea goes with cake?").await?);
    show(call(&url, "gpt-5-mini-rate-limit", "And with biscuits?").await? + "\n");
    server.abort();

    backend.finish(&sentry)
}

/// A scope around the handler applies to every span that the handler opens.
async fn continue_trace_and_conversation(request: Request, next: Next) -> Response {
    let incoming = IncomingContext::from_headers(request.headers());
    let session = request
        .headers()
        .get(SESSION)
        .and_then(|id| id.to_str().ok());
    match session {
        Some(id) => {
            let conversation = sentry_genai::conversation(id);
            incoming.scope(conversation.scope(next.run(request))).await
        }
        None => incoming.scope(next.run(request)).await,
    }
}

#[derive(Deserialize, Serialize)]
struct Chat {
    model: String,
    text: String,
}

#[instrument(skip_all, fields(
    otel.kind = "server",
    http.request.method = "POST",
    http.route = "/chat",
    http.response.status_code = Empty,
))]
async fn post_chat(
    State(genai): State<genai::Client>,
    Json(chat): Json<Chat>,
) -> (StatusCode, String) {
    let (status, text) = match tea_expert(&genai, chat).await {
        Ok(answer) => (StatusCode::OK, answer),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Please ask again in a minute.".to_owned(),
        ),
    };
    Span::current().record("http.response.status_code", status.as_u16());
    (status, text)
}

/// `err` marks the span as failed. Reporting the error also creates an issue in Sentry; the issue and this span link to each
/// other.
#[instrument(skip_all, err, fields(
    gen_ai.operation.name = "invoke_agent",
    gen_ai.agent.name = "Tea Expert",
))]
async fn tea_expert(genai: &genai::Client, chat: Chat) -> anyhow::Result<String> {
    let request = ChatRequest::new(vec![ChatMessage::user(chat.text)]);
    let response = genai.exec_chat(&chat.model, request, None).await;
    let response = response.inspect_err(|error| {
        sentry::capture_error(error);
    })?;
    response.into_first_text().context("the model said nothing")
}

/// The client, here in the same process. Its span is the parent of the server's span.
#[instrument(skip_all, fields(
    otel.kind = "client",
    http.request.method = "POST",
    http.response.status_code = Empty,
    url.template = "/chat",
))]
async fn call(url: &str, model: &str, text: &str) -> anyhow::Result<String> {
    let chat = Chat {
        model: model.to_owned(),
        text: text.to_owned(),
    };
    let mut request = reqwest::Client::new()
        .post(url)
        .header(SESSION, "session-42")
        .json(&chat);
    for (name, value) in propagation::outgoing_headers() {
        request = request.header(name, value);
    }
    let response = request.send().await?;
    Span::current().record("http.response.status_code", response.status().as_u16());
    Ok(response.text().await?)
}
