//! langchain-rust since version 7: its own span names, and fields without a namespace. It records no content.

use super::{Dialect, OperationKind, Override, aliases, is_of_crate};
use crate::{SourceSpan, tokens};

pub(super) static LANGCHAIN_RUST: Dialect = Dialect {
    name: "langchain_rust",
    recognises: |span| is_of_crate(span, "langchain_rust"),
    aliases: &aliases([
        ("completion_tokens", tokens::OUTPUT),
        ("model", "gen_ai.request.model"),
        ("prompt_tokens", tokens::INPUT),
        ("provider", "gen_ai.provider.name"),
        ("stream", "gen_ai.response.streaming"),
        ("tool", "gen_ai.tool.name"),
        ("total_tokens", tokens::TOTAL),
        // Various counts, which would mean nothing as numbers without a namespace.
        ("count", "langchain.count"),
        ("max_iterations", "langchain.max_iterations"),
        ("step", "langchain.step"),
        ("steps", "langchain.steps"),
        ("tool_calls", "langchain.tool_calls"),
    ]),
    operation,
    adjust,
    ..Dialect::NONE
};

fn operation(span: &SourceSpan) -> Override {
    match &*span.name {
        "llm.generate" => Override::To("chat"),
        "embed.documents" | "embed.query" => Override::To("embeddings"),
        "agent.run" => Override::To("invoke_agent"),
        "tool.call" => Override::To("execute_tool"),
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if kind == OperationKind::Agent {
        // The total of the calls below, without input and output.
        span.attributes.remove("total_tokens");
    }
}
