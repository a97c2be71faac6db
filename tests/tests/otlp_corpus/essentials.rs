//! The essentials of every span for reviewers, one snapshot per library.

use std::{collections::BTreeMap, fmt::Write as _};

use insta::{assert_snapshot, with_settings};
use sentry_genai_conventions::{SentrySpan, SpanId, Status, Value};

use crate::{corpus, transcript};

#[test]
fn every_library_comes_out_right() {
    let mut libraries: BTreeMap<String, String> = BTreeMap::new();
    for capture in corpus() {
        let out = libraries.entry(capture.library().to_owned()).or_default();
        writeln!(out, "## {}", capture.name).unwrap();
        for (number, trace) in capture.traces().iter().enumerate() {
            if number > 0 {
                writeln!(out, "--").unwrap();
            }
            write_trace(out, trace);
        }
        writeln!(out).unwrap();
    }
    with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        for (library, out) in libraries {
            assert_snapshot!(library, out);
        }
    });
}

fn write_trace(out: &mut String, trace: &[SentrySpan]) {
    let ids: Vec<SpanId> = trace.iter().map(|span| span.span_id).collect();
    let roots = trace.iter().filter(|span| {
        span.parent_span_id
            .is_none_or(|parent| !ids.contains(&parent))
    });
    for root in roots {
        write_tree(out, trace, root, 0);
    }
}

fn write_tree(out: &mut String, trace: &[SentrySpan], span: &SentrySpan, depth: usize) {
    let indent = "  ".repeat(depth);
    writeln!(out, "{indent}{}", headline(span)).unwrap();
    for line in details(span) {
        writeln!(out, "{indent}    {line}").unwrap();
    }
    for child in trace
        .iter()
        .filter(|child| child.parent_span_id == Some(span.span_id))
    {
        write_tree(out, trace, child, depth + 1);
    }
}

fn headline(span: &SentrySpan) -> String {
    let mut line = format!("{} | {}", span.op, span.name);
    if span.status == Status::Error {
        write!(line, " | error {}", text(span, "error.type")).unwrap();
    }
    if !span.origin.starts_with("auto.ai") && !span.origin.starts_with("auto.mcp") {
        line.push_str(" | not AI");
    }
    line
}

fn details(span: &SentrySpan) -> Vec<String> {
    let mut lines = Vec::new();
    let mut facts = Vec::new();
    for (label, key) in FACTS {
        if let Some(value) = span.attributes.get(key) {
            facts.push(format!("{label} {}", show(value)));
        }
    }
    for (label, key) in FLAGS {
        if span
            .attributes
            .get(key)
            .is_some_and(|value| value != Value::Bool(false))
        {
            facts.push((*label).to_owned());
        }
    }
    if !facts.is_empty() {
        lines.push(facts.join(", "));
    }
    let counts: Vec<_> = COUNTS
        .iter()
        .filter_map(|(label, key)| Some(format!("{label} {}", span.attributes.integer(key)?)))
        .collect();
    if !counts.is_empty() {
        lines.push(format!("tokens: {}", counts.join(", ")));
    }
    for (label, key) in [
        ("asked", "gen_ai.input.messages"),
        ("answered", "gen_ai.output.messages"),
    ] {
        if let Some(json) = span.attributes.text(key) {
            lines.push(format!("{label}: {}", transcript::outline(json)));
        }
    }
    lines
}

#[rustfmt::skip]
static FACTS: &[(&str, &str)] = &[
    ("provider", "gen_ai.provider.name"),
    ("model", "gen_ai.request.model"),
    ("answered by", "gen_ai.response.model"),
    ("agent", "gen_ai.agent.name"),
    ("tool", "gen_ai.tool.name"),
    ("call", "gen_ai.tool.call.id"),
    ("conversation", "gen_ai.conversation.id"),
    ("user", "user.id"),
    ("finish", "gen_ai.response.finish_reasons"),
    ("arguments", "gen_ai.tool.call.arguments"),
    ("result", "gen_ai.tool.call.result"),
    ("embeds", "gen_ai.embeddings.input"),
    ("cost", "gen_ai.cost.total_tokens"),
];

static FLAGS: &[(&str, &str)] = &[
    ("system", "gen_ai.system_instructions"),
    ("tools", "gen_ai.tool.definitions"),
    ("streamed", "gen_ai.response.streaming"),
    ("first chunk timed", "gen_ai.response.time_to_first_chunk"),
];

static COUNTS: &[(&str, &str)] = &[
    ("in", "gen_ai.usage.input_tokens"),
    ("cached", "gen_ai.usage.cache_read.input_tokens"),
    ("written", "gen_ai.usage.cache_creation.input_tokens"),
    ("out", "gen_ai.usage.output_tokens"),
    ("reasoning", "gen_ai.usage.reasoning.output_tokens"),
];

fn text<'a>(span: &'a SentrySpan, key: &str) -> &'a str {
    span.attributes.text(key).unwrap_or("-")
}

/// Shows the start of a value. Fields of JSON may come in any order, so of objects only their sorted names are shown.
fn show(value: Value<'_>) -> String {
    let text = match value {
        Value::Str(text) if text.starts_with('{') => {
            match serde_json::from_str::<BTreeMap<String, serde_json::Value>>(text) {
                Ok(fields) => {
                    let names: Vec<_> = fields.into_keys().collect();
                    format!("{{{}}}", names.join(" "))
                }
                Err(_) => text.to_owned(),
            }
        }
        Value::Str(text) => text.to_owned(),
        Value::Double(number) => number.to_string(),
        value => format!("{value:?}"),
    };
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
