//! `sentry-genai check`

use std::{
    env,
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};
use clap::Args;
use sentry_genai_gateway::check::{Checker, Finding, Report, Severity};
use serde::Serialize;

use super::{Failure, Inputs, Outcome, files::Unreadable};

/// Reports what Sentry will not understand in the spans, and how to fix it where they are made
///
/// The exit code is 0 without warnings, 1 with warnings, and 2 if a file, or a part of one, cannot be read.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    inputs: Inputs,
    /// Write the findings as one JSON object
    #[arg(long)]
    json: bool,
    /// Exit with 1 for notes as well
    #[arg(long)]
    strict: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let mut checker = Checker::default();
        let unreadable = self.inputs.for_each_file(|file, spans, _| {
            checker.add(file, spans);
            Ok(())
        })?;
        let report = checker.into_report();
        match self.write(&report, &unreadable) {
            // The reader has read enough. The findings still decide the exit code.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written?,
        }
        let threshold = if self.strict {
            Severity::Note
        } else {
            Severity::Warning
        };
        Ok(match Outcome::of(&unreadable) {
            Outcome::Fine if report.has(threshold) => Outcome::Findings,
            outcome => outcome,
        })
    }

    fn write(&self, report: &Report, unreadable: &[Unreadable]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &JsonReport::of(report, unreadable))?;
            writeln!(out)?;
        } else {
            let palette = Palette::of(&out);
            write_report(&mut out, report, &palette)?;
        }
        out.flush()
    }
}

/// Colours for a terminal, or none.
struct Palette {
    warning: Style,
    note: Style,
    dim: Style,
}

impl Palette {
    fn of(out: &impl io::IsTerminal) -> Self {
        let is_color_disabled = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        if is_color_disabled || is_dumb || !out.is_terminal() {
            return Self {
                warning: Style::new(),
                note: Style::new(),
                dim: Style::new(),
            };
        }
        Self {
            warning: AnsiColor::Yellow.on_default().bold(),
            note: AnsiColor::Cyan.on_default().bold(),
            dim: Style::new().dimmed(),
        }
    }

    fn of_severity(&self, severity: Severity) -> Style {
        match severity {
            Severity::Warning => self.warning,
            _ => self.note,
        }
    }
}

/// How many details of a finding are listed; the rest are only counted.
const MAX_SHOWN_DETAILS: usize = 8;

fn write_report(out: &mut impl Write, report: &Report, palette: &Palette) -> io::Result<()> {
    let findings = report.findings();
    for finding in &findings {
        write_finding(out, finding, palette)?;
        writeln!(out)?;
    }
    let total: usize = findings.iter().map(|finding| finding.count).sum();
    let found = match total {
        0 => "nothing found".to_owned(),
        total => format!(
            "{} from {}",
            counted(total, "finding"),
            counted(findings.len(), "rule")
        ),
    };
    writeln!(
        out,
        "{} ({} AI) in {}: {found}",
        counted(report.spans, "span"),
        report.ai_spans,
        counted(report.traces, "trace")
    )
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

fn write_finding(out: &mut impl Write, finding: &Finding, palette: &Palette) -> io::Result<()> {
    let rule = finding.rule;
    let style = palette.of_severity(rule.severity);
    let dim = palette.dim;
    writeln!(
        out,
        "{style}{}{style:#} {} ({})",
        rule.severity.as_str(),
        rule.id,
        counted(finding.count, "time")
    )?;
    writeln!(out, "  {}", rule.message)?;
    let mut details: Vec<_> = finding.details.iter().collect();
    details.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (detail, count) in details.iter().take(MAX_SHOWN_DETAILS) {
        writeln!(out, "  {count:>6}  {detail}")?;
    }
    if details.len() > MAX_SHOWN_DETAILS {
        writeln!(
            out,
            "          and {} more",
            details.len() - MAX_SHOWN_DETAILS
        )?;
    }
    if let Some(example) = finding.examples.first() {
        writeln!(
            out,
            "  {dim}such as \"{}\", span {} of trace {} in {}{dim:#}",
            example.name, example.span_id, example.trace_id, example.file
        )?;
    }
    writeln!(out, "  fix: {}", rule.fix)
}

#[derive(Serialize)]
struct JsonReport<'a> {
    spans: usize,
    ai_spans: usize,
    traces: usize,
    findings: Vec<JsonFinding<'a>>,
    unreadable: Vec<JsonUnreadable<'a>>,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    rule: &'a str,
    severity: &'a str,
    message: &'a str,
    fix: &'a str,
    count: usize,
    details: &'a std::collections::BTreeMap<String, usize>,
    examples: Vec<JsonExample<'a>>,
}

#[derive(Serialize)]
struct JsonExample<'a> {
    file: &'a str,
    trace_id: String,
    span_id: String,
    name: &'a str,
}

#[derive(Serialize)]
struct JsonUnreadable<'a> {
    file: &'a str,
    error: &'a str,
}

impl<'a> JsonReport<'a> {
    fn of(report: &'a Report, unreadable: &'a [Unreadable]) -> Self {
        let findings = report.findings().into_iter().map(|finding| JsonFinding {
            rule: finding.rule.id,
            severity: finding.rule.severity.as_str(),
            message: finding.rule.message,
            fix: finding.rule.fix,
            count: finding.count,
            details: &finding.details,
            examples: finding
                .examples
                .iter()
                .map(|example| JsonExample {
                    file: &example.file,
                    trace_id: example.trace_id.to_string(),
                    span_id: example.span_id.to_string(),
                    name: &example.name,
                })
                .collect(),
        });
        let unreadable = unreadable.iter().map(|it| JsonUnreadable {
            file: &it.file,
            error: &it.error,
        });
        Self {
            spans: report.spans,
            ai_spans: report.ai_spans,
            traces: report.traces,
            findings: findings.collect(),
            unreadable: unreadable.collect(),
        }
    }
}
