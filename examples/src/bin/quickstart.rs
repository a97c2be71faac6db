//! Two turns of one conversation, answered by a `rig` agent with a tool and by a `genai` stream, as Sentry shows them.
//!
//! ```text
//! cargo run --bin quickstart             # against a fake model and a local Sentry
//! cargo run --bin quickstart -- --pii    # with prompts and answers
//! SENTRY_DSN=... cargo run --bin quickstart
//! ```

use anyhow::Context;
use futures_util::StreamExt;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent};
use rig_agent::{prelude::*, rig_tool};
use rig_core::{providers::openai::OpenAIConfig, tool::ToolExecutionError};
use sentry_genai_examples::{Backend, show};
use sentry_genai_testkit::FakeLlm;
use tracing::instrument;
use tracing_subscriber::{filter::LevelFilter, prelude::*};

const MODEL: &str = "gpt-5-mini";

/// Tells the weather in a city
#[rig_tool]
fn get_weather(
    /// The city, such as Vienna
    city: String,
) -> Result<String, ToolExecutionError> {
    Ok(format!("4 °C and light rain in {city}"))
}

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

    // With the real provider: `OpenAI::from_env()?`.
    let llm = FakeLlm::start()?;
    let openai = OpenAIConfig::new("no key")
        .with_base_url(llm.openai_url())
        .client();
    let agent = AgentBuilder::new(openai.completion(MODEL))
        .name("Weather Agent")
        .preamble("You are a weather forecaster. Be brief.")
        .tool(GetWeather)
        .record_content_telemetry(pii)
        .build();
    let genai = sentry_genai_examples::genai_client(&llm)?;

    // A web service would take the id from its session. Every AI span below carries it.
    let answers = sentry_genai::conversation("conv_5j66").scope(async {
        let question = "What is the weather in Vienna?";
        let answer = post_ask(&agent, question).await?;
        let history = [
            ChatMessage::user(question),
            ChatMessage::assistant(answer.as_str()),
        ];
        let advice = post_advice(&genai, &history, "What shall I wear?").await?;
        anyhow::Ok([answer, advice])
    });
    show(answers.await?.join("\n") + "\n");

    backend.finish(&sentry)
}

/// The handler of the first request, instrumented as in any web service.
#[instrument(skip_all, fields(otel.kind = "server", http.request.method = "POST", http.route = "/ask"))]
async fn post_ask(agent: &Agent, question: &str) -> anyhow::Result<String> {
    weather_agent(agent, question).await
}

/// rig opens its own `invoke_agent` span only where no span is open, and here the handler's span is. This span takes its place:
/// without it, the model calls and tools would be children of the request, and Sentry would see no agent.
#[instrument(skip_all, fields(gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = agent.name()))]
async fn weather_agent(agent: &Agent, question: &str) -> anyhow::Result<String> {
    let response = agent.prompt(question).max_turns(3).await?;
    Ok(response.output())
}

/// The handler of the second request. genai's span lives as long as the stream.
#[instrument(skip_all, fields(otel.kind = "server", http.request.method = "POST", http.route = "/advice"))]
async fn post_advice(
    genai: &genai::Client,
    history: &[ChatMessage],
    question: &str,
) -> anyhow::Result<String> {
    let request = ChatRequest::new(history.to_vec())
        .with_system("Give practical advice.")
        .append_message(ChatMessage::user(question));
    // Without these two options, genai does not know what it streamed, and records neither tokens nor answer.
    let options = ChatOptions::default()
        .with_capture_usage(true)
        .with_capture_content(true);
    let mut stream = genai
        .exec_chat_stream(MODEL, request, Some(&options))
        .await?
        .stream;
    let mut answer = String::new();
    while let Some(event) = stream.next().await {
        if let ChatStreamEvent::Chunk(chunk) = event.context("the stream broke off")? {
            answer.push_str(&chunk.content);
        }
    }
    Ok(answer)
}
