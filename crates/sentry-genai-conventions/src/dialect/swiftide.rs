//! Swiftide: functions of its modules. Only events of level DEBUG state the model and the input.

use super::{Dialect, OperationKind, Override, is_of_crate};
use crate::SourceSpan;

pub(super) static SWIFTIDE: Dialect = Dialect {
    name: "swiftide",
    recognises: |span| is_of_crate(span, AGENTS) || is_of_crate(span, INTEGRATIONS),
    noise: &["langfuse.type"],
    operation,
    adjust,
    ..Dialect::NONE
};

const AGENTS: &str = "swiftide_agents";
const INTEGRATIONS: &str = "swiftide_integrations";
const TOOL: &str = "tool.";

fn operation(span: &SourceSpan) -> Override {
    match &*span.name {
        "agent.query" | "agent.query_once" | "agent.run" | "agent.run_once" => {
            Override::To("invoke_agent")
        }
        name if is_of_crate(span, AGENTS) && name.starts_with(TOOL) => Override::To("execute_tool"),
        // A stream also has a span for its start: `complete_stream`.
        "complete" | "prompt" | "responses_stream" | "stream" | "structured_prompt_dyn"
            if is_of_crate(span, INTEGRATIONS) =>
        {
            Override::To("chat")
        }
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if kind == OperationKind::Tool
        && let Some(name) = span.name.strip_prefix(TOOL).map(str::to_owned)
    {
        span.attributes.supply("gen_ai.tool.name", name);
    }
    if kind == OperationKind::Call && span.name.ends_with("stream") {
        span.attributes.supply("gen_ai.response.streaming", true);
    }
}
