//! Anthropic's SDK for Python, which records its own calls as soon as tracing is set up.

use super::{Dialect, aliases};
use crate::SourceSpan;

pub(super) static ANTHROPIC: Dialect = Dialect {
    name: "anthropic",
    speaks,
    aliases: &aliases([
        (
            "anthropic.message.stop_reason",
            "gen_ai.response.finish_reasons",
        ),
        ("anthropic.tool_result.content", "gen_ai.tool.call.result"),
    ]),
    ..Dialect::NONE
};

fn speaks(span: &SourceSpan) -> bool {
    span.scope.starts_with("com.anthropic.sdk")
}
