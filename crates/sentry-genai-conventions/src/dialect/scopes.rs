//! The instrumentation scopes that only GenAI libraries and protocols have.

use super::{
    Dialect, OTEL, claude_code, crewai, logfire, microsoft, openinference, openlit, pydantic_ai,
};
use crate::SourceSpan;

/// Prefixes of the instrumentation scopes of GenAI libraries and protocols. Some of their spans belong to no dialect.
static SCOPES: &[&str] = &[
    "@ai-sdk/",
    "@arizeai/openinference",
    "@langfuse/",
    "@langtrase/",
    "@mastra/",
    "@traceloop/",
    "braintrust",
    "google.adk.",
    "guardrails-ai",
    "haystack",
    "langfuse",
    "langsmith",
    "langtrace_python_sdk.",
    "livekit-agents",
    "mirascope.",
    "mlflow",
    "openinference.",
    "opentelemetry.instrumentation.anthropic",
    "opentelemetry.instrumentation.bedrock",
    "opentelemetry.instrumentation.chromadb",
    "opentelemetry.instrumentation.cohere",
    CREWAI,
    "opentelemetry.instrumentation.genai",
    "opentelemetry.instrumentation.google_genai",
    "opentelemetry.instrumentation.groq",
    "opentelemetry.instrumentation.haystack",
    "opentelemetry.instrumentation.lancedb",
    "opentelemetry.instrumentation.langchain",
    "opentelemetry.instrumentation.llamaindex",
    "opentelemetry.instrumentation.marqo",
    MCP,
    "opentelemetry.instrumentation.milvus",
    "opentelemetry.instrumentation.mistralai",
    "opentelemetry.instrumentation.ollama",
    "opentelemetry.instrumentation.openai",
    "opentelemetry.instrumentation.pinecone",
    "opentelemetry.instrumentation.qdrant",
    "opentelemetry.instrumentation.vertexai",
    "opentelemetry.instrumentation.weaviate",
    "traceloop.",
];

pub(super) const CREWAI: &str = "opentelemetry.instrumentation.crewai";
const GENAI_CREWAI: &str = "opentelemetry.instrumentation.genai.crewai";
const MCP: &str = "opentelemetry.instrumentation.mcp";
const MCP_IN_JAVASCRIPT: &str = "@traceloop/instrumentation-mcp";

/// Returns whether a GenAI library made a span, whatever the span is about.
pub(crate) fn is_of_library(span: &SourceSpan, dialect: &Dialect) -> bool {
    !std::ptr::eq(dialect, &raw const OTEL)
        || SCOPES.iter().any(|scope| span.scope.starts_with(scope))
}

/// Returns whether a library reports the answer of a tool or a model as the reason for this span's error.
pub(crate) fn fails_with_result(span: &SourceSpan) -> bool {
    [
        MCP,
        MCP_IN_JAVASCRIPT,
        openinference::CLAUDE_AGENT_SDK,
        logfire::CLAUDE_AGENT_SDK,
    ]
    .iter()
    .any(|scope| span.scope.starts_with(scope))
        || claude_code::runs_tool(span)
        || pydantic_ai::fails_with_answer(span)
}

/// Returns the key of a description that may be instructions or a request. Semantic Kernel describes an agent that is used as a
/// tool by its instructions, OpenLIT any agent by its system prompt, its goal or its task, and CrewAI by its goal.
pub(crate) fn instructive_description(span: &SourceSpan) -> Option<&'static str> {
    if span.scope == microsoft::FUNCTION_SCOPE {
        Some("gen_ai.tool.description")
    } else if (openlit::OPENLIT.recognises)(span)
        || (crewai::CREWAI.recognises)(span)
        || span.scope.starts_with(GENAI_CREWAI)
    {
        Some("gen_ai.agent.description")
    } else {
        None
    }
}
