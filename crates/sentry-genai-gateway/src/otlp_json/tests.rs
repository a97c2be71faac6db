use sentry_genai_conventions::{Scalar, Value as Attribute};

use super::*;
use crate::{Request, growth::assert_linear};

fn request(span: &str) -> String {
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},
        "scopeSpans":[{{"scope":{{"name":"my.scope"}},"spans":[{span}]}}]}}]}}"#
    )
}

const IDS: &str = r#""traceId":"4c79f60c11214eb38604f4ae0781bfb2","spanId":"a1b2c3d4e5f60718""#;

fn one(fields: &str) -> SourceSpan {
    let text = request(&format!("{{{IDS},\"startTimeUnixNano\":\"5\",{fields}}}"));
    let mut spans = parse(&text).unwrap();
    assert_eq!(spans.len(), 1);
    spans.remove(0).span
}

#[test]
fn python_and_javascript_spellings_are_equal() {
    let python = one(
        r#""name":"chat","kind":3,"endTimeUnixNano":"9","status":{"code":2,"message":"no"},"attributes":[
        {"key":"n","value":{"intValue":"42"}}]"#,
    );
    let javascript = one(
        r#""name":"chat","kind":"SPAN_KIND_CLIENT","endTimeUnixNano":9,"status":{"code":"STATUS_CODE_ERROR","message":"no"},
        "attributes":[{"key":"n","value":{"intValue":42}}]"#,
    );
    for span in [python, javascript] {
        assert_eq!(span.name, "chat");
        assert_eq!(span.scope, "my.scope");
        assert_eq!(span.kind, Some(SpanKind::Client));
        assert_eq!(span.end, Timestamp::from_nanos(9));
        assert_eq!(span.status, SourceStatus::Error(Some("no".to_owned())));
        assert_eq!(span.attributes.integer("n"), Some(42));
    }
}

/// Some encoders write null for what is empty.
#[test]
fn null_is_nothing() {
    let span = one(
        r#""name":"chat","attributes":null,"events":null,"links":null,"status":null,"kind":null,"parentSpanId":null"#,
    );
    assert_eq!((&*span.name, span.kind), ("chat", None));
    assert!(span.attributes.is_empty() && span.events.is_empty() && span.links.is_empty());
    let text = format!(
        r#"{{"resourceSpans":[{{"resource":null,"scopeSpans":null}},{{"scopeSpans":[{{"scope":null,"spans":null}},
        {{"spans":[{{{IDS},"startTimeUnixNano":"5","name":"chat"}}]}}]}}]}}"#
    );
    assert_eq!(parse(&text).unwrap().len(), 1);
}

#[test]
fn kinds_and_statuses_are_names_or_numbers() {
    let kind = |value: &str| one(&format!(r#""kind":{value}"#)).kind;
    for (number, name, expected) in [
        (2, "SERVER", SpanKind::Server),
        (3, "CLIENT", SpanKind::Client),
        (4, "PRODUCER", SpanKind::Producer),
        (5, "CONSUMER", SpanKind::Consumer),
    ] {
        let texts = [
            number.to_string(),
            format!(r#""{name}""#),
            format!(r#""SPAN_KIND_{name}""#),
        ];
        for text in texts {
            assert_eq!(kind(&text), Some(expected), "{text}");
        }
    }
    let status = |value: &str| one(&format!(r#""status":{{"code":{value}}}"#)).status;
    for code in ["1", r#""1""#, r#""OK""#, r#""STATUS_CODE_OK""#, r#""Ok""#] {
        assert_eq!(status(code), SourceStatus::Ok, "{code}");
    }
    for code in ["2", r#""2""#, r#""ERROR""#, r#""Error""#] {
        assert_eq!(status(code), SourceStatus::Error(None), "{code}");
    }
    for code in ["0", r#""UNSET""#, "[]"] {
        assert_eq!(status(code), SourceStatus::Unset, "{code}");
    }
}

#[test]
fn bytes_can_be_text() {
    let span = one(r#""attributes":[
        {"key":"text","value":{"bytesValue":"eyJhIjoiw6QifQo="}},
        {"key":"unpadded","value":{"bytesValue":"eyJhIjoiw6QifQo"}},
        {"key":"image","value":{"bytesValue":"iVBORw0KGgo="}},
        {"key":"control","value":{"bytesValue":"AAEC"}},
        {"key":"none","value":{"bytesValue":""}},
        {"key":"other","value":{"bytesValue":"{}"}}]"#);
    for (key, expected) in [
        ("text", "{\"a\":\"ä\"}\n"),
        ("unpadded", "{\"a\":\"ä\"}\n"),
        ("image", "[8 bytes]"),
        ("control", "[3 bytes]"),
        ("other", "{}"),
    ] {
        assert_eq!(span.attributes.text(key), Some(expected), "{key}");
    }
}

#[test]
fn values_of_every_kind() {
    let span = one(r#""attributes":[
        {"key":"null","value":{}},
        {"key":"nan","value":{"doubleValue":null}},
        {"key":"nan2","value":{"doubleValue":"NaN"}},
        {"key":"nan3","value":{"doubleValue":NaN}},
        {"key":"infinity2","value":{"doubleValue":-Infinity}},
        {"key":"list","value":{"arrayValue":{"values":[{"stringValue":"a"},{"stringValue":"b"}]}}},
        {"key":"mixed","value":{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"1"},{"doubleValue":0.5}]}}},
        {"key":"map","value":{"kvlistValue":{"values":[{"key":"x","value":{"arrayValue":{"values":[{"boolValue":true}]}}}]}}},
        {"key":"infinity","value":{"doubleValue":"-Infinity"}},
        {"key":"double","value":{"doubleValue":1}},
        {"key":"double2","value":{"doubleValue":"42.5"}},
        {"key":"double3","value":{"doubleValue":"much"}},
        {"key":"double4","value":{"doubleValue":39.090895652770996}},
        {"key":"doubles","value":{"arrayValue":{"values":[{"doubleValue":1.5},{"doubleValue":"2e3"}]}}},
        {"key":"bool","value":{"boolValue":"true"}},
        {"key":"bool2","value":{"boolValue":"False"}},
        {"key":"bool3","value":{"boolValue":1}}]"#);
    let list = [Scalar::Str("a".into()), Scalar::Str("b".into())];
    let doubles = [Scalar::Double(1.5), Scalar::Double(2000.0)];
    let found: Vec<_> = span.attributes.iter().collect();
    assert_eq!(
        found,
        [
            ("list", Attribute::Array(&list)),
            ("mixed", Attribute::Str(r#"["a",1,0.5]"#)),
            ("map", Attribute::Str(r#"{"x":[true]}"#)),
            ("double", Attribute::Double(1.0)),
            ("double2", Attribute::Double(42.5)),
            ("double3", Attribute::Str("\"much\"")),
            (
                "double4",
                Attribute::Double("39.090895652770996".parse().unwrap())
            ),
            ("doubles", Attribute::Array(&doubles)),
            ("bool", Attribute::Bool(true)),
            ("bool2", Attribute::Bool(false)),
            ("bool3", Attribute::Str("1")),
        ]
    );
}

#[test]
fn a_deeply_nested_value_keeps_its_outer_levels() {
    let attribute = |levels: usize| {
        let start = r#"{"kvlistValue":{"values":[{"key":"a\"]é","value":"#.repeat(levels);
        let end = "}]}}".repeat(levels);
        format!(r#"{{"key":"deep","value":{start}{{"stringValue":"x"}}{end}}}"#)
    };
    let text = |levels| {
        let attributes = format!(
            r#""attributes":[{},{{"key":"next","value":{{"intValue":1}}}}]"#,
            attribute(levels)
        );
        let span = one(&attributes);
        assert_eq!(span.attributes.integer("next"), Some(1));
        span.attributes.text("deep").map(str::to_owned)
    };
    let complete = text(20).unwrap();
    assert!(complete.ends_with(&format!("\"x\"{}", "}".repeat(20))));
    let outer_levels = text(10_000).unwrap();
    assert!(outer_levels.starts_with(complete.split("\"x\"").next().unwrap()));

    let cut = format!(
        "{}\n{}",
        &request(&attribute(10_000))[..9_000],
        request(&format!("{{{IDS},\"endTimeUnixNano\":1}}"))
    );
    let read: Vec<_> = requests(&cut).map(|read| read.is_ok()).collect();
    assert_eq!(read, [false, true]);
}

#[test]
fn text_that_holds_no_request_takes_linear_time() {
    assert_linear(2_000, |count| {
        let blank_lines = "\n".repeat(count);
        assert_eq!(requests(&format!("{{\"a\"{blank_lines}")).count(), 1);
    });
    assert_linear(200, |count| {
        let without_end = format!("{{\"resourceSpans\":{}\n", "[".repeat(200));
        assert_eq!(requests(&without_end.repeat(count)).count(), count);
    });
    assert_linear(2_000, |count| {
        let with_wrong_end = format!("{}}}", "{\"resourceSpans\":[\n".repeat(count));
        assert_eq!(requests(&with_wrong_end).count(), count);
    });
}

#[test]
fn a_list_is_read_after_a_request_that_was_cut() {
    let span = request(&format!("{{{IDS},\"startTimeUnixNano\":\"5\"}}"));
    let list = format!("[\n{span},\n{span}\n]");
    let text = format!("{}\n{list}", &span[..40]);
    let outcomes = outcomes(&text);
    assert_eq!(outcomes[1..], ["1 spans", "1 spans"], "{outcomes:?}");
}

#[test]
fn events_links_and_resources() {
    let text = request(&format!(
        r#"{{{IDS},"startTimeUnixNano":"5","name":"x","parentSpanId":"",
        "events":[{{"name":"exception","timeUnixNano":"7","attributes":[{{"key":"exception.type","value":{{"stringValue":"E"}}}}]}}],
        "links":[{{"traceId":"4c79f60c11214eb38604f4ae0781bfb2","spanId":"a1b2c3d4e5f60719","flags":257,"attributes":[{{"key":"note"}},{{"key":"sentry.link.type","value":{{"stringValue":"child_of"}}}}]}},{{"traceId":""}}],
        "droppedAttributesCount":3,"droppedEventsCount":0,"dropped_links_count":"4"}}"#
    ));
    // Two requests in sequence, as in a file of JSON lines.
    let spans = parse(&format!("{text}\n{text}\n")).unwrap();
    assert_eq!(spans.len(), 2);
    let received = &spans[1];
    assert_eq!(received.resource.text("service.name"), Some("shop"));
    assert_eq!(received.span.parent_span_id, None);
    assert_eq!(received.span.events[0].time, Some(Timestamp::from_nanos(7)));
    assert_eq!(
        received.span.events[0].attributes.text("exception.type"),
        Some("E")
    );
    assert_eq!(received.span.links.len(), 1);
    let link = &received.span.links[0];
    assert!(link.sampled);
    assert_eq!(link.link_type.as_deref(), Some("child_of"));
    let dropped = ["attributes", "events", "links"].map(|of| {
        let key = format!("otel.dropped_{of}_count");
        received.span.attributes.integer(&key)
    });
    assert_eq!(dropped, [Some(3), None, Some(4)]);
}

#[test]
fn errors_include_the_position() {
    let error = |text: &str| parse(text).unwrap_err().to_string();
    assert_eq!(
        error("{\n  \"resourceSpans\": [,]}"),
        "line 2, column 21: expected value"
    );
    assert_eq!(error("7"), "request: expected an object");
    assert_eq!(error("[]"), "request: expected an object");
    assert_eq!(
        error("{\"resourceLogs\":[]}"),
        "request: expected an object with resourceSpans, not only metrics, logs or profiles"
    );
    assert_eq!(
        error("\n[{}, {\"resourceSpans\":[]}, []]"),
        "line 2, request[2]: expected an object"
    );
    assert_eq!(error(""), "line 1, column 1: expected an export request");
    assert_eq!(
        error(&request(r#"{"traceId":"xyz"}"#)),
        "resourceSpans[0].scopeSpans[0].spans[0].traceId: expected 16 bytes, not all zero, as hexadecimal digits or Base64"
    );
    assert_eq!(
        error(r#"{"resourceSpans":[{"scopeSpans":{}}]}"#),
        "resourceSpans[0].scopeSpans: expected a list"
    );
    assert_eq!(
        error("{\"resourceSpans\":[]}\n\n{\"resourceSpans\":7}"),
        "line 3, resourceSpans: expected a list"
    );
}

/// One service's mistake costs no spans of another, though a Collector puts both into one request.
#[test]
fn an_unreadable_part_of_a_request_costs_only_itself() {
    let span = format!("{{{IDS},\"startTimeUnixNano\":\"5\"}}");
    let good = format!("{{\"scopeSpans\":[7,{{\"spans\":7}},{{\"spans\":[{span}]}}]}}");
    let named = r#"{"attributes":[null,{"key":"service.name","value":{"stringValue":"shop"}}]}"#;
    let text = format!(
        r#"{{"resourceSpans":[null,{good},{{"scopeSpans":7}},{{"resource":7,"scopeSpans":[{{"spans":[{span}]}}]}},
        {{"resource":{named},"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#
    );
    assert_eq!(
        outcomes(&text),
        [
            "3 spans",
            "resourceSpans[0]: expected an object",
            "resourceSpans[1].scopeSpans[0]: expected an object",
            "resourceSpans[1].scopeSpans[1].spans: expected a list",
            "resourceSpans[2].scopeSpans: expected a list",
            "resourceSpans[3].resource: expected an object",
            "resourceSpans[4].resource.attributes[0]: expected an object",
        ]
    );
    let Some(Ok(Request::Traces(spans))) = requests(&text).next() else {
        panic!("no spans");
    };
    assert_eq!(spans[2].resource.text("service.name"), Some("shop"));
}

#[test]
fn lists_of_requests_and_empty_input() {
    let span = request(&format!("{{{IDS},\"startTimeUnixNano\":\"5\"}}"));
    for (text, count) in [
        ("{}".to_owned(), 0),
        (format!("[{span}, {span}]"), 2),
        (format!("{{}}\n[{span}]\n{span}"), 2),
        (
            format!("{{\"resourceMetrics\":[7]}}\n{span}\n{{\"resourceLogs\":[]}}"),
            1,
        ),
    ] {
        assert_eq!(parse(&text).unwrap().len(), count, "{text}");
    }
}

/// Returns what became of each request: its number of spans, that it is of another signal, or its error.
fn outcomes(text: &str) -> Vec<String> {
    let requests = requests(text).map(|request| match request {
        Ok(Request::Traces(spans)) => format!("{} spans", spans.len()),
        Ok(Request::Events(events)) => format!("{} events", events.len()),
        Ok(Request::OtherSignal) => "other".to_owned(),
        Err(error) => error.to_string(),
    });
    requests.collect()
}

#[test]
fn an_error_affects_only_its_line() {
    let span = request(&format!("{{{IDS},\"startTimeUnixNano\":\"5\"}}")).replace('\n', " ");
    let length = span.len();
    let no_span = request("{}").replace('\n', " ");
    let cut = &span[..40];
    let lines = [
        &span,
        cut,
        &span,
        "{\"resourceMetrics\":[]}",
        "what?",
        "no!",
        &span,
    ];
    assert_eq!(
        outcomes(&lines.join("\n")),
        [
            "1 spans",
            "line 2, column 40: EOF while parsing a string",
            "1 spans",
            "other",
            "line 5, column 1: expected value",
            "1 spans",
        ]
    );
    // A file that is still being written, one with a line of the wrong form, and one in which a line starts over.
    assert_eq!(
        outcomes(&format!("{span}\r\n\r\n{cut}")),
        ["1 spans", "line 3, column 40: EOF while parsing a string"]
    );
    assert_eq!(
        outcomes(&format!("{{\"a\":1}}\n{no_span}\n{span} {span}")),
        [
            "request: expected an object with resourceSpans",
            "line 2, resourceSpans[0].scopeSpans[0].spans[0].traceId: expected 16 bytes, not all zero, as hexadecimal digits or Base64",
            "1 spans",
            "1 spans",
        ]
    );
    assert_eq!(
        outcomes(&format!("{span} what?\n{span}")),
        [
            "1 spans".to_owned(),
            format!("line 1, column {}: expected value", length + 2),
            "1 spans".to_owned(),
        ]
    );
}

#[test]
fn a_number_that_is_out_of_range_affects_only_its_span() {
    let span = |number| {
        let value = format!("{{\"key\":\"a\",\"value\":{{\"doubleValue\":{number}}}}}");
        format!("{{{IDS},\"startTimeUnixNano\":\"5\",\"attributes\":[{value}]}}")
    };
    let text = request(&format!("{},{}", span("1e999"), span("1e99")));
    assert_eq!(
        outcomes(&text),
        [
            "1 spans",
            "resourceSpans[0].scopeSpans[0].spans[0]: expected fields that occur once, and numbers within the range of a 64-bit float",
        ]
    );
}

/// Exporters of the time when names changed wrote both.
#[test]
fn spans_under_an_older_name_are_read_once() {
    let span = format!("{{{IDS},\"startTimeUnixNano\":\"5\"}}");
    let scopes = |name: &str, scope: &str| {
        format!("\"{name}\":[{{\"{scope}\":{{\"name\":\"x\"}},\"spans\":[{span}],\"logs\":[]}}]")
    };
    let new = scopes("scopeSpans", "scope");
    let old = scopes("instrumentationLibrarySpans", "instrumentationLibrary");
    for lists in [format!("{new},{old}"), format!("{old},{new}"), old] {
        let spans = parse(&format!("{{\"resourceSpans\":[{{{lists}}}]}}")).unwrap();
        assert_eq!((spans.len(), &*spans[0].span.scope), (1, "x"), "{lists}");
    }
}

#[test]
fn an_unreadable_span_does_not_affect_others() {
    let span = format!("{{{IDS},\"startTimeUnixNano\":\"5\"}}");
    let text = request(&format!("{span},{{}},{span},{{{IDS}}}")).replace('\n', " ");
    let line = "line 2, resourceSpans[0].scopeSpans[0]";
    let expected = [
        "1 spans".to_owned(),
        "2 spans".to_owned(),
        format!(
            "{line}.spans[1].traceId: expected 16 bytes, not all zero, as hexadecimal digits or Base64"
        ),
        format!("{line}.spans[3].startTimeUnixNano: expected nanoseconds since 1970"),
        "1 spans".to_owned(),
    ];
    let good = request(&span).replace('\n', " ");
    assert_eq!(outcomes(&format!("{good}\n{text}\n{good}")), expected);
    assert!(parse(&text).is_err());
}

#[test]
fn a_truncated_character_does_not_fail_the_request() {
    let span = one(
        r#""name":"cut \ud83d","attributes":[{"key":"k\uD83D","value":{"stringValue":"\ud83d\udca1"}}]"#,
    );
    assert_eq!(span.name, "cut \u{fffd}");
    assert_eq!(span.attributes.text("k\u{fffd}"), Some("💡"));
}

#[test]
fn lines_inside_a_request_do_not_start_another() {
    let span = request(&format!("{{{IDS},\"startTimeUnixNano\":\"5\"}}"));
    let pretty = "{\n\"resourceSpans\": [\n{\n\"scopeSpans\": [,\n{}\n]\n}\n]\n}";
    assert_eq!(
        outcomes(&format!("{pretty}\n{span}")),
        ["line 4, column 16: expected value", "1 spans"]
    );
    // The missing end is reported where the next request starts.
    let pretty = "{\n  \"resourceSpans\": [\n    {";
    assert_eq!(
        outcomes(&format!("{pretty}\n{span}")),
        ["line 3, column 5: EOF while parsing an object", "1 spans"]
    );
}

/// As a Rust program with `tracing-opentelemetry` exports a span of rig.
#[test]
fn tracing_opentelemetry_spans_get_their_target_as_scope() {
    let span = one(r#""name":"chat_streaming","attributes":[
        {"key":"code.module.name","value":{"stringValue":"rig::providers::openai"}},
        {"key":"thread.name","value":{"stringValue":"tokio-rt-worker"}},
        {"key":"target","value":{"stringValue":"rig::completions"}},
        {"key":"gen_ai.operation.name","value":{"stringValue":"chat_streaming"}},
        {"key":"busy_ns","value":{"intValue":"1630610"}},
        {"key":"idle_ns","value":{"intValue":"44219534"}}],
        "events":[{"name":"it broke","attributes":[{"key":"level","value":{"stringValue":"ERROR"}}]}]"#);
    assert_eq!(span.scope, "rig::completions");
    assert_eq!(span.events[0].name, "exception");
    let keys: Vec<_> = span.attributes.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["code.module.name", "gen_ai.operation.name"]);
}

#[test]
fn missing_times_are_taken_from_events() {
    let times = |fields: &str| {
        let span = &parse(&request(&format!("{{{IDS},{fields}}}"))).unwrap()[0].span;
        (span.start.as_nanos(), span.end.as_nanos())
    };
    let events = r#""events":[{"timeUnixNano":"7"},{},{"timeUnixNano":"0"},{"timeUnixNano":6}]"#;
    for (fields, expected) in [
        (r#""startTimeUnixNano":"0","endTimeUnixNano":"9""#, (9, 9)),
        (r#""endTimeUnixNano":"9""#, (9, 9)),
        (r#""startTimeUnixNano":"-1","endTimeUnixNano":"9""#, (9, 9)),
        (r#""startTimeUnixNano":"5","endTimeUnixNano":"0""#, (5, 5)),
        (r#""startTimeUnixNano":"5","endTimeUnixNano":"4""#, (5, 5)),
        (r#""startTimeUnixNano":"5""#, (5, 5)),
        (
            r#""startTimeUnixNano":5e9,"endTimeUnixNano":-1.0"#,
            (5_000_000_000, 5_000_000_000),
        ),
        (r#""startTimeUnixNano":"5","endTimeUnixNano":2e19"#, (5, 5)),
        (&format!(r#""endTimeUnixNano":"9",{events}"#), (6, 9)),
        (&format!(r#""startTimeUnixNano":"5",{events}"#), (5, 7)),
        (&format!(r#""startTimeUnixNano":"8",{events}"#), (8, 8)),
        (events, (6, 7)),
    ] {
        assert_eq!(times(fields), expected, "{fields}");
    }
    let zero = format!(r#"{{{IDS},"startTimeUnixNano":"0","endTimeUnixNano":"0"}}"#);
    assert!(parse(&request(&zero)).is_err());
}
