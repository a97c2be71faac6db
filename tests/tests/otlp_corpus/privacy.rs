//! What leaves if no content may: captures searched for what was said in them, and for words put into every place.

use std::collections::HashSet;

use sentry_genai_conventions::{
    Attributes, Scalar, SentrySpan, SourceSpan, TranslateOptions, Translator, Value,
};

use crate::{
    corpus,
    mutations::{Held, attributes, pairs},
};

/// Attributes that name or describe something, or give the reason for an error. A text under these keys leaves even if it is prose.
/// Whether a library writes content there is for its dialect to know.
#[rustfmt::skip]
static NAMES: &[&str] = &[
    "cloud.region", "code.file.path", "code.function", "code.module.name", "error.code", "error.type", "exception.message",
    "exception.type", "gen_ai.agent.description", "gen_ai.agent.id", "gen_ai.agent.name", "gen_ai.conversation.id",
    "gen_ai.function_id", "gen_ai.output.type", "gen_ai.pipeline.name", "gen_ai.prompt.name", "gen_ai.request.model",
    "gen_ai.request.reasoning.level", "gen_ai.request.stop_sequences", "gen_ai.response.finish_reasons", "gen_ai.response.id",
    "gen_ai.response.model", "gen_ai.tool.call.id", "gen_ai.tool.description", "gen_ai.tool.name", "gen_ai.workflow.name",
    "http.request.method", "http.route", "jsonrpc.request.id", "mcp.method.name", "mcp.protocol.version", "otel.gen_ai.tool.type",
    "rpc.method", "rpc.service", "rpc.system", "sentry.status.message", "server.address", "session.id", "url.full", "url.path",
    "url.scheme", "user.id",
];

/// Logfire's description of a span that is not about GenAI.
const LOGFIRE: &str = "logfire.";

fn may_be_prose(key: &str) -> bool {
    NAMES.contains(&key) || key.starts_with(LOGFIRE)
}

/// The texts of a value, and those inside of JSON.
fn texts(value: Value<'_>) -> Vec<String> {
    match value {
        Value::Str(text) => texts_in(text),
        Value::Array(items) => (items.iter())
            .filter_map(|item| match item {
                Scalar::Str(text) => Some(texts_in(text)),
                _ => None,
            })
            .flatten()
            .collect(),
        _ => Vec::new(),
    }
}

fn texts_in(text: &str) -> Vec<String> {
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Array(items)) => items.iter().flat_map(texts_of).collect(),
        Ok(serde_json::Value::Object(members)) => members.values().flat_map(texts_of).collect(),
        Ok(serde_json::Value::String(text)) => texts_in(&text),
        _ => vec![text.to_owned()],
    }
}

fn texts_of(json: &serde_json::Value) -> Vec<String> {
    match json {
        serde_json::Value::String(text) => texts_in(text),
        other => texts_in(&other.to_string()),
    }
}

/// The texts of a translated span where content must not be.
fn texts_that_left(span: &SentrySpan) -> Vec<(String, String)> {
    let attributes = span.attributes.iter();
    let attributes = attributes.filter(|(key, _)| !may_be_prose(key) && !key.contains("stack"));
    attributes
        .flat_map(|(key, value)| {
            texts(value)
                .into_iter()
                .map(move |text| (key.to_owned(), text))
        })
        .collect()
}

/// Three words or more, wherever a library has recorded them.
#[test]
fn nothing_that_was_said_leaves() {
    let translator = Translator::new(TranslateOptions::default());
    for capture in corpus() {
        let recorded = |attributes: &Attributes| -> Vec<String> {
            let texts = attributes.iter().flat_map(|(_, value)| texts(value));
            texts
                .filter(|text| text.split_whitespace().count() >= 3)
                .collect()
        };
        let mut said = HashSet::new();
        for span in &capture.spans {
            said.extend(recorded(&span.attributes));
            said.extend(
                span.events
                    .iter()
                    .flat_map(|event| recorded(&event.attributes)),
            );
        }
        for span in &capture.spans {
            for (key, text) in texts_that_left(&translator.translate(span.clone())) {
                let quoted = said.iter().find(|said| text.contains(*said));
                assert_eq!(quoted, None, "{}: {key}", capture.name);
            }
        }
    }
}

/// Parts of what was said in the captures.
#[test]
fn no_words_of_the_captures_leave() {
    let translator = Translator::new(TranslateOptions::default());
    let said = [
        "rainy in Paris",
        "capital of France",
        "rain in Paris",
        "refund for order",
    ];
    for capture in corpus() {
        for span in &capture.spans {
            let span = translator.translate(span.clone());
            for (key, value) in span.attributes.iter() {
                let text = format!("{value:?}");
                for words in said {
                    assert!(!text.contains(words), "{}: {key}: {text}", capture.name);
                }
            }
        }
    }
}

/// Prose in the place of each text leaves only under the name of something.
#[test]
fn no_place_lets_prose_through() {
    const SECRET: &str = "quetzal";
    let prose = format!("my doctor told me {SECRET} yesterday");
    let translator = Translator::new(TranslateOptions::default());
    let mut seen = HashSet::new();
    let mut let_through = Vec::new();
    let mut check = |span: SourceSpan, place: String| {
        let span = translator.translate(span);
        let mut keys = span.attributes.iter().filter(|(key, _)| !may_be_prose(key));
        if let Some((key, _)) = keys.find(|(_, value)| format!("{value:?}").contains(SECRET)) {
            let_through.push(format!("{place} as {key}"));
        }
    };
    for capture in corpus() {
        let library = capture.library();
        for span in &capture.spans {
            let held = pairs(&span.attributes);
            for (index, (key, value)) in held.iter().enumerate() {
                let is_text = matches!(value, Held::Text(_) | Held::List(_));
                if is_text && seen.insert(format!("{library} {} {key}", span.name)) {
                    let mut changed = held.clone();
                    changed[index].1 = Held::Text(prose.clone());
                    let mut span = span.clone();
                    span.attributes = attributes(&changed);
                    check(span, format!("{}: {key}", capture.name));
                }
            }
            for (at, event) in span.events.iter().enumerate() {
                let held = pairs(&event.attributes);
                for (index, (key, _)) in held.iter().enumerate() {
                    if seen.insert(format!("{library} {} {} {key}", span.name, event.name)) {
                        let mut changed = held.clone();
                        changed[index].1 = Held::Text(prose.clone());
                        let mut span = span.clone();
                        span.events[at].attributes = attributes(&changed);
                        check(span, format!("{}: {} {key}", capture.name, event.name));
                    }
                }
                if seen.insert(format!("{library} {} {}", span.name, event.name)) {
                    let mut span = span.clone();
                    span.events[at].name = prose.clone().into();
                    check(span, format!("{}: {}", capture.name, event.name));
                }
            }
        }
    }
    assert!(seen.len() > 2000, "{}", seen.len());
    assert_eq!(let_through, [""; 0]);
}
