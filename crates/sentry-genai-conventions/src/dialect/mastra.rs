//! Mastra's exporter: a tree of spans per model call, of which one is the call.
//!
//! Until version 1.4 that is the generation, with the tokens of all its steps; since then an inference inside each step.

use super::{Dialect, INPUT, OUTPUT, Says, What, aliases, first_chunk, json};
use crate::{Attributes, SourceSpan, SourceStatus};

pub(super) static MASTRA: Dialect = Dialect {
    name: "mastra",
    speaks: |span| span.attributes.contains(TYPE) || records_methods(span),
    aliases: &aliases([
        // The thread is of its memory and on all spans; a session is of the caller's and on the agent's alone.
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

/// Before it had an exporter, and beside it until version 1, every method was a span with its arguments and its result.
/// These are whole objects with prompts in them, and the calls are described elsewhere.
fn records_methods(span: &SourceSpan) -> bool {
    // The scope is the service's, if it has a name.
    span.attributes.contains("componentName")
        && (matches!(span.scope.as_ref(), "default-tracer" | "default-service")
            || span.attributes.contains("mastra.operationId")
            || span.name.starts_with("workflow."))
}

fn operation(span: &SourceSpan) -> Says {
    match span.attributes.text(TYPE) {
        Some("agent_run") => Says::Is("invoke_agent"),
        Some("model_generation") if names_itself(span) => Says::Plain,
        Some("model_generation" | "llm_generation" | "model_inference") => Says::Is("chat"),
        Some("rag_embedding") => Says::Is("embeddings"),
        Some("tool_call" | "mcp_tool_call" | "provider_tool_call") => Says::Is("execute_tool"),
        _ => Says::Plain,
    }
}

/// A generation around inferences has its own name for an operation; one that is the call itself has `chat`.
fn names_itself(span: &SourceSpan) -> bool {
    span.attributes.text("gen_ai.operation.name") == Some("model_generation")
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
    match attributes.text(TYPE) {
        Some("agent_run") => {
            attributes.rename("mastra.agent_run.input", INPUT);
            attributes.rename("mastra.agent_run.output", OUTPUT);
        }
        // What the inference inside was asked, which it does not say itself. Before, it was the body of a request.
        Some("model_step") if is_list(attributes, "mastra.model_step.input") => {
            attributes.rename("mastra.model_step.input", INPUT);
            attributes.rename("mastra.model_step.output", OUTPUT);
        }
        Some("rag_embedding") => {
            attributes.rename("mastra.rag_embedding.input", "gen_ai.embeddings.input");
        }
        _ => {}
    }
    if let Some(model) = json::object(attributes, "modelMetadata")
        && let Some(id) = model.get("modelId")
        && what == What::Call
    {
        json::put_scalar(attributes, "gen_ai.response.model", id);
    }
    // It says that all is well, even of a call that failed.
    if what == What::Call
        && matches!(
            attributes.text("gen_ai.response.finish_reasons"),
            Some("error" | r#"["error"]"#)
        )
        && !matches!(span.status, SourceStatus::Error(_))
    {
        span.status = SourceStatus::Error(None);
    }
    // Of every failure that is not Mastra's own; the exception's type is better than that.
    if attributes.text("error.type") == Some("unknown") {
        attributes.remove("error.type");
    }
    if let Some((input, output)) = what.content() {
        attributes.rename("gen_ai.prompt", input);
        attributes.rename("gen_ai.completion", output);
        attributes.rename("input", input);
        attributes.rename("output", output);
    }
    if what == What::Call {
        first_chunk(span, "mastra.completion_start_time");
    }
}

fn is_list(attributes: &Attributes, key: &str) -> bool {
    attributes
        .text(key)
        .is_some_and(|text| text.starts_with('['))
}
