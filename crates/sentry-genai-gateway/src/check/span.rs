//! Rules about a single span.

use std::collections::HashSet;

use sentry_genai_conventions::{Deprecation, SentrySpan, SourceSpan, Value, deprecation};
use serde_json::Value as Json;

use super::{Findings, SpanInfo, rules, similar_names::Suggester};

/// More tokens than any model takes at once.
const MAX_TOKENS: f64 = 1e9;

pub(super) fn check(
    source: &SourceSpan,
    full: &SentrySpan,
    info: &SpanInfo,
    findings: &mut Findings<'_>,
) {
    for (key, value) in source.attributes.iter() {
        match deprecation(key) {
            Some(Deprecation::RenamedTo(to)) => {
                findings.add(
                    &rules::DEPRECATED,
                    info,
                    Some(&format!("{key} is now {to}")),
                );
            }
            Some(_) => {
                let detail = format!("{key} is gone");
                findings.add(&rules::DEPRECATED, info, Some(&detail));
            }
            None => {}
        }
        if counts_tokens(key) && !is_count(value) {
            findings.add(&rules::TOKENS, info, Some(key));
        }
        if is_cost(key) && number(value).is_some_and(|cost| cost < 0.0) {
            findings.add(&rules::COST, info, Some(key));
        }
    }
    if full.ai.is_none()
        && !full.op.starts_with("mcp.")
        && let Some(operation) = source.attributes.text("gen_ai.operation.name")
    {
        findings.add(&rules::OPERATION, info, Some(operation.trim_matches('"')));
    }
    if full.ai.is_some() {
        for key in ["gen_ai.input.messages", "gen_ai.output.messages"] {
            let unreadable = full
                .attributes
                .text(key)
                .and_then(|messages| unparsed_text(messages, source));
            if let Some(from) = unreadable {
                findings.add(&rules::MESSAGES, info, Some(from));
            }
        }
    }
}

/// Finds names that are misspelled.
pub(super) fn check_names(
    source: &SourceSpan,
    full: &SentrySpan,
    names: &mut Suggester,
    info: &SpanInfo,
    findings: &mut Findings<'_>,
) {
    for (key, value) in source.attributes.iter() {
        if let Some(meant) = names.suggest(key, value, source, full) {
            let detail = format!("{key}: did you mean {meant}?");
            findings.add(&rules::MISSPELLED, info, Some(&detail));
        }
    }
}

/// Compares a span translated with all content to the same span translated without.
pub(super) fn check_content(
    full: &SentrySpan,
    redacted: &SentrySpan,
    info: &SpanInfo,
    findings: &mut Findings<'_>,
) {
    let kept: HashSet<&str> = redacted.attributes.iter().map(|(key, _)| key).collect();
    for (key, _) in full.attributes.iter() {
        if !kept.contains(key) {
            findings.add(&rules::CONTENT, info, Some(key));
        }
    }
}

/// Returns whether a key counts tokens. Keys of usage say so; limits and other settings are not usage.
fn counts_tokens(key: &str) -> bool {
    key.ends_with("_tokens") && (key.contains("usage.") || key.contains("token_count"))
}

fn is_count(value: Value<'_>) -> bool {
    match value {
        // Some libraries write this for no value.
        Value::Str("" | "None" | "null") => true,
        value => number(value)
            .is_some_and(|count| (0.0..=MAX_TOKENS).contains(&count) && count.fract() == 0.0),
    }
}

fn is_cost(key: &str) -> bool {
    key.contains("cost")
}

fn number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(number as f64),
        Value::Double(number) => Some(number),
        Value::Str(text) => {
            let text = text.strip_prefix("Some(").unwrap_or(text);
            let text = text.strip_suffix(')').unwrap_or(text);
            text.trim_matches('"').parse().ok()
        }
        _ => None,
    }
}

/// Returns the key of the source attribute whose text looks like JSON but became one message as it is.
fn unparsed_text<'a>(messages: &str, source: &'a SourceSpan) -> Option<&'a str> {
    let messages: Json = serde_json::from_str(messages).ok()?;
    let parts = messages
        .as_array()?
        .iter()
        .filter_map(|message| message.get("parts")?.as_array());
    let texts: Vec<&str> = parts
        .flatten()
        .filter_map(|part| part.get("content")?.as_str())
        .filter(|text| looks_like_json(text))
        .collect();
    source.attributes.iter().find_map(|(key, value)| {
        let Value::Str(text) = value else {
            return None;
        };
        // Valid JSON in a message's text is what somebody said.
        let is_unparsed = texts.contains(&text) && serde_json::from_str::<Json>(text).is_err();
        is_unparsed.then_some(key)
    })
}

/// Returns whether a text begins like an object or like a list of objects or strings. Prompts may begin with brackets, too:
/// `[[ ## question ## ]]`, `[INST]`.
fn looks_like_json(text: &str) -> bool {
    let items = text.trim_start_matches(|it: char| it == '[' || it.is_ascii_whitespace());
    text.starts_with('{') || text.starts_with('[') && items.starts_with(['{', '"', '\''])
}
