//! GitHub Copilot's command line and its chat in VS Code: the conventions, except that the command line does not name its agent,
//! and that the chat has its own keys for the time to the first token and for the reasoning.

use serde_json::json;

use super::{Dialect, OperationKind, first_chunk, reasoning};
use crate::SourceSpan;

pub(super) static COPILOT: Dialect = Dialect {
    name: "copilot",
    recognises: |span| matches!(&*span.scope, CLI_SCOPE | "copilot-chat"),
    adjust,
    ..Dialect::NONE
};

const CLI_SCOPE: &str = "github.copilot";
const REASONING: &str = "copilot_chat.reasoning_content";
const FIRST_TOKEN: &str = "copilot_chat.time_to_first_token";

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    if kind == OperationKind::Agent && span.scope == CLI_SCOPE {
        attributes.supply("gen_ai.agent.name", "GitHub Copilot");
    }
    first_chunk::read_milliseconds(attributes, FIRST_TOKEN);
    if let Some(text) = attributes.text(REASONING)
        && kind == OperationKind::Call
        && text != "[encrypted]"
    {
        let part = json!({"type": "reasoning", "content": text});
        if reasoning::add(attributes, vec![part]) {
            attributes.remove(REASONING);
        }
    }
}
