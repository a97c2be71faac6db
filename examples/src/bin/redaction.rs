//! What leaves the process: by default, with questions only, and with a hook that has the last word.
//!
//! ```text
//! cargo run --bin redaction
//! ```

use sentry_genai::{Options, SentrySpan};
use sentry_genai_examples::{Backend, show};
use serde_json::json;
use tracing::instrument;
use tracing_subscriber::{filter::LevelFilter, prelude::*};

fn main() -> anyhow::Result<()> {
    tracing_subscriber::registry()
        .with(sentry_genai::layer().with_filter(LevelFilter::INFO))
        .init();

    let backend = Backend::start()?;
    run(&backend, "By default no content leaves", Options::new())?;
    run(
        &backend,
        "Questions and arguments leave, answers and results do not",
        Options::new()
            .with_capture_inputs(true)
            .with_capture_outputs(false),
    )?;
    run(
        &backend,
        "Everything leaves, apart from what a hook changes or drops",
        Options::new()
            .with_capture_inputs(true)
            .with_capture_outputs(true)
            .with_before_send_span(hide_phone_numbers),
    )
}

/// A hook that sees every span last, on the bridge's own thread.
fn hide_phone_numbers(mut span: SentrySpan) -> Option<SentrySpan> {
    if span.name == "GET /health" {
        return None;
    }
    // In messages, arguments, results and all other attributes. The span's name is a field of its own.
    span.attributes.replace_texts(|_key, text| {
        let hidden = text.replace("+43 1 234567", "[phone]");
        (hidden != text).then_some(hidden)
    });
    Some(span)
}

/// The same work every time.
#[instrument(fields(otel.kind = "server", http.request.method = "POST", http.route = "/ask"))]
fn post_ask(question: &str) {
    chat(question);
    look_up("Ada Lovelace");
}

/// `#[instrument]` records the arguments of a function unless it is told to skip them.
#[instrument(fields(
    gen_ai.operation.name = "chat",
    gen_ai.provider.name = "anthropic",
    gen_ai.request.model = "claude-sonnet-4-5",
    gen_ai.usage.input_tokens = 42,
    gen_ai.usage.output_tokens = 17,
    gen_ai.input.messages = %json!([{"role": "user", "parts": [
        {"type": "text", "content": question},
        {"type": "blob", "mime_type": "image/png", "content": "iVBORw0KGgoAAAANSUhEUg=="},
    ]}]),
    gen_ai.output.messages = %json!([{"role": "assistant", "parts": [
        {"type": "text", "content": "It is +43 1 234567."},
    ]}]),
    support.tier = "gold",
))]
fn chat(question: &str) {}

#[instrument(fields(
    gen_ai.operation.name = "execute_tool",
    gen_ai.tool.name = "look_up",
    gen_ai.tool.call.arguments = %json!({"name": name}),
    gen_ai.tool.call.result = "+43 1 234567",
))]
fn look_up(name: &str) {}

#[instrument(fields(otel.kind = "server", http.request.method = "GET", http.route = "/health"))]
fn get_health() {}

fn run(backend: &Backend, title: &str, options: Options) -> anyhow::Result<()> {
    let client_options = sentry::ClientOptions::new()
        .dsn(backend.dsn())
        .traces_sample_rate(1.0);
    let sentry = options.init(client_options);

    post_ask("What is the phone number of Ada Lovelace?");
    get_health();

    show(format_args!("{title}:\n"));
    for span in backend.take(&sentry)? {
        show(format_args!("  {} ({})", span.name, span.op()));
        // The other attributes are the same on every span: release, environment, SDK, segment.
        let own = span
            .attributes
            .keys()
            .filter(|key| !key.starts_with("sentry."));
        for key in own {
            show(format_args!(
                "    {key} = {}",
                span.attributes[key]["value"]
            ));
        }
    }
    show("");
    Ok(())
}
