//! What instrumentations emit in log records, in addition to spans.

use std::{fs, path::Path};

use sentry_genai_conventions::{AiKind, SentrySpan, TranslateOptions, Translator};
use sentry_genai_gateway::{ReceivedSpan, otlp_json, otlp_protobuf};
use sentry_genai_tests::{read_gzip, sorted_entries};

use super::translator;

const MESSAGES: [&str; 2] = ["gen_ai.input.messages", "gen_ai.output.messages"];

/// Returns the model calls of a text, or of spans.
fn calls(translator: &Translator, text: &str) -> Vec<SentrySpan> {
    calls_of(translator, otlp_json::parse(text).unwrap())
}

fn calls_of(translator: &Translator, received: Vec<ReceivedSpan>) -> Vec<SentrySpan> {
    let spans = received
        .into_iter()
        .map(|received| translator.translate(received.span));
    spans
        .filter(|span| span.ai == Some(AiKind::LlmCall))
        .collect()
}

fn count(calls: &[SentrySpan]) -> usize {
    let keys = calls
        .iter()
        .flat_map(|call| MESSAGES.map(|key| (call, key)));
    keys.filter(|(call, key)| call.attributes.contains(key))
        .count()
}

#[test]
fn content_that_is_in_log_records_alone_arrives_with_its_span() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/otlp-logs");
    let files = sorted_entries(&root);
    assert!(files.len() > 5);
    for file in files {
        let text = read_gzip(&file);
        let file = file.display();
        let with_logs = calls(&translator(), &text);
        assert_eq!(count(&with_logs), 2 * with_logs.len(), "{file}");
        let said: String = with_logs
            .iter()
            .filter_map(|call| call.attributes.text(MESSAGES[1]))
            .collect();
        assert!(
            said.contains("Paris") && said.contains(r#""role":"assistant""#),
            "{file}: {said}"
        );
        // The records may come first, and without them no content is read.
        let mut lines: Vec<_> = text.lines().collect();
        lines.reverse();
        let reversed = calls(&translator(), &lines.join("\n"));
        assert_eq!(count(&reversed), count(&with_logs), "{file}");
        assert_eq!(count(&calls(&translator(), lines[1])), 0, "{file}");
        // Nor is it if no content may leave.
        let without_leave = Translator::new(TranslateOptions::default());
        assert_eq!(count(&calls(&without_leave, &text)), 0, "{file}");
    }
}

#[test]
fn so_does_content_in_log_records_as_protobuf() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus/otlp-protobuf/otel-openai-v2/tools.v1-content.signals.pb");
    let file = fs::read(file).unwrap();
    // Traces, logs and metrics.
    let (mut messages, mut rest) = (Vec::new(), &file[..]);
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        messages.push((&rest[..4 + length], &after[..length]));
        rest = &after[length..];
    }
    let [traces, logs, metrics] = messages[..] else {
        panic!("{} messages", messages.len());
    };
    for bytes in [
        file.clone(),
        [metrics.0, logs.0, traces.0].concat(),
        // Bodies without separators.
        [traces.1, logs.1, metrics.1].concat(),
        [logs.1, traces.1].concat(),
    ] {
        let spans = otlp_protobuf::decode(&bytes).unwrap();
        assert_eq!(spans.len(), 3);
        let calls = calls_of(&translator(), spans);
        assert_eq!((calls.len(), count(&calls)), (2, 4));
        let said = calls
            .iter()
            .filter_map(|call| call.attributes.text(MESSAGES[1]));
        let said: String = said.collect();
        assert!(
            said.contains(r#"{"city":"Paris-City2"}"#) && said.contains("Paris it is."),
            "{said}"
        );
    }
    let alone = otlp_protobuf::decode(traces.1).unwrap();
    assert_eq!(count(&calls_of(&translator(), alone)), 0);
}
