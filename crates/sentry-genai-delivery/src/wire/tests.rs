//! Envelopes as Sentry reads them.

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use serde_json::{Value, json};

use super::*;
use crate::{ids::new_span_id, testing};

fn lines(envelope: &[u8]) -> Vec<Value> {
    let text = str::from_utf8(envelope).unwrap();
    let lines = text.strip_suffix('\n').unwrap().split('\n');
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn encode(segment: &Segment, spans: &[SentrySpan]) -> Encoded {
    let mut encoder = SpanEncoder::new(&testing::config(&testing::options()));
    let spans = spans.iter().map(|span| (span, segment));
    encode_within_limits(&mut encoder, segment.trace(), spans, Vec::new())
}

fn spans(segment: &Segment, texts: &[usize]) -> Vec<SentrySpan> {
    let span = |text: &usize| {
        let mut span = testing::span(segment, new_span_id());
        span.attributes.push("text", "x".repeat(*text).as_str());
        span
    };
    texts.iter().map(span).collect()
}

#[test]
fn header_item_header_and_container() {
    let segment = testing::segment();
    let span = testing::span(&segment, new_span_id());
    let sent_at = UNIX_EPOCH + Duration::from_secs(1_795_132_805);
    let config = testing::config(&testing::options());
    let spans = [(&span, &*segment)].into_iter();
    let encoded = encode_envelopes(&config, segment.trace(), spans, sent_at);
    let [header, item, container] = &lines(&encoded.envelopes[0])[..] else {
        panic!("not three lines");
    };

    assert_eq!(header["sent_at"], "2026-11-20T00:00:05.000000Z");
    assert_eq!(
        header["sdk"],
        json!({"name": "sentry.rust.genai", "version": env!("CARGO_PKG_VERSION")})
    );
    let trace_id = segment.trace().trace_id().to_string();
    assert_eq!(header["trace"]["trace_id"], trace_id);
    assert_eq!(header.get("dsn"), None);
    assert_eq!(
        *item,
        json!({
            "type": "span",
            "item_count": 1,
            "content_type": "application/vnd.sentry.items.span.v2+json",
        })
    );
    assert_eq!(container["version"], 2);
    assert_eq!(container["items"][0]["span_id"], span.span_id.to_string());
}

#[test]
fn many_spans_are_split_by_number() {
    let segment = testing::segment();
    let encoded = encode(&segment, &spans(&segment, &[1; 2001]));
    let counts: Vec<_> = encoded.envelopes.iter().map(|it| it.spans).collect();
    assert_eq!(counts, [1000, 1000, 1]);
    for envelope in &encoded.envelopes {
        let lines = lines(&envelope.bytes);
        assert_eq!(lines[1]["item_count"], envelope.spans);
        assert_eq!(lines[2]["items"].as_array().unwrap().len(), envelope.spans);
    }
}

#[test]
fn large_spans_are_split_by_size_and_none_is_cut() {
    let segment = testing::segment();
    let mega = 1024 * 1024;
    let sizes = [mega, mega, mega, mega, 10, 5 * mega, 3 * mega, 10];
    let spans = spans(&segment, &sizes);
    let encoded = encode(&segment, &spans);
    assert_eq!(encoded.too_large, 1);
    let mut sent = Vec::new();
    for envelope in &encoded.envelopes {
        assert!(envelope.bytes.len() <= MAX_ENVELOPE_BYTES);
        let lines = lines(&envelope.bytes);
        let items = lines[2]["items"].as_array().unwrap();
        assert_eq!(lines[1]["item_count"], items.len());
        assert_eq!(envelope.spans, items.len());
        sent.extend(items.iter().map(|item| item["span_id"].clone()));
    }
    let expected: Vec<_> = (spans.iter().enumerate())
        .filter(|(index, _)| *index != 5)
        .map(|(_, span)| json!(span.span_id.to_string()))
        .collect();
    assert_eq!(sent, expected);
}

#[test]
fn a_span_that_is_too_large_leaves_no_empty_envelope() {
    let segment = testing::segment();
    let encoded = encode(&segment, &spans(&segment, &[MAX_ENVELOPE_BYTES, 10]));
    let counts: Vec<_> = encoded.envelopes.iter().map(|it| it.spans).collect();
    assert_eq!((counts, encoded.too_large), (vec![1], 1));
}

#[test]
fn an_envelope_may_have_exactly_its_maximum_size() {
    let segment = testing::segment();
    let encode = |text| encode(&segment, &spans(&segment, &[text]));
    let overhead = encode(0).envelopes[0].bytes.len();
    let largest = encode(MAX_ENVELOPE_BYTES - overhead);
    assert_eq!(largest.envelopes[0].bytes.len(), MAX_ENVELOPE_BYTES);
    assert_eq!(encode(MAX_ENVELOPE_BYTES - overhead + 1).too_large, 1);
}

#[test]
fn spans_of_several_segments_share_an_envelope_and_keep_their_segments() {
    let first = testing::segment();
    let second = Segment::new(Arc::clone(first.trace()), new_span_id(), "second");
    let in_turn = [&*first, &second, &second, &first];
    let spans = in_turn.map(|segment| (testing::span(segment, new_span_id()), segment));
    let config = testing::config(&testing::options());
    let with_segments = spans.iter().map(|(span, segment)| (span, *segment));
    let encoded = encode_envelopes(&config, first.trace(), with_segments, UNIX_EPOCH);
    let lines = lines(&encoded.envelopes[0]);
    assert_eq!(lines[1]["item_count"], in_turn.len());
    let items = lines[2]["items"].as_array().unwrap();
    let ids = items
        .iter()
        .map(|item| &item["attributes"]["sentry.segment.id"]["value"]);
    let expected = in_turn.map(|segment| json!(segment.span_id().to_string()));
    assert!(ids.eq(&expected), "{items:#?}");
}

#[test]
fn a_split_envelope_holds_the_same_spans() {
    let segment = testing::segment();
    let mut spans = spans(&segment, &[1; 5]);
    spans[1].attributes.push("nested", r#"{"a":[{},"\\"],"},{"#);
    let whole = encode(&segment, &spans).envelopes.remove(0);
    let [first, second] = split(&whole).unwrap();
    let ids = |envelope: &Envelope| {
        let lines = lines(&envelope.bytes);
        assert_eq!(lines[1]["item_count"], envelope.spans);
        assert_eq!(
            lines[0]["trace"],
            super::tests::lines(&whole.bytes)[0]["trace"]
        );
        let items = lines[2]["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|it| it["span_id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!((first.spans, second.spans), (2, 3));
    assert_eq!([ids(&first), ids(&second)].concat(), ids(&whole));
    let [one, two] = split(&first).unwrap();
    assert_eq!((one.spans, two.spans), (1, 1));
    assert!(split(&one).is_none());
}

#[test]
fn encode_envelopes_and_encode_spans_agree() {
    let segment = testing::segment();
    let spans = spans(&segment, &[1; 1001]);
    let config = testing::config(&testing::options());
    let with_segment = || spans.iter().map(|span| (span, &*segment));
    let sent_at = UNIX_EPOCH + Duration::from_secs(1_795_132_805);
    let encoded = encode_envelopes(&config, segment.trace(), with_segment(), sent_at);
    assert_eq!((encoded.envelopes.len(), encoded.too_large), (2, 0));
    let contained = encoded.envelopes.iter().flat_map(|envelope| {
        let lines = lines(envelope);
        assert_eq!(lines[0]["sent_at"], "2026-11-20T00:00:05.000000Z");
        lines[2]["items"].as_array().unwrap().clone()
    });
    let alone = encode_spans(&config, with_segment())
        .map(|json| serde_json::from_slice::<Value>(&json).unwrap());
    assert_eq!(contained.collect::<Vec<_>>(), alone.collect::<Vec<_>>());
}

#[test]
fn no_spans_make_no_envelope() {
    let segment = testing::segment();
    assert!(encode(&segment, &[]).envelopes.is_empty());
    let header = &lines(&empty_envelope())[0];
    assert_eq!(header.get("trace"), None);
}
