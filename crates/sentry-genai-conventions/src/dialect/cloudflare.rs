//! Cloudflare's Agents SDK: the conventions, except that a span about a person's approval of a tool call has the operation of that
//! call.

use super::{Dialect, Override, aliases, has_prefix};
use crate::tokens;

pub(super) static CLOUDFLARE: Dialect = Dialect {
    name: "cloudflare_agents",
    recognises: |span| has_prefix(span, "cloudflare.agents."),
    aliases: &aliases([
        ("cloudflare.agents.metadata.userId", "user.id"),
        (
            "cloudflare.agents.response.finish_reason",
            "gen_ai.response.finish_reasons",
        ),
        ("cloudflare.agents.usage.total_tokens", tokens::TOTAL),
    ]),
    operation: |span| match span.attributes.text("cloudflare.agents.operation.name") {
        Some("tool.approval") => Override::Plain,
        _ => Override::None,
    },
    ..Dialect::NONE
};
