//! What the translation of spans of one shape has in common.
//!
//! Nearly all that the translation decides depends on which attributes a span has, not on what they say. A [`Plan`] holds these
//! decisions, made once for a span that has been translated step by step, and says of every attribute what it must look like for
//! them to hold. The step by step translation stays what defines the result: a plan only ever leaves out steps that would do
//! nothing.

mod check;
mod draft;
#[cfg(test)]
mod tests;
mod work;

use std::borrow::Cow;

use check::Check;
use work::Work;

use crate::{
    Attributes, SentrySpan, SourceSpan, SourceStatus, SpanKind, Status, TranslateOptions,
    attributes::{KeyEdit, Shape, Verdict},
    content,
    dialect::{self, Telling},
    events,
    privacy::{self, Doubt},
    translate,
};

/// How to translate a span that has the same attributes as one before.
#[derive(Debug)]
pub(crate) struct Plan {
    scope: Cow<'static, str>,
    /// The kind that spans come with, and the one their attributes give them.
    source_kind: Option<SpanKind>,
    kind: Option<SpanKind>,
    shape: Shape,
    /// One for each attribute.
    checks: Vec<Check>,
    edits: Vec<(usize, KeyEdit)>,
    /// Whether all keys that come out can stand in JSON as they are.
    has_plain_keys: bool,
    /// Where `otel.name` is.
    otel_name: Option<usize>,
    /// Attributes that may not leave, and those that may if they do not look like content.
    withheld: Vec<usize>,
    doubtful: Vec<(usize, Doubt)>,
    /// Attributes that may have keys or passwords in them.
    addresses: Vec<usize>,
    /// Where a message is that may say more than its template.
    formatted: Option<usize>,
    /// A name that has been found to say nothing.
    name: Cow<'static, str>,
    /// Where a span may say that it has come to something else.
    telling: Option<(usize, Telling)>,
    work: Work,
}

impl Plan {
    /// Returns whether this is how `span` would be translated. It may learn something about its texts, whatever the answer.
    pub(crate) fn fits(&self, span: &mut SourceSpan, options: &TranslateOptions) -> bool {
        span.kind == self.source_kind
            && !matches!(span.status, SourceStatus::Error(_))
            && !events::matter(&span.events)
            && is_same(&span.scope, &self.scope)
            && span.attributes.has_shape(&self.shape)
            && self.work.fits_inherited(span, options)
            && self.is_ordinary_name(self.name_of(span))
            && !self.is_told_otherwise(&span.attributes)
            && (span.attributes).judge(|index, value| match self.checks.get(index) {
                Some(check) => check.judge(value, &options.limits),
                None => Verdict::Fails,
            })
    }

    /// Translates a span that this plan [fits](Self::fits), and leaves an empty one in its place.
    pub(crate) fn translate(
        &self,
        span: &mut SourceSpan,
        options: &TranslateOptions,
    ) -> SentrySpan {
        if let Some(index) = self.otel_name {
            span.name = self.name_of(span).to_owned().into();
            span.attributes.remove_at(index);
        }
        span.kind = self.kind;
        for (index, edit) in &self.edits {
            match edit {
                KeyEdit::Remove => span.attributes.remove_at(*index),
                KeyEdit::Rename(key) => span.attributes.rename_at(*index, key),
            }
        }
        if self.has_plain_keys {
            span.attributes.mark_keys_plain();
        }
        // By its name, which is taken from it below.
        if let Some(index) = self.formatted
            && privacy::formats_arguments(span)
        {
            span.attributes.remove_at(index);
        }
        let naming = self.work.settle(span);
        self.withhold(span);
        self.work.shape_content(span, options);
        content::fit(&mut span.attributes, &options.limits);
        translate::finish(span, naming, Status::Ok)
    }

    fn name_of<'a>(&self, span: &'a SourceSpan) -> &'a str {
        let given = self
            .otel_name
            .and_then(|index| span.attributes.text_at(index));
        given.unwrap_or(&span.name)
    }

    /// Returns whether a span is what its attributes say, whatever its name.
    fn is_ordinary_name(&self, name: &str) -> bool {
        is_same(name, &self.name) || !dialect::is_told_by_name(name) && self.work.fits_name(name)
    }

    fn is_told_otherwise(&self, attributes: &Attributes) -> bool {
        self.telling.is_some_and(|(index, telling)| {
            let text = attributes.text_at(index);
            text.is_some_and(telling.tells)
        })
    }

    fn withhold(&self, span: &mut SourceSpan) {
        let attributes = &mut span.attributes;
        for &index in &self.withheld {
            attributes.remove_at(index);
        }
        for &(index, doubt) in &self.doubtful {
            let is_content =
                (attributes.slot(index)).is_some_and(|(key, value)| doubt.is_content(key, value));
            if is_content {
                attributes.remove_at(index);
            }
        }
        for &index in &self.addresses {
            privacy::redact(attributes, index);
        }
    }
}

/// Compares two texts that are mostly the same literal.
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && (std::ptr::eq(one.as_ptr(), other.as_ptr()) || one == other)
}
