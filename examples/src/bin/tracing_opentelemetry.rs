//! A program that already uses `tracing-opentelemetry`: one additional span processor sends its spans to Sentry.
//!
//! ```text
//! cargo run --bin tracing_opentelemetry
//! cargo run --bin tracing_opentelemetry -- --pii    # with prompts and answers
//! ```

use anyhow::Context as _;
use genai::chat::{ChatMessage, ChatRequest};
use sentry_genai_examples::Backend;
use sentry_genai_opentelemetry::{
    Correlation, GenAiContextExt, SentryGenAiProcessor,
    opentelemetry::{
        Context,
        trace::{FutureExt, TracerProvider},
    },
    opentelemetry_sdk::trace::SdkTracerProvider,
};
use sentry_genai_testkit::FakeLlm;
use tracing::instrument;
use tracing_subscriber::{filter::LevelFilter, prelude::*};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if sentry_genai_examples::pii() {
        sentry_genai_examples::let_genai_record_content()?;
    }
    let backend = Backend::start()?;
    let sentry = sentry::init(
        sentry::ClientOptions::new()
            .dsn(backend.dsn())
            .traces_sample_rate(1.0)
            .send_default_pii(sentry_genai_examples::pii())
            .add_integration(Correlation::new()),
    );
    let processor = SentryGenAiProcessor::new(&sentry);
    let provider = SdkTracerProvider::builder()
        // Existing exporters stay.
        .with_span_processor(processor.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("example"));
    tracing_subscriber::registry()
        .with(layer.with_filter(LevelFilter::INFO))
        .init();

    let llm = FakeLlm::start()?;
    let genai = sentry_genai_examples::genai_client(&llm)?;
    for (conversation, question) in [
        ("conv_tea", "Which tea goes with cake?"),
        ("conv_milk", "How much milk?"),
    ] {
        let context = Context::new().with_conversation_id(conversation);
        tea_expert(&genai, question).with_context(context).await?;
    }

    let is_flushed = provider.shutdown().is_ok();
    backend.report(is_flushed, processor.stats(), processor.last_failure())
}

#[instrument(skip_all, fields(gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "Tea Expert"))]
async fn tea_expert(genai: &genai::Client, question: &str) -> anyhow::Result<String> {
    let request = ChatRequest::new(vec![ChatMessage::user(question)]);
    let response = genai.exec_chat("gpt-5-mini", request, None).await?;
    response.into_first_text().context("the model said nothing")
}
