//! Conversations as values in an OpenTelemetry context.

use std::sync::Arc;

/// The conversation that the program has put into the context.
#[derive(Clone, Debug)]
pub(crate) struct ConversationInContext(pub(crate) Arc<str>);

/// The conversation that came in with a request.
#[derive(Clone, Debug)]
pub(crate) struct IncomingConversation(pub(crate) Arc<str>);
