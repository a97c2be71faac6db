//! LiveKit's agents: the conventions, in older versions only for model calls.

use super::{
    ARGUMENTS, Dialect, OUTPUT, OperationKind, Override, RESULT, aliases, has_known_operation,
    json, usage,
};
use crate::{Attributes, SourceSpan, Value, tokens};

pub(super) static LIVEKIT: Dialect = Dialect {
    name: "livekit",
    recognises: |span| span.scope == "livekit-agents",
    aliases: &aliases([
        ("lk.function_tool.arguments", ARGUMENTS),
        ("lk.function_tool.id", "gen_ai.tool.call.id"),
        ("lk.function_tool.name", "gen_ai.tool.name"),
        ("lk.function_tool.output", RESULT),
        ("lk.pii.function_tool.arguments", ARGUMENTS),
        ("lk.pii.function_tool.output", RESULT),
    ]),
    noise: &["langfuse.observation.completion_start_time", METRICS],
    operation,
    adjust,
};

const METRICS: &str = "lk.llm_metrics";

fn operation(span: &SourceSpan) -> Override {
    match &*span.name {
        "decision_model.evaluate" => Override::To("decide"),
        "function_tool" => Override::To("execute_tool"),
        "update_agent" => Override::To("handoff"),
        // What is around a model call, and an attempt at it. A node without a call inside names its operation.
        "llm_node" | "llm_request_run" if !has_known_operation(span) => Override::Plain,
        _ => Override::None,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Tool => {
            let has_failed = attributes.get("lk.function_tool.is_error") == Some(Value::Bool(true));
            if has_failed {
                attributes.supply("error.type", "tool_error");
            }
        }
        OperationKind::Agent => {
            kind.rename_content(attributes, "lk.user_input", "lk.response.text");
            kind.rename_content(attributes, "lk.pii.user_input", "lk.pii.response.text");
        }
        OperationKind::Call => {
            if let Some(metrics) = json::object(attributes, METRICS) {
                read_metrics(attributes, &metrics);
            }
            remove_outcome_without_answer(attributes);
        }
        OperationKind::Other => {
            attributes.rename("lk.previous_agent_label", "gen_ai.handoff.from_agent");
            attributes.rename("lk.agent_label", "gen_ai.handoff.to_agent");
        }
        OperationKind::Embeddings | OperationKind::Plain => {}
    }
}

/// Reads the metrics of a call, whose names are those of Python or of JavaScript.
fn read_metrics(attributes: &mut Attributes, metrics: &json::Object) {
    let names = [
        ("request_id", "gen_ai.response.id"),
        ("requestId", "gen_ai.response.id"),
        ("prompt_cached_tokens", tokens::CACHE_READ),
        ("promptCachedTokens", tokens::CACHE_READ),
    ];
    json::put_scalars(attributes, metrics, &names);
    usage::put(attributes, metrics);
    let number = |name| metrics.get(name)?.as_f64();
    let first_chunk = number("ttft").or_else(|| Some(number("ttftMs")? / 1e3));
    // It is negative if the call was interrupted before.
    if let Some(seconds) = first_chunk.filter(|seconds| *seconds >= 0.0) {
        attributes.supply("gen_ai.response.time_to_first_chunk", seconds);
    }
}

/// Removes what a failed call in JavaScript, or an interrupted one, has instead of an answer: counts of zero, and a finish reason.
fn remove_outcome_without_answer(attributes: &mut Attributes) {
    let counts = [tokens::INPUT, tokens::OUTPUT].map(|key| attributes.integer(key));
    if counts == [Some(0), Some(0)] && !attributes.contains(OUTPUT) {
        tokens::remove(attributes);
        attributes.remove("gen_ai.response.finish_reasons");
    }
}
