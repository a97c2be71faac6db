//! Spans of the corpus with changes that their library does not make.

use proptest::{prelude::*, sample};
use sentry_genai_conventions::{Attributes, Scalar, SentrySpan, SourceEvent, SourceSpan, Value};
use serde_json::json;

use crate::{
    corpus,
    properties::{as_source, check, for_all, pretty_assert},
    seeds::seeds,
};

/// Attributes that people write by hand, attributes that are read only by name, and attributes that dialects add.
static KEYS: &[&str] = &[
    "agent_name",
    "answer",
    "gen_ai.agent.name",
    "gen_ai.agent_name",
    "gen_ai.completionTokens",
    "gen_ai.cost_usd",
    "gen_ai.error",
    "gen_ai.operation",
    "gen_ai.prompt_tokens",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "gen_ai.response.streaming",
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.tool.name",
    "gen_ai.tool.success",
    "gen_ai.ttft",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.cached_tokens",
    "input",
    "llm.completion_tokens",
    "llm.model",
    "llm.prompt",
    "llm.prompts.0",
    "llm.prompts.0.prompt",
    "llm.tokens.total",
    "max_tokens",
    "messages",
    "model",
    "output",
    "provider",
    "question",
    "result",
    "session_id",
    "sentry.status.message",
    "stop_reason",
    "stream",
    "system_prompt",
    "tags.http.route",
    "tags.tags.tenant",
    "tags.tenant",
    "temperature",
    "tokens_in",
    "tool_args",
    "tool_name",
    "tool_result",
    "url.full",
];

static TEXTS: &[&str] = &[
    "",
    "0",
    "12",
    "1e400",
    "NaN",
    "None",
    "Some(\"x\")",
    "true",
    "null",
    "[]",
    "[[]]",
    "[1,\"a\",null,{}]",
    "{\"a\":{\"b\":[1]}}",
    "ChatMessage(",
    "ToolCall(tool_name='a', tool_kwargs=1)",
    "<a object at 0x1>",
    "2024-01-01T00:00:00Z",
    "https://me:p@ss@h.example/?key=x#token=y",
    "🦀",
];

#[derive(Clone, Debug)]
enum Change {
    /// Replaces a value inside the JSON of an attribute.
    Inside(sample::Index, sample::Index, sample::Index),
    /// Removes the last segment of a key.
    Shorter(sample::Index),
    /// Gives an attribute another value.
    Other(sample::Index, sample::Index),
    /// Removes an attribute.
    Gone(sample::Index),
    /// Adds an attribute that is written by hand.
    More(sample::Index, sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<sample::Index>;
    prop_oneof![
        6 => (at(), at(), at()).prop_map(|(which, place, value)| Change::Inside(which, place, value)),
        1 => at().prop_map(Change::Shorter),
        2 => (at(), at()).prop_map(|(which, value)| Change::Other(which, value)),
        1 => at().prop_map(Change::Gone),
        3 => (at(), at()).prop_map(|(key, value)| Change::More(key, value)),
    ]
}

pub(crate) type Pair = (String, Held);

#[derive(Clone)]
pub(crate) enum Held {
    Text(String),
    Integer(i64),
    Double(f64),
    Bool(bool),
    List(Vec<Scalar>),
}

fn any_value(which: &sample::Index) -> Held {
    let others = [
        Held::Integer(0),
        Held::Integer(-1),
        Held::Integer(i64::MAX),
        Held::Double(f64::NAN),
        Held::Double(f64::INFINITY),
        Held::Double(0.25),
        Held::Bool(true),
        Held::Bool(false),
        Held::List(Vec::new()),
        Held::List(vec![Scalar::Str("a".to_owned()), Scalar::Integer(1)]),
    ];
    let index = which.index(TEXTS.len() + others.len());
    match TEXTS.get(index) {
        Some(text) => Held::Text((*text).to_owned()),
        None => others[index - TEXTS.len()].clone(),
    }
}

pub(crate) fn pairs(attributes: &Attributes) -> Vec<Pair> {
    let pairs = attributes.iter().map(|(key, value)| {
        let value = match value {
            Value::Bool(value) => Held::Bool(value),
            Value::Integer(value) => Held::Integer(value),
            Value::Double(value) => Held::Double(value),
            Value::Str(value) => Held::Text(value.to_owned()),
            Value::Array(values) => Held::List(values.to_vec()),
            _ => Held::Bool(true),
        };
        (key.to_owned(), value)
    });
    pairs.collect()
}

pub(crate) fn attributes(pairs: &[Pair]) -> Attributes {
    let mut attributes = Attributes::default();
    for (key, value) in pairs {
        match value {
            Held::Text(value) => attributes.push_owned_key(key, value),
            Held::Integer(value) => attributes.push_owned_key(key, *value),
            Held::Double(value) => attributes.push_owned_key(key, *value),
            Held::Bool(value) => attributes.push_owned_key(key, *value),
            Held::List(values) => attributes.push_owned_key(key, values.clone()),
        }
    }
    attributes
}

fn count(value: &serde_json::Value) -> usize {
    1 + match value {
        serde_json::Value::Array(items) => items.iter().map(count).sum(),
        serde_json::Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Replaces the value at index `place` in reading order.
fn replace(value: &mut serde_json::Value, place: &mut usize, other: &serde_json::Value) -> bool {
    if *place == 0 {
        *value = other.clone();
        return true;
    }
    *place -= 1;
    match value {
        serde_json::Value::Array(items) => {
            (items.iter_mut()).any(|item| replace(item, place, other))
        }
        serde_json::Value::Object(fields) => {
            (fields.values_mut()).any(|field| replace(field, place, other))
        }
        _ => false,
    }
}

fn apply(pairs: &mut Vec<Pair>, change: &Change) {
    if let Change::More(key, value) = change {
        let key = KEYS[key.index(KEYS.len())].to_owned();
        return pairs.push((key, any_value(value)));
    }
    if pairs.is_empty() {
        return;
    }
    match change {
        Change::Inside(which, place, other) => {
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
            let mut texts: Vec<_> = (pairs.iter_mut())
                .filter_map(|(_, value)| match value {
                    Held::Text(text) if text.starts_with(['{', '[']) => Some((read(text)?, text)),
                    _ => None,
                })
                .collect();
            if texts.is_empty() {
                return;
            }
            let index = which.index(texts.len());
            let (json, text) = &mut texts[index];
            let others = [
                json!(null),
                json!(true),
                json!(7),
                json!(-1.5),
                json!(""),
                json!("text"),
                json!([]),
                json!(["text", 1]),
                json!({}),
                json!([{"a": 1}]),
                json!({"text": "x", "type": 1}),
            ];
            let mut place = place.index(count(json));
            replace(json, &mut place, &others[other.index(others.len())]);
            **text = json.to_string();
        }
        Change::Shorter(which) => {
            let index = which.index(pairs.len());
            let (key, _) = &mut pairs[index];
            if let Some((start, _)) = key.rsplit_once('.') {
                *key = start.to_owned();
            }
        }
        Change::Other(which, value) => {
            let index = which.index(pairs.len());
            let (_, held) = &mut pairs[index];
            // A number names no operation, and becomes a text only when sent.
            *held = match held {
                Held::Text(_) => Held::Text(TEXTS[value.index(TEXTS.len())].to_owned()),
                _ => any_value(value),
            };
        }
        Change::Gone(which) => {
            let index = which.index(pairs.len());
            pairs.remove(index);
        }
        Change::More(..) => {}
    }
}

fn mutated() -> impl Strategy<Value = SourceSpan> {
    let spans: Vec<SourceSpan> = corpus().into_iter().flat_map(|it| it.spans).collect();
    let spans = prop_oneof![2 => sample::select(spans), 1 => sample::select(seeds())];
    let changes = proptest::collection::vec((any::<bool>(), change()), 1..5);
    (spans, changes).prop_map(|(mut span, changes)| {
        let mut own = pairs(&span.attributes);
        let mut events: Vec<_> = (span.events.iter())
            .map(|event| pairs(&event.attributes))
            .collect();
        for (in_event, change) in &changes {
            match events.last_mut() {
                Some(event) if *in_event => apply(event, change),
                _ => apply(&mut own, change),
            }
        }
        span.attributes = attributes(&own);
        for (event, pairs) in span.events.iter_mut().zip(&events) {
            let mut changed = SourceEvent::new(event.name.clone());
            changed.attributes = attributes(pairs);
            changed.time = event.time;
            *event = changed;
        }
        span
    })
}

/// Returns the type of a span and its attributes, except for the contents of JSON.
fn outline(span: &SentrySpan) -> Vec<String> {
    let attributes = span.attributes.iter().map(|(key, value)| match value {
        Value::Str(text) if text.starts_with(['{', '[']) => key.to_owned(),
        value => format!("{key} = {value:?}"),
    });
    let mut lines: Vec<_> = attributes.collect();
    lines.sort();
    lines.insert(
        0,
        format!("{} | {} | {:?}", span.op, span.name, span.status),
    );
    lines
}

#[test]
fn spans_that_are_not_as_expected_come_out_valid_and_stay_as_they_are() {
    for_all(&mutated(), |translator, span| {
        check(&span);
        let again = translator.translate(as_source(&span));
        pretty_assert(&outline(&span), &outline(&again));
    });
}
