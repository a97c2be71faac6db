//! The sessions, threads and chats of libraries.

use std::borrow::Cow;

use super::id;
use crate::{SourceSpan, Value, attributes::Name};

/// Keys for a session or thread that may serve as the conversation id of a GenAI span, best first.
///
/// `mcp.session.id` is not among them, because it identifies a connection.
pub(crate) static SESSION_KEYS: &[Name] = &names([
    "gcp.vertex.agent.session_id",
    "conversation.id",
    "session.id",
    "langfuse.session.id",
    "traceloop.association.properties.conversation_id",
    "traceloop.association.properties.thread_id",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.chat_id",
    "langsmith.metadata.thread_id",
    "langsmith.metadata.conversation_id",
    "langsmith.metadata.session_id",
    "confident.trace.thread_id",
    "mastra.metadata.threadId",
    "mastra.metadata.sessionId",
    "ai.settings.context.conversationId",
    "ai.settings.context.threadId",
    "ai.settings.context.chatId",
    "ai.settings.context.sessionId",
    "ai.telemetry.metadata.conversationId",
    "ai.telemetry.metadata.threadId",
    "ai.telemetry.metadata.chatId",
    "ai.telemetry.metadata.sessionId",
    "eve.session.id",
    "ai.settings.context.eve.session.id",
    "gen_ai.conversation_id",
    "gen_ai.session.id",
    "gen_ai.thread.id",
    "gen_ai.other_input.session_id",
    "conversation_id",
    "session_id",
    "chat_id",
    "thread_id",
    "thread.id",
]);

const fn names<const N: usize>(keys: [&'static str; N]) -> [Name; N] {
    let mut names = [Name::new(""); N];
    let mut index = 0;
    while index < N {
        names[index] = Name::new(keys[index]);
        index += 1;
    }
    names
}

/// Returns the span's own session, which serves as the conversation id if nothing else provides one.
pub(crate) fn session(span: &SourceSpan) -> Option<Cow<'_, str>> {
    SESSION_KEYS.iter().find_map(|key| {
        let value = span.attributes.get_by_name(key)?;
        let is_session_value = may_be_number(key) || !matches!(value, Value::Integer(_));
        id(value).filter(|_| is_session_value)
    })
}

/// Returns whether an integer under one of the [`SESSION_KEYS`] may be a session. The threads of a process have numbers, too.
pub(crate) fn may_be_number(session: &Name) -> bool {
    !matches!(session.text, "thread.id" | "thread_id")
}

/// Recognises the id of something other than a conversation: `Debug` output of a thread's id, which people record as `thread_id`,
/// or the id of a response. Logfire replaces ids that contain a word such as `session`, all by the same text.
pub(crate) fn is_not_a_session(text: &str) -> bool {
    text.starts_with("ThreadId(") || text.starts_with("[Scrubbed due to ") || is_response_id(text)
}

/// Recognises the id of a response in OpenAI's Responses API and in APIs modelled on it.
///
/// The next request refers to it as the previous response. Agents that leave the history to the server record that as the
/// conversation, but it is different for every turn.
pub(crate) fn is_response_id(text: &str) -> bool {
    /// Names that people give a conversation are shorter.
    const MIN_LENGTH: usize = 16;
    /// Shorter ids of servers that imitate the API end in a number, as Ollama's (`resp_482913`). That of a name is a year at most.
    const MIN_DIGITS: usize = 5;

    let is_id_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_-=".contains(&byte);
    let id = text
        .strip_prefix("ca")
        .unwrap_or(text)
        .strip_prefix("resp_");
    let is_long = |id: &str| {
        let digits = id.bytes().rev().take_while(u8::is_ascii_digit).count();
        id.len() >= MIN_LENGTH || digits >= MIN_DIGITS
    };
    id.is_some_and(|id| is_long(id) && id.bytes().all(is_id_byte))
}
