//! Vercel's eve: the conventions, plain spans for the steps of a turn, and copies of messages and counts under other names.

use super::{Dialect, INSTRUCTIONS, OUTPUT, Override, aliases, has_known_operation};

pub(super) static EVE: Dialect = Dialect {
    name: "eve",
    recognises: |span| span.scope == "eve.agent",
    // Messages above a certain size are left out, the texts are cut.
    aliases: &aliases([
        ("ai.prompt.system", INSTRUCTIONS),
        ("ai.response.text", OUTPUT),
    ]),
    noise: &[
        "agent.usage.*",
        "ai.response.finish_reason",
        "operation.name",
        "resource.name",
    ],
    operation: |span| match has_known_operation(span) {
        true => Override::None,
        false => Override::Plain,
    },
    adjust: |span, _| {
        if span.attributes.contains(OUTPUT) {
            span.attributes.remove("ai.response.reasoning");
            span.attributes.remove("ai.response.tool_calls");
        }
    },
};
