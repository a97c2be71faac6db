//! AgentOps: agents, tools, and the spans around them. Its model calls are in OpenLLMetry's spelling.

use super::{
    ARGUMENTS, Dialect, OperationKind, Override, RESULT, aliases, json, kind_of, traceloop,
};
use crate::SourceSpan;

pub(super) static AGENTOPS: Dialect = Dialect {
    name: "agentops",
    recognises: |span| {
        let kind = kind_of(span, KIND);
        kind.is_some_and(|kind| kind != "llm")
    },
    aliases: &aliases([
        ("tool.name", "gen_ai.tool.name"),
        ("tool.parameters", ARGUMENTS),
        ("tool.result", RESULT),
    ]),
    noise: &["instrumentation.name", "instrumentation.version", KIND],
    operation,
    adjust,
};

const KIND: &str = "agentops.span.kind";

fn operation(span: &SourceSpan) -> Override {
    match kind_of(span, KIND).as_deref() {
        Some("agent") => Override::To("invoke_agent"),
        // A tool call inside a model's answer is spelled differently.
        Some("tool") => Override::To("execute_tool"),
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    let (name, own_prefix) = match kind {
        OperationKind::Agent => ("gen_ai.agent.name", "agentops.agent."),
        OperationKind::Tool => ("gen_ai.tool.name", "agentops.tool."),
        _ => return,
    };
    for key in ["agent.name", "tool.name", "operation.name"] {
        attributes.rename(key, name);
    }
    let Some((input, output)) = kind.content() else {
        return;
    };
    for prefix in [own_prefix, "agentops.entity."] {
        let key = format!("{prefix}input");
        json::rename_unwrapped(attributes, &key, input, traceloop::unwrap_arguments);
        attributes.rename(&format!("{prefix}output"), output);
    }
}
