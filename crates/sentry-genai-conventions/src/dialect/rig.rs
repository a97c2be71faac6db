//! rig, before and after its split into crates.

use super::{Dialect, INPUT, OUTPUT, What, aliases, is_of_crate};
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

/// Until 0.43 a streamed turn differed from another one by its span name alone.
fn adjust(span: &mut SourceSpan, _: What) {
    if is_streaming(&span.name) {
        span.attributes.push("gen_ai.response.streaming", true);
    }
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
