//! Finds the model calls among the spans that have ended, and counts each call once.

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use foldhash::{HashMap, HashSet};
use sentry_genai_conventions::{AiKind, SentrySpan, SpanId};

/// How many open spans are remembered because they have a measured call below them.
const MAX_EXPECTED_WRAPPERS: usize = 4096;

/// Where model calls are measured.
pub(crate) type Meter = Arc<dyn Measure>;

/// Takes the measurements.
pub(crate) trait Measure: fmt::Debug + Send + Sync {
    fn record(&self, call: &SentrySpan);
}

/// Measures the calls in one batch of spans after the other.
pub(crate) struct ModelCalls {
    meter: Meter,
    /// Open spans above calls that have ended. If one of them turns out to be a call of the same kind, it is a wrapper
    /// around the same call.
    expected_wrappers: HashMap<SpanId, CallKind>,
    insertion_order: VecDeque<SpanId>,
}

/// Kinds of calls. Only calls of the same kind can be the same call, one described inside the other. Embeddings and
/// reranking inside a chat are calls of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CallKind {
    Chat,
    Embeddings,
    Rerank,
}

impl CallKind {
    fn of(span: &SentrySpan) -> Option<Self> {
        (span.ai == Some(AiKind::LlmCall)).then_some(match &*span.op {
            "gen_ai.embeddings" => Self::Embeddings,
            "gen_ai.rerank" => Self::Rerank,
            _ => Self::Chat,
        })
    }
}

impl ModelCalls {
    pub(crate) fn new(meter: Meter) -> Self {
        Self {
            meter,
            expected_wrappers: HashMap::default(),
            insertion_order: VecDeque::new(),
        }
    }

    /// Measures the calls among spans of one trace whose relations have been resolved.
    pub(crate) fn measure(&mut self, spans: &[SentrySpan]) {
        for call in self.find(spans) {
            // The program's own metrics hook may panic.
            let _ = catch_unwind(AssertUnwindSafe(|| self.meter.record(call)));
        }
    }

    fn find<'a>(&mut self, spans: &'a [SentrySpan]) -> Vec<&'a SentrySpan> {
        let is_of_interest = |span: &SentrySpan| {
            CallKind::of(span).is_some() || self.expected_wrappers.contains_key(&span.span_id)
        };
        if !spans.iter().any(is_of_interest) {
            return Vec::new();
        }
        let by_id: HashMap<_, _> = spans.iter().map(|span| (span.span_id, span)).collect();
        let mut wrappers = HashSet::default();
        for span in spans {
            let own = CallKind::of(span);
            let below = self.expected_wrappers.remove(&span.span_id);
            match (own, below) {
                (Some(own), below) => {
                    if below == Some(own) {
                        wrappers.insert(span.span_id);
                    }
                    wrappers.extend(self.find_wrapper(span, own, &by_id));
                }
                // Plain spans in between do not matter; any other AI span does.
                (None, Some(below)) if span.ai.is_none() => {
                    wrappers.extend(self.find_wrapper(span, below, &by_id));
                }
                (None, _) => {}
            }
        }
        let calls = spans.iter().filter(|span| CallKind::of(span).is_some());
        calls
            .filter(|span| !wrappers.contains(&span.span_id))
            .collect()
    }

    /// Returns the wrapper around a call, looking past plain spans. If the wrapper may not have ended yet, remembers
    /// its id.
    fn find_wrapper(
        &mut self,
        span: &SentrySpan,
        kind: CallKind,
        by_id: &HashMap<SpanId, &SentrySpan>,
    ) -> Option<SpanId> {
        let mut seen = HashSet::from_iter([span.span_id]);
        let mut above = span.parent_span_id;
        while let Some(id) = above.filter(|id| seen.insert(*id)) {
            let Some(span) = by_id.get(&id) else {
                self.expect_wrapper(id, kind);
                return None;
            };
            if span.ai.is_some() {
                return (CallKind::of(span) == Some(kind)).then_some(id);
            }
            above = span.parent_span_id;
        }
        None
    }

    fn expect_wrapper(&mut self, span_id: SpanId, kind: CallKind) {
        if self.expected_wrappers.insert(span_id, kind).is_none() {
            self.insertion_order.push_back(span_id);
        }
        if self.insertion_order.len() > MAX_EXPECTED_WRAPPERS
            && let Some(oldest) = self.insertion_order.pop_front()
        {
            self.expected_wrappers.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use sentry_genai_conventions::{TranslateOptions, Translator};

    use super::*;
    use crate::{ids::new_span_id, segment::Segment, testing};

    #[derive(Debug, Default)]
    struct Names(Mutex<Vec<String>>);

    impl Measure for Names {
        fn record(&self, call: &SentrySpan) {
            assert_ne!(call.name, "chat panics");
            self.0.lock().unwrap().push(call.name.to_string());
        }
    }

    /// Measures batch by batch. A span consists of its id, its parent, its operation (empty for a plain span) and its
    /// model.
    fn measured(batches: &[&[(u8, u8, &str, &str)]]) -> Vec<String> {
        let names = Arc::new(Names::default());
        let mut calls = ModelCalls::new(Arc::<Names>::clone(&names));
        let segment = testing::segment();
        let ids = [(); 10].map(|()| new_span_id());
        let translator = Translator::new(TranslateOptions::default());
        for batch in batches {
            let span = |&(id, parent, operation, model): &(u8, u8, &str, &str)| {
                let mut span = testing::source(&segment, ids[usize::from(id)]);
                span.name = "work".into();
                span.parent_span_id = (parent > 0).then(|| ids[usize::from(parent)]);
                if !operation.is_empty() {
                    span.attributes.push("gen_ai.operation.name", operation);
                    span.attributes.push("gen_ai.request.model", model);
                }
                translator.translate(span)
            };
            let mut spans: Vec<_> = batch.iter().map(span).collect();
            translator.reconcile(&mut spans);
            calls.measure(&spans);
        }
        drop(calls);
        Arc::into_inner(names).unwrap().0.into_inner().unwrap()
    }

    #[test]
    fn a_call_inside_a_call_counts_once_wherever_it_ends() {
        let (inner, between, outer) = ((3, 2, "chat", "m"), (2, 1, "", ""), (1, 0, "chat", "m"));
        let once = ["chat m"];
        assert_eq!(measured(&[&[inner, between, outer]]), once);
        assert_eq!(measured(&[&[inner], &[between], &[outer]]), once);
        assert_eq!(measured(&[&[inner, between], &[outer]]), once);
        assert_eq!(measured(&[&[inner], &[between, outer]]), once);
    }

    #[test]
    fn separate_calls_are_counted_separately() {
        let batches: &[&[_]] = &[
            &[(3, 2, "chat", "a"), (4, 2, "chat", "b")],
            &[(5, 2, "embeddings", "c")],
            &[(2, 1, "invoke_agent", "")],
            &[(1, 0, "chat", "d")],
        ];
        let names = ["chat a", "chat b", "embeddings c", "chat d"];
        assert_eq!(measured(batches), names);
        for operation in ["embeddings", "rerank"] {
            assert_eq!(
                measured(&[&[(2, 1, operation, "e")], &[(1, 0, "chat", "d")]]),
                [&format!("{operation} e"), "chat d"]
            );
        }
    }

    #[test]
    fn a_cycle_of_parents_and_a_panicking_meter_are_survived() {
        let ring: &[_] = &[(1, 2, "", ""), (2, 1, "", ""), (3, 1, "chat", "m")];
        assert_eq!(measured(&[ring]), ["chat m"]);
        let panics: &[_] = &[(1, 0, "chat", "panics"), (2, 0, "chat", "m")];
        assert_eq!(measured(&[panics]), ["chat m"]);
    }

    #[test]
    fn expected_wrappers_are_bounded() {
        let mut calls = ModelCalls::new(Arc::new(Names::default()));
        let segment: Arc<Segment> = testing::segment();
        for _ in 0..2 * MAX_EXPECTED_WRAPPERS {
            let mut span = testing::source(&segment, new_span_id());
            span.parent_span_id = Some(new_span_id());
            span.attributes.push("gen_ai.operation.name", "chat");
            let translator = Translator::new(TranslateOptions::default());
            calls.measure(&[translator.translate(span)]);
        }
        assert_eq!(calls.expected_wrappers.len(), MAX_EXPECTED_WRAPPERS);
        assert_eq!(calls.insertion_order.len(), MAX_EXPECTED_WRAPPERS);
    }
}
