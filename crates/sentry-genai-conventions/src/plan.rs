//! Plans: what the translation of all spans of one shape has in common.
//!
//! Nearly all decisions of the translation depend on which attributes a span has, not on their values. A [`Plan`] holds
//! these decisions. It is made once, for a span that has also been translated step by step, and contains the conditions
//! that every value must meet for the decisions to hold. The step-by-step translation remains what defines the result:
//! a plan only leaves out steps that would do nothing.

mod check;
mod draft;
#[cfg(test)]
mod tests;
mod translator;
mod work;

use std::borrow::Cow;

use check::Check;
use work::Work;

pub use translator::PlanningTranslator;

use crate::{
    Attributes, SentrySpan, SourceSpan, SpanKind, Status, TranslateOptions,
    attributes::{KeyEdit, Shape, Verdict},
    content,
    dialect::{self, FailureAttribute},
    events,
    privacy::{self, TextHeuristic},
    translate,
};

/// How to translate spans with the same attributes as a previous one.
#[derive(Debug)]
pub(crate) struct Plan {
    scope: Cow<'static, str>,
    /// The kind that the door set, and the kind that results from the attributes.
    source_kind: Option<SpanKind>,
    kind: Option<SpanKind>,
    shape: Shape,
    /// One check for each attribute.
    checks: Vec<Check>,
    edits: Vec<(usize, KeyEdit)>,
    /// Whether all resulting keys can be written to JSON without escaping.
    has_plain_keys: bool,
    /// The position of `otel.name`.
    otel_name: Option<usize>,
    /// Attributes that may not be sent, and attributes that may only be sent if they do not look like content.
    withheld: Vec<usize>,
    conditional: Vec<(usize, TextHeuristic)>,
    /// Attributes that may contain keys or passwords.
    addresses: Vec<usize>,
    /// Whether those keep their queries.
    keeps_queries: bool,
    /// The position of a message that may say more than its template.
    formatted_message: Option<usize>,
    /// A name that is known not to affect the result.
    name: Cow<'static, str>,
    /// The position of an attribute whose text may say that the span ended otherwise, such as in an error.
    failure_attribute: Option<(usize, FailureAttribute)>,
    work: Work,
}

impl Plan {
    /// Returns whether this plan applies to `span`. Also records which of its texts need no escaping, whatever the
    /// result is.
    pub(crate) fn fits(&self, span: &mut SourceSpan, options: &TranslateOptions) -> bool {
        span.kind == self.source_kind
            && !span.status.is_error()
            && !events::are_relevant(&span.events)
            && is_same(&span.scope, &self.scope)
            && span.attributes.has_shape(&self.shape)
            && self.work.fits_inherited(span, options)
            && self.is_irrelevant_name(self.name_of(span))
            && !self.reports_other_outcome(&span.attributes)
            && (span.attributes).check_values(|index, value| match self.checks.get(index) {
                Some(check) => check.verdict(value, &options.limits),
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
        // This needs the span's name, which is taken below.
        if let Some(index) = self.formatted_message
            && privacy::formats_arguments(span)
        {
            span.attributes.remove_at(index);
        }
        let naming = self.work.apply(span);
        self.withhold(span);
        self.work.normalise_content(span, options);
        content::enforce_span_limit(&mut span.attributes, &options.limits);
        translate::finish(span, naming, Status::Ok)
    }

    fn name_of<'a>(&self, span: &'a SourceSpan) -> &'a str {
        let otel_name = self
            .otel_name
            .and_then(|index| span.attributes.text_at(index));
        otel_name.unwrap_or(&span.name)
    }

    /// Returns whether the span's name does not affect the operation, so that only the attributes count.
    fn is_irrelevant_name(&self, name: &str) -> bool {
        is_same(name, &self.name)
            || !dialect::is_classified_by_name(name) && self.work.fits_name(name)
    }

    fn reports_other_outcome(&self, attributes: &Attributes) -> bool {
        self.failure_attribute
            .is_some_and(|(index, failure_attribute)| {
                let text = attributes.text_at(index);
                text.is_some_and(failure_attribute.is_failure)
            })
    }

    fn withhold(&self, span: &mut SourceSpan) {
        let attributes = &mut span.attributes;
        for &index in &self.withheld {
            attributes.remove_at(index);
        }
        for &(index, heuristic) in &self.conditional {
            let is_content =
                (attributes.slot(index)).is_some_and(|(_, value)| heuristic.is_content(value));
            if is_content {
                attributes.remove_at(index);
            }
        }
        for &index in &self.addresses {
            privacy::redact_address(attributes, index, self.keeps_queries);
        }
    }
}

/// Compares two texts that are usually the same literal.
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && (std::ptr::eq(one.as_ptr(), other.as_ptr()) || one == other)
}
