//! Opens the spans of model calls in clients of `reqwest-middleware`.

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};
use tracing::Instrument as _;

use crate::{body, calls::Calls};

/// Opens a GenAI span around each request that calls a model. For clients of `reqwest-middleware`; needs the feature `middleware`.
///
/// What has a span, and what the span says, is as with [`GenAiClient`](crate::GenAiClient). Add it after a middleware that retries,
/// so that each attempt has a span of its own, and before one that traces requests, whose spans are then below.
///
/// ```
/// use reqwest_middleware::ClientBuilder;
/// use sentry_genai_reqwest::GenAiMiddleware;
///
/// let client = ClientBuilder::new(reqwest::Client::new())
///     .with(GenAiMiddleware::new())
///     .build();
/// ```
#[derive(Clone, Debug)]
pub struct GenAiMiddleware {
    calls: Calls,
}

impl GenAiMiddleware {
    /// Creates a middleware that records content if the environment asks for it, like [`GenAiClient`](crate::GenAiClient::new).
    #[must_use]
    pub fn new() -> Self {
        Self {
            calls: Calls::from_environment(),
        }
    }

    /// Sets whether content is recorded, like [`GenAiClient`](crate::GenAiClient::with_content). The default is off.
    #[must_use]
    pub fn with_content(mut self, content: bool) -> Self {
        self.calls.content = content;
        self
    }

    /// Names the provider, like [`GenAiClient`](crate::GenAiClient::with_provider).
    #[must_use]
    pub fn with_provider(mut self, provider: impl Into<String>) -> Self {
        self.calls.provider = Some(provider.into());
        self
    }
}

impl Default for GenAiMiddleware {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait::async_trait]
impl Middleware for GenAiMiddleware {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let Some(observer) = self.calls.observe(&request) else {
            return next.run(request, extensions).await;
        };
        let sent = next.run(request, extensions);
        match sent.instrument(observer.span().clone()).await {
            Ok(response) => Ok(body::observe(response, observer)),
            Err(error) => {
                match &error {
                    Error::Reqwest(error) => observer.failed(error),
                    Error::Middleware(_) => observer.stopped(),
                }
                Err(error)
            }
        }
    }
}
