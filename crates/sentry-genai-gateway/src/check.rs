//! Finds what Sentry will not understand in spans, and tells how to fix it where they are made.
//!
//! A [`Checker`] looks at the spans of one file after another and fills a [`Report`]. For each [`Rule`] that is broken, it counts
//! the violations and keeps the first few spans as examples.

use std::collections::{BTreeMap, HashMap};

use sentry_genai_conventions::{
    SentrySpan, SourceSpan, SpanId, TraceId, TranslateOptions, Translator,
};

use crate::{ReceivedSpan, inherit_batch};

mod rules;
mod similar_names;
mod span;
mod trace;

pub use rules::{RULES, Rule, Severity};

/// How many example spans a finding keeps.
const MAX_EXAMPLES: usize = 5;

/// How many different details a finding counts separately; any further ones are counted together.
const MAX_DETAILS: usize = 50;

/// The findings in all files so far.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The number of spans.
    pub spans: usize,
    /// The number of spans that Sentry treats as AI spans.
    pub ai_spans: usize,
    /// The number of traces. A trace that is spread over several files counts once per file.
    pub traces: usize,
    /// The findings, by the id of the rule.
    findings: BTreeMap<&'static str, Finding>,
}

/// How often a rule is broken, and where.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// The rule that is broken.
    pub rule: &'static Rule,
    /// The number of violations.
    pub count: usize,
    /// The number of violations by detail, such as an attribute; empty if the rule has no details.
    pub details: BTreeMap<String, usize>,
    /// The first spans that break the rule.
    pub examples: Vec<Example>,
}

/// A span that breaks a rule.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Example {
    /// The file that contains the span.
    pub file: String,
    /// The id of its trace.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// Its name, as given by the instrumentation.
    pub name: String,
}

impl Report {
    /// Returns the findings, most severe first.
    #[must_use]
    pub fn findings(&self) -> Vec<&Finding> {
        let mut findings: Vec<_> = self.findings.values().collect();
        findings.sort_by_key(|finding| (std::cmp::Reverse(finding.rule.severity), finding.rule.id));
        findings
    }

    /// Returns whether there is a finding of this severity or above.
    #[must_use]
    pub fn has(&self, severity: Severity) -> bool {
        let mut findings = self.findings.values();
        findings.any(|finding| finding.rule.severity >= severity)
    }
}

/// Checks spans, one batch at a time.
#[derive(Debug)]
pub struct Checker {
    /// Translates without content, as is the default.
    redacted: Translator,
    /// Translates with all content.
    full: Translator,
    names: similar_names::Suggester,
    report: Report,
}

impl Default for Checker {
    fn default() -> Self {
        let mut everything = TranslateOptions::default();
        everything.capture_inputs = true;
        everything.capture_outputs = true;
        everything.capture_client_addresses = true;
        Self {
            redacted: Translator::new(TranslateOptions::default()),
            full: Translator::new(everything),
            names: similar_names::Suggester::new(Translator::new(everything)),
            report: Report::default(),
        }
    }
}

impl Checker {
    /// Checks the spans of one file. Parents are looked up among these spans.
    pub fn add(&mut self, file: &str, received: Vec<ReceivedSpan>) {
        let mut sources: Vec<_> = received.into_iter().map(|received| received.span).collect();
        inherit_batch(&self.full, &mut sources);
        let mut index = HashMap::new();
        let mut traces: Vec<(Vec<SentrySpan>, Vec<SpanInfo>)> = Vec::new();
        for source in sources {
            let number = *index.entry(source.trace_id).or_insert_with(|| {
                traces.push(Default::default());
                traces.len() - 1
            });
            let info = SpanInfo::of(&source);
            let full = self.full.translate(source.clone());
            let mut findings = Findings {
                report: &mut self.report,
                file,
            };
            span::check(&source, &full, &info, &mut findings);
            span::check_names(&source, &full, &mut self.names, &info, &mut findings);
            let redacted = self.redacted.translate(source);
            span::check_content(&full, &redacted, &info, &mut findings);
            traces[number].0.push(full);
            traces[number].1.push(info);
        }
        for (mut spans, infos) in traces {
            self.full.reconcile(&mut spans);
            self.report.traces += 1;
            self.report.spans += spans.len();
            self.report.ai_spans += spans.iter().filter(|span| span.ai.is_some()).count();
            let mut findings = Findings {
                report: &mut self.report,
                file,
            };
            trace::check(&spans, &infos, &mut findings);
        }
    }

    /// Returns the findings.
    #[must_use]
    pub fn into_report(self) -> Report {
        self.report
    }
}

/// What is kept of a span's source after its translation.
struct SpanInfo {
    trace_id: TraceId,
    span_id: SpanId,
    name: String,
}

impl SpanInfo {
    fn of(source: &SourceSpan) -> Self {
        Self {
            trace_id: source.trace_id,
            span_id: source.span_id,
            name: source.name.clone().into_owned(),
        }
    }
}

/// Collects the findings of one file.
struct Findings<'a> {
    report: &'a mut Report,
    file: &'a str,
}

impl Findings<'_> {
    fn add(&mut self, rule: &'static Rule, span: &SpanInfo, detail: Option<&str>) {
        let finding = self.report.findings.entry(rule.id);
        let finding = finding.or_insert_with(|| Finding {
            rule,
            count: 0,
            details: BTreeMap::new(),
            examples: Vec::new(),
        });
        finding.count += 1;
        if let Some(detail) = detail {
            let is_counted_separately =
                finding.details.len() < MAX_DETAILS || finding.details.contains_key(detail);
            let detail = if is_counted_separately {
                detail
            } else {
                "others"
            };
            *finding.details.entry(detail.to_owned()).or_default() += 1;
        }
        if finding.examples.len() < MAX_EXAMPLES
            && finding.examples.last().map(|last| last.span_id) != Some(span.span_id)
        {
            finding.examples.push(Example {
                file: self.file.to_owned(),
                trace_id: span.trace_id,
                span_id: span.span_id,
                name: span.name.clone(),
            });
        }
    }
}

#[cfg(test)]
mod tests;
