//! Braintrust's SDKs for Go, Java, Ruby and .NET: a few keys with JSON.

use super::{
    ARGUMENTS, DEFINITIONS, Dialect, OperationKind, Override, RESULT, aliases, has_known_operation,
    json, name_as_span,
};
use crate::{Attributes, SourceSpan, Value, tokens};

pub(super) static BRAINTRUST: Dialect = Dialect {
    name: "braintrust",
    recognises: |span| {
        span.attributes.contains(KIND)
            || span.scope == "braintrust" && span.attributes.contains(METADATA)
    },
    aliases: &aliases([
        ("braintrust.metrics.completion_tokens", tokens::OUTPUT),
        ("braintrust.metrics.prompt_tokens", tokens::INPUT),
        ("braintrust.metrics.tokens", tokens::TOTAL),
        ("gen_ai.finish_reason", "gen_ai.response.finish_reasons"),
        ("tool.call_id", "gen_ai.tool.call.id"),
        ("tool.description", "gen_ai.tool.description"),
        ("tool.input", ARGUMENTS),
        ("tool.output", RESULT),
    ]),
    operation,
    adjust,
    ..Dialect::NONE
};

const KIND: &str = "braintrust.span_attributes";
const INPUT: &str = "braintrust.input_json";
const OUTPUT: &str = "braintrust.output_json";
const METADATA: &str = "braintrust.metadata";
const METRICS: &str = "braintrust.metrics";

/// Measurements of a call.
static METRIC_KEYS: &[(&str, &str)] = &[
    ("completion_reasoning_tokens", tokens::REASONING),
    ("completion_tokens", tokens::OUTPUT),
    ("estimated_cost", "gen_ai.cost.total_tokens"),
    ("prompt_cache_creation_tokens", tokens::CACHE_CREATION),
    ("prompt_cached_tokens", tokens::CACHE_READ),
    ("prompt_tokens", tokens::INPUT),
    ("tokens", tokens::TOTAL),
];

fn operation(span: &SourceSpan) -> Override {
    if has_known_operation(span) {
        return Override::None;
    }
    let Some(mut kind) = json::object(&span.attributes, KIND) else {
        return match json::object(&span.attributes, METADATA) {
            // The SDK for Ruby records no kind for Anthropic and RubyLLM, and none for moderations.
            Some(metadata)
                if metadata.contains_key("model") && !span.name.contains("moderation") =>
            {
                Override::To("chat")
            }
            _ => Override::Plain,
        };
    };
    match kind.remove("type").and_then(json::text).as_deref() {
        Some("llm") if span.name.to_ascii_lowercase().contains("embed") => {
            Override::To("embeddings")
        }
        Some("llm") => Override::To("chat"),
        Some("tool" | "function_call") => Override::To("execute_tool"),
        Some("agent") => Override::To("invoke_agent"),
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if kind == OperationKind::Tool {
        for key in ["tool.name", "function.name"] {
            span.attributes.rename(key, "gen_ai.tool.name");
        }
        name_as_span(span, kind);
    }
    let attributes = &mut span.attributes;
    kind.rename_content(attributes, INPUT, OUTPUT);
    if matches!(kind, OperationKind::Call | OperationKind::Embeddings) {
        read_request(attributes);
        read_metrics(attributes);
    }
    attributes.remove(KIND);
}

fn read_metrics(attributes: &mut Attributes) {
    if let Some(metrics) = json::object(attributes, METRICS) {
        json::put_scalars(attributes, &metrics, METRIC_KEYS);
        // It is also recorded for answers that are not streamed.
        if attributes.get("gen_ai.response.streaming") == Some(Value::Bool(true))
            && let Some(seconds) = metrics.get("time_to_first_token")
        {
            json::put_scalar(attributes, "gen_ai.response.time_to_first_chunk", seconds);
        }
        attributes.remove(METRICS);
    }
}

/// Reads the model and the parameters of the request. Whatever programs have added stays.
fn read_request(attributes: &mut Attributes) {
    if let Some(mut metadata) = json::object(attributes, METADATA) {
        json::put_scalar(attributes, "gen_ai.provider.name", metadata.get("provider"));
        json::put_parameters(attributes, &metadata);
        let mut take = |name, key| {
            if let Some(value) = metadata.remove(name) {
                json::put(attributes, key, value);
            }
        };
        take("id", "gen_ai.response.id");
        take("instructions", "gen_ai.system_instructions");
        take("stop_reason", "gen_ai.response.finish_reasons");
        take("tools", DEFINITIONS);
    }
}
