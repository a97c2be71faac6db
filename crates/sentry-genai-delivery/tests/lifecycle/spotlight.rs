//! Spotlight, alone or beside Sentry.

use sentry_genai_conventions::{TranslateOptions, Translator};

use super::*;

/// A proxy leads out of the local network, but Spotlight runs on this machine.
#[test]
fn spotlight_alone_gets_everything_and_bypasses_the_proxy() {
    let spotlight = Ingest::start().unwrap();
    // No sample rate: without it nothing would go to Sentry.
    let options = ClientOptions::new().http_proxy("http://127.0.0.1:1");
    let url = format!("{}/stream", spotlight.url());
    let without_scheme = url.trim_start_matches("http://");
    let alone = Options::new().with_spotlight_url(without_scheme);
    let delivery = alone.start(&options).unwrap();
    let pair = Pair {
        ingest: spotlight,
        delivery,
    };
    pair.root(&pair.segment());
    assert!(pair.delivery.flush(PATIENCE));
    assert_eq!(pair.ingest.transactions().len(), 1);
}

#[test]
fn a_copy_for_spotlight() {
    let spotlight = Ingest::start().unwrap();
    let url = format!("{}/stream", spotlight.url());
    let pair = Pair::with(|options| options.with_spotlight_url(url));
    let segment = pair.segment();
    pair.chat(&segment, new_span_id());
    let start = Timestamp::from_nanos(1_795_132_800_100_000_000);
    let mut sealed = SourceSpan::new(segment.trace().trace_id(), new_span_id(), "sealed", start);
    sealed.parent_span_id = Some(segment.span_id());
    let sealed = Box::new(Sealed(sealed));
    pair.delivery.send_unread(sealed, 500, Arc::clone(&segment));
    pair.root(&segment);
    // A flush waits for the copies, too.
    assert!(pair.delivery.flush(PATIENCE));
    assert_eq!(pair.ingest.spans().len(), 3);
    assert!(pair.ingest.transactions().is_empty());
    let transactions = spotlight.transactions();
    assert_eq!(transactions.len(), 1);
    assert_eq!(
        children(&transactions[0])[0]["data"]["gen_ai.system"],
        "openai"
    );
    assert_eq!(children(&transactions[0])[1]["description"], "sealed");
    assert!(spotlight.spans().is_empty());
    assert_eq!(pair.delivery.stats().accepted, 3);
    let segment = pair.segment();
    let translator = Translator::new(TranslateOptions::default());
    let trace_id = segment.trace().trace_id();
    let root = SourceSpan::new(trace_id, segment.span_id(), "translated", start);
    pair.delivery
        .send_translated(translator.translate(root), &segment);
    assert!(pair.delivery.close(PATIENCE));
    let transactions = spotlight.transactions();
    assert_eq!(transactions.len(), 2);
    assert_eq!(transactions[1]["transaction"], "translated");
}

#[test]
fn an_unreachable_spotlight_does_not_delay_close() {
    let pair = Pair::with(|options| options.with_spotlight_url("http://127.0.0.1:1/stream"));
    pair.root(&pair.segment());
    let begin = std::time::Instant::now();
    assert!(pair.delivery.close(PATIENCE));
    assert!(begin.elapsed() < PATIENCE / 2);
    assert_eq!(pair.ingest.spans().len(), 1);
}
