//! rig, before and after its split into crates.

use super::{Dialect, INPUT, OUTPUT, RESULT, Telling, What, aliases, is_of_crate};
use crate::SourceSpan;

pub(super) static RIG: Dialect = Dialect {
    name: "rig",
    speaks,
    aliases: &aliases([(
        "gen_ai.usage.tool_use_prompt_tokens",
        "rig.usage.tool_use_prompt_tokens",
    )]),
    noise: &["rig.completion_parent"],
    adjust,
    ..Dialect::NONE
};

/// The names of streamed calls.
static STREAMING: &[&str] = &["chat_streaming", "interactions_streaming"];

/// Returns whether a span of this name is a streamed call of rig's.
pub(super) fn is_streaming(name: &str) -> bool {
    STREAMING.contains(&name)
}

fn speaks(span: &SourceSpan) -> bool {
    ["rig", "rig_core", "rig_agent"]
        .iter()
        .any(|library| is_of_crate(span, library))
}

/// What agents without a name are called.
pub(super) const UNNAMED: &str = "Unnamed Agent";

/// What the result of a tool begins with that failed, until 0.39: the error as the model sees it.
const FAILED: &str = "Toolset error: ";

/// The modules whose agents are traces of their own until 0.42, apart from those of their calls, unless they stream.
static APART: &[&str] = &[
    "rig::agent::prompt_request",
    "rig_agent::agent::runner",
    "rig_core::agent::prompt_request",
    "rig_core::agent::runner",
];

fn adjust(span: &mut SourceSpan, what: What) {
    let attributes = &mut span.attributes;
    // Until 0.43 a streamed turn differed from another one by its span name alone.
    if is_streaming(&span.name) {
        attributes.supply("gen_ai.response.streaming", true);
    }
    match what {
        What::Tool if attributes.text(RESULT).is_some_and(has_failed) => {
            attributes.set("gen_ai.tool.call.outcome", "error");
        }
        // The calls report the same tokens, and nobody finds them below the agent.
        What::Agent if APART.contains(&&*span.scope) => {
            attributes.retain(|key, _| !key.starts_with("gen_ai.usage."));
        }
        _ => {}
    }
}

/// A tool may say in its result that it has failed.
pub(super) fn telling(span: &SourceSpan) -> Option<Telling> {
    let has_result = span.attributes.contains(RESULT) && speaks(span);
    has_result.then_some(Telling {
        key: RESULT,
        tells: has_failed,
    })
}

fn has_failed(result: &str) -> bool {
    result.starts_with(FAILED)
}

/// Until 0.24 rig records the answer under the name of the question, after the question. Has to be called before the earlier one
/// of the two is taken for outdated.
///
/// Gemini's question is recorded twice; it stays alone where no answer has come.
pub(super) fn tell_answer_from_question(span: &mut SourceSpan) {
    if !speaks(span) || span.attributes.contains(OUTPUT) {
        return;
    }
    span.attributes.rename_last_of_different(INPUT, OUTPUT);
}
