//! Older and looser spellings of the OpenTelemetry conventions themselves, found in hand-written code of every kind.
//!
//! Names that Sentry's registry lists as deprecated are not repeated here.

use super::{Dialect, mentions_gen_ai, no_operation, nothing};

pub(crate) static OTEL: Dialect = Dialect {
    name: "",
    speaks: mentions_gen_ai,
    aliases: ALIASES,
    noise: &[],
    operation: no_operation,
    adjust: nothing,
};

#[rustfmt::skip]
static ALIASES: &[(&str, &str)] = &[
    ("gen_ai.client.operation.time_to_first_chunk", "gen_ai.response.time_to_first_chunk"),
    ("gen_ai.completion", "gen_ai.output.messages"),
    ("gen_ai.is_streaming", "gen_ai.response.streaming"),
    ("gen_ai.openai.request.seed", "gen_ai.request.seed"),
    ("gen_ai.openai.request.service_tier", "openai.request.service_tier"),
    ("gen_ai.openai.response.service_tier", "openai.response.service_tier"),
    ("gen_ai.openai.response.system_fingerprint", "openai.response.system_fingerprint"),
    ("gen_ai.request.reasoning_effort", "gen_ai.request.reasoning.level"),
    ("gen_ai.request.stream", "gen_ai.response.streaming"),
    ("gen_ai.tool.call_id", "gen_ai.tool.call.id"),
    ("gen_ai.usage.cache_creation_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    ("gen_ai.usage.cache_read_tokens", "gen_ai.usage.cache_read.input_tokens"),
    ("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    ("gen_ai.usage.cache_write_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    ("gen_ai.usage.cached_input_tokens", "gen_ai.usage.cache_read.input_tokens"),
    ("gen_ai.usage.cached_tokens", "gen_ai.usage.cache_read.input_tokens"),
    ("gen_ai.usage.reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"),
    ("gen_ai.usage.thinking_tokens", "gen_ai.usage.reasoning.output_tokens"),
];
