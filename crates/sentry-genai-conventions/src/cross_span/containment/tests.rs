use super::*;
use crate::{SourceSpan, SpanId, TraceId, TranslateOptions, Translator, growth::assert_linear};

const OUTER: &str = "openinference.instrumentation.langchain";
const INNER: &str = "openinference.instrumentation.openai";

/// Returns calls of two instrumentations, which start in this order and end at these times.
fn calls(ends: &[(&'static str, u64)]) -> Vec<SentrySpan> {
    let translator = Translator::new(TranslateOptions::default());
    let call = |(id, &(scope, end)): (u64, &(&'static str, u64))| {
        let trace_id = TraceId::from_bytes([9; 16]).unwrap();
        let span_id = SpanId::from_bytes(id.to_be_bytes()).unwrap();
        let start = Timestamp::from_nanos(id);
        let mut span = SourceSpan::new(trace_id, span_id, "call", start);
        span.scope = scope.into();
        span.end = Timestamp::from_nanos(end);
        span.attributes.push("openinference.span.kind", "LLM");
        span.attributes.push("llm.model_name", "m");
        translator.translate(span)
    };
    (1..).zip(ends).map(call).collect()
}

fn pair_all(spans: &[SentrySpan]) -> Vec<(usize, usize)> {
    let descriptions = spans.iter().enumerate();
    pair(descriptions.map(|(position, span)| Description::of(position, span)))
}

/// Three concurrent calls, described by both instrumentations, which end in a different order than they started.
#[test]
fn concurrent_calls_are_paired_with_their_counterparts() {
    let ends = [11, 16, 18].map(|end| (OUTER, end + 10)).into_iter();
    let ends = ends.chain([10, 15, 17].map(|end| (INNER, end + 10)));
    let spans = calls(&ends.collect::<Vec<_>>());
    assert_eq!(pair_all(&spans), [(0, 3), (1, 4), (2, 5)]);
}

#[test]
fn a_call_has_one_description_of_each_instrumentation() {
    let spans = calls(&[(OUTER, 90), (INNER, 20), (INNER, 30)]);
    assert_eq!(pair_all(&spans), [(0, 1)]);
}

#[test]
fn descriptions_by_instrumentations_of_one_library_may_end_in_the_order_in_which_they_started() {
    const OTHER: &str = "opentelemetry.instrumentation.langchain";
    let spans = |second| calls(&[(OUTER, 90), (OUTER, 91), (second, 92), (second, 93)]);
    assert_eq!(pair_all(&spans(OTHER)), [(1, 2), (0, 3)]);
    assert_eq!(pair_all(&spans(INNER)), []);
    // One that is still running is preferred to one that has just ended.
    let spans = calls(&[(OUTER, 90), (OUTER, 99), (OTHER, 91)]);
    assert_eq!(pair_all(&spans), [(1, 2)]);
}

/// In JavaScript, LangChain calls its instrumentations in the background.
#[test]
fn javascripts_langchain_may_report_a_call_later_than_the_sdk() {
    const LATE: &str = "@arizeai/openinference-instrumentation-langchain";
    const SDK: &str = "@arizeai/openinference-instrumentation-openai";
    for scopes in [[SDK, LATE], [LATE, SDK]] {
        let mut spans = calls(&[(scopes[0], 20), (scopes[1], 21)]);
        assert_eq!(pair_all(&spans), [(0, 1)]);
        // An attempt, after which LangChain tries again.
        let attempt = spans.iter_mut().find(|span| span.scope == SDK).unwrap();
        attempt.status = Status::Error;
        assert_eq!(pair_all(&spans), []);
    }
}

#[test]
fn a_stream_may_be_handed_out_before_it_is_requested() {
    const EARLY: &str = "openinference.instrumentation.llama_index";
    let pairs_of = |outer| {
        let mut spans = calls(&[
            (outer, 2),
            (INNER, 20),
            (INNER, 30),
            (outer, 5),
            (INNER, 40),
        ]);
        for (span, start) in spans.iter_mut().zip([1, 3, 21, 31, 34]) {
            span.start = Timestamp::from_nanos(start);
            span.end = span.end.max(span.start);
        }
        pair_all(&spans)
    };
    assert_eq!(pairs_of(EARLY), [(0, 1), (3, 4)]);
    assert_eq!(pairs_of(OUTER), []);
    assert_eq!(pairs_of("langfuse-sdk"), []);
}

/// Langtrace reports Anthropic's input without the cache, and Anthropic's SDK with it.
#[test]
fn counts_with_and_without_the_cache_are_the_same_input() {
    let pairs_of = |cached: i64, with_cache: usize| {
        let mut spans = calls(&[(OUTER, 90), (INNER, 20)]);
        spans[1 - with_cache].attributes.push(tokens::INPUT, 26);
        let attributes = &mut spans[with_cache].attributes;
        attributes.push(tokens::INPUT, 42);
        attributes.push(tokens::CACHE_READ, cached);
        pair_all(&spans)
    };
    for with_cache in [0, 1] {
        assert_eq!(pairs_of(16, with_cache), [(0, 1)]);
        assert_eq!(pairs_of(10, with_cache), []);
    }
}

/// What the outer and the inner description say, in this order, apart from the model.
#[test]
fn descriptions_that_contradict_each_other_or_agree_on_nothing_are_distinct() {
    const MODEL: &str = "gen_ai.request.model";
    const APP: &str = "shop";
    const OTHER: &str = "opentelemetry.instrumentation.langchain";
    type Change = fn(&mut SentrySpan);
    let nothing: Change = |_| {};
    let unnamed: Change = |span| {
        span.attributes.remove(MODEL);
    };
    let failed: Change = |span| span.status = Status::Error;
    let unnamed_failed: Change = |span| {
        span.attributes.remove(MODEL);
        span.status = Status::Error;
    };
    let response: Change = |span| span.attributes.push("gen_ai.response.id", "r");
    let counted: Change = |span| span.attributes.push(tokens::OUTPUT, 5);
    let counted_otherwise: Change = |span| span.attributes.push(tokens::OUTPUT, 6);
    let answered: Change = |span| {
        span.attributes.push("gen_ai.response.id", "r");
        span.attributes.push(tokens::OUTPUT, 5);
    };
    let traceloop: Change = |span| span.origin = "auto.ai.traceloop".into();
    let traceloop_failed: Change = |span| {
        span.origin = "auto.ai.traceloop".into();
        span.status = Status::Error;
    };
    for (ends, changes, is_one_call) in [
        // Wrappers need not agree, unless the one would have silenced the other.
        ([(OUTER, 90), (INNER, 20)], [nothing, nothing], true),
        ([(OUTER, 90), (INNER, 20)], [response, nothing], true),
        ([(OUTER, 90), (INNER, 20)], [response, response], false),
        (
            [(OUTER, 90), (INNER, 20)],
            [counted, counted_otherwise],
            false,
        ),
        ([(OUTER, 90), (INNER, 20)], [unnamed, nothing], false),
        ([(OUTER, 90), (INNER, 20)], [unnamed, unnamed], false),
        ([(LANGFUSE, 20), (INNER, 90)], [nothing, nothing], true),
        ([(OUTER, 20), (OTHER, 90)], [traceloop, traceloop], false),
        (
            [(OUTER, 20), (OTHER, 90)],
            [traceloop_failed, traceloop_failed],
            true,
        ),
        // Others have to.
        ([(OUTER, 90), (APP, 20)], [nothing, nothing], false),
        ([(APP, 90), (INNER, 20)], [nothing, nothing], false),
        ([(APP, 90), (INNER, 20)], [failed, failed], true),
        ([(APP, 90), (INNER, 20)], [failed, nothing], false),
        ([(APP, 20), (INNER, 90)], [failed, failed], false),
        ([(APP, 90), (INNER, 20)], [failed, unnamed_failed], true),
        ([(APP, 90), (INNER, 20)], [unnamed_failed, failed], true),
        (
            [(APP, 90), (INNER, 20)],
            [unnamed_failed, unnamed_failed],
            false,
        ),
        ([(APP, 90), (INNER, 20)], [answered, counted], true),
        ([(APP, 90), (INNER, 20)], [answered, nothing], false),
    ] {
        let mut spans = calls(&ends);
        for (span, change) in spans.iter_mut().zip(changes) {
            change(span);
        }
        assert_eq!(!pair_all(&spans).is_empty(), is_one_call, "{spans:?}");
    }
}

#[test]
fn many_concurrent_calls_are_paired_in_linear_time() {
    let spans = calls(&vec![(OUTER, 1 << 40); 20_000]);
    assert_linear(2_000, |many| assert!(pair_all(&spans[..many]).is_empty()));
}
