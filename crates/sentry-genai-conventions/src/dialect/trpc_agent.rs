//! tRPC-Agent-Go: the conventions, with messages in the shape of OpenAI's API, whose arguments are in base64, and in newer versions
//! also in that of the conventions.

use serde_json::Value;

use super::{
    DEFINITIONS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT, adk, aliases, json,
};
use crate::{Attributes, SourceSpan, tokens};

pub(super) static TRPC_AGENT: Dialect = Dialect {
    name: "trpc_agent",
    recognises: |span| span.scope == "trpc.agent.go",
    #[rustfmt::skip]
    aliases: &aliases([
        ("gen_ai.request.is_stream", "gen_ai.response.streaming"),
        ("gen_ai.request.tool.definitions", DEFINITIONS),
        ("gen_ai.usage.input_tokens.cache_creation", tokens::CACHE_CREATION),
        ("gen_ai.usage.input_tokens.cache_read", tokens::CACHE_READ),
        ("gen_ai.usage.input_tokens.cached", tokens::CACHE_READ),
        ("trpc.go.agent.runner.user_id", "user.id"),
        ("trpc_agent_go.client.time_to_first_token", "gen_ai.response.time_to_first_chunk"),
    ]),
    // They repeat the messages.
    noise: &["trpc.go.agent.llm_request", "trpc.go.agent.llm_response"],
    operation: |span| {
        if adk::repeats_tool_calls(span) {
            Override::Plain
        } else {
            Override::None
        }
    },
    adjust,
};

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    for (conventional, messages) in [
        ("gen_ai.input.messages.otel", INPUT),
        ("gen_ai.output.messages.otel", OUTPUT),
    ] {
        if attributes.contains(conventional) {
            attributes.remove(messages);
            attributes.rename(conventional, messages);
        }
    }
    if kind == OperationKind::Tool {
        unwrap_answer(attributes);
    }
}

/// Unwraps a tool's answer, which is recorded as that of a model.
fn unwrap_answer(attributes: &mut Attributes) {
    let answer = json::object(attributes, RESULT)
        .and_then(|mut response| response.get_mut("choices").map(Value::take))
        .and_then(|mut choices| Some(choices.pointer_mut("/0/message/content")?.take()));
    if let Some(Value::String(answer)) = answer {
        attributes.set(RESULT, answer);
    }
}
