//! rig, before and after it was split into crates.

use super::{
    Dialect, FailureAttribute, INPUT, OUTPUT, OperationKind, Override, RESULT, aliases,
    interpret::is_in_crate,
};
use crate::SourceSpan;

pub(super) static RIG: Dialect = Dialect {
    name: "rig",
    recognises,
    #[rustfmt::skip]
    aliases: &aliases([
        ("agent_name", "gen_ai.agent.name"),
        ("gen_ai.usage.tool_use_prompt_tokens", "rig.usage.tool_use_prompt_tokens"),
    ]),
    noise: &["rig.completion_parent"],
    operation,
    adjust,
};

/// The span names of streamed calls.
static STREAMING_NAMES: &[&str] = &["chat_streaming", "interactions_streaming"];

/// Returns whether a span of this name is a streamed call made by rig.
pub(super) fn is_streaming(name: &str) -> bool {
    STREAMING_NAMES.contains(&name)
}

fn recognises(span: &SourceSpan) -> bool {
    is_scope_of_rig(&span.scope)
}

/// Returns whether a scope is a module of rig's.
pub(crate) fn is_scope_of_rig(scope: &str) -> bool {
    ["rig", "rig_core", "rig_agent"]
        .iter()
        .any(|library| is_in_crate(scope, library))
}

/// The name of agents that have none.
pub(super) const UNNAMED_AGENT: &str = "Unnamed Agent";

/// The prefix of a failed tool's result up to 0.39, which is the error as the model sees it.
const FAILURE_PREFIX: &str = "Toolset error: ";

/// The modules whose agents, unless they stream, are traces of their own up to 0.42, separate from those of their calls.
static SEPARATE_TRACE_SCOPES: &[&str] = &[
    "rig::agent::prompt_request",
    "rig_agent::agent::runner",
    "rig_core::agent::prompt_request",
    "rig_core::agent::runner",
];

/// `Agent::chat` is the run of an agent. Inside its span, rig opens none for the run.
fn operation(span: &SourceSpan) -> Override {
    if is_method_of_agent(span) && span.name == "chat" {
        Override::To("invoke_agent")
    } else {
        Override::None
    }
}

/// Returns whether a span is a method of an agent. What it does follows from its name.
pub(crate) fn is_method_of_agent(span: &SourceSpan) -> bool {
    span.scope.ends_with("::agent::completion") && span.attributes.contains("agent_name")
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    // Up to 0.43 only the span name marks a streamed turn.
    if is_streaming(&span.name) {
        attributes.supply("gen_ai.response.streaming", true);
    }
    match kind {
        OperationKind::Tool if attributes.text(RESULT).is_some_and(has_failed) => {
            attributes.set("gen_ai.tool.call.outcome", "error");
        }
        // The calls report the same tokens, but they are not below the agent.
        OperationKind::Agent if SEPARATE_TRACE_SCOPES.contains(&&*span.scope) => {
            attributes.remove_prefix("gen_ai.usage.");
        }
        _ => {}
    }
}

/// Returns the result of a tool, which may say that the tool failed.
pub(super) fn failure_attribute(span: &SourceSpan) -> Option<FailureAttribute> {
    let has_result = span.attributes.contains(RESULT) && recognises(span);
    has_result.then_some(FailureAttribute {
        key: RESULT,
        is_failure: has_failed,
    })
}

fn has_failed(result: &str) -> bool {
    result.starts_with(FAILURE_PREFIX)
}

/// Moves the answer to its own key. Up to 0.24 rig records it under the name of the question, after the question. This must be
/// called before the earlier of the two values is discarded as outdated.
///
/// Gemini's question is recorded twice. If there is no answer, only the question remains.
pub(super) fn separate_output_from_input(span: &mut SourceSpan) {
    if !recognises(span) || span.attributes.contains(OUTPUT) {
        return;
    }
    span.attributes.rename_last_of_different(INPUT, OUTPUT);
}

/// Returns whether the answer may be under the name of the question, which depends on the two values.
pub(super) fn may_record_output_as_input(span: &SourceSpan) -> bool {
    let keys = span.attributes.iter().map(|(key, _)| key);
    recognises(span) && keys.filter(|key| *key == INPUT).count() > 1
}
