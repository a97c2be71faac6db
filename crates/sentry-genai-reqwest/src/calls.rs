//! Which requests have spans, and what is recorded on these.

use std::env;

use reqwest::Request;

use crate::{api::Api, observer::Observer, provider, request::RequestBody, span};

/// The variable with which OpenTelemetry's instrumentations are told to record content.
const CAPTURE_CONTENT: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";

/// Opens the spans of model calls.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    pub(crate) content: bool,
    pub(crate) provider: Option<String>,
}

impl Calls {
    pub(crate) fn from_environment() -> Self {
        let content = env::var(CAPTURE_CONTENT);
        Self {
            content: content.is_ok_and(|value| asks_for_content(&value)),
            provider: None,
        }
    }

    /// Opens the span of a model call. Returns `None` if the request is not one, or nobody wants the span.
    pub(crate) fn observe(&self, request: &Request) -> Option<Observer> {
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
