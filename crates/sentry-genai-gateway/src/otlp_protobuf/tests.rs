use sentry_genai_conventions::{SourceStatus, SpanKind, Value as Attribute};

use super::*;
use crate::Request;

/// Encodes a field by hand, following the description of the wire format: no part of it comes from the code under test.
fn field(number: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = payload.len();
    while length > 127 {
        bytes.push((length & 127) as u8 | 128);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(payload);
    bytes
}

fn fixed64(number: u8, value: u64) -> Vec<u8> {
    [&[number << 3 | 1][..], &value.to_le_bytes()].concat()
}

fn varint(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

fn attribute(key: &str, value: &[u8]) -> Vec<u8> {
    [field(1, key.as_bytes()), field(2, value)].concat()
}

fn request(span: &[Vec<u8>]) -> Vec<u8> {
    let resource = field(1, &field(1, &attribute("service.name", &field(1, b"shop"))));
    let scope = field(1, &field(1, b"my.scope"));
    let spans = field(2, &span.concat());
    field(1, &[resource, field(2, &[scope, spans].concat())].concat())
}

fn span() -> Vec<Vec<u8>> {
    let double = [&[4 << 3 | 1][..], &1.5_f64.to_le_bytes()].concat();
    let list = field(
        5,
        &[field(1, &field(1, b"a")), field(1, &field(1, b"b"))].concat(),
    );
    let map = field(6, &field(1, &attribute("x", &varint(2, 1))));
    vec![
        field(1, &[7; 16]),
        field(2, &[8; 8]),
        field(3, b"state=that&is=skipped"),
        field(4, &[9; 8]),
        field(5, "chat ä".as_bytes()),
        varint(6, 3),
        fixed64(7, 5),
        fixed64(8, 9),
        field(9, &attribute("text", &field(1, b"t"))),
        field(9, &attribute("n", &varint(3, 42))),
        field(9, &attribute("double", &double)),
        field(9, &attribute("list", &list)),
        field(9, &attribute("map", &map)),
        field(9, &attribute("nothing", b"")),
        field(
            11,
            &[
                fixed64(1, 7),
                field(2, b"exception"),
                field(3, &attribute("exception.type", &field(1, b"E"))),
            ]
            .concat(),
        ),
        field(
            13,
            &[
                field(1, &[7; 16]),
                field(2, &[1; 8]),
                field(4, &attribute("sentry.link.type", &field(1, b"child_of"))),
                [&[6 << 3 | 5][..], &1_u32.to_le_bytes()].concat(),
            ]
            .concat(),
        ),
        varint(10, 3),
        varint(12, 4),
        field(15, &[field(2, b"no"), varint(3, 2)].concat()),
    ]
}

#[test]
fn a_span_with_everything() {
    let spans = decode(&request(&span())).unwrap();
    let [received] = &spans[..] else {
        panic!("{} spans", spans.len());
    };
    assert_eq!(received.resource.text("service.name"), Some("shop"));
    let span = &received.span;
    assert_eq!(span.trace_id.to_bytes(), [7; 16]);
    assert_eq!(span.parent_span_id.unwrap().to_bytes(), [9; 8]);
    assert_eq!((&*span.name, &*span.scope), ("chat ä", "my.scope"));
    assert_eq!(span.kind, Some(SpanKind::Client));
    assert_eq!((span.start.as_nanos(), span.end.as_nanos()), (5, 9));
    assert_eq!(span.status, SourceStatus::Error(Some("no".to_owned())));
    let list = [Scalar::Str("a".into()), Scalar::Str("b".into())];
    let found: Vec<_> = span.attributes.iter().collect();
    assert_eq!(
        found,
        [
            ("text", Attribute::Str("t")),
            ("n", Attribute::Integer(42)),
            ("double", Attribute::Double(1.5)),
            ("list", Attribute::Array(&list)),
            ("map", Attribute::Str(r#"{"x":true}"#)),
            ("otel.dropped_attributes_count", Attribute::Integer(3)),
            ("otel.dropped_events_count", Attribute::Integer(4)),
        ]
    );
    let event = &span.events[0];
    assert_eq!(event.time, Some(Timestamp::from_nanos(7)));
    assert_eq!(event.attributes.text("exception.type"), Some("E"));
    assert!(span.links[0].sampled);
    assert_eq!(span.links[0].link_type.as_deref(), Some("child_of"));
}

#[test]
fn length_prefixed_requests() {
    let request = request(&span());
    let framed = [&(request.len() as u32).to_be_bytes()[..], &request].concat();
    let twice = [&framed[..], &framed].concat();
    assert_eq!(decode(&twice).unwrap().len(), 2);
    let error = decode(&twice[..twice.len() - 1]).unwrap_err().to_string();
    let start = framed.len();
    assert_eq!(
        error,
        format!("byte {start}: a message is shorter than its length prefix")
    );
}

/// One attribute has a wrong wire type, or is nested too deeply to be read.
#[test]
fn fields_that_are_not_known_yet_are_skipped() {
    let fixed32 = [&[15 << 3 | 5][..], &7_u32.to_le_bytes()].concat();
    let unknown = [varint(15, 7), fixed64(15, 7), fixed32, field(15, b"new")].concat();
    let bytes = [&unknown, &request(&span())[..], &unknown].concat();
    assert_eq!(decode(&bytes).unwrap().len(), 1);
    // The list of resources is no number.
    assert!(decode(&varint(1, 7)).is_err());
}

#[test]
fn an_undecodable_span_does_not_affect_others() {
    let deep = (0..200).fold(field(1, b"hunter2"), |value, _| field(5, &field(1, &value)));
    let spans_of = |resource: &[u8], bad: &[u8]| {
        let broken = [span().concat(), bad.to_vec()].concat();
        let spans = [span().concat(), broken, span().concat()].map(|span| field(2, &span));
        let scope = field(1, &field(1, b"my.scope"));
        let scope_spans = field(2, &[scope, spans.concat()].concat());
        let message = field(1, &[field(1, resource), scope_spans].concat());
        let mut requests = requests(&message);
        let Some(Ok(Request::Traces(spans))) = requests.next() else {
            panic!("no spans");
        };
        let errors: Vec<_> = requests.map(|request| request.is_err()).collect();
        (spans, errors)
    };
    let shop = field(1, &attribute("service.name", &field(1, b"shop")));
    for bad in [
        field(9, &attribute("text", &varint(1, 1))),
        field(9, &attribute("deep", &deep)),
        varint(9, 1),
    ] {
        let (spans, errors) = spans_of(&shop, &bad);
        assert_eq!((spans.len(), &errors[..]), (2, &[true][..]));
        assert_eq!(&*spans[1].span.scope, "my.scope");
        assert_eq!(spans[1].resource.text("service.name"), Some("shop"));
    }
    let (spans, errors) = spans_of(&field(1, &attribute("text", &varint(1, 1))), &[]);
    assert_eq!((spans.len(), &errors[..]), (3, &[true][..]));
}

#[test]
fn errors_include_the_position() {
    // The first request is cut after its key and its length, which takes two bytes, as does that of the second.
    let whole = request(&span());
    for (bytes, position) in [
        (whole[..40].to_vec(), 3),
        ([&whole, &whole[..40]].concat(), whole.len() + 3),
    ] {
        assert_eq!(
            requests(&bytes).last().unwrap().unwrap_err().to_string(),
            format!("byte {position}: ExportTraceServiceRequest.resource_spans: buffer underflow")
        );
    }

    // A trace id that should be longer, in the second span.
    let spans = [&span().concat()[..], b"\x0a\x10i"].map(|span| field(2, span));
    let bytes = field(1, &field(2, &spans.concat()));
    let error = requests(&bytes).last().unwrap().unwrap_err().to_string();
    let position = bytes.len() - 1;
    assert!(error.starts_with(&format!("byte {position}: ")), "{error}");

    let mut without_id = span();
    without_id[0] = field(1, &[0; 16]);
    let without_id = request(&without_id);
    for (bytes, number) in [
        (without_id.clone(), 0),
        ([request(&span()), without_id].concat(), 1),
    ] {
        let error = decode(&bytes).unwrap_err().to_string();
        let place = format!("resource_spans[{number}].scope_spans[0].spans[0].trace_id");
        assert_eq!(error, format!("{place}: expected 16 bytes, not all zero"));
    }
}

#[test]
fn an_unreadable_span_does_not_affect_others() {
    let mut without_id = span();
    without_id[1] = field(2, &[8; 7]);
    let spans = [without_id, span()].map(|span| field(2, &span.concat()));
    let bytes = field(1, &field(2, &spans.concat()));
    let mut read = requests(&bytes);
    let first = read.next().unwrap().unwrap();
    assert!(matches!(first, Request::Traces(spans) if spans.len() == 1));
    assert_eq!(
        read.next().unwrap().unwrap_err().to_string(),
        "resource_spans[0].scope_spans[0].spans[0].span_id: expected 8 bytes, not all zero"
    );
    assert!(read.next().is_none());
    assert!(decode(&bytes).is_err());
}

#[test]
fn a_truncated_character_does_not_fail_the_request() {
    let mut cut = span();
    cut[4] = field(5, b"chat \xc3");
    cut[8] = field(9, &attribute("text", &field(1, b"\xf0\x9f\x92")));
    let spans = decode(&request(&cut)).unwrap();
    assert_eq!(spans[0].span.name, "chat \u{fffd}");
    assert_eq!(spans[0].span.attributes.text("text"), Some("\u{fffd}"));
}

fn record(fields: &[Vec<u8>]) -> Vec<u8> {
    field(2, &fields.concat())
}

fn logs(records: &[Vec<u8>]) -> Vec<u8> {
    field(1, &field(2, &records.concat()))
}

/// A record of the span, as Python's SDK writes it: with the time of its observation only.
fn choice() -> Vec<u8> {
    record(&[
        field(
            5,
            &field(6, &field(1, &attribute("content", &field(1, b"So.")))),
        ),
        field(6, &attribute("gen_ai.system", &field(1, b"openai"))),
        [&[8 << 3 | 5][..], &3_u32.to_le_bytes()].concat(),
        field(9, &[7; 16]),
        field(10, &[8; 8]),
        fixed64(11, 6),
        field(12, b"gen_ai.choice"),
    ])
}

/// A metric with a name and a description that are as long as ids.
fn metrics() -> Vec<u8> {
    let point = [fixed64(2, 5), fixed64(3, 6), fixed64(6, 1)].concat();
    let gauge = field(5, &field(1, &point));
    let metric = [field(1, &[b'm'; 16]), field(2, &[b'd'; 8]), gauge].concat();
    field(1, &field(2, &field(2, &metric)))
}

/// A profile, with a type where metrics have their points, and the dictionary that all profiles share.
fn profiles() -> Vec<u8> {
    let of_type = |number| field(number, &varint(1, 1));
    let profile = [of_type(1), fixed64(3, 5), of_type(5)].concat();
    let resource = field(1, &field(2, &field(2, &profile)));
    [resource, field(2, &field(1, b""))].concat()
}

fn framed(messages: &[&[u8]]) -> Vec<u8> {
    let frame = |message: &&[u8]| [&(message.len() as u32).to_be_bytes()[..], message].concat();
    messages.iter().flat_map(frame).collect()
}

#[test]
fn log_records_about_genai_become_events_of_their_spans() {
    let (traces, logs) = (request(&span()), logs(&[choice()]));
    for bytes in [
        framed(&[&traces, &logs]),
        framed(&[&logs, &traces]),
        // Concatenated bodies of requests.
        [&traces[..], &logs].concat(),
        [&logs[..], &traces].concat(),
    ] {
        let spans = decode(&bytes).unwrap();
        let event = &spans[0].span.events[1];
        assert_eq!(event.name, "gen_ai.choice");
        assert_eq!(event.time, Some(Timestamp::from_nanos(6)));
        let actual: Vec<_> = event.attributes.iter().collect();
        assert_eq!(
            actual,
            [
                ("gen_ai.system", Attribute::Str("openai")),
                ("body", Attribute::Str(r#"{"content":"So."}"#)),
            ]
        );
    }
}

#[test]
fn other_signals_are_ignored() {
    let traces = request(&span());
    let others = [
        logs(&[record(&[
            fixed64(1, 5),
            varint(2, 9),
            field(3, b"INFO"),
            field(5, &field(1, b"a line")),
            fixed64(11, 6),
        ])]),
        logs(&[record(&[field(5, &field(1, b"hi")), fixed64(11, 6)])]),
        metrics(),
        profiles(),
    ];
    for other in &others {
        let read: Vec<_> = requests(other).collect();
        assert!(matches!(read[..], [Ok(Request::OtherSignal)]), "{read:?}");
        assert_eq!(
            decode(other).unwrap_err().to_string(),
            "byte 0: expected resource_spans, not only metrics, logs or profiles"
        );
        let input = framed(&[other, &traces, other]);
        assert_eq!(decode(&input).unwrap().len(), 1);
        let input = crate::read(input, Timestamp::default()).unwrap();
        assert_eq!((input.spans.len(), input.other_signals), (1, 2));
    }
}

#[test]
fn unreadable_spans_are_not_taken_for_another_signal() {
    for wrong in 0..span().len() {
        for without in [0..2, 0..1, 1..2] {
            let mut broken = span();
            broken.drain(without);
            if wrong < broken.len() {
                broken[wrong].truncate(1);
            }
            assert!(requests(&request(&broken)).all(|it| it.is_err()));
        }
    }
    let nothing: Vec<_> = requests(&[]).collect();
    assert!(matches!(&nothing[..], [Ok(Request::Traces(spans))] if spans.is_empty()));
}

#[test]
fn a_missing_start_is_taken_from_events_or_end() {
    let times = |without: &[usize]| {
        let mut kept = span();
        for field in without.iter().rev() {
            kept.remove(*field);
        }
        decode(&request(&kept)).map(|spans| {
            let span = &spans[0].span;
            (span.start.as_nanos(), span.end.as_nanos())
        })
    };
    let (start, end, event) = (6, 7, 14);
    assert_eq!(times(&[start]), Ok((7, 9)));
    assert_eq!(times(&[start, event]), Ok((9, 9)));
    assert_eq!(times(&[end]), Ok((5, 7)));
    assert_eq!(
        times(&[start, end, event]).unwrap_err().to_string(),
        "resource_spans[0].scope_spans[0].spans[0].start_time_unix_nano: expected nanoseconds since 1970"
    );
}
