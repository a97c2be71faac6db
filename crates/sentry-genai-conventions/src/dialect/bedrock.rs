//! Bedrock through AWS's SDKs, which are botocore and the one for JavaScript, and through OpenTelemetry's newest instrumentation:
//! the conventions, with the unchanged token counts of the API.

use serde_json::Value;

use super::{Dialect, OperationKind, Override, is_stream_method};
use crate::{SourceSpan, tokens};

pub(super) static BEDROCK: Dialect = Dialect {
    name: "botocore",
    recognises,
    operation,
    adjust,
    ..Dialect::NONE
};

const NEWEST: &str = "opentelemetry.instrumentation.genai.bedrock";

fn recognises(span: &SourceSpan) -> bool {
    span.scope.contains("botocore") && span.scope.contains("bedrock")
        || span.scope.starts_with(NEWEST)
        || span.attributes.text("gen_ai.system") == Some("aws.bedrock")
            && matches!(
                span.attributes.text("rpc.service"),
                Some("Bedrock Runtime" | "BedrockRuntime")
            )
}

fn adjust(span: &mut SourceSpan, _: OperationKind) {
    let attributes = &mut span.attributes;
    // Bedrock counts the cache separately, even if the input is the larger number.
    tokens::add_cache(attributes);
    if (attributes.text("rpc.method")).is_some_and(is_stream_method) {
        attributes.supply("gen_ai.response.streaming", true);
    }
}

fn operation(span: &SourceSpan) -> Override {
    if !span.scope.starts_with(NEWEST) && is_embedding_model(span, "gen_ai.request.model") {
        Override::To("embeddings")
    } else {
        Override::None
    }
}

/// Returns whether a call to Bedrock makes embeddings. Instrumentations distinguish its calls only by API, and `InvokeModel`
/// takes any model. `key` holds the model.
pub(super) fn uses_embedding_model(span: &SourceSpan, key: &str) -> bool {
    span.scope.contains("bedrock") && is_embedding_model(span, key)
}

fn is_embedding_model(span: &SourceSpan, key: &str) -> bool {
    (span.attributes.text(key)).is_some_and(|model| model.contains("embed"))
}

/// Unquotes the input of Anthropic's models, which OpenLLMetry's first generation always records as JSON.
pub(super) fn unquote_contents(messages: &mut Value) {
    for message in messages.as_array_mut().into_iter().flatten() {
        if let Some(content) = message.get_mut("content")
            && let Some(text) = content.as_str()
            && text.starts_with('"')
            && let Ok(text) = serde_json::from_str::<String>(text)
        {
            *content = text.into();
        }
    }
}
