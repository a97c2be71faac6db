//! The translation, for those who translate many spans of few shapes.

use std::borrow::Cow;

use crate::{
    SentrySpan, SourceSpan, Translator,
    attributes::{Hash, Name},
    plan::Plan,
};

/// How many shapes are remembered. A program has some ten or a hundred.
const PLACES: usize = 512;

/// How many spans of a shape are tried.
const TRIES: u8 = 4;

static OPERATION: Name = Name::new("gen_ai.operation.name");

/// A [`Translator`] that remembers, for every shape of span it has seen, what its translation has come to.
///
/// The result is the same. A span whose attributes have the keys and types that others had before takes a fraction of the
/// time, unless something in it is out of the ordinary: an error, a private spelling, a text that has to be cut.
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
    /// By the hash of their shape; of two that share a place the later one has it.
    places: Vec<Place>,
}

/// What is known of the shapes with some hash.
#[derive(Debug)]
enum Place {
    Unknown,
    /// It has been seen, and for so many of its spans no plan was found. Making one costs several translations, so that the first
    /// span of a shape is none to try it with.
    Seen(u64, u8),
    /// No plan can be made of it.
    Irregular(u64),
    Planned(u64, Box<Plan>),
}

impl PlanningTranslator {
    /// Creates a translator that remembers nothing yet.
    #[must_use]
    pub fn new(translator: Translator) -> Self {
        let places = std::iter::repeat_with(|| Place::Unknown);
        Self {
            translator,
            places: places.take(PLACES).collect(),
        }
    }

    /// Translates one span, as [`Translator::translate`] does, and leaves an empty one in its place.
    #[must_use]
    pub fn translate(&mut self, span: &mut SourceSpan) -> SentrySpan {
        let options = &self.translator.options;
        let hash = hash(span);
        let place = &mut self.places[hash as usize % PLACES];
        match place {
            Place::Planned(it, plan) if *it == hash => {
                if plan.fits(span, options) {
                    return plan.translate(span, options);
                }
            }
            Place::Seen(it, tries) if *it == hash => {
                *place = match Plan::of(span, options) {
                    Some(plan) => Place::Planned(hash, Box::new(plan)),
                    // It may be the value of this one span.
                    None if *tries < TRIES => Place::Seen(hash, *tries + 1),
                    None => Place::Irregular(hash),
                };
            }
            Place::Irregular(it) if *it == hash => {}
            _ => *place = Place::Seen(hash, 1),
        }
        self.translator.translate(span.take())
    }

    /// Resolves what only relatives can tell, as [`Translator::relate`] does.
    pub fn relate(&self, spans: &mut [SentrySpan]) {
        self.translator.relate(spans);
    }
}

fn hash(span: &SourceSpan) -> u64 {
    let of_kind = span.kind.map_or(0, |kind| kind as u64 + 1);
    let of_scope = match &span.scope {
        // One literal is mostly in one place.
        Cow::Borrowed(scope) => scope.as_ptr().addr() as u64,
        Cow::Owned(scope) => u64::from(Hash::of(scope).bits()) << 8,
    };
    (span.attributes.shape_hash(&OPERATION) ^ of_scope ^ of_kind)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        >> 8
}
