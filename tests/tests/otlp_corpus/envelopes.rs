//! Encodes the corpus as envelopes, for tools that check envelopes.

use std::{fs, path::Path, sync::Arc, time::SystemTime};

use sentry::ClientOptions;
use sentry_genai_conventions::SentrySpan;
use sentry_genai_delivery::{Config, IncomingTrace, Segment, Trace, wire::encode_envelopes};
use serde_json::Value;

use crate::corpus;

/// Encodes one trace; its first span is the segment.
fn envelope(config: &Arc<Config>, trace: &[SentrySpan]) -> Vec<u8> {
    let ids: Vec<_> = trace.iter().map(|span| span.span_id).collect();
    let root = trace
        .iter()
        .find(|span| {
            span.parent_span_id
                .is_none_or(|parent| !ids.contains(&parent))
        })
        .unwrap();
    let incoming = format!("{}-{}-1", root.trace_id, root.span_id);
    let incoming = IncomingTrace::parse(&incoming, None).unwrap();
    let context = Trace::start(config, Some(&incoming), &root.name, &root.op);
    let segment = Segment::new(context, root.span_id, &*root.name);
    let spans = trace.iter().map(|span| (span, &segment));
    let encoded = encode_envelopes(config, segment.trace(), spans, SystemTime::now());
    let [envelope] = <[_; 1]>::try_from(encoded.envelopes).unwrap();
    envelope
}

/// Every trace fits into one envelope of valid JSON. With `SAVE_ENVELOPES` set to a folder, the envelopes are written there.
#[test]
fn every_trace_is_an_envelope() {
    let options = ClientOptions::new()
        .dsn("http://0123456789abcdef0123456789abcdef@localhost:9/42")
        .release("corpus@1.0.0")
        .traces_sample_rate(1.0);
    let config = Arc::new(Config::from_client_options(&options).unwrap());
    let folder = std::env::var_os("SAVE_ENVELOPES");
    for capture in corpus() {
        for (number, trace) in capture.traces().iter().enumerate() {
            let bytes = envelope(&config, trace);
            let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
            let items: Value = serde_json::from_slice(lines[2]).unwrap();
            let items = items["items"].as_array().unwrap();
            assert_eq!(items.len(), trace.len(), "{}", capture.name);
            if let Some(folder) = &folder {
                let name = capture.name.replace('/', "--");
                let file = Path::new(folder).join(format!("{name}.{number}.envelope"));
                fs::write(file, bytes).unwrap();
            }
        }
    }
}
