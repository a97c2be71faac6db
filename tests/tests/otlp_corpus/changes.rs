//! Captures with changes such as other programs, other models and other clocks make. What arrives is the same, apart from the change.

use std::collections::BTreeMap;

use sentry_genai_conventions::{
    Attributes, SentrySpan, SourceSpan, SourceStatus, SpanId, SpanKind, Status, Timestamp, TraceId,
    TranslateOptions, Translator, Value,
};
use sentry_genai_gateway::otlp_json;
use sentry_genai_tests::otlp_corpus;
use serde_json::Value as Json;

use crate::{
    corpus,
    mutations::{Held, attributes, pairs},
    properties::pretty_assert,
    translate, translate_with,
};

/// The longest first, so that none is replaced within another.
static MODELS: &[&str] = &[
    "anthropic.claude-3-5-sonnet-20240620-v1:0",
    "gpt-4o-mini-2024-07-18",
    "gpt-4o-2024-08-06",
    "claude-sonnet-4-5",
    "gemini-2.5-flash",
    "claude-sonnet-5",
    "gpt-4o-mini",
    "gpt-4o",
];

static QUESTIONS: &[&str] = &[
    "What is the weather in both Paris and Berlin?",
    "What is the weather in Paris?",
    "And what is the capital of France?",
    "What is the capital of France?",
    "I want a refund for order A-1001",
    "Tell me a joke",
];

static ANSWERS: &[&str] = &[
    "It is rainy in Paris today, 14 C.",
    "Your refund for order A-1001 was issued.",
    "The capital of France is Paris.",
    "rain in Paris, 14 C",
];

fn arrived(spans: Vec<SourceSpan>) -> Vec<SentrySpan> {
    let mut spans: Vec<_> = translate(spans).into_iter().flatten().collect();
    spans.sort_by_key(|span| (span.trace_id, span.span_id));
    spans
}

/// Replaces texts in the captures, and expects nothing but these to change.
fn assert_replaced(texts: &[&str], with: &str) {
    let replaced = |text: &str| {
        let texts = texts.iter();
        texts.fold(text.to_owned(), |text, old| text.replace(old, with))
    };
    for (name, text) in otlp_corpus() {
        let (before, after) = (parsed(&text), parsed(&replaced(&text)));
        assert_eq!(before.len(), after.len(), "{name}");
        for (before, after) in before.iter().zip(&after) {
            let expected = outline_with_content(before, &replaced);
            assert_eq!(
                expected,
                outline_with_content(after, &str::to_owned),
                "{name}"
            );
        }
    }
}

fn parsed(text: &str) -> Vec<SentrySpan> {
    let spans = otlp_json::parse(text).unwrap().into_iter();
    arrived(spans.map(|received| received.span).collect())
}

/// Returns all that a span says after `change`, regardless of the order of fields.
fn outline_with_content(
    span: &SentrySpan,
    change: &impl Fn(&str) -> String,
) -> BTreeMap<String, Json> {
    let attributes = span.attributes.iter().map(|(key, value)| {
        let text = match value {
            Value::Str(text) => change(text),
            value => format!("{value:?}"),
        };
        let json = serde_json::from_str(&text).unwrap_or(Json::String(text));
        (key.to_owned(), json)
    });
    let own = [("name", change(&span.name)), ("op", span.op.to_string())];
    let own = own.map(|(key, text)| (key.to_owned(), Json::String(text)));
    attributes.chain(own).collect()
}

#[test]
fn models_may_have_any_name() {
    assert_replaced(MODELS, "accounts/acme/ft:llama3.2:3b");
}

#[test]
fn questions_and_answers_may_be_anything() {
    assert_replaced(QUESTIONS, "{not json} user: [1] <b>42</b> 🦀 שלום");
    assert_replaced(ANSWERS, "Traceback (most recent call last): true");
}

/// What Sentry counts and groups by.
fn outline(span: &SentrySpan) -> Vec<String> {
    const KEYS: [&str; 11] = [
        "gen_ai.agent.name",
        "gen_ai.conversation.id",
        "gen_ai.request.model",
        "gen_ai.response.finish_reasons",
        "gen_ai.response.model",
        "gen_ai.tool.name",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.reasoning.output_tokens",
    ];
    let values = KEYS.map(|key| format!("{key} = {:?}", span.attributes.get(key)));
    let title = format!("{} | {} | {:?}", span.op, span.name, span.status);
    [vec![title], values.to_vec()].concat()
}

/// Changes all spans, and expects their outlines to stay the same.
fn assert_unaffected(change: impl Fn(&mut SourceSpan)) {
    for capture in corpus() {
        let mut changed = capture.spans.clone();
        changed.iter_mut().for_each(&change);
        let (before, after) = (arrived(capture.spans), arrived(changed));
        assert_eq!(before.len(), after.len(), "{}", capture.name);
        for (before, after) in before.iter().zip(&after) {
            pretty_assert(&outline(before), &outline(after));
        }
    }
}

#[test]
fn numbers_may_be_texts() {
    assert_unaffected(|span| {
        let mut own = pairs(&span.attributes);
        for (_, value) in &mut own {
            if let Held::Integer(number) = value {
                *value = Held::Text(number.to_string());
            }
        }
        span.attributes = attributes(&own);
    });
}

#[test]
fn clocks_may_be_coarse_and_ends_unknown() {
    assert_unaffected(|span| {
        let milliseconds =
            |time: Timestamp| Timestamp::from_nanos(time.as_nanos() / 1_000_000 * 1_000_000);
        (span.start, span.end) = (milliseconds(span.start), milliseconds(span.end));
    });
    assert_unaffected(|span| span.end = span.start);
}

#[test]
fn programs_may_add_attributes() {
    assert_unaffected(|span| {
        for (key, value) in [
            ("user.id", "u1"),
            ("tenant", "acme"),
            ("thread.name", "main"),
            ("code.function.name", "chat"),
            ("operation", "chat"),
            ("name", "gpt"),
            ("type", "llm"),
            ("kind", "agent"),
            ("status", "error"),
        ] {
            if !span.attributes.contains(key) {
                span.attributes.push_owned_key(key, value);
            }
        }
    });
}

#[test]
fn no_failure_is_lost() {
    for capture in corpus() {
        let mut spans = capture.spans;
        for span in &mut spans {
            span.status = SourceStatus::Error(Some("boom".to_owned()));
        }
        for span in arrived(spans) {
            assert_eq!(
                span.status,
                Status::Error,
                "{}: {}",
                capture.name,
                span.name
            );
        }
    }
}

/// The traces of a file, and again all of them with other ids, below one request and at the same time.
#[test]
fn calls_at_the_same_time_are_not_one() {
    for capture in corpus() {
        // It has one call in two traces, whose two descriptions cannot be related.
        if capture.name == "openinference-anthropic/messages-stream-helper.content" {
            continue;
        }
        let apart = calls(&arrived(capture.spans.clone()));
        let mut together = vec![request(&capture.spans)];
        for copy in 0..2 {
            let spans = capture.spans.iter().cloned();
            together.extend(spans.map(|span| below_request(span, copy)));
        }
        let twice: Vec<_> = apart
            .iter()
            .flat_map(|call| [call.clone(), call.clone()])
            .collect();
        assert_eq!(calls(&arrived(together)), twice, "{}", capture.name);
    }
}

/// Returns the ops and the input tokens of all AI spans, in order.
fn calls(spans: &[SentrySpan]) -> Vec<(String, Option<i64>)> {
    let ai = spans.iter().filter(|span| span.ai.is_some());
    let mut calls: Vec<_> = ai
        .map(|span| {
            let input = span.attributes.integer("gen_ai.usage.input_tokens");
            (span.op.to_string(), input)
        })
        .collect();
    calls.sort();
    calls
}

const REQUEST: [u8; 8] = [0xff; 8];

fn request(spans: &[SourceSpan]) -> SourceSpan {
    let start = spans.iter().map(|span| span.start).min().unwrap();
    let trace_id = TraceId::from_bytes([7; 16]).unwrap();
    let span_id = SpanId::from_bytes(REQUEST).unwrap();
    let mut request = SourceSpan::new(trace_id, span_id, "POST /ask", start);
    request.end = spans.iter().map(|span| span.end).max().unwrap();
    request.kind = Some(SpanKind::Server);
    request
}

fn below_request(mut span: SourceSpan, copy: u8) -> SourceSpan {
    // Spans of several traces must not share an id.
    let own_trace = span.trace_id.to_bytes();
    let changed = |id: SpanId| {
        let mut bytes = id.to_bytes();
        bytes[0] ^= own_trace[0];
        bytes[1] ^= copy;
        SpanId::from_bytes(bytes)
    };
    span.trace_id = TraceId::from_bytes([7; 16]).unwrap();
    span.span_id = changed(span.span_id).unwrap();
    let parent = span.parent_span_id.and_then(changed);
    span.parent_span_id = parent.or_else(|| SpanId::from_bytes(REQUEST));
    let mut own = pairs(&span.attributes);
    for (_, value) in &mut own {
        if let Held::Text(text) = value {
            // Part of the ids of responses and tool calls.
            *text = text.replace("000", &format!("00{copy}"));
        }
    }
    span.attributes = attributes(&own);
    span
}

/// What may leave decides nothing but what leaves.
#[test]
fn spans_say_the_same_without_content() {
    let without_content = Translator::new(TranslateOptions::default());
    for capture in corpus() {
        let with = outlines(translate(capture.spans.clone()));
        let without = outlines(translate_with(&without_content, capture.spans));
        assert_eq!(with, without, "{}", capture.name);
    }
}

fn outlines(traces: Vec<Vec<SentrySpan>>) -> Vec<Vec<String>> {
    traces.iter().flatten().map(outline).collect()
}

/// While no content may leave, a door copies little of an input, so nothing may be derived from the rest.
#[test]
fn spans_say_the_same_without_copies_of_withheld_inputs() {
    let translator = Translator::new(TranslateOptions::default());
    let room = translator.options().text_room();
    let copied = |span: &SourceSpan| {
        let mut copy = span.clone();
        copy.attributes = Attributes::default();
        for (key, value) in span.attributes.iter() {
            match value {
                Value::Str(text) => copy.attributes.push_conventional_text(key, text, room),
                value => copy.attributes.push_conventional(key, value),
            }
        }
        copy
    };
    let mut cut = 0;
    for capture in corpus() {
        let copies: Vec<_> = capture.spans.iter().map(copied).collect();
        let bytes = |spans: &[SourceSpan]| -> usize {
            spans.iter().map(|span| span.attributes.text_bytes()).sum()
        };
        cut += usize::from(bytes(&copies) < bytes(&capture.spans));
        let said = |spans| {
            let traces = translate_with(&translator, spans).into_iter().flatten();
            let all = traces.map(|span| outline_with_content(&span, &str::to_owned));
            all.collect::<Vec<_>>()
        };
        assert_eq!(said(copies), said(capture.spans), "{}", capture.name);
    }
    assert!(cut > 50, "{cut}");
}
