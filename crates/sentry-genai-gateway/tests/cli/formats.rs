//! Formats are detected by content, and errors tell their position.

use std::{fs, path::PathBuf};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::{Ran, agent, calls, corpus, decompressed, folder, run, run_on};

fn json(file: PathBuf) -> Ran {
    run(&["translate", "--pii", "--format", "json"], &[file])
}

#[test]
fn protobuf_and_json_give_the_same_spans() {
    for (protobuf, otlp_json) in [
        (
            "otlp-protobuf/google-adk/agent-tool.latest.pb",
            "otlp/google-adk/agent-tool.latest.json.gz",
        ),
        (
            "otlp-protobuf/openinference-langchain/lc-agent-tool.nocontent.pb.gz",
            "otlp/openinference-langchain/lc-agent-tool.nocontent.json.gz",
        ),
    ] {
        let expected = json(corpus(otlp_json)).spans();
        assert!(!expected.is_empty());
        assert_eq!(json(corpus(protobuf)).spans(), expected);
    }
}

#[test]
fn names_and_compression_do_not_matter() {
    let expected = json(agent()).spans();
    let plain = decompressed(&agent());
    let folder = folder("names");
    let file = folder.join("spans.pb");
    fs::write(&file, &plain).unwrap();
    assert_eq!(json(file).spans(), expected);

    let arguments = ["translate", "--pii", "--format", "json", "-"];
    assert_eq!(run_on(&plain, &arguments).spans(), expected);
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut gz, &plain).unwrap();
    assert_eq!(run_on(&gz.finish().unwrap(), &arguments).spans(), expected);
}

#[test]
fn captures_keep_their_spans_and_parents() {
    let files = fs::read_dir(corpus("rust")).unwrap();
    let captures = files.map(|entry| entry.unwrap().path()).filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.ends_with(".tracing.json")
    });
    let mut count = 0;
    for path in captures {
        let capture: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let captured = capture["spans"].as_array().unwrap();
        if captured.is_empty() {
            continue;
        }
        count += 1;
        let spans = json(path.clone()).spans();
        assert_eq!(spans.len(), captured.len(), "{}", path.display());
        for (span, captured) in spans.iter().zip(captured) {
            let parent = captured["parent"].as_u64().map(|number| {
                let position = captured_position(&capture, number);
                spans[position]["span_id"].clone()
            });
            assert_eq!(span.get("parent_span_id").cloned(), parent);
            let micros = |key: &str| captured[key].as_f64().unwrap();
            let seconds = |key: &str| span[key].as_f64().unwrap();
            let duration = seconds("end_timestamp") - seconds("start_timestamp");
            let expected = (micros("closed_us") - micros("new_us")) / 1e6;
            assert!((duration - expected).abs() < 2e-6, "{duration} {expected}");
        }
    }
    assert!(count > 20);
}

fn captured_position(capture: &Value, number: u64) -> usize {
    let spans = capture["spans"].as_array().unwrap();
    spans
        .iter()
        .position(|span| span["span"].as_u64() == Some(number))
        .unwrap()
}

#[test]
fn an_error_event_in_a_capture_fails_the_span() {
    let spans = json(corpus("rust/genai-0.7.2-error.tracing.json")).spans();
    assert!(spans.iter().any(|span| span["status"] == "error"));
}

/// The layer takes content from events, too, and nothing from other log messages.
#[test]
fn content_events_in_a_capture_are_kept() {
    let field = |name: &str, value: &str| json!({"field": name, "via": "str", "value": value});
    let event = |name: &str, fields: Value| json!({"name": name, "target": "bot", "level": "INFO", "at_us": 5, "fields": fields});
    let details = "gen_ai.client.inference.operation.details";
    let message_json = |words: &str| {
        format!(r#"[{{"role":"user","parts":[{{"type":"text","content":"{words}"}}]}}]"#)
    };
    let messages = |words: &str| field("gen_ai.input.messages", &message_json(words));
    let capture = json!({"format": "tracing-capture-v1", "spans": [{
        "span": 1, "parent": null, "parent_kind": "contextual", "name": "chat", "target": "bot", "level": "INFO",
        "module_path": null, "file": null, "declared_fields": [], "new_us": 1, "closed_us": 9,
        "fields_at_new": [field("gen_ai.operation.name", "chat"), field("gen_ai.request.model", "m")],
        "events": [
            event("event bot.rs:7", json!([messages("merely logged")])),
            event(details, json!([messages("by its name")])),
        ],
    }]});
    let kept = |capture: &str, arguments: &[&str]| {
        let ran = run_on(
            capture.as_bytes(),
            &[&["translate", "--format", "json", "-"], arguments].concat(),
        );
        ran.spans()[0]["attributes"]["gen_ai.input.messages"]["value"].clone()
    };
    let capture = capture.to_string();
    assert_eq!(kept(&capture, &["--pii"]), message_json("by its name"));
    assert_eq!(kept(&capture, &[]), Value::Null);
}

#[test]
fn an_unreadable_file_is_reported_and_the_others_are_processed() {
    let folder = folder("bad");
    let bad = folder.join("bad.json");
    fs::write(&bad, "{\"resourceSpans\": []}\n{\"resourceSpans\": [}\n").unwrap();
    let missing = folder.join("missing.json");
    let files = [bad.clone(), missing.clone(), agent()];
    let ran = run(&["translate", "--format", "json"], &files);
    assert_eq!(ran.code, 2);
    assert_eq!(String::from_utf8(ran.stdout).unwrap().lines().count(), 5);
    let [first, second] = &ran.stderr.lines().collect::<Vec<_>>()[..] else {
        panic!("{}", ran.stderr);
    };
    let bad = bad.display();
    assert_eq!(
        *first,
        format!("sentry-genai: {bad}: line 2, column 20: expected value")
    );
    let start = format!("sentry-genai: {}: ", missing.display());
    assert!(second.starts_with(&start), "{second}");
}

/// As the Collector's `file` exporter writes them if several pipelines share it.
#[test]
fn other_signals_are_ignored_and_counted() {
    let span = calls(1, 1);
    let lines = [
        r#"{"resourceMetrics":[{}]}"#,
        &span,
        r#"{"resourceLogs":[]}"#,
        "{}",
    ];
    let ran = run_on(
        lines.join("\n").as_bytes(),
        &["translate", "--format", "json", "-"],
    );
    assert_eq!(
        (
            ran.code,
            ran.stdout.iter().filter(|it| **it == b'\n').count()
        ),
        (0, 1)
    );
    assert_eq!(
        ran.stderr,
        "sentry-genai: standard input: ignored 2 requests with metrics, logs or profiles\n"
    );
}

#[test]
fn invalid_lines_do_not_affect_other_lines() {
    let span = calls(1, 1);
    let other = span.replace("0000000000000001", "0000000000000002");
    let text = format!("{span}\n{}\nwhat?\n{other}\n{}", &span[..50], &span[..30]);
    let ran = run_on(text.as_bytes(), &["translate", "--format", "json", "-"]);
    assert_eq!(
        (
            ran.code,
            ran.stdout.iter().filter(|it| **it == b'\n').count()
        ),
        (2, 2)
    );
    assert_eq!(
        ran.stderr,
        "sentry-genai: standard input: line 2, column 50: EOF while parsing a string\n\
         sentry-genai: standard input: line 5, column 30: EOF while parsing a string\n"
    );
    // If there are many errors, only the first ones are shown.
    let broken = format!("{span}\n{}", "{\"a\":1}\n".repeat(50));
    let ran = run_on(broken.as_bytes(), &["check", "--json", "-"]);
    assert_eq!((ran.code, ran.stderr.lines().count()), (2, 9));
    assert!(
        ran.stderr.ends_with("and 42 more errors\n"),
        "{}",
        ran.stderr
    );
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["spans"], 1);
    assert_eq!(report["unreadable"].as_array().unwrap().len(), 50);
    // If there are very many, all are counted, whatever is wrong.
    let mut broken = format!("{span}\n{}", "{\"a\":1}\n".repeat(500)).into_bytes();
    broken.extend(b"\xff\n".repeat(500));
    let ran = run_on(&broken, &["check", "--json", "-"]);
    let (errors, report) = (ran.stderr, ran.stdout);
    assert!(errors.ends_with("and 992 more errors\n"), "{errors}");
    let report: Value = serde_json::from_slice(&report).unwrap();
    let unreadable = report["unreadable"].as_array().unwrap();
    assert_eq!(unreadable.last().unwrap()["error"], "and 900 more errors");
}

/// As an exporter leaves them if it did not learn that its first attempt had arrived.
#[test]
fn repeated_spans_count_once() {
    let lines = [calls(1, 1), calls(2, 1)].join("\n");
    let ran = run_on(lines.as_bytes(), &["check", "--json", "-"]);
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!((ran.code, &report["spans"]), (0, &2.into()));
    assert_eq!(
        ran.stderr,
        "sentry-genai: standard input: ignored 1 span that is repeated later in the file\n"
    );
}

#[test]
fn input_without_traces_is_an_error() {
    let error = |input: &[u8]| {
        let ran = run_on(input, &["tree", "-"]);
        assert_eq!((ran.code, ran.stdout.len()), (2, 0));
        ran.stderr
    };
    assert_eq!(
        error(b""),
        "sentry-genai: standard input: the file is empty\n"
    );
    assert_eq!(
        error(br#"{"spans":[]}"#),
        "sentry-genai: standard input: request: expected an object with resourceSpans\n"
    );
    assert_eq!(
        error(br#"{"resourceLogs":[]}"#),
        "sentry-genai: standard input: request: expected an object with resourceSpans, not only metrics, logs or profiles\n"
    );
    assert_eq!(
        error(b"\x28\xb5\x2f\xfd\x24\x13"),
        "sentry-genai: standard input: the file is compressed with zstd, which is not supported: decompress it first, for example with zstd -d\n"
    );
    assert!(error(b"\x0a\x05abc").contains("as OTLP/protobuf: byte "));
    let mut truncated = fs::read(agent()).unwrap();
    truncated.truncate(500);
    assert!(error(&truncated).contains("bytes of decompressed content"));
    assert_eq!(run(&["tree"], &[]).code, 2);
}
