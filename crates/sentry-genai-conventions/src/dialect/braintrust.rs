//! Braintrust's SDKs for Go, Java, Ruby and .NET: a few keys with JSON.

use super::{Dialect, OperationKind, Override, has_known_operation, json, name_as_span};
use crate::{Attributes, SourceSpan, Value, tokens};

pub(super) static BRAINTRUST: Dialect = Dialect {
    name: "braintrust",
    recognises: |span| span.attributes.contains(KIND),
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
    ("tokens", "gen_ai.usage.total_tokens"),
];

fn operation(span: &SourceSpan) -> Override {
    if has_known_operation(span) {
        return Override::None;
    }
    let mut kind = json::object(&span.attributes, KIND).unwrap_or_default();
    match kind.remove("type").and_then(json::text).as_deref() {
        Some("llm") if span.name.to_ascii_lowercase().contains("embed") => {
            Override::To("embeddings")
        }
        Some("llm") => Override::To("chat"),
        Some("tool") => Override::To("execute_tool"),
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if kind == OperationKind::Tool {
        name_as_span(span, kind);
    }
    let attributes = &mut span.attributes;
    if let Some((input, output)) = kind.content() {
        attributes.rename(INPUT, input);
        attributes.rename(OUTPUT, output);
    }
    if matches!(kind, OperationKind::Call | OperationKind::Embeddings) {
        read_request(attributes);
        read_metrics(attributes);
    }
    attributes.remove(KIND);
}

fn read_metrics(attributes: &mut Attributes) {
    if let Some(metrics) = json::object(attributes, METRICS) {
        for (key, canonical) in METRIC_KEYS {
            json::put_scalar(attributes, canonical, metrics.get(*key));
        }
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
    if let Some(metadata) = json::object(attributes, METADATA) {
        json::put_scalar(attributes, "gen_ai.provider.name", metadata.get("provider"));
        json::put_parameters(attributes, &metadata);
    }
}
