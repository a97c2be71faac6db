//! Eino, by its package for OpenTelemetry: the conventions, with the names of agents and tools on their spans alone.

use super::{Dialect, Says, What, name_as_span};
use crate::SourceSpan;

pub(super) static EINO: Dialect = Dialect {
    name: "eino",
    speaks: |span| span.scope.starts_with("github.com/cloudwego/eino"),
    operation,
    adjust,
    ..Dialect::NONE
};

/// Nodes that somebody has not named are called by what they are. These are neither agents nor tools, though their spans say so: what
/// they run has spans of its own.
static PARTS: &[&str] = &[
    "AgenticToolsNode",
    "Chain",
    "Graph",
    "ToolsNode",
    "Workflow",
];

fn operation(span: &SourceSpan) -> Says {
    if PARTS.contains(&&*span.name) {
        Says::Plain
    } else {
        Says::Nothing
    }
}

fn adjust(span: &mut SourceSpan, what: What) {
    name_as_span(span, what);
}
