//! What litellm has sent to a provider and received, which is a span below its call.

use super::{SpanTree, WorkKind};
use crate::{
    ContentLimits, SentrySpan, content,
    dialect::{DEFINITIONS, INPUT, INSTRUCTIONS, OUTPUT, RAW_REQUEST},
    messages::{Messages, Part, Side},
};

/// What such a span may record and its call may lack. The call has the instructions.
const CONTENT: &[&str] = &[INPUT, OUTPUT, INSTRUCTIONS, DEFINITIONS];

/// Returns whether a plain span records what its call may lack.
pub(super) fn has_content(span: &SentrySpan) -> bool {
    span.name == RAW_REQUEST && span.ai.is_none() && span.attributes.contains_any(CONTENT)
}

/// Moves messages from below a call to the call if that has none, or fewer parts other than texts, and definitions of tools if it
/// has none.
pub(super) fn complete_calls(spans: &mut [SentrySpan], tree: &SpanTree, limits: &ContentLimits) {
    for (request, call) in tree.parents.iter().enumerate() {
        if !has_content(&spans[request]) {
            continue;
        }
        if let Some(call) = *call
            && WorkKind::of(&spans[call]) == Some(WorkKind::Chat)
            && let Ok([request, call]) = spans.get_disjoint_mut([request, call])
            && request.origin == call.origin
        {
            complete(call, request, limits);
        }
        for key in CONTENT {
            spans[request].attributes.remove(key);
        }
    }
}

fn complete(call: &mut SentrySpan, request: &SentrySpan, limits: &ContentLimits) {
    for (key, side) in [(INPUT, Side::Input), (OUTPUT, Side::Output)] {
        let messages = |span: &SentrySpan| Some(Messages::parse(span.attributes.text(key)?, side));
        let Some(sent) = messages(request) else {
            continue;
        };
        let says_less = messages(call)
            .is_none_or(|own| own.is_empty() || count_parts(&own) < count_parts(&sent));
        if says_less {
            call.attributes.set(key, sent.into_json(limits).json);
        }
    }
    if let Some(definitions) = request.attributes.text(DEFINITIONS)
        && !call.attributes.contains(DEFINITIONS)
    {
        call.attributes.push(DEFINITIONS, definitions);
    }
    content::enforce_span_limit(&mut call.attributes, limits);
}

/// Returns the number of parts that are neither texts nor tool calls without an id.
fn count_parts(messages: &Messages) -> usize {
    let parts = messages.messages.iter().flat_map(|message| &message.parts);
    parts
        .filter(|part| !matches!(part, Part::Text(_) | Part::ToolCall { id: None, .. }))
        .count()
}
