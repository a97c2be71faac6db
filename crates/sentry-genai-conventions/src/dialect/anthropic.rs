//! Anthropic's SDK for Python, which records its own calls as soon as tracing is set up, and Anthropic's platform, which exports
//! spans of what it runs.

use super::{Dialect, OperationKind, aliases};
use crate::{SourceSpan, tokens};

pub(super) static ANTHROPIC: Dialect = Dialect {
    name: "anthropic",
    recognises,
    #[rustfmt::skip]
    aliases: &aliases([
        ("anthropic.message.stop_reason", "gen_ai.response.finish_reasons"),
        ("anthropic.tool_result.content", "gen_ai.tool.call.result"),
    ]),
    adjust,
    ..Dialect::NONE
};

fn recognises(span: &SourceSpan) -> bool {
    span.scope.starts_with("com.anthropic.sdk") || span.scope == "com.anthropic.claude-platform"
}

/// Adds the tokens of compacting a long conversation, which the other counts leave out.
fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if kind != OperationKind::Call {
        return;
    }
    for (compaction, all) in [
        ("anthropic.usage.compaction.input_tokens", tokens::INPUT),
        ("anthropic.usage.compaction.output_tokens", tokens::OUTPUT),
    ] {
        if let Some(compaction) = span.attributes.integer(compaction) {
            tokens::increase(&mut span.attributes, all, compaction);
        }
    }
}
