//! The conditions under which the translation leaves a value unchanged.

use crate::{
    ContentLimits, Value,
    attributes::{Verdict, is_plain_and_not_binary, needs_no_escape},
    content,
    dialect::{NONE, unquoted},
    provider,
};

/// The condition that the value of one attribute must meet.
///
/// Types need no check, since all spans of one shape have the same types.
#[derive(Debug)]
pub(super) enum Check {
    /// No condition: all values are treated alike.
    Any,
    /// A text that is not empty, not in quotation marks, and need not be cut.
    Text,
    /// Like `Text`, but not one for which this holds.
    TextExcept(fn(&str) -> bool),
    /// Content. It is normalised later, so it only must not be empty, or an `Option` that is `None`.
    Content,
    /// The text for which the plan was made, with the verdict on it.
    Exactly(Box<str>, Verdict),
    /// A provider under its canonical name: the one for which the plan was made, or another common one.
    Provider(Box<str>, Verdict),
    /// A JSON list with one finish reason.
    FinishReason,
    /// A number of tokens.
    Count,
    /// A status of HTTP or gRPC below the first one that may mean failure.
    ResponseStatus { first_failure: i64 },
}

impl Check {
    /// Creates a check for exactly one text.
    pub(super) fn exactly(text: &str) -> Self {
        Self::Exactly(text.into(), passing_verdict(text))
    }

    /// Creates a check for the provider with the canonical name `text`, or another common one.
    pub(super) fn provider(text: &str) -> Self {
        Self::Provider(text.into(), passing_verdict(text))
    }

    #[inline]
    pub(super) fn verdict(&self, value: Value<'_>, limits: &ContentLimits) -> Verdict {
        match (self, value) {
            (Self::Text, Value::Str(text)) => text_verdict(text, limits),
            (Self::TextExcept(is_exception), Value::Str(text)) if !is_exception(text) => {
                text_verdict(text, limits)
            }
            (Self::Exactly(known, verdict) | Self::Provider(known, verdict), Value::Str(text))
                if **known == *text =>
            {
                *verdict
            }
            _ if self.passes(value, limits) => Verdict::Passes,
            _ => Verdict::Fails,
        }
    }

    fn passes(&self, value: Value<'_>, limits: &ContentLimits) -> bool {
        match (self, value) {
            (Self::Any, _) => true,
            (Self::Content, Value::Str(text)) => !text.is_empty() && text != NONE,
            (Self::Provider(..), Value::Str(text)) => provider::is_common(text),
            (Self::FinishReason, Value::Str(text)) => {
                content::is_single_reason(text) && stays_unchanged(text, limits)
            }
            (Self::Count, Value::Integer(count)) => count >= 0,
            (Self::ResponseStatus { first_failure }, Value::Integer(status)) => {
                status < *first_failure
            }
            _ => false,
        }
    }
}

fn passing_verdict(text: &str) -> Verdict {
    if needs_no_escape(text) {
        Verdict::PassesPlain
    } else {
        Verdict::Passes
    }
}

/// Does what [`stays_unchanged`] does, but with less work for most texts.
#[inline]
fn text_verdict(text: &str, limits: &ContentLimits) -> Verdict {
    /// Such a short text cannot be binary content if it contains no remarkable byte.
    const SHORT: usize = 64;

    let is_short = text.len() < SHORT && text.len() <= limits.text_bytes;
    if !is_unquoted(text) {
        Verdict::Fails
    } else if is_short && is_plain_and_not_binary(text) {
        Verdict::PassesPlain
    } else if content::is_within_limits(text, limits) {
        Verdict::Passes
    } else {
        Verdict::Fails
    }
}

/// Returns whether a text that is not content with a format of its own stays unchanged.
#[inline]
pub(super) fn stays_unchanged(text: &str, limits: &ContentLimits) -> bool {
    is_unquoted(text) && content::is_within_limits(text, limits)
}

/// Returns whether a text is neither empty, nor in quotation marks or an `Option`.
#[inline]
fn is_unquoted(text: &str) -> bool {
    match text.as_bytes().first() {
        None => false,
        Some(b'N') => text != NONE,
        Some(b'S' | b'"') => unquoted(text).len() == text.len(),
        Some(_) => true,
    }
}
