//! Eino, with its package for OpenTelemetry: the conventions, except that agents and tools are named only by their spans.

use super::{Dialect, Override, name_as_span};
use crate::SourceSpan;

pub(super) static EINO: Dialect = Dialect {
    name: "eino",
    recognises: |span| span.scope.starts_with("github.com/cloudwego/eino"),
    operation,
    adjust: name_as_span,
    ..Dialect::NONE
};

/// The default names of nodes. Such nodes are neither agents nor tools, although their spans say so. What they run has its own
/// spans.
static DEFAULT_NODE_NAMES: &[&str] = &[
    "AgenticToolsNode",
    "Chain",
    "Graph",
    "ToolsNode",
    "Workflow",
];

fn operation(span: &SourceSpan) -> Override {
    if DEFAULT_NODE_NAMES.contains(&&*span.name) {
        Override::Plain
    } else {
        Override::None
    }
}
