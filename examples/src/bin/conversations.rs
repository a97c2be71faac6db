//! Which conversation a span belongs to: two conversations interleaved in one trace, one that continues in another trace, and one
//! whose id becomes known late.
//!
//! ```text
//! cargo run --bin conversations
//! cargo run --bin conversations -- --pii    # with prompts and answers
//! ```

use anyhow::Context;
use genai::{
    Client,
    chat::{ChatMessage, ChatRequest},
};
use sentry_genai_examples::Backend;
use sentry_genai_testkit::FakeLlm;
use tracing::{Instrument, instrument};
use tracing_subscriber::{filter::LevelFilter, prelude::*};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let pii = sentry_genai_examples::pii();
    if pii {
        sentry_genai_examples::let_genai_record_content()?;
    }
    let backend = Backend::start()?;
    let sentry = sentry_genai::init(
        sentry::ClientOptions::new()
            .dsn(backend.dsn())
            .traces_sample_rate(1.0)
            .send_default_pii(pii),
    );
    tracing_subscriber::registry()
        .with(sentry_genai::layer().with_filter(LevelFilter::INFO))
        .init();
    let llm = FakeLlm::start()?;
    let genai = sentry_genai_examples::genai_client(&llm)?;

    two_at_once(&genai).await?;
    // The same id in another trace, minutes or days later, continues the same conversation.
    sentry_genai::conversation("conv_alice")
        .scope(comes_back(&genai))
        .await?;
    id_known_late(&genai, "+43 1 234567").await?;

    backend.finish(&sentry)
}

/// One trace and two conversations in one task. Each future carries its own conversation, whichever of them is polled.
#[instrument(skip_all)]
async fn two_at_once(genai: &Client) -> anyhow::Result<()> {
    let alice = answer(genai, "Travel Guide", "Where is Graz?");
    let bob = answer(genai, "Bank Clerk", "How do I close my account?");
    tokio::try_join!(
        sentry_genai::conversation("conv_alice").scope(alice),
        sentry_genai::conversation("conv_bob").scope(bob),
    )?;
    Ok(())
}

#[instrument(skip_all)]
async fn comes_back(genai: &Client) -> anyhow::Result<()> {
    answer(genai, "Travel Guide", "And what is it known for?").await
}

/// If the id becomes known only after the work has begun, it can be set for the current span and everything below it. (A field
/// `gen_ai.conversation.id` of the span, recorded when the id is known, does the same.)
#[instrument(skip_all)]
async fn id_known_late(genai: &Client, caller: &str) -> anyhow::Result<()> {
    let session = look_up_session(caller).await;
    sentry_genai::set_conversation_id(session);
    answer(genai, "Receptionist", "I would like to speak to somebody").await?;
    // A spawned task belongs to the conversation of the span it runs in.
    let genai = genai.clone();
    let summary = async move { chat(&genai, "Please summarise the call").await };
    tokio::spawn(summary.in_current_span()).await?
}

async fn look_up_session(_caller: &str) -> &'static str {
    tokio::task::yield_now().await;
    "conv_call_88"
}

#[instrument(skip_all, fields(gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = agent))]
async fn answer(genai: &Client, agent: &str, question: &str) -> anyhow::Result<()> {
    chat(genai, question).await
}

async fn chat(genai: &Client, question: &str) -> anyhow::Result<()> {
    let request = ChatRequest::new(vec![ChatMessage::user(question)]);
    let response = genai.exec_chat("gpt-5-mini", request, None).await?;
    response.first_text().context("the model said nothing")?;
    Ok(())
}
