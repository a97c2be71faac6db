//! Which attributes are content, who wrote it, and how it is structured.

use crate::{
    attributes::{Hash, Name},
    messages,
};

/// Who wrote a piece of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The program or its user.
    Input,
    /// The model or a tool.
    Output,
    /// Either of them, depending on the operation.
    Either,
}

/// The structure of a piece of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Messages(messages::Side),
    System,
    Tools,
    Payload,
}

/// A kind of content: its key, who wrote it and its structure.
#[derive(Debug)]
pub(crate) struct Content {
    pub(super) key: Name,
    side: Side,
    pub(super) format: Format,
}

const fn content(key: &'static str, side: Side, format: Format) -> Content {
    Content {
        key: Name::new(key),
        side,
        format,
    }
}

#[rustfmt::skip]
pub(super) static CONTENT: &[Content] = &[
    content("gen_ai.embeddings.input", Side::Input, Format::Payload),
    content("gen_ai.input.messages", Side::Input, Format::Messages(messages::Side::Input)),
    content("gen_ai.memory.query.text", Side::Input, Format::Payload),
    content("gen_ai.memory.records", Side::Either, Format::Payload),
    content("gen_ai.output.messages", Side::Output, Format::Messages(messages::Side::Output)),
    content("gen_ai.retrieval.documents", Side::Output, Format::Payload),
    content("gen_ai.retrieval.query.text", Side::Input, Format::Payload),
    content("gen_ai.system_instructions", Side::Input, Format::System),
    content("gen_ai.tool.call.arguments", Side::Input, Format::Payload),
    content("gen_ai.tool.call.result", Side::Output, Format::Payload),
    content("gen_ai.tool.definitions", Side::Input, Format::Tools),
];

/// Content under keys with a variable part, and content that needs no normalisation, by key prefix.
#[rustfmt::skip]
static CONTENT_PREFIXES: &[(&str, Side)] = &[
    ("gen_ai.completion", Side::Output),
    ("gen_ai.evaluation.explanation", Side::Output),
    ("gen_ai.prompt.variable.", Side::Input),
    ("gen_ai.transcription.text", Side::Output),
    ("mcp.logging.message", Side::Output),
    ("mcp.progress.message", Side::Output),
    ("mcp.prompt.result.", Side::Output),
    ("mcp.request.argument", Side::Input),
    ("mcp.resource.uri", Side::Input),
    ("mcp.response.value", Side::Output),
    ("mcp.tool.result.", Side::Output),
    ("gen_ai.request.schema", Side::Input),
    ("gen_ai.request.structured_output_schema", Side::Input),
    ("gen_ai.response.object", Side::Output),
];

/// Keys that look like one of MCP's results but hold none.
static RESULT_METADATA: &[&str] = &[
    "mcp.prompt.result.message_count",
    "mcp.prompt.result.message_role",
];

/// Content under keys of libraries that are kept, by key prefix. Most other names say by themselves that they hold content.
#[rustfmt::skip]
static LIBRARY_PREFIXES: &[(&str, Side)] = &[
    ("adk.fn.arg.", Side::Input),
    ("adk.fn.return", Side::Output),
    ("agent.backstory", Side::Input),
    ("agent.goal", Side::Input),
    ("aws.bedrock.invocation.body", Side::Input),
    ("braintrust.input", Side::Input),
    ("braintrust.output", Side::Output),
    ("confident.llm.prompt", Side::Input),
    ("confident.span.context", Side::Input),
    ("confident.span.expected_output", Side::Output),
    ("confident.span.input", Side::Input),
    ("confident.span.metadata", Side::Either),
    ("confident.span.output", Side::Output),
    ("confident.span.prompt", Side::Input),
    ("confident.span.retrieval_context", Side::Output),
    ("confident.trace.context", Side::Input),
    ("confident.trace.input", Side::Input),
    ("confident.trace.llm_test_case", Side::Either),
    ("confident.trace.metadata", Side::Either),
    ("confident.trace.output", Side::Output),
    ("confident.trace.retrieval_context", Side::Output),
    ("crewai.a2a.final_result", Side::Output),
    ("crewai.a2a.result", Side::Output),
    ("crewai.a2a.task_description", Side::Input),
    ("crewai.agent.backstory", Side::Input),
    ("crewai.agent.goal", Side::Input),
    ("crewai.agent.result", Side::Output),
    ("crewai.crew.result", Side::Output),
    ("crewai.crew.tasks", Side::Either),
    ("crewai.flow.result", Side::Output),
    ("crewai.guardrail.description", Side::Input),
    ("crewai.guardrail.result", Side::Output),
    ("crewai.human_feedback.feedback", Side::Input),
    ("crewai.knowledge.", Side::Either),
    ("crewai.mcp.tool_result", Side::Output),
    ("crewai.memory.metadata", Side::Either),
    ("crewai.memory.results", Side::Output),
    ("crewai.memory.value", Side::Either),
    ("crewai.method.result", Side::Output),
    ("crewai.task.context", Side::Either),
    ("crewai.task.description", Side::Input),
    ("crewai.task.expected_output", Side::Input),
    ("crewai.task.result", Side::Output),
    ("db.vector.query.content", Side::Input),
    ("db.vector.query.filter", Side::Input),
    ("db.vector.query.response.documents", Side::Output),
    ("embedding.embeddings.", Side::Input),
    ("embedding.text", Side::Input),
    // The address of a resource. Tools and prompts are named elsewhere as well.
    ("fastmcp.component.key", Side::Input),
    ("fastmcp.delegate.original_uri", Side::Input),
    ("fastmcp.proxy.backend_uri", Side::Input),
    ("formatted_description", Side::Input),
    ("gcp.vertex.agent.data", Side::Either),
    ("guardrail_response", Side::Output),
    ("haystack.component.input", Side::Input),
    ("haystack.component.output", Side::Output),
    ("haystack.pipeline.input", Side::Input),
    ("haystack.pipeline.output", Side::Output),
    ("honeyhive_inputs.", Side::Input),
    ("honeyhive_outputs.", Side::Output),
    ("input.value", Side::Input),
    ("judgment.input", Side::Input),
    ("judgment.output", Side::Output),
    ("judgment.state_after", Side::Either),
    ("judgment.state_before", Side::Either),
    ("langfuse.observation.status_message", Side::Output),
    ("langwatch.contexts", Side::Output),
    ("langwatch.input", Side::Input),
    ("langwatch.output", Side::Output),
    ("langwatch.prompt.variables", Side::Input),
    ("lk.chat_ctx", Side::Input),
    ("lk.function_tool.arguments", Side::Input),
    ("lk.function_tool.output", Side::Output),
    ("lk.input_text", Side::Input),
    ("lk.instructions", Side::Input),
    ("lk.pii.", Side::Either),
    ("lk.response.text", Side::Output),
    ("lk.user_input", Side::Input),
    ("lk.user_transcript", Side::Input),
    ("llm.choices.", Side::Output),
    ("llm.input_messages.", Side::Input),
    ("llm.output_messages.", Side::Output),
    ("llm.prompt_template.template", Side::Input),
    ("llm.prompt_template.variables", Side::Input),
    ("llm.prompts.", Side::Input),
    ("lmnr.span.input", Side::Input),
    ("lmnr.span.output", Side::Output),
    ("mlflow.chat", Side::Either),
    ("mlflow.spanInputs", Side::Input),
    ("mlflow.spanOutputs", Side::Output),
    ("output.value", Side::Output),
    ("process.command_line", Side::Input),
    ("smolagents.task", Side::Input),
    ("traceloop.prompt.template", Side::Input),
];

/// Returns who wrote the content under `key`; `None` if it is not known to be content.
pub(crate) fn side(key: &str) -> Option<Side> {
    // Attributes moved out of Sentry's namespaces are still content.
    let key = key.strip_prefix("otel.").unwrap_or(key);
    if !key.starts_with("gen_ai.") && !key.starts_with("mcp.") {
        let first = key.bytes().next();
        let library = LIBRARY_PREFIXES
            .iter()
            .find(|(prefix, _)| prefix.bytes().next() == first && key.starts_with(prefix));
        return library.map(|(_, side)| *side);
    }
    if RESULT_METADATA.contains(&key) {
        return None;
    }
    structured(key).map(|content| content.side).or_else(|| {
        let prefix = CONTENT_PREFIXES
            .iter()
            .find(|(prefix, _)| key.starts_with(prefix));
        prefix.map(|(_, side)| *side)
    })
}

pub(super) fn structured(key: &str) -> Option<&'static Content> {
    let hash = Hash::of(key);
    CONTENT
        .iter()
        .find(|content| content.key.hash == hash && content.key.text == key)
}

/// Returns the side of the messages under `key`; `None` if it does not hold messages.
pub(crate) fn side_of_messages(key: &str) -> Option<messages::Side> {
    match structured(key)?.format {
        Format::Messages(side) => Some(side),
        _ => None,
    }
}

/// Returns whether `key` is one of the conventions for what a program or its user wrote.
pub(crate) fn is_input(key: &str) -> bool {
    structured(key).is_some_and(|content| content.side == Side::Input)
}

/// Returns whether `key` holds content with a structure that [`normalise`] brings into Sentry's format.
pub(crate) fn is_structured(key: &str) -> bool {
    structured(key).is_some()
}

/// Returns whether `key` holds content.
pub(crate) fn is_content(key: &str) -> bool {
    side(key).is_some()
}

#[cfg(test)]
mod tests;
