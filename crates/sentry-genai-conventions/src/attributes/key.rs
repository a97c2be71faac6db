//! What a door can know about an attribute before it has a value.

use super::name::{Hash, Name, prefix_bit};
use crate::{Heritage, span::is_usage_key};

/// A key that lives for the whole program, with everything that is derived from it. A door that sees the same fields
/// repeatedly needs to derive it only once.
///
/// ```
/// use sentry_genai_conventions::{AttributeKey, Attributes};
///
/// let key = AttributeKey::new("gen_ai.agent.name");
/// assert!(key.signs().are_gen_ai());
/// let mut attributes = Attributes::default();
/// attributes.push_known(&key, "Support Bot");
/// assert_eq!(attributes.text("gen_ai.agent.name"), Some("Support Bot"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AttributeKey {
    pub(super) name: &'static str,
    pub(super) hash: Hash,
    pub(super) prefix_bit: u64,
    signs: Signs,
}

impl AttributeKey {
    /// Creates a key, and derives its properties.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            hash: Hash::of(name),
            prefix_bit: prefix_bit(name),
            signs: Signs::of(name),
        }
    }

    /// Returns the key itself.
    #[must_use]
    #[inline]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what the key says about a span.
    #[must_use]
    #[inline]
    pub fn signs(&self) -> Signs {
        self.signs
    }
}

/// What the keys of a span say about it, whatever their values are. A door need not look for anything that no key
/// indicates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs(u8);

impl Signs {
    const GEN_AI: u8 = 1;
    const HERITAGE: u8 = 1 << 1;
    const USAGE: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;

    /// Returns what one key says.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let sign = |sign, applies: bool| if applies { sign } else { 0 };
        Self(
            sign(Self::GEN_AI, is_gen_ai(key))
                | sign(Self::HERITAGE, Heritage::of(key).is_some())
                | sign(Self::USAGE, is_usage_key(key))
                | sign(Self::NAME, matches!(key, "otel.name" | "sentry.name")),
        )
    }

    /// Adds what other keys say.
    #[inline]
    pub fn add(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// Returns whether a key begins with `gen_ai.`, or indicates in another dialect that the span is about GenAI.
    #[must_use]
    #[inline]
    pub fn are_gen_ai(self) -> bool {
        self.0 & Self::GEN_AI != 0
    }

    /// Returns whether a key may hold something that applies to the spans [below](Heritage) as well.
    #[must_use]
    #[inline]
    pub fn tell_descendants(self) -> bool {
        self.0 & Self::HERITAGE != 0
    }

    /// Returns whether a key may hold a token count.
    #[must_use]
    #[inline]
    pub fn count_tokens(self) -> bool {
        self.0 & Self::USAGE != 0
    }

    /// Returns whether a key may give the span its name.
    #[must_use]
    #[inline]
    pub fn name_span(self) -> bool {
        self.0 & Self::NAME != 0
    }
}

/// Attributes that mark a span as GenAI in other dialects, and that Rust programs use too.
pub(crate) static MARKER_KEYS: [Name; 4] = [
    Name::new("langfuse.observation.type"),
    Name::new("langsmith.span.kind"),
    Name::new("openinference.span.kind"),
    Name::new("traceloop.span.kind"),
];

/// Returns whether a key alone indicates that a span is about GenAI: it begins with `gen_ai.`, or it is the key with
/// which another dialect labels all its spans.
#[must_use]
pub fn is_gen_ai(key: &str) -> bool {
    key.starts_with("gen_ai.") || MARKER_KEYS.iter().any(|marker| marker.text == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_derived_from_keys() {
        let signs = |keys: &[&str]| {
            let mut signs = Signs::default();
            keys.iter().for_each(|key| signs.add(Signs::of(key)));
            signs
        };
        let none = signs(&["http.route", "gen_ai"]);
        assert_eq!(none, Signs::default());
        let agent = signs(&["gen_ai.agent.name"]);
        assert!(agent.are_gen_ai() && agent.tell_descendants());
        assert!(!agent.count_tokens() && !agent.name_span());
        let call = signs(&["http.route", "gen_ai.usage.input_tokens", "otel.name"]);
        assert!(call.count_tokens() && call.name_span() && !call.tell_descendants());
        assert!(Signs::of("session.id").tell_descendants());
        assert!(Signs::of("openinference.span.kind").are_gen_ai());
    }
}
