//! The span of a model call, and the fields that are recorded on it.

use reqwest::Url;
use serde_json::Value;
use tracing::{Span, field::Empty};

use crate::api::Operation;

const TARGET: &str = "sentry_genai_reqwest";

/// Opens a span with all fields that may be recorded on it later.
macro_rules! span {
    ($name:literal, $provider:expr) => {
        tracing::info_span!(
            target: TARGET,
            $name,
            otel.kind = "client",
            otel.status_description = Empty,
            error.type = Empty,
            server.address = Empty,
            server.port = Empty,
            gen_ai.operation.name = $name,
            gen_ai.provider.name = $provider,
            gen_ai.conversation.id = Empty,
            gen_ai.request.model = Empty,
            gen_ai.request.max_tokens = Empty,
            gen_ai.request.temperature = Empty,
            gen_ai.request.top_p = Empty,
            gen_ai.request.top_k = Empty,
            gen_ai.request.frequency_penalty = Empty,
            gen_ai.request.presence_penalty = Empty,
            gen_ai.request.seed = Empty,
            gen_ai.request.choice.count = Empty,
            gen_ai.request.stop_sequences = Empty,
            gen_ai.request.reasoning.level = Empty,
            gen_ai.system_instructions = Empty,
            gen_ai.input.messages = Empty,
            gen_ai.tool.definitions = Empty,
            gen_ai.output.messages = Empty,
            gen_ai.embeddings.input = Empty,
            gen_ai.response.id = Empty,
            gen_ai.response.model = Empty,
            gen_ai.response.finish_reasons = Empty,
            gen_ai.response.streaming = Empty,
            gen_ai.response.time_to_first_chunk = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.cache_read.input_tokens = Empty,
            gen_ai.usage.cache_creation.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.reasoning.output_tokens = Empty,
        )
    };
}

pub(crate) fn open(operation: Operation, provider: &str) -> Span {
    match operation {
        Operation::Chat => span!("chat", provider),
        Operation::TextCompletion => span!("text_completion", provider),
        Operation::Responses => span!("responses", provider),
        Operation::Embeddings => span!("embeddings", provider),
        Operation::GenerateContent => span!("generate_content", provider),
    }
}

pub(crate) fn record_address(span: &Span, url: &Url) {
    if let Some(host) = url.host_str() {
        span.record("server.address", host);
    }
    if let Some(port) = url.port_or_known_default() {
        span.record("server.port", port);
    }
}

/// Records a number or a text, and a list as JSON. Null is no value.
pub(crate) fn record(span: &Span, key: &'static str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(value) => _ = span.record(key, value),
        Value::String(text) => _ = span.record(key, text.as_str()),
        Value::Number(number) => {
            if let Some(number) = number.as_u64() {
                span.record(key, number);
            } else if let Some(number) = number.as_i64() {
                span.record(key, number);
            } else if let Some(number) = number.as_f64() {
                span.record(key, number);
            }
        }
        Value::Array(_) => _ = span.record(key, value.to_string().as_str()),
        // No parameter is an object.
        Value::Object(_) => {}
    }
}

/// Marks the call as failed. `kind` has few values: the provider's code, or a status.
pub(crate) fn record_error(span: &Span, kind: &str, message: Option<&str>) {
    span.record("error.type", kind);
    if let Some(message) = message {
        span.record("otel.status_description", message);
    }
}
