//! BeeAI: events are spans of the same kind as whatever emits them, and the counts of the cache are in the metadata.

use serde_json::Value;

use super::{INPUT_VALUE, KIND, OUTPUT_VALUE};
use crate::{
    SourceSpan,
    dialect::{OperationKind, json},
    tokens,
};

fn is_of_beeai(span: &SourceSpan) -> bool {
    [".beeai", "-beeai"]
        .iter()
        .any(|end| span.scope.ends_with(end))
}

/// Returns whether a span is an event, such as another token of a stream. Its kind is that of the operation in which it occurs.
///
/// In JavaScript most calls exist only as events. The event that reports the outcome of a call has the answer and the counts, and
/// is therefore taken as the call.
pub(super) fn is_event(span: &SourceSpan) -> bool {
    let attributes = &span.attributes;
    let reports_outcome = || {
        attributes.text(KIND) != Some("AGENT")
            && matches!(attributes.text("name"), Some("success" | "error"))
    };
    let is_event_of_javascript =
        || (attributes.text("target")).is_some_and(|event| span.name.starts_with(event));
    is_of_beeai(span)
        && (attributes.contains("metadata.path") || is_event_of_javascript() && !reports_outcome())
}

/// Returns whether the output explains the error with which the span ended: `ToolError(beeai_framework.tools.errors): ...`.
fn output_explains_error(span: &SourceSpan) -> bool {
    let mut errors = (span.events.iter())
        .filter_map(|event| event.attributes.text("exception.type"))
        .filter_map(|error| error.rsplit_once('.'));
    let output = span.attributes.text(OUTPUT_VALUE).unwrap_or_default();
    errors.any(|(module, class)| {
        let rest = output
            .strip_prefix(class)
            .and_then(|rest| rest.strip_prefix('('));
        let rest = rest.and_then(|rest| rest.strip_prefix(module));
        rest.is_some_and(|rest| rest.starts_with("): "))
    })
}

/// Records the counts of the cache, and extracts a tool's arguments from the parameters of its method. Removes an error in place
/// of an answer.
pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if !is_of_beeai(span) {
        return;
    }
    if output_explains_error(span) {
        span.attributes.remove(OUTPUT_VALUE);
    }
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Call => {
            for (key, name) in [
                ("metadata.usage.cached_prompt_tokens", tokens::CACHE_READ),
                (
                    "metadata.usage.cached_creation_tokens",
                    tokens::CACHE_CREATION,
                ),
            ] {
                if let Some(count) = attributes
                    .text(key)
                    .and_then(|text| text.parse::<i64>().ok())
                {
                    attributes.supply(name, count);
                }
            }
            attributes.remove_prefix("metadata.usage.");
        }
        OperationKind::Tool => {
            // For example `tool.dynamic.weather.success`. The span's name also includes a number.
            if let Some(event) = attributes.text("target")
                && let Some(tool) = event.rsplit('.').nth(1)
            {
                let tool = tool.to_owned();
                attributes.set("gen_ai.tool.name", tool);
            }
            if let Some(mut input) = json::object(attributes, INPUT_VALUE)
                && input.contains_key("options")
                && let Some(arguments @ Value::Object(_)) = input.remove("input")
            {
                json::set(attributes, INPUT_VALUE, arguments);
            }
        }
        _ => {}
    }
}
