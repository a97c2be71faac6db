//! CrewAI's own spans. They follow the conventions, but agents are named by a hash, beside which is their role.

use super::{Dialect, OperationKind, Override};
use crate::SourceSpan;

pub(super) static CREWAI: Dialect = Dialect {
    name: "crewai",
    recognises: |span| span.scope == "crewai",
    operation,
    adjust,
    ..Dialect::NONE
};

const AGENT_NAME: &str = "gen_ai.agent.name";

/// The name of an agent, as users know it.
const ROLE: &str = "crewai.agent.role";

fn operation(span: &SourceSpan) -> Override {
    // Repeats a tool call that has reported a failure. The span of the call itself says so, too.
    match &*span.name {
        "tool failure" => Override::Plain,
        _ => Override::None,
    }
}

fn adjust(span: &mut SourceSpan, _: OperationKind) {
    let attributes = &mut span.attributes;
    // In YAML a role ends with a line break.
    let role = (attributes.text(ROLE)).map(|role| role.trim().to_owned());
    if let Some(role) = role.filter(|role| !role.is_empty()) {
        attributes.rename(AGENT_NAME, "crewai.agent.key");
        attributes.remove(ROLE);
        attributes.set(AGENT_NAME, role);
    }
}
