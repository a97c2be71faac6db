//! Limits for the length of texts, individually and in total.

use std::borrow::Cow;

use super::{ContentLimits, normalise, structured};
use crate::{Attributes, Value, messages};

/// Cuts all texts without a format of their own to the limit for one text, and removes binary data from them.
pub(crate) fn truncate_texts(attributes: &mut Attributes, limits: &ContentLimits) {
    for index in 0..attributes.records() {
        let truncated = match attributes.slot(index) {
            Some((key, Value::Str(text))) => truncated(key, text, limits),
            _ => None,
        };
        if let Some(text) = truncated {
            attributes.set_text_at(index, &text);
        }
    }
}

/// The limit for all texts of a span together. In a span over one megabyte, Sentry's servers cut the longest attribute in the
/// middle of its JSON, or delete it.
const SPAN_BYTES: usize = 900_000;

/// Shortens texts that are within their limits but too long together.
#[inline]
pub(crate) fn enforce_span_limit(attributes: &mut Attributes, limits: &ContentLimits) {
    // Whoever raises the limit of one attribute beyond this has a server that accepts it.
    let max_bytes = SPAN_BYTES.max(limits.attribute_bytes);
    if attributes.text_bytes() > max_bytes {
        shorten_content(attributes, limits, max_bytes);
    }
}

/// Shortens the texts of a translated span, all of them within their `limits`, to about `max_bytes` together. Messages lose the
/// oldest first, and keep their format.
#[cold]
pub fn shorten_content(attributes: &mut Attributes, limits: &ContentLimits, max_bytes: usize) {
    /// These describe the original content, so they must not change.
    const ORIGINAL_SIZES: [&str; 2] = [
        "gen_ai.request.messages.original_length",
        "gen_ai.tool.call.result.size",
    ];

    let total_length = |attributes: &Attributes| -> usize {
        let texts = attributes.iter().map(|(key, value)| match value {
            Value::Str(text) => key.len() + text.len(),
            _ => key.len(),
        });
        texts.sum()
    };
    let mut sizes = ORIGINAL_SIZES.map(|key| attributes.integer(key));
    let mut limits = *limits;
    while total_length(attributes) > max_bytes && limits.attribute_bytes > 1024 {
        limits.attribute_bytes = limits.attribute_bytes / 4 * 3;
        limits.text_bytes = limits.text_bytes.min(limits.attribute_bytes);
        normalise(attributes, &limits);
        truncate_texts(attributes, &limits);
        // Otherwise each round would report what the previous one left.
        for (key, number) in ORIGINAL_SIZES.into_iter().zip(&mut sizes) {
            *number = number.or_else(|| attributes.integer(key));
        }
    }
    for (key, number) in ORIGINAL_SIZES.into_iter().zip(sizes) {
        if let Some(number) = number {
            attributes.set(key, number);
        }
    }
}

/// Returns whether [`truncate_texts`] leaves a text unchanged.
#[inline]
pub(crate) fn is_within_limits(text: &str, limits: &ContentLimits) -> bool {
    text.len() <= limits.text_bytes
        && (messages::is_too_short_for_blob(text)
            || matches!(messages::redact_blobs(text), Cow::Borrowed(_)))
}

/// Returns the replacement for a text without a format of its own; `None` if the text may stay.
fn truncated(key: &str, text: &str, limits: &ContentLimits) -> Option<String> {
    if messages::is_too_short_for_blob(text) && text.len() <= limits.text_bytes
        || structured(key).is_some()
    {
        return None;
    }
    let mut truncated = messages::redact_blobs(text);
    if truncated.len() > limits.text_bytes {
        messages::cut(truncated.to_mut(), limits.text_bytes);
    }
    match truncated {
        Cow::Owned(truncated) => Some(truncated),
        Cow::Borrowed(_) => None,
    }
}

#[cfg(test)]
mod tests;
