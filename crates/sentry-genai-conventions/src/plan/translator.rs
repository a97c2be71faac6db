//! The translation for programs that translate many spans of few shapes.

use std::borrow::Cow;

use super::Plan;
use crate::{
    SentrySpan, SourceSpan, Translator,
    attributes::{Hash, Name},
    rename,
};

/// A set-associative cache with `SETS` sets of `WAYS` shapes each; a program has between ten and a hundred shapes. Shapes
/// whose hashes select the same set share it. If a set is full, a new shape replaces an old one.
const SETS: usize = 128;
const WAYS: usize = 4;

/// How many spans of a shape are tried before it is considered irregular.
const MAX_ATTEMPTS: u8 = 4;

/// Distinguishes shapes whose texts have been parsed from the same shapes as recorded.
const PARSED_SALT: u64 = 0x5bd1_e995;

static OPERATION: Name = Name::new("gen_ai.operation.name");

/// A [`Translator`] that caches a plan of the translation for every shape of span.
///
/// The result is the same as without the cache. A span whose attributes have the same keys and types as previous ones
/// takes a fraction of the time, unless something about it is out of the ordinary: an error, a private spelling, or a
/// text that must be cut.
///
/// ```
/// use sentry_genai_conventions::{
///     PlanningTranslator, SourceSpan, SpanId, Timestamp, TraceId, TranslateOptions, Translator,
/// };
///
/// let mut translator = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
/// for model in ["gpt-5-mini", "gpt-5", "claude-opus-4-5"] {
///     let trace_id = TraceId::parse("4c79f60c11214eb38604f4ae0781bfb2").unwrap();
///     let span_id = SpanId::parse("a1b2c3d4e5f60718").unwrap();
///     let mut span = SourceSpan::new(trace_id, span_id, "chat", Timestamp::from_nanos(1));
///     span.attributes.push("gen_ai.operation.name", "chat");
///     span.attributes.push("gen_ai.request.model", model);
///     assert_eq!(translator.translate(&mut span).name, format!("chat {model}"));
/// }
/// ```
#[derive(Debug)]
pub struct PlanningTranslator {
    translator: Translator,
    sets: Vec<[Option<CacheEntry>; WAYS]>,
    /// How many shapes have been cached so far.
    insertions: usize,
}

/// What is known about spans of one shape.
#[derive(Debug)]
struct CacheEntry {
    hash: u64,
    state: PlanState,
}

/// What a shape is known to need.
///
/// ```text
/// Attempted(1) ──▶ ... ──▶ Attempted(4) ──▶ Irregular
///     └────────────┴────────────┴── a plan is found ──▶ Planned
///                               └── texts are parsed ──▶ NeedsParsing: the shape that results has a state of its own
/// ```
#[derive(Debug)]
enum PlanState {
    /// No plan has been found after this many spans. Making a plan costs several translations, so it is not tried for
    /// the first span of a shape.
    Attempted(u8),
    /// The texts at these positions are numbers or in quotation marks. Reading them gives the span another shape.
    NeedsParsing(Vec<usize>),
    /// No plan can be made for them.
    Irregular,
    Planned(Box<Plan>),
}

/// Whether the texts of a span are as the door recorded them.
#[derive(Clone, Copy)]
enum TextForm {
    AsRecorded,
    Parsed,
}

impl PlanningTranslator {
    /// Creates a translator with an empty cache.
    #[must_use]
    pub fn new(translator: Translator) -> Self {
        let sets = std::iter::repeat_with(Default::default);
        Self {
            translator,
            sets: sets.take(SETS).collect(),
            insertions: 0,
        }
    }

    /// Translates one span, as [`Translator::translate`] does, and leaves an empty one in its place.
    #[must_use]
    pub fn translate(&mut self, span: &mut SourceSpan) -> SentrySpan {
        let (mut hash, mut texts) = (hash(span), TextForm::AsRecorded);
        loop {
            let set = &self.sets[hash as usize % SETS];
            let entry = set.iter().flatten().find(|entry| entry.hash == hash);
            if let Some(PlanState::Planned(plan)) = entry.map(|entry| &entry.state) {
                let options = &self.translator.options;
                if plan.fits(span, options) {
                    return plan.translate(span, options);
                }
                break;
            }
            match self.learn(span, hash, texts) {
                Some(next) => (hash, texts) = (next, TextForm::Parsed),
                None => break,
            }
        }
        self.translator.translate(span.take())
    }

    /// Learns from a span whose shape has no plan yet. If parsing its texts is known to help, parses them and returns
    /// the span's new hash.
    #[cold]
    fn learn(&mut self, span: &mut SourceSpan, hash: u64, texts: TextForm) -> Option<u64> {
        let set = &mut self.sets[hash as usize % SETS];
        let Some(entry) = set.iter_mut().flatten().find(|entry| entry.hash == hash) else {
            let free_way = set.iter().position(Option::is_none);
            let state = PlanState::Attempted(1);
            set[free_way.unwrap_or(self.insertions % WAYS)] = Some(CacheEntry { hash, state });
            self.insertions = self.insertions.wrapping_add(1);
            return None;
        };
        match &mut entry.state {
            PlanState::Attempted(attempts) => {
                let parsed = match texts {
                    TextForm::AsRecorded => rename::parse_texts(&mut span.attributes),
                    TextForm::Parsed => Vec::new(),
                };
                let options = &self.translator.options;
                entry.state = if !parsed.is_empty() {
                    PlanState::NeedsParsing(parsed)
                } else if let Some(plan) = Plan::of(span, options) {
                    PlanState::Planned(Box::new(plan))
                } else if *attempts < MAX_ATTEMPTS {
                    // The reason may be a value of this particular span.
                    PlanState::Attempted(*attempts + 1)
                } else {
                    PlanState::Irregular
                };
                None
            }
            PlanState::NeedsParsing(indices) if matches!(texts, TextForm::AsRecorded) => {
                for &index in &*indices {
                    rename::parse_text_at(&mut span.attributes, index);
                }
                Some(self::hash(span) ^ PARSED_SALT)
            }
            PlanState::NeedsParsing(_) | PlanState::Irregular | PlanState::Planned(_) => None,
        }
    }

    /// Resolves what depends on related spans, as [`Translator::reconcile`] does.
    pub fn reconcile(&self, spans: &mut [SentrySpan]) {
        self.translator.reconcile(spans);
    }
}

fn hash(span: &SourceSpan) -> u64 {
    let kind_part = span.kind.map_or(0, |kind| kind as u64 + 1);
    let scope_part = match &span.scope {
        // The same literal usually has the same address.
        Cow::Borrowed(scope) => scope.as_ptr().addr() as u64,
        Cow::Owned(scope) => u64::from(Hash::of(scope).bits()) << 8,
    };
    (span.attributes.shape_hash(&OPERATION) ^ scope_part ^ kind_part)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        >> 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TranslateOptions, testing};

    fn chat(extra_key: &str) -> SourceSpan {
        let mut span = testing::span("chat");
        span.attributes.push("gen_ai.operation.name", "chat");
        span.attributes.push_owned_key(extra_key, 1_i64);
        span
    }

    #[test]
    fn shapes_that_share_a_set_all_have_plans() {
        let set = |span: &SourceSpan| hash(span) as usize % SETS;
        let chats = (0..).map(|number| chat(&format!("shop.n{number}")));
        let first = set(&chat("shop.n0"));
        let colliding: Vec<_> = chats.filter(|span| set(span) == first).take(WAYS).collect();
        let mut translator = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
        for _ in 0..2 {
            for span in &colliding {
                let _ = translator.translate(&mut span.clone());
            }
        }
        let entries = translator.sets[first].iter().flatten();
        let planned = entries.filter(|entry| matches!(entry.state, PlanState::Planned(_)));
        assert_eq!(planned.count(), WAYS);
    }

    /// `tracing-opentelemetry` records unsigned integers as texts, and `?` puts names in quotation marks.
    #[test]
    fn a_span_is_planned_once_its_texts_are_parsed() {
        let recorded = |count: &str| {
            let mut span = chat("shop.orders");
            span.attributes
                .push("gen_ai.request.model", "\"gpt-5-mini\"");
            span.attributes.push("gen_ai.usage.input_tokens", count);
            span.attributes
                .push("gen_ai.usage.output_tokens", "Some(30)");
            span
        };
        let mut translator = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
        for count in 0..4 {
            let span = translator.translate(&mut recorded(&count.to_string()));
            assert_eq!(span.name, "chat gpt-5-mini");
            let total = span.attributes.integer("gen_ai.usage.total_tokens");
            assert_eq!(total, Some(30 + count));
        }
        let entries = translator.sets.iter().flatten().flatten();
        let planned = entries.filter(|entry| matches!(entry.state, PlanState::Planned(_)));
        assert_eq!(planned.count(), 1);
    }
}
