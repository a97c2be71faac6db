//! Names of OpenInference's spans, agents and tools.

use crate::{
    Attributes, SourceSpan,
    dialect::{OperationKind, adk, claude_code},
};

/// Methods of Claude's Agent SDK, in Python and JavaScript, after which the spans of a run are named. The agent is Claude Code,
/// whose own spans are inside.
static RUNS_OF_CLAUDE_CODE: &[&str] = &[
    "ClaudeAgentSDK.query",
    "ClaudeAgentSDK.ClaudeSDKClient.receive_response",
    "ClaudeAgent.query",
    "ClaudeAgent.prompt",
    "ClaudeAgent.turn",
];

/// Names the agent or the tool of a span. Renames the span itself if its name is an id.
pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if span.scope.ends_with("crewai")
        && let Some(name) = step_name_without_id(&span.name)
    {
        span.name = name.into();
    }
    let (key, openinference_key) = match kind {
        OperationKind::Agent => ("gen_ai.agent.name", "agent.name"),
        OperationKind::Tool => ("gen_ai.tool.name", "tool.name"),
        _ => return,
    };
    let is_named = |key| span.attributes.text(key).is_some();
    // The processor keeps spans of the AI SDK, whose names also consist of the operation and, if there is no agent's, the model.
    let is_conventional = is_named("gen_ai.operation.name");
    // smolagents names its tools `SimpleTool` and its agents `X.run`. DSPy names its tools `X.__call__`.
    if !is_conventional && !is_named(key) && !is_named(openinference_key) {
        let mut methods = [".run", ".__call__"].iter();
        let class = methods.find_map(|method| span.name.strip_suffix(method));
        let name = if RUNS_OF_CLAUDE_CODE.contains(&&*span.name) {
            claude_code::AGENT
        } else {
            class
                .or(adk::agent_in_name(&span.name))
                .unwrap_or(&span.name)
        };
        let node = named_node(&span.attributes).filter(|_| kind == OperationKind::Agent);
        let name = node.unwrap_or(name).to_owned();
        span.attributes.supply(key, name);
    }
}

/// Returns the name for a step of a crew or flow of CrewAI's that has an id in place of a name.
fn step_name_without_id(name: &str) -> Option<String> {
    let (id, step) = name.split_once('.')?;
    let (kind, id) = id.split_once('_')?;
    (matches!(kind, "Crew" | "Flow") && is_id(id)).then(|| format!("{kind}.{step}"))
}

/// Returns the name of a node. CrewAI's agents are nodes with a name; other nodes have random ids.
fn named_node(attributes: &Attributes) -> Option<&str> {
    let node = attributes.text("graph.node.id")?;
    (!is_id(node)).then_some(node)
}

fn is_id(text: &str) -> bool {
    text.len() >= 8 && (text.bytes()).all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}
