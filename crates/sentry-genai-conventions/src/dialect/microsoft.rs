//! Microsoft's agent framework, Semantic Kernel, AutoGen, and Azure's agents with threads or a voice: the conventions, and their
//! own spans around those.

use super::{Dialect, OperationKind, Override, aliases, has_prefix, is_random_id, name_as_span};
use crate::{SourceSpan, tokens};

pub(super) static MICROSOFT: Dialect = Dialect {
    name: "microsoft",
    recognises,
    #[rustfmt::skip]
    aliases: &aliases([
        ("gen_ai.response.completion_tokens", "gen_ai.usage.output_tokens"),
        ("gen_ai.response.prompt_tokens", "gen_ai.usage.input_tokens"),
    ]),
    noise: &["sk.available_functions"],
    operation,
    adjust,
};

/// The scope of Semantic Kernel's functions. Up to version 1.20 their spans have only a name.
pub(super) const FUNCTION_SCOPE: &str = "semantic_kernel.functions.kernel_function";

/// What Azure's SDKs call themselves in spans about agents with threads.
const AZURE_AGENTS: &str = "az.ai.agents";

/// Prefixes of the scopes and span names of the runtimes that carry messages between agents.
static RUNTIMES: [&str; 2] = ["autogen ", "agent_runtime "];

fn recognises(span: &SourceSpan) -> bool {
    let scope = &*span.scope;
    scope == "agent_framework"
        || scope.starts_with("agent_framework.")
        || scope == "semantic_kernel"
        || scope.starts_with("semantic_kernel.")
        || scope.starts_with("Microsoft.SemanticKernel")
        || scope.starts_with("Microsoft.Agents.AI")
        || RUNTIMES.iter().any(|runtime| scope.starts_with(runtime))
        || is_azure_agents(span)
        || has_prefix(span, "az.ai.voice_agents.")
}

fn is_azure_agents(span: &SourceSpan) -> bool {
    span.attributes.text("gen_ai.system") == Some(AZURE_AGENTS)
}

fn operation(span: &SourceSpan) -> Override {
    match &*span.name {
        "AutoFunctionInvocationLoop" => Override::Plain,
        // A session with a voice agent, and what is done to it. Each answer is a run of the agent inside the session.
        name if name.starts_with("voice_agents.") => Override::Plain,
        // A question is put into a thread before anything runs.
        "create_message" if is_azure_agents(span) => Override::Plain,
        "start_thread_run" | "process_thread_run" if is_azure_agents(span) => {
            Override::To("invoke_agent")
        }
        _ if is_prompt(span) => Override::Plain,
        _ if span.attributes.contains("gen_ai.operation.name") => Override::None,
        _ if span.scope == FUNCTION_SCOPE => Override::To("execute_tool"),
        name if RUNTIMES.iter().any(|runtime| name.starts_with(runtime)) => Override::Plain,
        // A workflow's own work between its agents.
        name if ["workflow.", "executor.", "edge_group.", "message."]
            .iter()
            .any(|prefix| name.starts_with(prefix)) =>
        {
            Override::Plain
        }
        _ => Override::None,
    }
}

/// Recognises what Semantic Kernel makes of a prompt: a function that no model can call, because it belongs to no plugin. Its name
/// consists of random letters.
fn is_prompt(span: &SourceSpan) -> bool {
    const NAME_LENGTH: usize = 16;

    let name = span.attributes.text("gen_ai.tool.name").unwrap_or_default();
    span.scope == FUNCTION_SCOPE
        && name.len() == NAME_LENGTH
        && name.bytes().all(|byte| byte.is_ascii_alphabetic())
        && name.bytes().any(|byte| byte.is_ascii_uppercase())
        && !span.attributes.contains("gen_ai.tool.call.id")
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    match kind {
        OperationKind::Plain if is_prompt(span) => span.name = "invoke_prompt".into(),
        // The run of a thread only has the model that answered.
        OperationKind::Agent if is_azure_agents(span) => {
            (span.attributes).rename("gen_ai.response.model", "gen_ai.request.model");
        }
        OperationKind::Tool if span.scope == FUNCTION_SCOPE => name_as_span(span, kind),
        OperationKind::Plain => {
            if is_azure_agents(span) {
                keep_reported_usage(span);
            }
            if let Some(name) = name_without_ids(&span.name) {
                span.name = name.into();
            }
        }
        _ => {}
    }
}

/// Keeps the counts of a run that a request for its state reports, apart from what counts. Each such request reports them again.
fn keep_reported_usage(span: &mut SourceSpan) {
    span.attributes
        .rename(tokens::INPUT, "gen_ai.thread.run.usage.input_tokens");
    span.attributes
        .rename(tokens::OUTPUT, "gen_ai.thread.run.usage.output_tokens");
}

/// Returns the name of a message's span without the ids in it: `autogen send writer_<id>.(<id>)-A`.
fn name_without_ids(name: &str) -> Option<String> {
    let runtime = RUNTIMES
        .iter()
        .find(|runtime| name.starts_with(**runtime))?;
    let (action, address) = name[runtime.len()..].split_once(' ')?;
    let kind = address.split(".(").next().unwrap_or(address);
    let kind = match kind.rsplit_once('_') {
        Some((kind, id)) if is_random_id(id) => kind,
        _ => kind,
    };
    let is_named = !kind.is_empty() && !is_random_id(kind);
    Some(if is_named {
        format!("{runtime}{action} {kind}")
    } else {
        format!("{runtime}{action}")
    })
}
