//! ReqLLM for Elixir: the conventions, except that the input does not include the cache for models of Anthropic's and in Bedrock.

use super::{Dialect, OperationKind};
use crate::{Attributes, SourceSpan, tokens};

pub(super) static REQ_LLM: Dialect = Dialect {
    name: "req_llm",
    recognises: |span| span.scope == "req_llm",
    adjust,
    ..Dialect::NONE
};

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if kind == OperationKind::Call && excludes_cache(&span.attributes) {
        tokens::add_cache(&mut span.attributes);
    }
}

fn excludes_cache(attributes: &Attributes) -> bool {
    match attributes.text("gen_ai.provider.name") {
        Some("anthropic" | "aws.bedrock") => true,
        Some("gcp.vertex_ai") => (attributes.text("gen_ai.request.model"))
            .is_some_and(|model| model.starts_with("claude")),
        _ => false,
    }
}
