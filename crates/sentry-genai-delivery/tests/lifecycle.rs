//! Spans for servers that support only transactions, or support them better.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "lifecycle/content.rs"]
mod content;
#[path = "lifecycle/spotlight.rs"]
mod spotlight;

use std::{collections::HashSet, sync::Arc, time::Duration};

use sentry_core::{
    ClientOptions, Integration,
    protocol::{Context, Event, OsContext},
};
use sentry_genai_conventions::{Link, SourceSpan, SourceStatus, SpanId, Timestamp};
use sentry_genai_delivery::{
    Delivery, Options, Segment, SpentBox, TraceLifecycle, Unread, new_span_id, on_delivery_thread,
};
use sentry_genai_testkit::{Fault, Ingest};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);

/// Does what Sentry's integration of that name does.
struct Contexts;

impl Integration for Contexts {
    fn name(&self) -> &'static str {
        "contexts"
    }

    fn process_event(
        &self,
        mut event: Event<'static>,
        _: &ClientOptions,
    ) -> Option<Event<'static>> {
        let os = OsContext {
            name: Some("Linux".to_owned()),
            ..OsContext::default()
        };
        event.contexts.insert("os".to_owned(), Context::from(os));
        Some(event)
    }
}

struct Pair {
    ingest: Ingest,
    delivery: Delivery,
}

impl Pair {
    fn new(lifecycle: TraceLifecycle) -> Self {
        Self::with(|options| options.with_trace_lifecycle(lifecycle))
    }

    fn with(configure: impl FnOnce(Options) -> Options) -> Self {
        Self::sampling(1.0, configure)
    }

    fn sampling(rate: f32, configure: impl FnOnce(Options) -> Options) -> Self {
        let ingest = Ingest::start().unwrap();
        let options = ClientOptions::new().dsn(&ingest.dsn()).release("shop@1");
        let options = options.server_name("web-1");
        let options = options.traces_sample_rate(rate).add_integration(Contexts);
        let legacy = Options::new()
            .with_legacy_attributes(true)
            .with_capture_inputs(true);
        let delivery = configure(legacy).start(&options).unwrap();
        Self { ingest, delivery }
    }

    fn segment(&self) -> Arc<Segment> {
        let trace = self.delivery.start_trace(None, "POST /ask", "http.server");
        Arc::new(Segment::new(trace, new_span_id(), "POST /ask"))
    }

    fn send(&self, segment: &Arc<Segment>, span_id: SpanId, change: impl FnOnce(&mut SourceSpan)) {
        let start = Timestamp::from_nanos(1_795_132_800_100_000_000);
        let mut span = SourceSpan::new(segment.trace().trace_id(), span_id, "work", start);
        span.end = Timestamp::from_nanos(1_795_132_801_100_000_000);
        if span_id != segment.span_id() {
            span.parent_span_id = Some(segment.span_id());
        }
        change(&mut span);
        self.delivery.send(span, segment);
    }

    fn child(&self, segment: &Arc<Segment>) {
        self.send(segment, new_span_id(), |_| {});
    }

    fn chat(&self, segment: &Arc<Segment>, span_id: SpanId) {
        self.send(segment, span_id, |span| {
            span.attributes.push("gen_ai.operation.name", "chat");
            span.attributes.push("gen_ai.request.model", "gpt-5-mini");
            span.attributes.push("gen_ai.provider.name", "openai");
        });
    }

    fn root(&self, segment: &Arc<Segment>) {
        self.send(segment, segment.span_id(), |_| {});
    }

    /// Waits until everything has arrived, and checks that every span arrived once and every transaction in a trace of
    /// its own.
    fn transactions(&self, spans: u64) -> Vec<Value> {
        assert!(self.delivery.flush(PATIENCE));
        assert_eq!(self.ingest.violations(), [""; 0]);
        let stats = self.delivery.stats();
        assert_eq!(
            (stats.accepted, stats.produced),
            (spans, spans),
            "{stats:?}"
        );
        assert_eq!(self.ingest.figures().duplicate_spans, 0);
        self.save();
        self.ingest.transactions()
    }
}

impl Pair {
    /// Writes what arrived to the directory `SAVE_ENVELOPES`, so that other tools can check it.
    fn save(&self) {
        let Some(directory) = std::env::var_os("SAVE_ENVELOPES") else {
            return;
        };
        for envelope in self.ingest.envelopes() {
            let name = format!("lifecycle-{}.envelope", new_span_id());
            std::fs::write(std::path::Path::new(&directory).join(name), envelope.bytes).unwrap();
        }
    }
}

fn children(transaction: &Value) -> &[Value] {
    transaction["spans"].as_array().unwrap()
}

#[test]
fn a_segment_is_one_transaction_with_everything_in_it() {
    let pair = Pair::new(TraceLifecycle::Classic);
    let segment = pair.segment();
    let (failed, below) = (new_span_id(), new_span_id());
    pair.send(&segment, below, |span| span.parent_span_id = Some(failed));
    pair.send(&segment, failed, |span| {
        span.parent_span_id = None;
        span.status = SourceStatus::Error(None);
    });
    pair.chat(&segment, new_span_id());
    segment.set_name("POST /ask/{id}");
    pair.root(&segment);
    let transactions = pair.transactions(4);
    assert_eq!(transactions.len(), 1);
    let transaction = &transactions[0];
    assert_eq!(transaction["release"], "shop@1");
    assert_eq!(transaction["environment"], "production");
    assert_eq!(transaction["server_name"], "web-1");
    assert_eq!(transaction["sdk"]["version"], env!("CARGO_PKG_VERSION"));
    let os = json!({"type": "os", "name": "Linux"});
    assert_eq!(transaction["contexts"]["os"], os);
    let root = &transaction["contexts"]["trace"];
    assert_eq!(root["span_id"], segment.span_id().to_string());
    assert_eq!(root["status"], "ok");
    assert_eq!(root["origin"], "auto.function.rust");
    let spans = children(transaction);
    assert_eq!(spans.len(), 3);
    let find = |id: SpanId| spans.iter().find(|it| it["span_id"] == id.to_string());
    assert_eq!(find(below).unwrap()["parent_span_id"], failed.to_string());
    let failed = find(failed).unwrap();
    assert_eq!(failed["parent_span_id"], root["span_id"]);
    assert_eq!(failed["status"], "internal_error");
    let chat = spans.iter().find(|it| it["op"] == "gen_ai.chat").unwrap();
    assert_eq!(chat["description"], "chat gpt-5-mini");
    assert_eq!(chat["status"], "ok");
    assert_eq!(chat["origin"], "auto.ai.rust");
    assert_eq!(chat["parent_span_id"], root["span_id"]);
    assert_eq!(chat["data"]["gen_ai.request.model"], "gpt-5-mini");
    assert_eq!(chat["data"]["gen_ai.system"], "openai");
    let header = &pair.ingest.envelopes()[0].header;
    assert_eq!(header["event_id"], transaction["event_id"]);
    assert_eq!(header["trace"]["trace_id"], root["trace_id"]);
}

#[test]
fn a_transaction_has_the_links_of_its_root_and_of_its_spans() {
    let pair = Pair::new(TraceLifecycle::Classic);
    let segment = pair.segment();
    let other = new_span_id();
    let link = Link::new(segment.trace().trace_id(), other, false);
    pair.send(&segment, new_span_id(), |span| {
        span.links.push(link.clone());
    });
    pair.send(&segment, segment.span_id(), |span| {
        span.links.push(link.clone().with_type("previous_trace"));
    });
    let transactions = pair.transactions(2);
    let child = &children(&transactions[0])[0]["links"];
    let untyped = json!({
        "trace_id": segment.trace().trace_id().to_string(),
        "span_id": other.to_string(),
        "sampled": false,
    });
    assert_eq!(*child, json!([untyped]));
    let mut typed = untyped;
    typed["attributes"] = json!({"sentry.link.type": "previous_trace"});
    let root = &transactions[0]["contexts"]["trace"]["links"];
    assert_eq!(*root, json!([typed]));
}

#[test]
fn times_are_kept_and_nothing_ends_before_it_starts() {
    let pair = Pair::new(TraceLifecycle::Classic);
    let segment = pair.segment();
    pair.child(&segment);
    pair.send(&segment, new_span_id(), |span| {
        span.end = Timestamp::from_nanos(1);
    });
    pair.root(&segment);
    let transaction = &pair.transactions(3)[0];
    let seconds = |span: &Value| {
        let time = |member: &str| span[member].as_f64().unwrap();
        (time("timestamp") - time("start_timestamp")).round()
    };
    assert_eq!(seconds(transaction), 1.0);
    let of_children: Vec<_> = children(transaction).iter().map(seconds).collect();
    assert_eq!(of_children, [1.0, 0.0]);

    // The roots of the other transactions: the segment span, and one above the only span, which is an AI span.
    for operation in ["", "chat"] {
        let segment = pair.segment();
        pair.send(&segment, segment.span_id(), |span| {
            span.attributes.push("gen_ai.operation.name", operation);
            span.end = Timestamp::from_nanos(1);
        });
    }
    for transaction in &pair.transactions(5)[1..] {
        assert_eq!(seconds(transaction), 0.0);
    }
}

#[test]
fn ai_spans_are_sent_separately_from_the_transaction() {
    let pair = Pair::new(TraceLifecycle::Transaction);
    let segment = pair.segment();
    pair.child(&segment);
    pair.chat(&segment, new_span_id());
    pair.root(&segment);
    let transactions = pair.transactions(3);
    assert_eq!(transactions.len(), 1);
    assert_eq!(children(&transactions[0]).len(), 1);
    let spans = pair.ingest.spans();
    assert_eq!(spans.len(), 1);
    let segment_id = segment.span_id().to_string();
    assert_eq!(spans[0].str("sentry.segment.id"), Some(&*segment_id));
    assert_eq!(spans[0].str("sentry.trace_lifecycle"), Some("static"));
}

#[test]
fn an_ai_span_is_never_the_root() {
    let pair = Pair::new(TraceLifecycle::Classic);
    let (segment, caller) = (pair.segment(), new_span_id());
    pair.child(&segment);
    pair.send(&segment, segment.span_id(), |span| {
        span.attributes.push("gen_ai.operation.name", "chat");
        span.parent_span_id = Some(caller);
    });
    let transactions = pair.transactions(2);
    assert_eq!(transactions.len(), 1);
    let root = &transactions[0]["contexts"]["trace"];
    assert_eq!(root["op"], "function");
    assert_eq!(root["parent_span_id"], caller.to_string());
    let spans = children(&transactions[0]);
    let chat = spans.iter().find(|it| it["op"] == "gen_ai.chat").unwrap();
    assert_eq!(chat["parent_span_id"], root["span_id"]);
    assert_eq!(spans.len(), 2);
}

#[test]
fn large_segments_are_split_into_several_transactions() {
    let pair = Pair::new(TraceLifecycle::Classic);
    let segment = pair.segment();
    for _ in 0..2500 {
        pair.child(&segment);
    }
    let text = "a word ".repeat(14_000);
    for _ in 0..20 {
        pair.send(&segment, new_span_id(), |span| {
            span.attributes.push("app.note", text.as_str());
        });
    }
    pair.root(&segment);
    let transactions = pair.transactions(2521);
    assert!(transactions.len() >= 5, "{}", transactions.len());
    let mut traces = HashSet::new();
    for transaction in &transactions {
        let spans = children(transaction);
        assert!(spans.len() < 1000);
        assert!(serde_json::to_vec(spans).unwrap().len() < 819_200);
        assert!(transaction.to_string().len() < 1024 * 1024);
        traces.insert(transaction["contexts"]["trace"]["trace_id"].to_string());
    }
    assert_eq!(traces.len(), 1);
}

#[test]
fn much_data_is_not_put_on_the_root_and_too_much_is_shortened() {
    let pair = Pair::new(TraceLifecycle::Classic);
    let segment = pair.segment();
    let send = |span_id, keys: &[&'static str], words| {
        pair.send(&segment, span_id, |span| {
            for key in keys {
                span.attributes.push(key, "a word ".repeat(words));
            }
        });
    };
    let keys = [
        "a.a", "a.b", "a.c", "a.d", "a.e", "a.f", "a.g", "a.h", "a.i",
    ];
    send(new_span_id(), &keys, 13_500);
    send(segment.span_id(), &keys[..1], 1_000);
    let transactions = pair.transactions(2);
    let spans = transactions.iter().flat_map(children);
    let lengths = spans.map(|span| span["data"]["a.a"].as_str().unwrap().len());
    let mut lengths: Vec<_> = lengths.collect();
    lengths.sort_unstable();
    assert_eq!(lengths[0], 7_000);
    assert!((50_000..80_000).contains(&lengths[1]), "{lengths:?}");
}

#[test]
fn a_late_child_and_a_root_that_never_ends() {
    let pair = Pair::new(TraceLifecycle::Classic);
    let (late, open) = (pair.segment(), pair.segment());
    pair.root(&late);
    pair.child(&open);
    assert!(pair.delivery.flush(PATIENCE));
    pair.child(&late);
    // It does not wait for the end of a segment that has already ended.
    let begin = std::time::Instant::now();
    while pair.ingest.transactions().len() < 3 {
        assert!(begin.elapsed() < Duration::from_secs(3));
        std::thread::sleep(Duration::from_millis(10));
    }
    let transactions = pair.transactions(3);
    let trace = &transactions[2]["contexts"]["trace"];
    assert_eq!(trace["parent_span_id"], late.span_id().to_string());
}

#[test]
fn a_limit_for_transactions_is_respected() {
    let pair = Pair::new(TraceLifecycle::Transaction);
    let limited = Fault::none().with_rate_limits("60:transaction:organization");
    pair.ingest.script([limited]);
    for _ in 0..2 {
        let segment = pair.segment();
        pair.root(&segment);
        pair.chat(&segment, new_span_id());
        assert!(pair.delivery.flush(PATIENCE));
        std::thread::sleep(Duration::from_millis(150));
    }
    assert_eq!(pair.ingest.figures().breaches, 0);
    assert_eq!(pair.ingest.transactions().len(), 1);
    assert_eq!(pair.ingest.spans().len(), 2, "containers are not limited");
    assert_eq!(pair.delivery.stats().pending(), 0);
}

/// A span that is read on the delivery thread.
struct Sealed(SourceSpan);

impl Unread for Sealed {
    fn span_id(&self) -> SpanId {
        self.0.span_id
    }

    fn read(
        self: Box<Self>,
        _: &mut dyn FnMut() -> Box<SourceSpan>,
    ) -> (Box<SourceSpan>, Option<SpentBox>) {
        assert!(on_delivery_thread());
        (Box::new(self.0), None)
    }
}

#[test]
fn a_transaction_that_is_lost_is_reported_as_one_and_by_its_spans() {
    for lifecycle in [TraceLifecycle::Classic, TraceLifecycle::Transaction] {
        let pair = Pair::new(lifecycle);
        pair.ingest.script([Fault::status(500)]);
        let segment = pair.segment();
        pair.child(&segment);
        pair.root(&segment);
        assert!(pair.delivery.flush(PATIENCE));
        let reports = pair.ingest.client_reports();
        let of = |category: &str| reports.get(&(category.to_owned(), "send_error".to_owned()));
        assert_eq!((of("span"), of("transaction")), (Some(&2), Some(&1)));
        assert_eq!(pair.delivery.stats().lost_total(), 2);
    }
}

#[test]
fn a_transaction_that_is_not_sampled_is_reported_as_one() {
    for keep_ai_traces in [false, true] {
        let pair = Pair::sampling(0.0, |options| {
            let options = options.with_trace_lifecycle(TraceLifecycle::Transaction);
            options.with_keep_ai_traces(keep_ai_traces)
        });
        for _ in 0..3 {
            let segment = pair.segment();
            pair.child(&segment);
            pair.root(&segment);
        }
        assert!(pair.delivery.close(PATIENCE));
        let reports = pair.ingest.client_reports();
        let of = |category: &str| reports.get(&(category.to_owned(), "sample_rate".to_owned()));
        assert_eq!((of("span"), of("transaction")), (Some(&6), Some(&3)));
        assert_eq!(pair.ingest.transactions().len(), 0);
    }
}

#[test]
fn a_trace_that_is_kept_is_one_transaction() {
    let pair = Pair::sampling(0.0, |options| {
        let options = options.with_trace_lifecycle(TraceLifecycle::Classic);
        options.with_keep_ai_traces(true)
    });
    let segment = pair.segment();
    pair.child(&segment);
    pair.chat(&segment, new_span_id());
    pair.root(&segment);
    let transactions = pair.transactions(3);
    assert_eq!(transactions.len(), 1);
    assert_eq!(children(&transactions[0]).len(), 2);
}

/// Whatever stage it had reached when memory ran out, it counts as one transaction.
#[test]
fn a_transaction_dropped_on_overflow_is_reported_as_one() {
    const TRACES: u64 = 3000;

    for lifecycle in [TraceLifecycle::Classic, TraceLifecycle::Transaction] {
        let pair = Pair::with(|options| {
            let options = options.with_trace_lifecycle(lifecycle);
            options.with_max_buffer_bytes(64 * 1024)
        });
        for _ in 0..TRACES {
            let segment = pair.segment();
            pair.child(&segment);
            pair.root(&segment);
        }
        assert!(pair.delivery.flush(PATIENCE));
        let reports = pair.ingest.client_reports();
        let of = |category: &str| reports[&(category.to_owned(), "queue_overflow".to_owned())];
        let arrived = pair.ingest.transactions().len() as u64;
        assert_eq!(arrived + of("transaction"), TRACES);
        let accepted = pair.delivery.stats().accepted;
        assert_eq!(accepted + of("span"), 2 * TRACES);
        assert_eq!(accepted, 2 * arrived, "none came in part");
    }
}
