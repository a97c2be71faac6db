//! GitHub Copilot's command line: the conventions, but for the name of its own agent.

use super::{Dialect, What};

pub(super) static COPILOT: Dialect = Dialect {
    name: "copilot",
    speaks: |span| span.scope == "github.copilot",
    adjust: |span, what| {
        if what == What::Agent && !span.attributes.contains("gen_ai.agent.name") {
            span.attributes.push("gen_ai.agent.name", "GitHub Copilot");
        }
    },
    ..Dialect::NONE
};
