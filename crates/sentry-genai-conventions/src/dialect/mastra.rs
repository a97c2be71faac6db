//! Mastra's exporter: a tree of spans for each model call, one of which is the call.
//!
//! Up to version 1.4 that is the generation, with the tokens of all its steps. Later it is an inference inside each step.

mod placeholders;

use serde_json::Value;

use super::{
    ARGUMENTS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT, aliases, first_chunk, json,
    kind_of, mark_failed,
};
use crate::{Attributes, SourceSpan};

pub(super) static MASTRA: Dialect = Dialect {
    name: "mastra",
    recognises: |span| span.attributes.contains(TYPE) || is_method_span(span),
    aliases: &aliases([
        // The thread is that of Mastra's memory and is on all spans. A session is set by the caller and is only on the agent.
        ("mastra.metadata.threadId", "session.id"),
        ("mastra.metadata.sessionId", "session.id"),
        ("mastra.metadata.userId", "user.id"),
        ("threadId", "session.id"),
        ("sessionId", "session.id"),
        ("userId", "user.id"),
    ]),
    noise: &[
        "body",
        "headers",
        "mastra.completion_start_time",
        "mastra.duration_ms",
        "mastra.end_time",
        "mastra.metadata.body",
        "mastra.metadata.headers",
        "mastra.metadata.modelMetadata",
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

/// The type of a span for a tool that runs in the client.
const CLIENT_TOOL: &str = "client_tool_call";

/// Recognises spans that record methods. Before it had an exporter, and in addition to that up to version 1, Mastra made a span
/// of every method, with its arguments and its result. These are whole objects, which include prompts. The calls have other
/// spans.
fn is_method_span(span: &SourceSpan) -> bool {
    // The scope is that of the service, if it has a name.
    span.attributes.contains("componentName")
        && (matches!(span.scope.as_ref(), "default-tracer" | "default-service")
            || span.attributes.contains("mastra.operationId")
            || span.name.starts_with("workflow."))
}

fn operation(span: &SourceSpan) -> Override {
    match kind_of(span, TYPE).as_deref() {
        Some("agent_run") => Override::To("invoke_agent"),
        Some("model_generation") if only_wraps_inferences(span) => Override::Plain,
        Some("model_generation" | "llm_generation" | "model_inference") => Override::To("chat"),
        Some("rag_embedding") => Override::To("embeddings"),
        Some("tool_call" | "mcp_tool_call" | "provider_tool_call" | CLIENT_TOOL) => {
            Override::To("execute_tool")
        }
        Some("mcp_server_request") => Override::None,
        _ => Override::Plain,
    }
}

/// Returns whether a generation only wraps inferences. Its operation then has its own name, while a generation that is itself the
/// call has `chat`.
fn only_wraps_inferences(span: &SourceSpan) -> bool {
    span.attributes.text("gen_ai.operation.name") == Some("model_generation")
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let span_type = kind_of(span, TYPE);
    match kind {
        OperationKind::Agent => name_agent(span),
        OperationKind::Tool => {
            let tool = span.name.strip_prefix(CLIENT_TOOL).map(str::trim_start);
            if let Some(tool) = tool.filter(|tool| !tool.is_empty()).map(str::to_owned) {
                span.attributes.supply("gen_ai.tool.name", tool);
            }
        }
        _ => {}
    }
    read_step(&mut span.attributes, span_type.as_deref());
    if span_type.as_deref() == Some("model_chunk") {
        read_failure(span);
    }
    if kind == OperationKind::Call {
        read_call(span);
    }
    let attributes = &mut span.attributes;
    // This is the type for any failure that is not Mastra's own. The exception's type is more precise.
    if attributes.text("error.type") == Some("unknown") {
        attributes.remove("error.type");
    }
    kind.rename_content(attributes, "gen_ai.prompt", "gen_ai.completion");
    kind.rename_content(attributes, "input", "output");
}

fn name_agent(span: &mut SourceSpan) {
    let name = (span.name.strip_prefix("agent."))
        .or_else(|| span.attributes.text("agent.id"))
        .unwrap_or(&span.name)
        .to_owned();
    span.attributes.supply("gen_ai.agent.name", name);
}

/// Reads the content of a span whose type is part of the keys.
fn read_step(attributes: &mut Attributes, span_type: Option<&str>) {
    match span_type {
        Some("agent_run") => {
            attributes.rename("mastra.agent_run.input", INPUT);
            attributes.rename("mastra.agent_run.output", OUTPUT);
        }
        // The input of the inference inside, which does not record it. In older versions this is the body of a request instead. A
        // run that continues begins with the answer that asked for what it has waited for.
        Some("model_step") if is_list_or_missing(attributes, "mastra.model_step.input") => {
            attributes.rename("mastra.model_step.input", INPUT);
            placeholders::replace(attributes, INPUT);
            attributes.rename("mastra.model_step.output", OUTPUT);
        }
        Some(CLIENT_TOOL) => {
            attributes.rename("mastra.client_tool_call.input", ARGUMENTS);
            // What the model wanted is known only as metadata, since the tool runs elsewhere.
            attributes.rename("mastra.metadata.args", ARGUMENTS);
            attributes.rename("mastra.client_tool_call.output", RESULT);
        }
        Some("rag_embedding") => {
            attributes.rename("mastra.rag_embedding.input", "gen_ai.embeddings.input");
        }
        _ => {}
    }
}

/// Reads the model of a call, when its answer began, and whether it failed.
fn read_call(span: &mut SourceSpan) {
    let attributes = &mut span.attributes;
    if let Some(model) = json::object(attributes, "modelMetadata") {
        json::put_scalar(attributes, "gen_ai.response.model", model.get("modelId"));
    }
    // The status is OK even if the call failed.
    if matches!(
        attributes.text("gen_ai.response.finish_reasons"),
        Some("error" | r#"["error"]"#)
    ) {
        mark_failed(span);
    }
    first_chunk::read_time_of_day(span, "mastra.completion_start_time");
}

/// Reads what failed from the chunk of a stream that reports it. The call has only a finish reason.
fn read_failure(span: &mut SourceSpan) {
    let Some(chunk) = json::object(&span.attributes, "output") else {
        return;
    };
    if chunk.get("type").and_then(Value::as_str) == Some("error") {
        mark_failed(span);
        let name = chunk.get("error").and_then(|error| error.get("name"));
        json::put_scalar(&mut span.attributes, "error.type", name);
    }
}

fn is_list_or_missing(attributes: &Attributes, key: &str) -> bool {
    attributes
        .text(key)
        .is_none_or(|text| text.starts_with('['))
}
