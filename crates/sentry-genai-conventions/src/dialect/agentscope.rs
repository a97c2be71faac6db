//! AgentScope: the conventions, except for tools that failed.

use super::{Dialect, OperationKind, RESULT, json, mark_failed};
use crate::SourceSpan;

pub(super) static AGENTSCOPE: Dialect = Dialect {
    name: "agentscope",
    recognises: |span| span.scope == "agentscope",
    adjust,
    ..Dialect::NONE
};

/// The result of a failed tool is recorded like any other, with a state of its own, and the span ends with an explicit OK.
fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if kind == OperationKind::Tool
        && let Some(result) = json::object(&span.attributes, RESULT)
        && result.get("state").and_then(|state| state.as_str()) == Some("error")
    {
        mark_failed(span);
    }
}
