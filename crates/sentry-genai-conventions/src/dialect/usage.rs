//! Token usage as providers report it: JSON objects with names of their own.

use serde_json::Value;

use super::json::{self, Object};
use crate::Attributes;

const INPUT: &str = "gen_ai.usage.input_tokens";
const OUTPUT: &str = "gen_ai.usage.output_tokens";
const CACHE_READ: &str = "gen_ai.usage.cache_read.input_tokens";
const CACHE_CREATION: &str = "gen_ai.usage.cache_creation.input_tokens";
const REASONING: &str = "gen_ai.usage.reasoning.output_tokens";

/// Where each provider has each count, as a path.
#[rustfmt::skip]
static COUNTS: &[(&str, &str)] = &[
    (INPUT, "input_tokens"),
    (INPUT, "prompt_tokens"),
    (INPUT, "inputTokens"),
    (INPUT, "promptTokens"),
    (INPUT, "prompt_token_count"),
    (INPUT, "promptTokenCount"),
    (INPUT, "input"),
    (OUTPUT, "output_tokens"),
    (OUTPUT, "completion_tokens"),
    (OUTPUT, "outputTokens"),
    (OUTPUT, "completionTokens"),
    (OUTPUT, "output"),
    (CACHE_READ, "cache_read_input_tokens"),
    (CACHE_READ, "prompt_tokens_details.cached_tokens"),
    (CACHE_READ, "input_tokens_details.cached_tokens"),
    (CACHE_READ, "input_token_details.cache_read"),
    (CACHE_READ, "cached_content_token_count"),
    (CACHE_READ, "cachedContentTokenCount"),
    (CACHE_READ, "cacheReadInputTokens"),
    (CACHE_READ, "cachedInputTokens"),
    (CACHE_READ, "input_cached_tokens"),
    (CACHE_READ, "cache_read"),
    (CACHE_CREATION, "cache_creation_input_tokens"),
    (CACHE_CREATION, "input_tokens_details.cache_write_tokens"),
    (CACHE_CREATION, "input_token_details.cache_creation"),
    (CACHE_CREATION, "cacheWriteInputTokens"),
    (CACHE_CREATION, "cache_creation"),
    (REASONING, "completion_tokens_details.reasoning_tokens"),
    (REASONING, "output_tokens_details.reasoning_tokens"),
    (REASONING, "output_token_details.reasoning"),
    (REASONING, "thoughts_token_count"),
    (REASONING, "thoughtsTokenCount"),
    (REASONING, "reasoning_tokens"),
    (REASONING, "reasoningTokens"),
    (REASONING, "output_reasoning_tokens"),
    (REASONING, "reasoning"),
];

/// Appends the counts of a provider's usage object that are not there yet.
pub(super) fn put(attributes: &mut Attributes, usage: &Object) {
    for (key, path) in COUNTS {
        if let Some(count) = at(usage, path).filter(|value| value.is_number()) {
            json::put_scalar(attributes, key, count);
        }
    }
    // Gemini counts thoughts beside the candidates.
    let candidates =
        at(usage, "candidates_token_count").or_else(|| at(usage, "candidatesTokenCount"));
    if let Some(candidates) = candidates.and_then(Value::as_i64) {
        let thoughts =
            at(usage, "thoughts_token_count").or_else(|| at(usage, "thoughtsTokenCount"));
        let thoughts = thoughts.and_then(Value::as_i64).unwrap_or(0);
        attributes.set(OUTPUT, candidates.saturating_add(thoughts));
    }
}

/// Appends the counts of the usage object that an attribute holds, and removes the attribute.
pub(super) fn take(attributes: &mut Attributes, key: &str) {
    if let Some(usage) = json::object(attributes, key) {
        put(attributes, &usage);
        attributes.remove(key);
    }
}

fn at<'a>(object: &'a Object, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((first, rest)) => object.get(first)?.get(rest),
        None => object.get(path),
    }
}
