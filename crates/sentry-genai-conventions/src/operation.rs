//! Which GenAI operation a span describes, and what Sentry takes it for.

use crate::{AiKind, SpanKind};

/// An operation that Sentry counts, or one that it must not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `gen_ai.operation.name` and `sentry.op` say what it is.
    Ai(&'static AiOperation),
    /// A request handled by an MCP server, or a notification to or from one.
    Mcp(&'static str),
    /// Something GenAI around model calls: a workflow, a chain, a retrieval. Sentry would take it for a model call,
    /// so it becomes a plain span.
    Plain,
}

/// A row of [`OPERATIONS`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AiOperation {
    pub(crate) name: &'static str,
    pub(crate) op: &'static str,
    pub(crate) kind: AiKind,
}

/// Every operation that has a place in Sentry's AI views, with Relay's classification.
#[rustfmt::skip]
static OPERATIONS: &[AiOperation] = &[
    AiOperation { name: "chat", op: "gen_ai.chat", kind: AiKind::LlmCall },
    AiOperation { name: "create_agent", op: "gen_ai.create_agent", kind: AiKind::Agent },
    AiOperation { name: "create_memory", op: MEMORY, kind: AiKind::Memory },
    AiOperation { name: "create_memory_store", op: MEMORY, kind: AiKind::Memory },
    AiOperation { name: "decide", op: "gen_ai.decide", kind: AiKind::LlmCall },
    AiOperation { name: "delete_memory", op: MEMORY, kind: AiKind::Memory },
    AiOperation { name: "delete_memory_store", op: MEMORY, kind: AiKind::Memory },
    AiOperation { name: "embeddings", op: "gen_ai.embeddings", kind: AiKind::LlmCall },
    AiOperation { name: "evaluate", op: "gen_ai.evaluate", kind: AiKind::LlmCall },
    AiOperation { name: "execute_tool", op: "gen_ai.execute_tool", kind: AiKind::Tool },
    AiOperation { name: "extract", op: "gen_ai.extract", kind: AiKind::LlmCall },
    AiOperation { name: "generate_content", op: "gen_ai.generate_content", kind: AiKind::LlmCall },
    AiOperation { name: "handoff", op: "gen_ai.handoff", kind: AiKind::Handoff },
    AiOperation { name: "invoke_agent", op: "gen_ai.invoke_agent", kind: AiKind::Agent },
    AiOperation { name: "rerank", op: "gen_ai.rerank", kind: AiKind::LlmCall },
    AiOperation { name: "responses", op: "gen_ai.responses", kind: AiKind::LlmCall },
    AiOperation { name: "search_memory", op: MEMORY, kind: AiKind::Memory },
    AiOperation { name: "text_completion", op: "gen_ai.text_completion", kind: AiKind::LlmCall },
    AiOperation { name: "update_memory", op: MEMORY, kind: AiKind::Memory },
    AiOperation { name: "upsert_memory", op: MEMORY, kind: AiKind::Memory },
];

/// All memory operations share one op.
const MEMORY: &str = "gen_ai.memory.client";

/// Spellings in the field of operations that have another canonical name.
static SYNONYMS: &[(&str, &str)] = &[
    ("agent", "invoke_agent"),
    ("agent_handoff", "handoff"),
    ("agent_run", "invoke_agent"),
    // What OpenLIT calls speech and images that a model makes.
    ("audio", "generate_content"),
    ("audio_generation", "generate_content"),
    ("audio_speech", "generate_content"),
    ("audio_transcription", "generate_content"),
    ("audio_translation", "generate_content"),
    ("call_tool", "execute_tool"),
    ("chat.completions", "chat"),
    ("chat.streaming_completions", "chat"),
    ("chat_completion", "chat"),
    // What rig until 0.43 calls whatever it streams.
    ("chat_streaming", "chat"),
    // What edgequake-llm calls the methods of its providers.
    ("chat_with_tools", "chat"),
    ("complete", "text_completion"),
    ("completion", "text_completion"),
    ("completions", "text_completion"),
    ("converse", "chat"),
    ("create_message", "chat"),
    ("create_response", "responses"),
    ("embed", "embeddings"),
    ("embedding", "embeddings"),
    ("function_call", "execute_tool"),
    ("generate", "chat"),
    ("generate_text", "chat"),
    ("generation", "chat"),
    ("image", "generate_content"),
    ("image_edit", "generate_content"),
    ("image_generation", "generate_content"),
    ("image_variation", "generate_content"),
    ("inference", "chat"),
    ("interactions", "generate_content"),
    ("interactions_streaming", "generate_content"),
    ("llm", "chat"),
    ("llm_call", "chat"),
    ("message_create", "chat"),
    ("messages", "chat"),
    ("messages_create", "chat"),
    ("moderation", "evaluate"),
    ("moderations", "evaluate"),
    ("response_create", "responses"),
    ("responses_create", "responses"),
    ("run_agent", "invoke_agent"),
    ("run_tool", "execute_tool"),
    ("speech", "generate_content"),
    ("speech_to_text", "generate_content"),
    ("stream", "chat"),
    ("stream_with_tools", "chat"),
    ("text.completions", "text_completion"),
    ("text.streaming_completions", "text_completion"),
    ("text_to_speech", "generate_content"),
    ("tool", "execute_tool"),
    ("tool_call", "execute_tool"),
    ("tool_execution", "execute_tool"),
    ("tool_use", "execute_tool"),
    ("transcription", "generate_content"),
];

/// The same operations by the op alone, for spans whose author set `sentry.op` and nothing else.
pub(crate) fn from_op(op: &str) -> Option<&'static AiOperation> {
    named(op.strip_prefix("gen_ai.")?)
}

/// Returns whether Sentry would take a span of this op for a model call, for want of anything that it knows.
pub(crate) fn is_unknown_op(op: &str) -> bool {
    op.starts_with("gen_ai.") && !OPERATIONS.iter().any(|row| row.op == op)
}

/// Finds an operation by `gen_ai.operation.name`.
pub(crate) fn named(name: &str) -> Option<&'static AiOperation> {
    spelled(name, str::eq).or_else(|| spelled(name, is_same_word))
}

fn spelled(name: &str, is_same: impl Fn(&str, &str) -> bool) -> Option<&'static AiOperation> {
    let canonical = SYNONYMS
        .iter()
        .find(|(synonym, _)| is_same(synonym, name))
        .map_or(name, |(_, canonical)| canonical);
    OPERATIONS.iter().find(|row| is_same(row.name, canonical))
}

/// Compares letters alone: spans made by hand have the `Debug` of an enum, `TextCompletion`, and other separators.
fn is_same_word(one: &str, other: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = u8> {
        let is_separator = |byte: &u8| matches!(byte, b'_' | b'-' | b'.' | b' ');
        text.bytes()
            .filter(move |byte| !is_separator(byte))
            .map(|byte| byte.to_ascii_lowercase())
    }

    letters(one).eq(letters(other))
}

/// Finds an operation that starts a span name, and the rest of the name: `execute_tool get_weather`.
pub(crate) fn in_span_name(name: &str) -> Option<(&'static AiOperation, &str)> {
    let name = name.strip_prefix("gen_ai.").unwrap_or(name);
    let (first, rest) = name.split_once(' ').unwrap_or((name, ""));
    let row = OPERATIONS.iter().find(|row| row.name == first)?;
    Some((row, rest.trim()))
}

/// Notifications of MCP and who sends them. Either side may cancel a request and report progress; mostly it is who made
/// the request that cancels it, and the server that reports.
#[rustfmt::skip]
static NOTIFICATIONS: &[(&str, &str)] = &[
    ("cancelled", CLIENT_TO_SERVER),
    ("initialized", CLIENT_TO_SERVER),
    ("roots/list_changed", CLIENT_TO_SERVER),
    ("message", SERVER_TO_CLIENT),
    ("progress", SERVER_TO_CLIENT),
    ("prompts/list_changed", SERVER_TO_CLIENT),
    ("resources/list_changed", SERVER_TO_CLIENT),
    ("resources/updated", SERVER_TO_CLIENT),
    ("tools/list_changed", SERVER_TO_CLIENT),
];

const CLIENT_TO_SERVER: &str = "mcp.notification.client_to_server";
const SERVER_TO_CLIENT: &str = "mcp.notification.server_to_client";

/// Classifies an MCP request by its method and the span's role.
///
/// A tool call seen from the client is an AI tool span; everything a server handles is an MCP span of its own, so that
/// one call is not counted on both ends.
pub(crate) fn mcp(method: &str, kind: Option<SpanKind>) -> Operation {
    let incoming = matches!(kind, Some(SpanKind::Server | SpanKind::Consumer));
    if let Some(event) = method.strip_prefix("notifications/") {
        let known = NOTIFICATIONS.iter().find(|(known, _)| *known == event);
        return Operation::Mcp(match known {
            Some((_, direction)) => direction,
            None if incoming => CLIENT_TO_SERVER,
            None => SERVER_TO_CLIENT,
        });
    }
    match method {
        _ if incoming => Operation::Mcp("mcp.server"),
        "tools/call" => named("execute_tool").map_or(Operation::Plain, Operation::Ai),
        _ => Operation::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_by_name_synonym_and_span_name() {
        assert_eq!(named("embedding").unwrap().op, "gen_ai.embeddings");
        assert_eq!(named("search_memory").unwrap().op, "gen_ai.memory.client");
        assert!(named("invoke_workflow").is_none());
        let (row, rest) = in_span_name("execute_tool get_weather").unwrap();
        assert_eq!((row.name, rest), ("execute_tool", "get_weather"));
        assert!(in_span_name("chatter box").is_none());
    }

    /// What `?operation` and hands write must not turn a model call into something that Sentry does not count.
    #[test]
    fn other_letter_cases_and_separators_are_the_same_operation() {
        for (spelling, name) in [
            ("Chat", "chat"),
            (" CHAT ", "chat"),
            ("ChatCompletion", "chat"),
            ("chat-completions", "chat"),
            ("TextCompletion", "text_completion"),
            ("execute tool", "execute_tool"),
            ("invoke-agent", "invoke_agent"),
            ("InvokeAgent", "invoke_agent"),
            ("embed", "embeddings"),
        ] {
            assert_eq!(named(spelling).unwrap().name, name, "{spelling}");
        }
        for other in ["", "_", "InvokeWorkflow", "chat room", "plan", "chats"] {
            assert!(named(other).is_none(), "{other}");
        }
    }

    #[test]
    fn mcp_by_side() {
        assert_eq!(
            mcp("tools/call", Some(SpanKind::Server)),
            Operation::Mcp("mcp.server")
        );
        let client = mcp("tools/call", Some(SpanKind::Client));
        assert!(matches!(client, Operation::Ai(row) if row.name == "execute_tool"));
        assert_eq!(mcp("resources/read", None), Operation::Plain);
    }

    /// Whoever sends a notification has a client's span of it, and whoever receives it a server's.
    #[test]
    fn a_notification_goes_where_its_method_says() {
        for kind in [SpanKind::Client, SpanKind::Server, SpanKind::Internal] {
            let direction = |event: &str| mcp(&format!("notifications/{event}"), Some(kind));
            for event in ["cancelled", "initialized", "roots/list_changed"] {
                assert_eq!(direction(event), Operation::Mcp(CLIENT_TO_SERVER));
            }
            for event in [
                "message",
                "progress",
                "resources/updated",
                "tools/list_changed",
            ] {
                assert_eq!(direction(event), Operation::Mcp(SERVER_TO_CLIENT));
            }
        }
        let unknown = mcp("notifications/acme", Some(SpanKind::Server));
        assert_eq!(unknown, Operation::Mcp(CLIENT_TO_SERVER));
    }
}
