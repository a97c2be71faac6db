//! Strands Agents: the conventions, but for some counts and names.

use super::{Dialect, What, aliases};
use crate::{SourceSpan, Value};

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
    let attributes = &mut span.attributes;
    if let Some(Value::Integer(milliseconds)) = attributes.get(FIRST_TOKEN)
        && what == What::Call
        && let Ok(milliseconds) = u32::try_from(milliseconds)
    {
        let seconds = f64::from(milliseconds) / 1000.0;
        attributes.supply("gen_ai.response.time_to_first_chunk", seconds);
        attributes.remove(FIRST_TOKEN);
    }
}
