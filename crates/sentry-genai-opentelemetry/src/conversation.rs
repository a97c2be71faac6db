//! The conversation as part of an OpenTelemetry context.

use std::sync::Arc;

/// The value under which a context holds the conversation that the program has put there.
#[derive(Clone, Debug)]
pub(crate) struct ConversationInContext(pub(crate) Arc<str>);

/// The value under which a context holds the conversation that came in with a request.
#[derive(Clone, Debug)]
pub(crate) struct IncomingConversation(pub(crate) Arc<str>);
