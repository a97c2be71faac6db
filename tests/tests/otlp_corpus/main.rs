//! Captures of GenAI libraries of other languages, translated as from OTLP: what Sentry would receive.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod arithmetic;
mod changes;
mod envelopes;
mod essentials;
#[path = "../../../crates/sentry-genai-conventions/src/growth.rs"]
mod growth;
mod logs;
mod mutations;
mod privacy;
mod properties;
mod seeds;
mod summary;
mod transcript;

use std::collections::BTreeMap;

use sentry_genai_conventions::{SentrySpan, SourceSpan, TraceId, TranslateOptions, Translator};
use sentry_genai_gateway::{inherit_batch, otlp_json};
use sentry_genai_tests::otlp_corpus;

/// A file of the corpus.
struct Capture {
    /// `library/scenario`.
    name: String,
    spans: Vec<SourceSpan>,
}

impl Capture {
    fn library(&self) -> &str {
        self.name.split('/').next().unwrap()
    }

    /// Translates the traces of the file, each in the order of the starts of its spans.
    fn traces(&self) -> Vec<Vec<SentrySpan>> {
        translate(self.spans.clone())
    }
}

fn translator() -> Translator {
    let mut options = TranslateOptions::default();
    options.capture_inputs = true;
    options.capture_outputs = true;
    Translator::new(options)
}

fn translate(spans: Vec<SourceSpan>) -> Vec<Vec<SentrySpan>> {
    translate_with(&translator(), spans)
}

fn translate_with(translator: &Translator, mut spans: Vec<SourceSpan>) -> Vec<Vec<SentrySpan>> {
    inherit_batch(translator, &mut spans);
    let mut traces: BTreeMap<TraceId, Vec<SentrySpan>> = BTreeMap::new();
    for span in spans {
        let trace = traces.entry(span.trace_id).or_default();
        trace.push(translator.translate(span));
    }
    let mut traces: Vec<_> = traces.into_values().collect();
    for trace in &mut traces {
        translator.reconcile(trace);
        trace.sort_by_key(|span| span.start);
    }
    traces.sort_by_key(|trace| trace[0].start);
    traces
}

/// Reads the whole corpus, by name.
fn corpus() -> Vec<Capture> {
    let captures = otlp_corpus().map(|(name, text)| {
        let received = otlp_json::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let spans = received.into_iter().map(|received| received.span).collect();
        Capture { name, spans }
    });
    captures.collect()
}
