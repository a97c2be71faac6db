//! What a value must look like for the translation to leave it alone.

use crate::{
    ContentLimits, Value,
    attributes::{Verdict, is_unremarkable, needs_no_escape},
    content,
    dialect::{NONE, is_response, is_unnamed_agent, unquoted},
    provider, status,
};

/// The condition one attribute's value must meet.
///
/// Types need none, since spans of one shape have the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// None: every number is as good as the next.
    Any,
    /// A text that says something, is not quoted, and needs no cutting.
    Text,
    /// Content, which is brought into shape later, and therefore only has to be there.
    Content,
    /// The text the plan was made for, and what is to be made of it.
    Exactly(Box<str>, Verdict),
    /// A provider under the conventions' name of it, such as the one the plan was made for.
    Provider(Box<str>, Verdict),
    /// An address that is no URL.
    Address,
    /// An id that is no placeholder.
    CallId,
    /// A text as others, and no response's id.
    Conversation,
    /// A text as others, and not what stands for no name.
    AgentName,
    /// The format of an output, under its canonical name.
    OutputType,
    /// What a tool call has come to, other than that it failed.
    Outcome,
    /// A list of one reason, as JSON.
    FinishReason,
    /// A number of tokens.
    Count,
    /// A status of HTTP below the first that means failure.
    HttpStatus { first_failure: i64 },
}

impl Check {
    /// Creates a check for one text.
    pub(super) fn exactly(text: &str) -> Self {
        Self::Exactly(text.into(), verdict_of(text))
    }

    /// Creates a check for the provider that `text` is the canonical name of, or another one.
    pub(super) fn provider(text: &str) -> Self {
        Self::Provider(text.into(), verdict_of(text))
    }

    #[inline]
    pub(super) fn judge(&self, value: Value<'_>, limits: &ContentLimits) -> Verdict {
        match (self, value) {
            (Self::Text, Value::Str(text)) => judge_text(text, limits),
            (Self::Conversation, Value::Str(text)) if !is_response(text) => {
                judge_text(text, limits)
            }
            (Self::AgentName, Value::Str(text)) if !is_unnamed_agent(text) => {
                judge_text(text, limits)
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
            (Self::Text, Value::Str(text)) => is_plain(text, limits),
            (Self::Provider(..), Value::Str(text)) => provider::is_usual(text),
            (Self::Address, Value::Str(text)) => is_plain(text, limits) && !text.contains("://"),
            (Self::CallId, Value::Str(text)) => is_plain(text, limits) && text != "<not specified>",
            (Self::Outcome, Value::Str(text)) => {
                is_plain(text, limits) && !status::is_failed_outcome(text)
            }
            (Self::OutputType, Value::Str(text)) => {
                is_plain(text, limits) && !matches!(text, "json_schema" | "json_object")
            }
            (Self::FinishReason, Value::Str(text)) => {
                content::is_one_reason(text) && is_plain(text, limits)
            }
            (Self::Count, Value::Integer(count)) => count >= 0,
            (Self::HttpStatus { first_failure }, Value::Integer(status)) => status < *first_failure,
            _ => false,
        }
    }
}

fn verdict_of(text: &str) -> Verdict {
    if needs_no_escape(text) {
        Verdict::PassesPlain
    } else {
        Verdict::Passes
    }
}

/// Does what [`is_plain`] does, and less work for most texts.
#[inline]
fn judge_text(text: &str, limits: &ContentLimits) -> Verdict {
    /// So short a text has no binary content if nothing in it is remarkable.
    const SHORT: usize = 64;

    let may_be_wrapped = matches!(text.as_bytes().first(), None | Some(b'N' | b'S' | b'"'));
    let is_short = text.len() < SHORT && text.len() <= limits.text_bytes;
    if is_short && !may_be_wrapped && is_unremarkable(text) {
        Verdict::PassesPlain
    } else if is_plain(text, limits) {
        Verdict::Passes
    } else {
        Verdict::Fails
    }
}

/// Returns whether a text that is not content of its own shape stays what it is.
#[inline]
pub(super) fn is_plain(text: &str, limits: &ContentLimits) -> bool {
    !text.is_empty()
        && text != NONE
        && unquoted(text).len() == text.len()
        && content::stays(text, limits)
}
