//! OpenClaw: spans of its gateway, some of which also have the conventions' names.

use super::{Dialect, OperationKind, Override, aliases, first_chunk::read_milliseconds};
use super::{mentions_gen_ai, otel::is_placeholder_model};
use crate::{SourceSpan, tokens};

pub(super) static OPENCLAW: Dialect = Dialect {
    name: "openclaw",
    recognises: |span| span.scope == "openclaw" && (span.name == RUN || mentions_gen_ai(span)),
    // Copies in its own form, and in the first versions the only ones.
    #[rustfmt::skip]
    aliases: &aliases([
        ("openclaw.content.input_messages", super::INPUT),
        ("openclaw.content.output_messages", super::OUTPUT),
        ("openclaw.content.system_prompt", super::INSTRUCTIONS),
        ("openclaw.content.tool_definitions", super::DEFINITIONS),
        ("openclaw.content.tool_input", super::ARGUMENTS),
        ("openclaw.content.tool_output", super::RESULT),
        ("openclaw.errorCategory", "error.type"),
        ("openclaw.model_call.usage.reasoning_output_tokens", tokens::REASONING),
    ]),
    noise: &[
        "input.mime_type",
        "openclaw.model_call.usage.cache_*",
        "openclaw.model_call.usage.input_tokens",
        "openclaw.model_call.usage.output_tokens",
        "openclaw.model_call.usage.prompt_tokens",
        "openclaw.model_call.usage.total_tokens",
        "openclaw.toolName",
        "output.mime_type",
    ],
    operation,
    adjust,
};

/// The span of an agent's run. The one around it tells only which program runs the agent.
const RUN: &str = "openclaw.run";

fn operation(span: &SourceSpan) -> Override {
    let text = |key| span.attributes.text(key);
    match &*span.name {
        RUN => Override::To("invoke_agent"),
        "openclaw.tool.execution" => Override::To("execute_tool"),
        // What the calls of a run used together. Calls by plugins have no other span.
        "openclaw.model.usage" if !span.attributes.contains("openclaw.plugin") => Override::Plain,
        // It takes the name of OpenAI's API for that of the older one.
        _ if text("gen_ai.operation.name") == Some("text_completion")
            && text("openclaw.api").is_some_and(|api| api.ends_with("-completions")) =>
        {
            Override::To("chat")
        }
        _ => Override::None,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    read_milliseconds(attributes, "openclaw.model_call.time_to_first_byte_ms");
    kind.rename_content(attributes, "input.value", "output.value");
    if matches!(kind, OperationKind::Call | OperationKind::Agent) {
        // The first versions write no model whose name has a slash.
        let model = attributes.text("gen_ai.request.model");
        if model.is_some_and(is_placeholder_model) {
            attributes.remove("gen_ai.request.model");
        }
        attributes.rename("openclaw.model", "gen_ai.request.model");
        attributes.rename("openclaw.provider", "gen_ai.provider.name");
    }
}
