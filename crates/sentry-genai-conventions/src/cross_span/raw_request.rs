//! What litellm has sent to a provider and received, which is a span below its call.

use super::{MESSAGES, SpanTree, WorkKind};
use crate::{
    ContentLimits, SentrySpan, content,
    dialect::{INPUT, OUTPUT, RAW_REQUEST},
    messages::{Messages, Part, Role, Side},
};

/// Returns whether a plain span records messages that its call may lack.
pub(super) fn has_messages(span: &SentrySpan) -> bool {
    span.name == RAW_REQUEST && span.ai.is_none() && span.attributes.contains_any(MESSAGES)
}

/// Moves messages from below a call to the call, if that has none, or if more of the tool calls in them have ids.
pub(super) fn complete_calls(spans: &mut [SentrySpan], tree: &SpanTree, limits: &ContentLimits) {
    for (request, call) in tree.parents.iter().enumerate() {
        if !has_messages(&spans[request]) {
            continue;
        }
        if let Some(call) = *call
            && WorkKind::of(&spans[call]) == Some(WorkKind::Chat)
            && let Ok([request, call]) = spans.get_disjoint_mut([request, call])
            && request.origin == call.origin
        {
            complete(call, request, limits);
        }
        for key in MESSAGES {
            spans[request].attributes.remove(key);
        }
    }
}

fn complete(call: &mut SentrySpan, request: &SentrySpan, limits: &ContentLimits) {
    for (key, side) in [(INPUT, Side::Input), (OUTPUT, Side::Output)] {
        let messages = |span: &SentrySpan| Some(Messages::parse(span.attributes.text(key)?, side));
        let Some(mut sent) = messages(request) else {
            continue;
        };
        let says_less = messages(call)
            .is_none_or(|own| own.is_empty() || identified_calls(&own) < identified_calls(&sent));
        if says_less {
            // The call has them as its instructions.
            sent.messages.retain(|message| message.role != Role::System);
            call.attributes.set(key, sent.into_json(limits).json);
        }
    }
    content::enforce_span_limit(&mut call.attributes, limits);
}

/// Returns the number of tool calls that have an id.
fn identified_calls(messages: &Messages) -> usize {
    let parts = messages.messages.iter().flat_map(|message| &message.parts);
    parts
        .filter(|part| matches!(part, Part::ToolCall { id: Some(_), .. }))
        .count()
}
