//! Spring AI, and what else Spring Boot observes, such as the model calls of LangChain4j and the agents of Embabel: the
//! conventions, and their own keys.

use super::{
    ARGUMENTS, DEFINITIONS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT, aliases,
    has_known_operation, has_prefix, mentions_gen_ai,
};
use crate::{SourceSpan, Value, tokens};

pub(super) static SPRING_AI: Dialect = Dialect {
    name: "spring_ai",
    recognises: |span| {
        has_prefix(span, "spring.ai.") || (span.scope == SPRING_BOOT && mentions_gen_ai(span))
    },
    #[rustfmt::skip]
    aliases: &aliases([
        (CONVERSATION_ID, "session.id"),
        ("embabel.agent.name", "gen_ai.agent.name"),
        // LangChain4j's observations.
        ("input_tokens", tokens::INPUT),
        ("output_tokens", tokens::OUTPUT),
        ("spring.ai.model.request.tool.names", DEFINITIONS),
        ("spring.ai.tool.call.arguments", ARGUMENTS),
        ("spring.ai.tool.call.id", "gen_ai.tool.call.id"),
        ("spring.ai.tool.call.result", RESULT),
        ("spring.ai.tool.definition.description", "gen_ai.tool.description"),
        ("spring.ai.tool.definition.name", "gen_ai.tool.name"),
    ]),
    noise: &[],
    operation,
    adjust,
};

const KIND: &str = "spring.ai.kind";

/// The scope of everything that Spring Boot observes.
const SPRING_BOOT: &str = "org.springframework.boot";

const CONVERSATION_ID: &str = "spring.ai.chat.client.conversation.id";

/// Returns the operation. Spans that are not model calls may have the operation `framework`.
fn operation(span: &SourceSpan) -> Override {
    match span.attributes.text(KIND) {
        _ if has_known_operation(span) => Override::None,
        Some("tool_call") => Override::To("execute_tool"),
        // A vector store is a database like any other.
        Some("vector_store") | None => Override::None,
        Some(_) => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    if kind == OperationKind::Agent {
        attributes.rename("input.value", INPUT);
        attributes.rename("output.value", OUTPUT);
    }
    // Spring AI passes on Anthropic's input, which does not include the cache, and calculates the total without it.
    if kind == OperationKind::Call && attributes.text("gen_ai.system") == Some("anthropic") {
        attributes.remove(tokens::TOTAL);
        tokens::add_cache(attributes);
    }
    // Placeholders for unknown values, such as the model of a response that never came.
    attributes.retain(|key, value| {
        !matches!(value, Value::Str("none" | "unknown")) || !key.starts_with("gen_ai.")
    });
    // The default conversation, shared by everybody who sets none.
    if attributes.text(CONVERSATION_ID) == Some("default") {
        attributes.remove(CONVERSATION_ID);
    }
}
