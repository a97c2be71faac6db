//! What a value must look like for the translation to leave it alone.

use crate::{
    ContentLimits, Value,
    attributes::{Verdict, is_unremarkable},
    content,
    dialect::unquoted,
    provider,
};

/// The condition one attribute's value must meet.
///
/// Types need none, since spans of one shape have the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// None: every number is as good as the next.
    Any,
    /// A text that is neither empty nor quoted, and needs no cutting.
    Text,
    /// Content, which is brought into shape later, and therefore only has to be there.
    Content,
    /// The text the plan was made for.
    Exactly(Box<str>),
    /// A provider under the conventions' name of it, such as the one the plan was made for.
    Provider(Box<str>),
    /// An address that is no URL.
    Address,
    /// An id that is no placeholder.
    CallId,
    /// The format of an output, under its canonical name.
    OutputType,
    /// A list of one reason, as JSON.
    FinishReason,
    /// A number of tokens.
    Count,
    /// A status of HTTP below the first that means failure.
    HttpStatus { first_failure: i64 },
}

impl Check {
    #[inline]
    pub(super) fn judge(&self, value: Value<'_>, limits: &ContentLimits) -> Verdict {
        match (self, value) {
            (Self::Text, Value::Str(text)) => judge_text(text, limits),
            _ if self.passes(value, limits) => Verdict::Passes,
            _ => Verdict::Fails,
        }
    }

    fn passes(&self, value: Value<'_>, limits: &ContentLimits) -> bool {
        match (self, value) {
            (Self::Any, _) => true,
            (Self::Content, Value::Str(text)) => !text.is_empty(),
            (Self::Exactly(expected), Value::Str(text)) => **expected == *text,
            (Self::Text, Value::Str(text)) => is_plain(text, limits),
            (Self::Provider(known), Value::Str(text)) => {
                **known == *text || provider::is_usual(text)
            }
            (Self::Address, Value::Str(text)) => is_plain(text, limits) && !text.contains("://"),
            (Self::CallId, Value::Str(text)) => is_plain(text, limits) && text != "<not specified>",
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

/// Does what [`is_plain`] does, and less work for most texts.
#[inline]
fn judge_text(text: &str, limits: &ContentLimits) -> Verdict {
    /// So short a text has no binary content if nothing in it is remarkable.
    const SHORT: usize = 64;

    let may_be_wrapped = matches!(text.as_bytes().first(), None | Some(b'S' | b'"'));
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
    !text.is_empty() && unquoted(text).len() == text.len() && content::stays(text, limits)
}
