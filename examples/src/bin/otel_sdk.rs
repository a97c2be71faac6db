//! The OpenTelemetry SDK alone: no `tracing`, spans created by hand, and a conversation in the context.
//!
//! ```text
//! cargo run --bin otel_sdk
//! cargo run --bin otel_sdk -- --pii    # with prompts and answers
//! ```

use anyhow::Context as _;
use sentry_genai_examples::Backend;
use sentry_genai_opentelemetry::{
    Correlation, GenAiContextExt, SentryGenAiProcessor,
    opentelemetry::{
        Context, KeyValue, global,
        trace::{FutureExt, SpanKind, Status, TraceContextExt, Tracer},
    },
};
use sentry_genai_testkit::FakeLlm;
use serde_json::{Value, json};

const MODEL: &str = "gpt-5-mini";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let backend = Backend::start()?;
    let sentry = sentry::init(
        sentry::ClientOptions::new()
            .dsn(backend.dsn())
            .traces_sample_rate(1.0)
            .send_default_pii(sentry_genai_examples::pii())
            .add_integration(Correlation::new()),
    );
    let processor = SentryGenAiProcessor::new(&sentry);
    let provider = processor.provider_builder().build();
    global::set_tracer_provider(provider.clone());

    let llm = FakeLlm::start()?;
    let request = Context::new().with_conversation_id("conv_5j66");
    post_ask(&llm, "What is the weather in Vienna?")
        .with_context(request)
        .await?;

    // A global provider is never dropped: without this call, spans that still wait are lost.
    let is_flushed = provider.shutdown().is_ok();
    backend.report(is_flushed, processor.stats(), processor.last_failure())
}

/// Starts a span below the current one.
fn start(
    name: &'static str,
    kind: SpanKind,
    attributes: &[(&'static str, &'static str)],
) -> Context {
    let tracer = global::tracer("otel_sdk");
    let attributes = attributes.iter();
    let attributes = attributes.map(|(key, value)| KeyValue::new(*key, *value));
    let builder = tracer.span_builder(name).with_kind(kind);
    Context::current_with_span(builder.with_attributes(attributes).start(&tracer))
}

async fn post_ask(llm: &FakeLlm, question: &str) -> anyhow::Result<()> {
    let attributes = [("http.request.method", "POST"), ("http.route", "/ask")];
    let context = start("POST /ask", SpanKind::Server, &attributes);
    weather_agent(llm, question).with_context(context).await
}

async fn weather_agent(llm: &FakeLlm, question: &str) -> anyhow::Result<()> {
    let attributes = [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.agent.name", "Weather Agent"),
    ];
    let context = start("invoke_agent", SpanKind::Internal, &attributes);
    let run = async {
        let user = json!({"role": "user", "content": question});
        let message = chat(llm, &json!([user])).await?;
        let call = &message["tool_calls"][0];
        let result = get_weather(call);
        let result = json!({"role": "tool", "tool_call_id": call["id"], "content": result});
        chat(llm, &json!([user, message, result])).await?;
        Ok(())
    };
    run.with_context(context).await
}

/// A model call as OpenTelemetry's conventions describe it. Attributes that become known later are set later.
async fn chat(llm: &FakeLlm, messages: &Value) -> anyhow::Result<Value> {
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", MODEL),
    ];
    let context = start("chat", SpanKind::Client, &attributes);
    let span = context.span();
    span.set_attribute(KeyValue::new("gen_ai.input.messages", messages.to_string()));
    let answer = ask(llm, messages).await;
    // An error that is passed on is not seen by anything else.
    let answer = answer.inspect_err(|error| span.set_status(Status::error(error.to_string())))?;
    let message = answer["choices"][0]["message"].clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    span.set_attributes([
        KeyValue::new("gen_ai.response.model", text(&answer["model"])),
        KeyValue::new("gen_ai.output.messages", json!([message]).to_string()),
    ]);
    for (key, count) in [
        (
            "gen_ai.usage.input_tokens",
            &answer["usage"]["prompt_tokens"],
        ),
        (
            "gen_ai.usage.output_tokens",
            &answer["usage"]["completion_tokens"],
        ),
    ] {
        let count = count.as_i64().context("the answer has no usage")?;
        span.set_attribute(KeyValue::new(key, count));
    }
    Ok(message)
}

async fn ask(llm: &FakeLlm, messages: &Value) -> anyhow::Result<Value> {
    let tool = json!({"name": "get_weather", "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    }});
    let body = json!({
        "model": MODEL,
        "messages": messages,
        "tools": [{"type": "function", "function": tool}],
    });
    let url = format!("{}/chat/completions", llm.openai_url());
    let response = reqwest::Client::new().post(url).json(&body).send().await?;
    Ok(response.error_for_status()?.json().await?)
}

fn get_weather(call: &Value) -> &'static str {
    let context = start(
        "execute_tool",
        SpanKind::Internal,
        &[
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", "get_weather"),
        ],
    );
    let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
    let arguments = KeyValue::new("gen_ai.tool.call.arguments", arguments.to_owned());
    context.span().set_attribute(arguments);
    "18 °C, sunny"
}
