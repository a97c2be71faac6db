//! Strands Agents: the conventions, but for some counts and names.

use super::{Dialect, What, aliases, first_chunk_after};
use crate::SourceSpan;

pub(super) static STRANDS: Dialect = Dialect {
    name: "strands",
    speaks: |span| span.scope.starts_with("strands.") || span.scope == "strands-agents",
    aliases: &aliases([("system_prompt", "gen_ai.system_instructions")]),
    // The times of the span as texts.
    noise: &["gen_ai.event.start_time", "gen_ai.event.end_time"],
    adjust,
    ..Dialect::NONE
};

const FIRST_TOKEN: &str = "gen_ai.server.time_to_first_token";

fn adjust(span: &mut SourceSpan, what: What) {
    if what == What::Call {
        first_chunk_after(&mut span.attributes, FIRST_TOKEN);
    }
}
