//! Quarkus' extension for LangChain4j: model calls follow the conventions. AI services, which are what it has for agents, and tools
//! are named only by their spans.

use super::{Dialect, OperationKind, Override};
use crate::SourceSpan;

pub(super) static QUARKUS: Dialect = Dialect {
    name: "quarkus",
    recognises: |span| is_service_or_tool(&span.name) && span.scope.starts_with("io.quarkus"),
    operation: |span| {
        Override::To(match tool_in_name(&span.name) {
            Some(_) => "execute_tool",
            None => "invoke_agent",
        })
    },
    adjust,
    ..Dialect::NONE
};

/// Returns whether a name is one that only its spans of AI services and tools have.
pub(super) fn is_service_or_tool(name: &str) -> bool {
    service_in_name(name).is_some() || tool_in_name(name).is_some()
}

/// Returns the class in a name such as `langchain4j.aiservices.Assistant.chat`.
fn service_in_name(name: &str) -> Option<&str> {
    let (class, _method) = name
        .strip_prefix("langchain4j.aiservices.")?
        .rsplit_once('.')?;
    Some(class)
}

fn tool_in_name(name: &str) -> Option<&str> {
    name.strip_prefix("langchain4j.tools.")
}

fn adjust(span: &mut SourceSpan, _: OperationKind) {
    if let Some(tool) = tool_in_name(&span.name) {
        span.attributes.supply("gen_ai.tool.name", tool);
    } else if let Some(service) = service_in_name(&span.name) {
        span.attributes.supply("gen_ai.agent.name", service);
    }
}
