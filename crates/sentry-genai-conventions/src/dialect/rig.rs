//! rig, before and after its split into crates.

use super::{Dialect, What, aliases, is_of_crate};
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

/// The name of a streamed turn.
pub(super) const STREAMING: &str = "chat_streaming";

fn speaks(span: &SourceSpan) -> bool {
    ["rig", "rig_core", "rig_agent"]
        .iter()
        .any(|library| is_of_crate(span, library))
}

/// Until 0.43 a streamed turn differed from another one by its span name alone.
fn adjust(span: &mut SourceSpan, _: What) {
    if span.name == STREAMING {
        span.attributes.push("gen_ai.response.streaming", true);
    }
}
