//! Requests of the providers' SDKs, all of which are calls of a model to OpenInference.

use serde_json::Value;

use super::{super::json, messages};
use crate::{SourceSpan, SourceStatus};

/// Python's instrumentation of OpenAI, whose spans are named after what the request returns.
const OPENAI: &str = "openinference.instrumentation.openai";
const LITELLM: &str = "openinference.instrumentation.litellm";

/// Returns whether a request asks no model for anything: it lists models, sends a file, starts a batch or looks after a response,
/// or it has tokens counted. Images have a default model, and a stored prompt has one.
pub(super) fn is_none_of_a_model(span: &SourceSpan) -> bool {
    counts_tokens(&span.name)
        || span.scope == OPENAI
            && !["llm.token_count.prompt", "llm.token_count.total"]
                .into_iter()
                .any(|key| span.attributes.contains(key))
            && json::object(&span.attributes, "llm.invocation_parameters")
                .is_some_and(|it| !it.contains_key("model") && !it.contains_key("prompt"))
}

/// `messages.count_tokens` and `InputTokenCountResponse`.
fn counts_tokens(name: &str) -> bool {
    name.ends_with("count_tokens") || name.ends_with("TokenCountResponse")
}

/// Returns whether OpenAI, or whom litellm asks, was asked for images.
pub(super) fn makes_images(span: &SourceSpan) -> bool {
    match &*span.scope {
        OPENAI => span.name == "ImagesResponse",
        LITELLM => span.name.ends_with("image_generation"),
        _ => false,
    }
}

/// OpenAI's responses may fail though the request has not.
pub(super) fn fail(span: &mut SourceSpan) {
    if !span
        .attributes
        .text("output.value")
        .is_some_and(|answer| answer.contains(r#""failed""#))
        || matches!(span.status, SourceStatus::Error(_))
    {
        return;
    }
    let Some(answer) = json::object(&span.attributes, "output.value") else {
        return;
    };
    if !messages::is_response(&answer)
        || answer.get("status").and_then(Value::as_str) != Some("failed")
    {
        return;
    }
    let text = |field: &str| answer.get("error")?.get(field)?.as_str();
    if let Some(code) = text("code") {
        json::put(&mut span.attributes, "error.type", code.into());
    }
    span.status = SourceStatus::Error(text("message").map(str::to_owned));
}
