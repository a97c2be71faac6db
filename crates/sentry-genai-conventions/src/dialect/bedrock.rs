//! Bedrock by way of AWS's SDKs, botocore and JavaScript's: the conventions, with the token counts of the API as they are.

use serde_json::Value;

use super::{Dialect, Says, What};
use crate::{Attributes, SourceSpan, tokens};

pub(super) static BEDROCK: Dialect = Dialect {
    name: "botocore",
    speaks,
    operation,
    adjust,
    ..Dialect::NONE
};

fn speaks(span: &SourceSpan) -> bool {
    span.scope.contains("botocore") && span.scope.contains("bedrock")
        || span.attributes.text("gen_ai.system") == Some("aws.bedrock")
            && matches!(
                span.attributes.text("rpc.service"),
                Some("Bedrock Runtime" | "BedrockRuntime")
            )
}

fn operation(span: &SourceSpan) -> Says {
    if is_of_embeddings(span, "gen_ai.request.model") {
        Says::Is("embeddings")
    } else {
        Says::Nothing
    }
}

fn adjust(span: &mut SourceSpan, _: What) {
    include_cache(&mut span.attributes);
}

/// Bedrock counts what it read from and wrote to the cache beside the input, even where that is the larger number.
pub(super) fn include_cache(attributes: &mut Attributes) {
    tokens::add_cache(attributes);
}

/// Returns whether a call of Bedrock's makes embeddings: instrumentations tell its calls apart by API, and `InvokeModel` takes any
/// model. `key` has the model.
pub(super) fn embeds(span: &SourceSpan, key: &str) -> bool {
    span.scope.contains("bedrock") && is_of_embeddings(span, key)
}

fn is_of_embeddings(span: &SourceSpan, key: &str) -> bool {
    (span.attributes.text(key)).is_some_and(|model| model.contains("embed"))
}

/// Takes the quotes off what Anthropic's models are asked, which OpenLLMetry's first generation has as JSON whatever it is.
pub(super) fn unquote(messages: &mut Value) {
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
