//! A fake `OpenAI` and Anthropic over HTTP.

mod anthropic;
mod api;
mod chat_completions;
mod embeddings;
mod failure;
mod http;
mod openai;
mod prompt;
mod responses;
mod schema;
mod sse;

#[cfg(test)]
mod tests;

use std::{io, sync::Arc};

pub use self::http::ReceivedRequest;
use self::http::Shared;
use crate::server::Server;

/// A model provider for tests that speaks the HTTP APIs of `OpenAI` and Anthropic.
///
/// It listens on a free port of 127.0.0.1, on its own thread, until it is dropped. Equal requests get equal answers, apart from
/// ids.
///
/// | endpoint | plain | streaming | tools |
/// |---|---|---|---|
/// | `/v1/chat/completions` | yes | yes, with usage if `stream_options.include_usage` | yes |
/// | `/v1/responses` | yes | yes | yes |
/// | `/v1/embeddings` | yes | | |
/// | `/v1/messages` (Anthropic) | yes | yes | yes |
///
/// # Answers
///
/// - If tools are offered and the user spoke last, the answer calls the tools that the question mentions (`get_weather` for a
///   text with "weather"), or else the first one. Required arguments are made from the tool's JSON schema: `Vienna` for a city or
///   location and `example` for other texts, the numbers 2 and then 3, `true`.
/// - A tool result is answered with a text that repeats it; so is a question that leads to no tool calls.
/// - Structured output fits its schema.
/// - Reasoning is shown if the request asks for it (`reasoning.summary`, `thinking`).
///
/// # Usage
///
/// The usage is always the same:
///
/// | | input | of which cached | cache written | output | of which reasoning |
/// |---|---|---|---|---|---|
/// | `OpenAI` | 42 | 16 | | 17 | 5 |
/// | Anthropic | 20, not counting the cache | 100 more | 30 more | 17 | |
/// | embeddings | 42 | | | | |
///
/// # Errors
///
/// A model whose name contains `rate-limit` is answered with status 429, `server-error` with 500, and `context-length` with 400,
/// each with a body in the provider's form. A request that is not JSON or names no model is answered with 400.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use sentry_genai_testkit::FakeLlm;
///
/// let llm = FakeLlm::start()?;
/// assert!(llm.openai_url().ends_with("/v1"));
/// // ... give the URL to a client library and let it chat ...
/// assert!(llm.requests().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FakeLlm {
    server: Server,
    shared: Arc<Shared>,
}

impl FakeLlm {
    /// Starts the server.
    ///
    /// # Errors
    ///
    /// Returns an error if no port can be bound or no thread can be started.
    pub fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let server = Server::start("testkit-llm", http::router(Arc::clone(&shared)))?;
        Ok(Self { server, shared })
    }

    /// Returns the base URL for `OpenAI` clients, which ends in `/v1`.
    #[must_use]
    pub fn openai_url(&self) -> String {
        format!("http://{}/v1", self.server.address())
    }

    /// Returns the base URL for Anthropic clients, without `/v1` and without a trailing slash.
    #[must_use]
    pub fn anthropic_url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Returns the requests to known endpoints, in order of arrival, including those that were rejected.
    #[must_use]
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.requests()
    }
}
