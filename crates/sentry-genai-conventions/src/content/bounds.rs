//! Limits for the length of texts, individually and in total.

use std::borrow::Cow;

use super::{ContentLimits, known, shape};
use crate::{Attributes, Value, messages};

/// Cuts all texts without a shape of their own to the limit for one text, and removes binary data from them.
pub(crate) fn bound(attributes: &mut Attributes, limits: &ContentLimits) {
    let changed: Vec<_> = attributes
        .iter()
        .filter_map(|(key, value)| match value {
            Value::Str(text) => bounded(key, text, limits).map(|bounded| (key.to_owned(), bounded)),
            _ => None,
        })
        .collect();
    for (key, text) in changed {
        attributes.remove(&key);
        attributes.push_owned_key(&key, text);
    }
}

/// The limit for all texts of a span together. In a span over one megabyte, Sentry's servers cut the longest attribute in the
/// middle of its JSON, or delete it.
const SPAN_BYTES: usize = 900_000;

/// Shortens texts that are within their limits but too long together.
#[inline]
pub(crate) fn fit(attributes: &mut Attributes, limits: &ContentLimits) {
    // Whoever raises the limit of one attribute beyond this has a server that accepts it.
    let room = SPAN_BYTES.max(limits.attribute_bytes);
    if attributes.text_bytes() > room {
        shorten(attributes, limits, room);
    }
}

#[cold]
fn shorten(attributes: &mut Attributes, limits: &ContentLimits, room: usize) {
    /// These describe the original content, so they must not change.
    const SAID: [&str; 2] = [
        "gen_ai.request.messages.original_length",
        "gen_ai.tool.call.result.size",
    ];

    let length = |attributes: &Attributes| -> usize {
        let texts = attributes.iter().map(|(key, value)| match value {
            Value::Str(text) => key.len() + text.len(),
            _ => key.len(),
        });
        texts.sum()
    };
    let mut said = SAID.map(|key| attributes.integer(key));
    let mut limits = *limits;
    while length(attributes) > room && limits.attribute_bytes > 1024 {
        limits.attribute_bytes = limits.attribute_bytes / 4 * 3;
        limits.text_bytes = limits.text_bytes.min(limits.attribute_bytes);
        shape(attributes, &limits);
        bound(attributes, &limits);
        // Otherwise each round would report what the previous one left.
        for (key, number) in SAID.into_iter().zip(&mut said) {
            *number = number.or_else(|| attributes.integer(key));
        }
    }
    for (key, number) in SAID.into_iter().zip(said) {
        if let Some(number) = number {
            attributes.set(key, number);
        }
    }
}

/// Returns whether [`bound`] leaves a text unchanged.
#[inline]
pub(crate) fn stays(text: &str, limits: &ContentLimits) -> bool {
    text.len() <= limits.text_bytes
        && (messages::is_harmless(text) || matches!(messages::redact_blobs(text), Cow::Borrowed(_)))
}

/// Returns the replacement for a text without a shape of its own; `None` if the text may stay.
fn bounded(key: &str, text: &str, limits: &ContentLimits) -> Option<String> {
    if messages::is_harmless(text) && text.len() <= limits.text_bytes || known(key).is_some() {
        return None;
    }
    let mut bounded = messages::redact_blobs(text);
    if bounded.len() > limits.text_bytes {
        messages::cut(bounded.to_mut(), limits.text_bytes);
    }
    match bounded {
        Cow::Owned(bounded) => Some(bounded),
        Cow::Borrowed(_) => None,
    }
}

#[cfg(test)]
mod tests;
