//! The conditions under which the translation leaves a value unchanged.

use crate::{
    ContentLimits, Value,
    attributes::{Verdict, is_plain_and_not_binary, needs_no_escape},
    content,
    dialect::{NONE, is_response_id, is_unnamed_agent, unquoted},
    provider, status,
};

/// The condition that the value of one attribute must meet.
///
/// Types need no check, since all spans of one shape have the same types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// No condition: all values are treated alike.
    Any,
    /// A text that is not empty, not in quotation marks, and need not be cut.
    Text,
    /// Content. It is normalised later, so it only must not be empty.
    Content,
    /// The text for which the plan was made, with the verdict on it.
    Exactly(Box<str>, Verdict),
    /// A provider under its canonical name: the one for which the plan was made, or another common one.
    Provider(Box<str>, Verdict),
    /// An address that is not a URL.
    Address,
    /// An id that is not a placeholder.
    CallId,
    /// Like `Text`, but not the id of a response.
    Conversation,
    /// Like `Text`, but not a placeholder for a missing name.
    AgentName,
    /// The format of an output, under its canonical name.
    OutputType,
    /// The outcome of a tool call that did not fail.
    Outcome,
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
            (Self::Conversation, Value::Str(text)) if !is_response_id(text) => {
                text_verdict(text, limits)
            }
            (Self::AgentName, Value::Str(text)) if !is_unnamed_agent(text) => {
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
            (Self::Content, Value::Str(text)) => !text.is_empty(),
            (Self::Text, Value::Str(text)) => stays_unchanged(text, limits),
            (Self::Provider(..), Value::Str(text)) => provider::is_common(text),
            (Self::Address, Value::Str(text)) => {
                stays_unchanged(text, limits) && !text.contains("://")
            }
            (Self::CallId, Value::Str(text)) => {
                stays_unchanged(text, limits) && text != "<not specified>"
            }
            (Self::Outcome, Value::Str(text)) => {
                stays_unchanged(text, limits) && !status::is_failed_outcome(text)
            }
            (Self::OutputType, Value::Str(text)) => {
                stays_unchanged(text, limits) && !matches!(text, "json_schema" | "json_object")
            }
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

    let may_be_quoted = matches!(text.as_bytes().first(), None | Some(b'N' | b'S' | b'"'));
    let is_short = text.len() < SHORT && text.len() <= limits.text_bytes;
    if is_short && !may_be_quoted && is_plain_and_not_binary(text) {
        Verdict::PassesPlain
    } else if stays_unchanged(text, limits) {
        Verdict::Passes
    } else {
        Verdict::Fails
    }
}

/// Returns whether a text that is not content with a format of its own stays unchanged.
#[inline]
pub(super) fn stays_unchanged(text: &str, limits: &ContentLimits) -> bool {
    !text.is_empty()
        && text != NONE
        && unquoted(text).len() == text.len()
        && content::is_within_limits(text, limits)
}
