//! An agent without any library: functions under `#[tracing::instrument]`, with the fields of OpenTelemetry's GenAI conventions.
//!
//! ```text
//! cargo run --bin instrument_fn
//! cargo run --bin instrument_fn -- --pii    # with prompts, answers, arguments and results
//! ```

use std::time::{Duration, Instant};

use anyhow::bail;
use sentry_genai::SpanExt;
use sentry_genai_examples::Backend;
use serde_json::{Value, json};
use tokio::time::sleep;
use tracing::{Span, field::Empty, instrument};
use tracing_subscriber::{filter::LevelFilter, prelude::*};

const MODEL: &str = "gpt-5-mini";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let backend = Backend::start()?;
    let sentry = sentry_genai::init(
        sentry::ClientOptions::new()
            .dsn(backend.dsn())
            .traces_sample_rate(1.0)
            .send_default_pii(sentry_genai_examples::pii()),
    );
    tracing_subscriber::registry()
        .with(sentry_genai::layer().with_filter(LevelFilter::INFO))
        .init();

    sentry_genai::conversation("conv_7f21")
        .scope(post_support("Where is my order 1042?"))
        .await;

    backend.finish(&sentry)
}

/// A request. Sentry names it after method and route.
#[instrument(skip_all, fields(otel.kind = "server", http.request.method = "POST", http.route = "/support"))]
async fn post_support(question: &str) {
    support_bot(question).await;
}

/// An agent: it has a name, and its calls are its children. Token counts belong on the model calls.
#[instrument(skip_all, fields(gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "Support Bot"))]
async fn support_bot(question: &str) -> String {
    let user = json!({"role": "user", "parts": [{"type": "text", "content": question}]});
    let call = chat(&json!([user])).await;
    let result = match find_order("call_1", 1042).await {
        Ok(status) => status,
        // The model is told; the span of the tool says that it failed, and why.
        Err(error) => error.to_string(),
    };
    let result = json!({"type": "tool_call_response", "id": "call_1", "response": result});
    let result = json!({"role": "tool", "parts": [result]});
    chat_stream(&json!([user, call, result])).await
}

/// A model call. The span has to declare the fields that are recorded later.
#[instrument(skip_all, fields(
    otel.kind = "client",
    gen_ai.operation.name = "chat",
    gen_ai.provider.name = "openai",
    gen_ai.request.model = MODEL,
    gen_ai.request.temperature = 0.2,
    gen_ai.response.model = Empty,
    gen_ai.response.finish_reasons = Empty,
    gen_ai.usage.input_tokens = Empty,
    gen_ai.usage.cache_read.input_tokens = Empty,
    gen_ai.usage.output_tokens = Empty,
))]
async fn chat(messages: &Value) -> Value {
    sleep(Duration::from_millis(30)).await;
    let call = json!({"type": "tool_call", "id": "call_1", "name": "find_order", "arguments": {"number": 1042}});
    let answer = json!({"role": "assistant", "parts": [call], "finish_reason": "tool_call"});

    let span = Span::current();
    span.record("gen_ai.response.model", "gpt-5-mini-2025-08-07");
    span.record("gen_ai.response.finish_reasons", r#"["tool_call"]"#);
    span.record("gen_ai.usage.input_tokens", 120);
    span.record("gen_ai.usage.cache_read.input_tokens", 64);
    span.record("gen_ai.usage.output_tokens", 18);
    // `record` drops fields that the span does not declare; this does not. Messages can always be set: they are sent only if
    // content is captured.
    span.set_gen_ai_attribute("gen_ai.input.messages", messages.to_string());
    span.set_gen_ai_attribute("gen_ai.output.messages", json!([answer]).to_string());
    answer
}

/// A tool that fails. `err` emits the error as an ERROR event, which sets the status of the span.
#[instrument(skip_all, err, fields(
    gen_ai.operation.name = "execute_tool",
    gen_ai.tool.name = "find_order",
    gen_ai.tool.call.id = call_id,
    gen_ai.tool.call.arguments = %json!({"number": number}),
    error.type = Empty,
))]
async fn find_order(call_id: &str, number: u64) -> anyhow::Result<String> {
    sleep(Duration::from_millis(12)).await;
    Span::current().record("error.type", "timeout");
    bail!("the warehouse did not answer about order {number}")
}

/// A streaming model call: the time of the first chunk is recorded separately.
#[instrument(skip_all, fields(
    otel.kind = "client",
    gen_ai.operation.name = "chat",
    gen_ai.provider.name = "openai",
    gen_ai.request.model = MODEL,
    gen_ai.request.stream = true,
))]
async fn chat_stream(messages: &Value) -> String {
    let (span, started) = (Span::current(), Instant::now());
    span.set_gen_ai_attribute("gen_ai.input.messages", messages.to_string());
    let mut answer = String::new();
    for chunk in [
        "I cannot see ",
        "your order now. ",
        "Please try again ",
        "in an hour.",
    ] {
        sleep(Duration::from_millis(15)).await;
        if answer.is_empty() {
            let seconds = started.elapsed().as_secs_f64();
            span.set_gen_ai_attribute("gen_ai.response.time_to_first_chunk", seconds);
        }
        answer.push_str(chunk);
    }
    let text = json!({"type": "text", "content": answer});
    let message = json!({"role": "assistant", "parts": [text], "finish_reason": "stop"});
    span.set_gen_ai_attribute("gen_ai.output.messages", json!([message]).to_string());
    span.set_gen_ai_attribute("gen_ai.response.model", "gpt-5-mini-2025-08-07");
    span.set_gen_ai_attribute("gen_ai.response.finish_reasons", &["stop"][..]);
    span.set_gen_ai_attribute("gen_ai.usage.input_tokens", 164);
    span.set_gen_ai_attribute("gen_ai.usage.output_tokens", 21);
    answer
}
