//! ZeroClaw: spans made from its events, most of which end where they begin.

use super::{Dialect, OperationKind, Override, aliases, interpret::restore_start};
use crate::SourceSpan;

pub(super) static ZEROCLAW: Dialect = Dialect {
    name: "zeroclaw",
    recognises: |span| span.scope == "zeroclaw",
    aliases: &aliases([("user_id", "user.id")]),
    // Copies for LangSmith.
    noise: &["langsmith.*", "ls_model_name", "ls_provider"],
    operation,
    adjust,
};

fn operation(span: &SourceSpan) -> Override {
    match &*span.name {
        "agent.invocation" | "gen_ai.agent.invoke" => Override::To("invoke_agent"),
        "llm.call" | "llm.response" => Override::To("chat"),
        // The span for the end of the work describes all of it.
        "llm.request" | "tool_call.start" => Override::Plain,
        _ => Override::None,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    restore_start(span, "duration_s");
    let attributes = &mut span.attributes;
    let (prompt, completion) = ("gen_ai.content.prompt", "gen_ai.content.completion");
    kind.rename_content(attributes, prompt, completion);
    kind.rename_content(attributes, "input.value", "output.value");
}
