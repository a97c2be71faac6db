//! The client that programs use.

use std::env;

use reqwest::{Client, Request, Response};
use tracing::Instrument as _;

use crate::{api::Api, body, observer::Observer, provider, request::RequestBody, span};

/// The variable with which OpenTelemetry's instrumentations are told to record content.
const CAPTURE_CONTENT: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";

/// Sends requests, and opens a GenAI span around each one that calls a model.
///
/// Which requests these are is decided by their paths, so the server may be anyone's:
///
/// | Path ends with | Operation | Provider, unless [named](Self::with_provider) |
/// |---|---|---|
/// | `/chat/completions` | `chat` | `openai` |
/// | `/completions` | `text_completion` | `openai` |
/// | `/responses` | `responses` | `openai` |
/// | `/embeddings` | `embeddings` | `openai` |
/// | `/messages` (Anthropic) | `chat` | `anthropic` |
/// | `:generateContent`, `:streamGenerateContent` (Gemini) | `generate_content` | `gcp.gemini` |
/// | `/api/chat` (Ollama) | `chat` | `ollama` |
///
/// All other requests are sent as they are, without a span. So are requests that name no model, and those whose body is a stream.
///
/// The span has the attributes of OpenTelemetry's GenAI conventions: model, parameters, token counts, finish reasons, the time to the
/// first chunk of a stream (seconds), and an error if the request fails. It ends when the body of the answer has been read, or is
/// dropped. Content (messages, instructions, tools) is recorded only [on request](Self::with_content).
///
/// If no subscriber wants the span, a request costs nothing more. Cloning the client is cheap.
#[derive(Clone, Debug)]
pub struct GenAiClient {
    client: Client,
    content: bool,
    provider: Option<String>,
}

impl GenAiClient {
    /// Creates a client that sends with `client`.
    ///
    /// Content is recorded if `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` is `true`, `1`, `span_only` or `span_and_event` in
    /// the environment.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let content = env::var(CAPTURE_CONTENT);
        Self {
            client,
            content: content.is_ok_and(|value| asks_for_content(&value)),
            provider: None,
        }
    }

    /// Sets whether messages, instructions and tools are recorded as fields of the spans. The default is off.
    ///
    /// Every layer of the subscriber sees them, also one that writes logs. Sentry gets them only if its client [allows
    /// it](https://docs.rs/sentry-genai), too.
    #[must_use]
    pub fn with_content(mut self, content: bool) -> Self {
        self.content = content;
        self
    }

    /// Names the provider, if it is not the one whose API is spoken. For example `groq`, or `azure.ai.openai`.
    #[must_use]
    pub fn with_provider(mut self, provider: impl Into<String>) -> Self {
        self.provider = Some(provider.into());
        self
    }

    /// Sends a request, like [`reqwest::Client::execute`].
    ///
    /// # Errors
    ///
    /// Those of `reqwest`, unchanged.
    pub async fn execute(&self, request: Request) -> reqwest::Result<Response> {
        let Some(observer) = self.observe(&request) else {
            return self.client.execute(request).await;
        };
        let sent = self.client.execute(request);
        match sent.instrument(observer.span().clone()).await {
            Ok(response) => Ok(body::observe(response, observer)),
            Err(error) => {
                observer.failed(&error);
                Err(error)
            }
        }
    }

    /// Opens the span of a model call. Returns `None` if the request is not one, or nobody wants the span.
    fn observe(&self, request: &Request) -> Option<Observer> {
        let api = Api::of(request)?;
        let body = request.body()?.as_bytes()?;
        let model_in_path = api.model_in_path(request.url());
        if model_in_path.is_none() && !api.may_be_spoken_in(body) {
            return None;
        }
        let provider = self.provider.as_deref();
        let provider = provider.or_else(|| provider::of(request.url()));
        let provider = provider.unwrap_or(api.provider());
        // Whether a span is wanted cannot be asked without opening it: with filters on layers, the question would disturb the next
        // span (tokio-rs/tracing#2519).
        let span = span::open(api.operation(), provider);
        if span.is_disabled() {
            return None;
        }
        span::record_address(&span, request.url());
        RequestBody::read(body).record(api, &span, model_in_path, self.content);
        Some(Observer::new(span, api, self.content))
    }
}

/// Returns whether a value of the variable means that spans have content. `sentry-genai` reads it in the same way.
fn asks_for_content(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    ["true", "1", "span_only", "span_and_event"].contains(&&*value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_asks_for_content_in_all_spellings() {
        for value in ["true", "TRUE", "1", " SPAN_ONLY", "span_and_event"] {
            assert!(asks_for_content(value), "{value}");
        }
        for value in ["", "false", "0", "no_content", "event_only"] {
            assert!(!asks_for_content(value), "{value}");
        }
    }
}
