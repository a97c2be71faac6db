//! What makes an attribute that no convention defines count as content.

use super::{
    api_keys::has_api_key,
    credentials::{has_url_credentials, has_userinfo, redact_urls},
    names::{is_argument, is_within_content, last_word, names_content, names_thoughts},
    texts::{is_prose_or_json, is_token, is_transcript},
};
use crate::{Scalar, Value};

/// How to judge an attribute that no convention defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentHeuristic {
    /// Anything except a number or a short token under a namespaced key is content.
    Anything,
    /// A list is content, or a text that is not a short token.
    FreeText,
    /// JSON is content, or a key. The attribute is in the namespace of a convention, which may define it.
    Structure,
    /// A text is content if its key names content, if it is a key or has credentials in a URL, or if it is a transcript; without a
    /// namespace, if it is prose or JSON.
    Argument,
    /// A text or a list must not leave. Its key names a secret, which is no content, but never meant to leave.
    Secret,
    /// A text or a list must not leave if it shows a key, which is never meant to leave either.
    ApiKey,
}

/// What the key of an attribute and the type of its value say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    Content,
    NoContent,
    /// It depends on the text, or on the texts in the list.
    DependsOn(TextHeuristic),
}

/// What makes a text content if its key leaves that open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextHeuristic {
    /// Nothing but being a text.
    Any,
    /// Not being a short token.
    FreeText,
    /// Being JSON or a key.
    Structure,
    /// Being prose, JSON, a key or a transcript, or having credentials in a URL.
    Prose,
    /// The same, but for prose and JSON.
    Transcript,
    /// Including a key, or credentials in a URL.
    ApiKey,
}

/// Namespaces of conventions in which programs and agents also write what their users said, and what their tools ran.
static PEOPLE_AND_PROGRAMS: &[&str] = &["client.", "code.", "process.", "service.", "user."];

/// Last words of the names of conventions in these, such as `code.file.path`. Their values may include spaces.
static NAMES_AND_PATHS: &[&str] = &["filepath", "function", "name", "namespace", "path"];

impl ContentHeuristic {
    /// Returns how to judge an attribute of GenAI work in the namespace of a convention, under a name that Sentry does not know.
    pub(super) fn in_convention(key: &str) -> Self {
        let is_name = NAMES_AND_PATHS.contains(&last_word(key));
        let mut of_people = PEOPLE_AND_PROGRAMS.iter();
        match !is_name && of_people.any(|prefix| key.starts_with(prefix)) {
            true => Self::FreeText,
            false => Self::Structure,
        }
    }

    /// Returns whether an attribute looks like content.
    pub(super) fn is_content(self, key: &str, value: Value<'_>) -> bool {
        match self.judge(key, value) {
            Judgement::Content => true,
            Judgement::NoContent => false,
            Judgement::DependsOn(heuristic) => heuristic.is_content(value),
        }
    }

    /// Judges an attribute by its key and the type of its value.
    pub(crate) fn judge(self, key: &str, value: Value<'_>) -> Judgement {
        use Judgement::{Content, DependsOn, NoContent};
        use Value::{Array, Str};

        match (self, value) {
            (Self::Anything, _) if !key.contains('.') => Content,
            (Self::Anything | Self::FreeText, Str(_)) => {
                if names_content(key) || is_within_content(key) {
                    Content
                } else {
                    DependsOn(TextHeuristic::FreeText)
                }
            }
            (Self::Anything | Self::FreeText, Array(_)) => Content,
            (Self::Anything, _) if names_content(key) || is_argument(key) => Content,
            (Self::Structure, Str(_)) => DependsOn(TextHeuristic::Structure),
            (Self::Argument, Str(_) | Array(_)) => DependsOn(if names_content(key) {
                TextHeuristic::Any
            } else if !key.contains('.') || is_argument(key) || names_thoughts(key) {
                TextHeuristic::Prose
            } else {
                TextHeuristic::Transcript
            }),
            (Self::Secret, Str(_) | Array(_)) => Content,
            (Self::ApiKey, Str(_) | Array(_)) => DependsOn(TextHeuristic::ApiKey),
            _ => NoContent,
        }
    }
}

impl TextHeuristic {
    /// Returns whether a text looks like content, or a text in a list does.
    pub(crate) fn is_content(self, value: Value<'_>) -> bool {
        match value {
            Value::Str(text) => self.fits(text),
            Value::Array(items) => items
                .iter()
                .any(|item| matches!(item, Scalar::Str(text) if self.fits(text))),
            _ => false,
        }
    }

    fn fits(self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::FreeText => !is_token(text) || has_userinfo(text) || has_api_key(text),
            Self::Structure => text.starts_with(['{', '[']) || has_api_key(text),
            Self::Prose => is_prose_or_json(text, 3) || Self::Transcript.fits(text),
            Self::Transcript => {
                has_url_credentials(text) || has_api_key(text) || is_transcript(text)
            }
            Self::ApiKey => has_api_key(text) || redact_urls(text).is_some(),
        }
    }
}
