//! Weave's integration of OpenAI's agents: the conventions, except for handoffs.

use super::{Dialect, Override, aliases};

pub(super) static WEAVE_HANDOFF: Dialect = Dialect {
    name: "weave",
    recognises: |span| {
        [FROM, TO]
            .iter()
            .any(|agent| span.attributes.contains(agent))
    },
    aliases: &aliases([
        (FROM, "gen_ai.handoff.from_agent"),
        (TO, "gen_ai.handoff.to_agent"),
    ]),
    operation: |_| Override::To("handoff"),
    ..Dialect::NONE
};

const FROM: &str = "weave.openai_agents.handoff.from_agent";
const TO: &str = "weave.openai_agents.handoff.to_agent";
