//! The client that programs use.

use reqwest::{Client, Request, Response};
use tracing::Instrument as _;

use crate::{body, calls::Calls};

/// Sends requests, and opens a GenAI span around each one that calls a model.
///
/// Which requests these are is decided by their paths, so the server may be anyone's. The provider is [named](Self::with_provider),
/// known by the host, or else that of the API:
///
/// | Path ends with | Operation | Provider of the API |
/// |---|---|---|
/// | `/chat/completions` | `chat` | `openai` |
/// | `/completions` | `text_completion` | `openai` |
/// | `/responses` | `responses` | `openai` |
/// | `/embeddings` | `embeddings` | `openai` |
/// | `/messages` (Anthropic) | `chat` | `anthropic` |
/// | `:generateContent`, `:streamGenerateContent` (Gemini) | `generate_content` | `gcp.gemini` |
/// | `/api/chat` (Ollama) | `chat` | `ollama` |
/// | `/api/generate` (Ollama) | `text_completion` | `ollama` |
/// | `/api/embed`, `/api/embeddings` (Ollama) | `embeddings` | `ollama` |
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
    calls: Calls,
}

impl GenAiClient {
    /// Creates a client that sends with `client`.
    ///
    /// Content is recorded if `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` is `true`, `1`, `span_only` or `span_and_event` in
    /// the environment.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            calls: Calls::from_environment(),
        }
    }

    /// Sets whether messages, instructions and tools are recorded as fields of the spans. The default is off.
    ///
    /// Every layer of the subscriber sees them, also one that writes logs. Sentry gets them only if its client [allows
    /// it](https://docs.rs/sentry-genai), too.
    #[must_use]
    pub fn with_content(mut self, content: bool) -> Self {
        self.calls.content = content;
        self
    }

    /// Names the provider, in place of the one that is known by the host, or whose API is spoken.
    ///
    /// OpenTelemetry's conventions list names: `groq`, `azure.ai.openai`.
    #[must_use]
    pub fn with_provider(mut self, provider: impl Into<String>) -> Self {
        self.calls.provider = Some(provider.into());
        self
    }

    /// Sends a request, like [`reqwest::Client::execute`].
    ///
    /// # Errors
    ///
    /// Those of `reqwest`. If the answer breaks off while it is read, the error has two more causes between itself and the first
    /// cause, and is otherwise the same.
    pub async fn execute(&self, request: Request) -> reqwest::Result<Response> {
        let Some(observer) = self.calls.observe(&request) else {
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
}
