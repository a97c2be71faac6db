//! LiveKit's agents: the conventions, in older versions only for model calls.

use super::{
    ARGUMENTS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT, aliases, json, usage,
};
use crate::{SourceSpan, Value};

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
        "function_tool" => Override::To("execute_tool"),
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
            for (key, name) in [
                ("lk.user_input", INPUT),
                ("lk.pii.user_input", INPUT),
                ("lk.response.text", OUTPUT),
                ("lk.pii.response.text", OUTPUT),
            ] {
                attributes.rename(key, name);
            }
        }
        OperationKind::Call => {
            let Some(metrics) = json::object(attributes, METRICS) else {
                return;
            };
            for (name, key) in [
                ("request_id", "gen_ai.response.id"),
                (
                    "prompt_cached_tokens",
                    "gen_ai.usage.cache_read.input_tokens",
                ),
                ("ttft", "gen_ai.response.time_to_first_chunk"),
            ] {
                json::put_scalar(attributes, key, metrics.get(name));
            }
            usage::put(attributes, &metrics);
        }
        OperationKind::Embeddings | OperationKind::Other | OperationKind::Plain => {}
    }
}
