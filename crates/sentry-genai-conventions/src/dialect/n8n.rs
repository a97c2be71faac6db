//! n8n: the nodes of a workflow, each of which tells its type and its name, and a model's also what it used.

use super::{Dialect, OperationKind, Override, aliases};
use crate::{SourceSpan, tokens};

pub(super) static N8N: Dialect = Dialect {
    name: "n8n",
    recognises: |span| span.scope == SCOPE && node_type(span).is_some_and(is_of_ai),
    #[rustfmt::skip]
    aliases: &aliases([
        ("n8n.node.custom.llm.cost.total", "gen_ai.cost.total_tokens"),
        ("n8n.node.custom.llm.tokens.in", tokens::INPUT),
        ("n8n.node.custom.llm.tokens.out", tokens::OUTPUT),
        ("n8n.node.custom.llm.tokens.total", tokens::TOTAL),
    ]),
    operation,
    adjust,
    ..Dialect::NONE
};

const SCOPE: &str = "n8n-workflow";
const NAME: &str = "n8n.node.name";
const TYPE: &str = "n8n.node.type";

/// The package of the nodes for AI.
const AI_NODES: &str = "@n8n/n8n-nodes-langchain.";

/// What the types of nodes that call a model begin with. The provider follows.
static CALLS: &[(&str, &str)] = &[
    ("embeddings", "embeddings"),
    ("lmChat", "chat"),
    ("lm", "chat"),
    ("reranker", "rerank"),
];

/// Providers that these types call something else.
static PROVIDERS: &[(&str, &str)] = &[
    ("AwsBedrock", "aws.bedrock"),
    ("AzureOpenAi", "azure.ai.openai"),
    ("GoogleGemini", "gcp.gemini"),
    ("GoogleVertex", "gcp.vertex_ai"),
    ("MistralCloud", "mistral_ai"),
    ("XAiGrok", "x_ai"),
];

fn node_type(span: &SourceSpan) -> Option<&str> {
    span.attributes.text(TYPE)
}

/// Returns whether nodes of a type are for AI. Any other node may be a tool of an agent, by a type of its own.
fn is_of_ai(node_type: &str) -> bool {
    node_type.starts_with(AI_NODES) || node_type.ends_with("Tool")
}

fn operation(span: &SourceSpan) -> Override {
    let node_type = node_type(span).unwrap_or_default();
    let node_type = node_type.strip_prefix(AI_NODES).unwrap_or(node_type);
    if let Some((operation, _)) = call_of(node_type) {
        return Override::To(operation);
    }
    match node_type {
        "agent" | "agentTool" | "openAiAssistant" => Override::To("invoke_agent"),
        "toolExecutor" => Override::Plain,
        _ if node_type.starts_with("tool") || node_type.ends_with("Tool") => {
            Override::To("execute_tool")
        }
        _ => Override::Plain,
    }
}

/// Returns the operation and the provider of a node that calls a model.
fn call_of(node_type: &str) -> Option<(&'static str, &str)> {
    CALLS.iter().find_map(|(start, operation)| {
        let provider = node_type.strip_prefix(start)?;
        (provider.starts_with(|letter: char| letter.is_ascii_uppercase()))
            .then_some((*operation, provider))
    })
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let name = span.attributes.text(NAME).map(str::to_owned);
    match kind {
        OperationKind::Agent => supply(span, "gen_ai.agent.name", name),
        OperationKind::Tool => supply(span, "gen_ai.tool.name", name),
        OperationKind::Call | OperationKind::Embeddings => {
            let provider = node_type(span).and_then(provider);
            supply(span, "gen_ai.provider.name", provider);
        }
        _ => {}
    }
}

/// Returns the provider in the type of a node that calls a model.
fn provider(node_type: &str) -> Option<String> {
    let (_, written) = call_of(node_type.strip_prefix(AI_NODES)?)?;
    let mut rows = PROVIDERS.iter();
    let known = rows.find(|(name, _)| *name == written);
    Some(known.map_or_else(|| written.to_ascii_lowercase(), |row| row.1.to_owned()))
}

fn supply(span: &mut SourceSpan, key: &'static str, value: Option<String>) {
    if let Some(value) = value {
        span.attributes.supply(key, value);
    }
}
