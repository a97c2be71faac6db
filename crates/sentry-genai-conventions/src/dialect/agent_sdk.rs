//! agent-sdk: the conventions, with Langfuse's types in addition.

use super::{Dialect, aliases};

pub(super) static AGENT_SDK: Dialect = Dialect {
    name: "agent_sdk",
    recognises: |span| span.scope == "agent-sdk",
    aliases: &aliases([
        ("agent_sdk.llm.streaming", "gen_ai.response.streaming"),
        ("agent_sdk.tool.outcome", "gen_ai.tool.call.outcome"),
    ]),
    // Copies for Langfuse, which include the input and the output of the whole trace.
    noise: &["langfuse.observation.*", "langfuse.trace.*"],
    ..Dialect::NONE
};
