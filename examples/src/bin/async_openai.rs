//! An agent on async-openai, which has no spans of its own: `sentry-genai-reqwest` opens one around each of its requests.
//!
//! ```text
//! cargo run --bin async_openai
//! cargo run --bin async_openai -- --pii    # with prompts, answers, arguments and results
//! ```

use anyhow::Context as _;
use async_openai::{
    Client,
    config::OpenAIConfig,
    error::OpenAIError,
    middleware::{HttpRequestFactory, retry::OpenAIRetryLayer},
    types::chat::CreateChatCompletionRequest,
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use sentry_genai::SpanExt as _;
use sentry_genai_examples::Backend;
use sentry_genai_reqwest::GenAiClient;
use sentry_genai_testkit::FakeLlm;
use serde_json::{Value, json};
use tower::{ServiceBuilder, service_fn};
use tracing::{Span, instrument};
use tracing_subscriber::{filter::LevelFilter, prelude::*};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let backend = Backend::start()?;
    let llm = FakeLlm::start()?;
    let sentry = sentry_genai::init(
        sentry::ClientOptions::new()
            .dsn(backend.dsn())
            .traces_sample_rate(1.0)
            .send_default_pii(sentry_genai_examples::pii()),
    );
    tracing_subscriber::registry()
        .with(sentry_genai::layer().with_filter(LevelFilter::INFO))
        .init();

    let client = client(&llm);
    sentry_genai::conversation("conv_31c8")
        .scope(weather_agent(
            &client,
            "What is the weather like in Vienna?",
        ))
        .await?;

    backend.finish(&sentry)
}

/// A client whose requests have spans. Content is recorded here, and leaves the process only if Sentry's client allows it.
fn client(llm: &FakeLlm) -> Client<OpenAIConfig> {
    let http = GenAiClient::new(reqwest::Client::new()).with_content(true);
    let send = service_fn(move |request: HttpRequestFactory| {
        let http = http.clone();
        async move { Ok::<_, OpenAIError>(http.execute(request.build().await?).await?) }
    });
    let service = ServiceBuilder::new()
        .layer(OpenAIRetryLayer::default())
        .service(send);
    let config = OpenAIConfig::new()
        .with_api_base(llm.openai_url())
        .with_api_key("none");
    Client::with_config(config).with_http_service(service)
}

#[instrument(skip_all, fields(gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "Weather Agent"))]
async fn weather_agent(client: &Client<OpenAIConfig>, question: &str) -> anyhow::Result<String> {
    let mut messages = vec![json!({"role": "user", "content": question})];
    let answer = client.chat().create(request(&messages)?).await?;
    let answer = &answer.choices[0].message;
    messages.push(serde_json::to_value(answer)?);
    for call in answer.tool_calls.iter().flatten() {
        let call = serde_json::to_value(call)?;
        let arguments = call["function"]["arguments"].as_str();
        let result = get_weather(arguments.context("a function has arguments")?);
        messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": result}));
    }

    let mut request = request(&messages)?;
    request.stream_options = serde_json::from_value(json!({"include_usage": true}))?;
    let chunks = client.chat().create_stream(request).await?;
    let texts = chunks.map_ok(|chunk| {
        let choice = chunk.choices.into_iter().next();
        choice
            .and_then(|choice| choice.delta.content)
            .unwrap_or_default()
    });
    let texts: Vec<_> = texts.collect().await;
    Ok(texts.into_iter().collect::<Result<String, _>>()?)
}

fn request(messages: &[Value]) -> serde_json::Result<CreateChatCompletionRequest> {
    let city =
        json!({"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}});
    let function =
        json!({"name": "get_weather", "description": "Tells the weather", "parameters": city});
    serde_json::from_value(json!({
        "model": "gpt-5-mini", "messages": messages, "tools": [{"type": "function", "function": function}],
    }))
}

#[instrument(skip_all, fields(gen_ai.operation.name = "execute_tool", gen_ai.tool.name = "get_weather"))]
fn get_weather(arguments: &str) -> String {
    let result = "4 °C, light rain".to_owned();
    let span = Span::current();
    span.set_gen_ai_attribute("gen_ai.tool.call.arguments", arguments);
    span.set_gen_ai_attribute("gen_ai.tool.call.result", &*result);
    result
}
