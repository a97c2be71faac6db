//! Properties that hold for any input.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sentry_genai_conventions::{
    Scalar, SentrySpan, SourceEvent, SourceSpan, SpanId, SpanKind, Timestamp, TraceId, Translator,
    Value,
};
use sentry_genai_gateway::otlp_json;

use crate::{corpus, growth::assert_linear, translate, translator};

/// Attributes that Sentry reads as JSON.
static JSON: &[&str] = &[
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.response.finish_reasons",
];

/// Attributes by the type that Sentry defines for them.
static INTEGERS: &[&str] = &[
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.total_tokens",
    "gen_ai.request.max_tokens",
    "gen_ai.request.top_k",
    "server.port",
];
static DOUBLES: &[&str] = &[
    "gen_ai.cost.total_tokens",
    "gen_ai.request.temperature",
    "gen_ai.response.time_to_first_chunk",
];

/// The longest attribute, with room for what is not content.
const LONGEST: usize = 300_000;

pub(crate) fn check(span: &SentrySpan) {
    let mut keys = BTreeSet::new();
    for (key, value) in span.attributes.iter() {
        assert!(keys.insert(key), "{key} is there twice");
        if let Value::Str(text) = value {
            assert!(text.len() <= LONGEST, "{key} has {} bytes", text.len());
            if JSON.contains(&key) {
                let parsed = serde_json::from_str::<serde_json::Value>(text);
                assert!(parsed.is_ok_and(|value| value.is_array()), "{key}: {text}");
            }
        }
        if JSON.contains(&key) {
            assert_eq!(value.kind(), "string", "{key}");
        }
        if INTEGERS.contains(&key) {
            assert_eq!(value.kind(), "integer", "{key}");
        }
        if DOUBLES.contains(&key) {
            assert_eq!(value.kind(), "double", "{key}");
        }
    }
    let count = |key| span.attributes.integer(key).unwrap_or(0);
    assert!(
        count("gen_ai.usage.cache_read.input_tokens")
            <= count("gen_ai.usage.input_tokens").max(count("gen_ai.usage.total_tokens"))
    );
}

/// Converts a translated span back, as if a source read what we have sent.
pub(crate) fn as_source(span: &SentrySpan) -> SourceSpan {
    let mut source = SourceSpan::new(span.trace_id, span.span_id, span.name.clone(), span.start);
    source.parent_span_id = span.parent_span_id;
    source.kind = Some(span.kind);
    source.end = span.end;
    source.attributes = span.attributes.clone();
    source.attributes.push_owned_key("sentry.op", &*span.op);
    source
        .attributes
        .push_owned_key("sentry.origin", &*span.origin);
    if span.status == sentry_genai_conventions::Status::Error {
        source.status = sentry_genai_conventions::SourceStatus::Error(None);
    } else {
        source.status = sentry_genai_conventions::SourceStatus::Ok;
    }
    source
}

/// Writes a span down, with the fields of JSON in a fixed order.
fn written(span: &SentrySpan) -> Vec<String> {
    let mut lines: Vec<_> = span
        .attributes
        .iter()
        .map(|(key, value)| format!("{key} = {value:?}"))
        .collect();
    lines.sort();
    lines.insert(
        0,
        format!("{} | {} | {:?}", span.op, span.name, span.status),
    );
    lines
}

fn assert_idempotent(translator: &Translator, span: &SentrySpan) {
    let again = translator.translate(as_source(span));
    pretty_assert(&written(span), &written(&again));
}

pub(crate) fn pretty_assert(first: &[String], second: &[String]) {
    let only = |a: &[String], b: &[String]| {
        a.iter()
            .filter(|line| !b.contains(line))
            .cloned()
            .collect::<Vec<_>>()
    };
    let (lost, new) = (only(first, second), only(second, first));
    assert!(
        lost.is_empty() && new.is_empty(),
        "lost {lost:#?}\nnew {new:#?}"
    );
}

#[test]
fn translating_the_corpus_again_changes_nothing() {
    let translator = translator();
    for capture in corpus() {
        for span in capture.traces().iter().flatten() {
            check(span);
            assert_idempotent(&translator, span);
        }
    }
}

/// The order and the batches of a trace do not affect what is counted once.
#[test]
fn the_order_of_spans_does_not_matter() {
    for capture in corpus() {
        let mut backwards = capture.spans.clone();
        backwards.reverse();
        let sorted = |traces: Vec<Vec<SentrySpan>>| {
            let mut spans: Vec<_> = traces.into_iter().flatten().collect();
            spans.sort_by_key(|span| span.span_id);
            spans.iter().map(written).collect::<Vec<_>>()
        };
        assert_eq!(
            sorted(capture.traces()),
            sorted(translate(backwards)),
            "{}",
            capture.name
        );
    }
}

fn key() -> impl Strategy<Value = String> {
    let known = corpus()
        .iter()
        .flat_map(|capture| &capture.spans)
        .flat_map(|span| {
            span.attributes
                .iter()
                .map(|(key, _)| key.to_owned())
                .collect::<Vec<_>>()
        })
        .collect::<BTreeSet<_>>();
    let known: Vec<_> = known.into_iter().collect();
    prop_oneof![
        8 => proptest::sample::select(known),
        1 => "gen_ai\\.[a-z]{1,6}(\\.[0-9a-z]{1,4}){0,3}",
        1 => "[a-z.]{0,12}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    let known = corpus()
        .iter()
        .flat_map(|capture| &capture.spans)
        .flat_map(|span| {
            let texts = span.attributes.iter().filter_map(|(_, value)| match value {
                Value::Str(text) if text.len() < 2000 => Some(text.to_owned()),
                _ => None,
            });
            texts.collect::<Vec<_>>()
        })
        .collect::<BTreeSet<_>>();
    let known: Vec<_> = known.into_iter().collect();
    prop_oneof![
        4 => proptest::sample::select(known.clone()),
        // Cut somewhere, as by exporters with a limit.
        2 => (proptest::sample::select(known), any::<proptest::sample::Index>()).prop_map(|(text, at)| {
            let mut at = at.index(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            text[..at].to_owned()
        }),
        1 => "\\PC{0,40}",
        1 => "[\\[\\]{}\",:0-9a-z\\\\\u{0}]{0,60}",
        1 => Just(r#"[{"role":"user","content":"\ud800 \u0000 שלום 🦀"}]"#.to_owned()),
    ]
}

#[derive(Clone, Debug)]
enum Any {
    Text(String),
    Integer(i64),
    Double(f64),
    Bool(bool),
    List(Vec<String>),
}

fn value() -> impl Strategy<Value = Any> {
    prop_oneof![
        6 => text().prop_map(Any::Text),
        2 => any::<i64>().prop_map(Any::Integer),
        1 => (-10_i64..2000).prop_map(Any::Integer),
        1 => any::<f64>().prop_map(Any::Double),
        1 => any::<bool>().prop_map(Any::Bool),
        1 => proptest::collection::vec(text(), 0..4).prop_map(Any::List),
    ]
}

/// Attributes as real libraries write them, mixed at random.
fn real() -> impl Strategy<Value = (String, Any)> {
    let known: Vec<_> = corpus()
        .iter()
        .flat_map(|capture| &capture.spans)
        .flat_map(|span| span.attributes.iter())
        .map(|(key, value)| (key.to_owned(), any_of(value)))
        .collect();
    proptest::sample::select(known)
}

fn any_of(value: Value<'_>) -> Any {
    match value {
        Value::Bool(value) => Any::Bool(value),
        Value::Integer(value) => Any::Integer(value),
        Value::Double(value) => Any::Double(value),
        Value::Str(value) => Any::Text(value.to_owned()),
        Value::Array(values) => {
            let texts = values.iter().filter_map(|value| match value {
                Scalar::Str(value) => Some(value.clone()),
                _ => None,
            });
            Any::List(texts.collect())
        }
        _ => Any::Bool(true),
    }
}

fn source(attribute: impl Strategy<Value = (String, Any)>) -> impl Strategy<Value = SourceSpan> {
    let scopes: Vec<_> = corpus()
        .iter()
        .flat_map(|capture| &capture.spans)
        .map(|span| (span.scope.to_string(), span.name.to_string()))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    (
        proptest::sample::select(scopes),
        proptest::collection::vec(attribute, 0..24),
        proptest::option::of(text()),
    )
        .prop_map(|((scope, name), attributes, event)| {
            let trace_id = TraceId::from_bytes([7; 16]).unwrap();
            let span_id = SpanId::from_bytes([3; 8]).unwrap();
            let start = Timestamp::from_nanos(1_000_000_000);
            let mut span = SourceSpan::new(trace_id, span_id, name, start);
            span.scope = scope.into();
            span.kind = Some(SpanKind::Internal);
            for (key, value) in attributes {
                match value {
                    Any::Text(value) => span.attributes.push_owned_key(&key, &value),
                    Any::Integer(value) => span.attributes.push_owned_key(&key, value),
                    Any::Double(value) => span.attributes.push_owned_key(&key, value),
                    Any::Bool(value) => span.attributes.push_owned_key(&key, value),
                    Any::List(values) => {
                        let values: Vec<_> = values.into_iter().map(Scalar::Str).collect();
                        span.attributes.push_owned_key(&key, values);
                    }
                }
            }
            if let Some(text) = event {
                let mut event = SourceEvent::new("gen_ai.choice");
                event.attributes.push("message", &text);
                span.events.push(event);
            }
            span
        })
}

pub(crate) fn for_all(
    spans: &impl Strategy<Value = SourceSpan>,
    holds: impl Fn(&Translator, SentrySpan),
) {
    let translator = translator();
    let mut config = proptest::test_runner::Config::default();
    config.failure_persistence = None;
    // `PROPTEST_CASES` may ask for more.
    config.cases = config.cases.max(600);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let result = runner.run(spans, |span| {
        holds(&translator, translator.translate(span));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn anything_comes_out_valid() {
    for_all(&source((key(), value())), |_, span| check(&span));
}

#[test]
fn any_mixture_of_dialects_comes_out_valid_and_stays_as_it_is() {
    for_all(&source(real()), |translator, span| {
        check(&span);
        assert_idempotent(translator, &span);
    });
}

fn request(spans: &str) -> String {
    format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"scope":{{"name":"x"}},"spans":[{spans}]}}]}}]}}"#
    )
}

fn chat(span_id: u64, parent: u64, messages: &str) -> String {
    let messages = serde_json::Value::from(messages);
    format!(
        r#"{{"traceId":"4c79f60c11214eb38604f4ae0781bfb2","spanId":"{span_id:016x}","parentSpanId":"{parent:016x}","name":"chat",
        "startTimeUnixNano":"1","endTimeUnixNano":"2","attributes":[
        {{"key":"gen_ai.operation.name","value":{{"stringValue":"chat"}}}},
        {{"key":"gen_ai.input.messages","value":{{"stringValue":{messages}}}}}]}}"#
    )
}

/// Hostile content is cut or kept as text; it is never lost as a whole, and never invalid.
#[test]
fn hostile_content_stays_valid_and_is_not_lost() {
    let deep = format!("{}1{}", "[".repeat(1000), "]".repeat(1000));
    let long = format!(
        r#"[{{"role":"user","content":"{}"}}]"#,
        "🦀שלום ".repeat(900_000)
    );
    let lone = r#"[{"role":"user","content":"a \ud83d b \u0000 c"}]"#;
    for messages in [&*deep, &*long, lone, "\u{0}", "[{\"role\":", "{}"] {
        let spans = otlp_json::parse(&request(&chat(1, 0, messages))).unwrap();
        let spans = spans.into_iter().map(|received| received.span).collect();
        for span in translate(spans).iter().flatten() {
            check(span);
            let kept = span.attributes.contains("gen_ai.input.messages");
            assert_eq!(kept, messages != "{}", "{:.40}", messages);
        }
    }
}

/// A trace of many spans takes time in proportion to their number: in a chain, in a row, and in a row below a chain.
#[test]
fn large_traces_take_linear_time() {
    let row_below_chain = |id: u64| if id.is_multiple_of(2) { 1 } else { id + 2 };
    for parent in [|id: u64| id - 1, |_: u64| 0, row_below_chain] {
        assert_linear(2_000, |count| {
            let spans = (1..=count as u64).map(|id| chat(id, parent(id), "[]"));
            let spans = request(&spans.collect::<Vec<_>>().join(","));
            let spans = otlp_json::parse(&spans).unwrap().into_iter();
            let traces = translate(spans.map(|received| received.span).collect());
            assert_eq!(traces.iter().map(Vec::len).sum::<usize>(), count);
        });
    }
}
