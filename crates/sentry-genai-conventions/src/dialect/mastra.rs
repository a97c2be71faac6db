//! Mastra's exporter: a tree of spans per model call, of which one is the call.

use super::{Dialect, Says, What, aliases, json};
use crate::{SourceSpan, SourceStatus};

pub(super) static MASTRA: Dialect = Dialect {
    name: "mastra",
    speaks: |span| span.attributes.contains(TYPE),
    aliases: &aliases([
        ("sessionId", "session.id"),
        ("threadId", "session.id"),
        ("userId", "user.id"),
    ]),
    noise: &[
        "body",
        "headers",
        "mastra.duration_ms",
        "mastra.end_time",
        "mastra.parent_span_id",
        "mastra.span_id",
        "mastra.start_time",
        "mastra.trace_id",
        "modelMetadata",
        "span.kind",
    ],
    operation,
    adjust,
};

const TYPE: &str = "mastra.span.type";

fn operation(span: &SourceSpan) -> Says {
    match span.attributes.text(TYPE) {
        Some("agent_run") => Says::Is("invoke_agent"),
        Some("model_generation" | "llm_generation") => Says::Is("chat"),
        Some("tool_call" | "mcp_tool_call") => Says::Is("execute_tool"),
        _ => Says::Plain,
    }
}

fn adjust(span: &mut SourceSpan, what: What) {
    if what == What::Agent && !span.attributes.contains("gen_ai.agent.name") {
        let name = span
            .name
            .strip_prefix("agent.")
            .or_else(|| span.attributes.text("agent.id"))
            .unwrap_or(&span.name)
            .to_owned();
        span.attributes.push("gen_ai.agent.name", name);
    }
    let attributes = &mut span.attributes;
    if let Some(model) = json::object(attributes, "modelMetadata")
        && let Some(id) = model.get("modelId")
        && what == What::Call
    {
        json::put_scalar(attributes, "gen_ai.response.model", id);
    }
    // It says that all is well, even of a call that failed.
    if what == What::Call
        && attributes.text("gen_ai.response.finish_reasons") == Some("error")
        && !matches!(span.status, SourceStatus::Error(_))
    {
        span.status = SourceStatus::Error(None);
    }
    if let Some((input, output)) = what.content() {
        attributes.rename("gen_ai.prompt", input);
        attributes.rename("gen_ai.completion", output);
        attributes.rename("input", input);
        attributes.rename("output", output);
    }
}
