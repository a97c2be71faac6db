//! BeeAI's events are spans of the kind that emits them, and its counts of the cache are among the metadata.

use serde_json::Value;

use crate::{
    SourceSpan,
    dialect::{What, json},
    tokens,
};

fn is_of_beeai(span: &SourceSpan) -> bool {
    span.scope.ends_with(".beeai")
}

/// Returns whether a span is an event, such as one more token of a stream: it is of the kind of what it happens in.
pub(super) fn is_event(span: &SourceSpan) -> bool {
    is_of_beeai(span) && span.attributes.contains("metadata.path")
}

/// Takes the counts of the cache, and the arguments of a tool out of the parameters of its method.
pub(super) fn settle(span: &mut SourceSpan, what: What) {
    if !is_of_beeai(span) {
        return;
    }
    let attributes = &mut span.attributes;
    match what {
        What::Call => {
            for (key, name) in [
                ("metadata.usage.cached_prompt_tokens", tokens::CACHE_READ),
                (
                    "metadata.usage.cached_creation_tokens",
                    tokens::CACHE_CREATION,
                ),
            ] {
                if let Some(count) = attributes
                    .text(key)
                    .and_then(|text| text.parse::<i64>().ok())
                {
                    attributes.push(name, count);
                }
            }
            attributes.retain(|key, _| !key.starts_with("metadata.usage."));
        }
        What::Tool => {
            if let Some(mut input) = json::object(attributes, "input.value")
                && input.contains_key("options")
                && let Some(arguments @ Value::Object(_)) = input.remove("input")
            {
                attributes.set("input.value", arguments.to_string());
            }
        }
        _ => {}
    }
}
