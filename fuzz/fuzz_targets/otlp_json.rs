//! Any text in the place of an OTLP/JSON request: it is read or refused, and what is read is translated.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sentry_genai_conventions::{TranslateOptions, Translator};
use sentry_genai_gateway::{inherit_batch, otlp_json};

fuzz_target!(|text: &str| {
    let Ok(received) = otlp_json::parse(text) else {
        return;
    };
    let mut options = TranslateOptions::default();
    options.capture_inputs = true;
    options.capture_outputs = true;
    let translator = Translator::new(options);
    let mut spans: Vec<_> = received.into_iter().map(|received| received.span).collect();
    inherit_batch(&translator, &mut spans);
    let mut spans: Vec<_> = spans
        .into_iter()
        .map(|span| translator.translate(span))
        .collect();
    translator.reconcile(&mut spans);
    for span in &spans {
        assert!(span.end >= span.start);
        assert!(!span.op.is_empty());
    }
});
