//! What a door can know about an attribute before it has a value.

use super::name::{Hash, Name, prefix_bit};
use crate::{Inheritable, content, span::is_usage_key};

/// A key that lives for the whole program, with everything that is derived from it. A door that sees the same fields
/// repeatedly needs to derive it only once.
///
/// ```
/// use sentry_genai_conventions::{AttributeKey, Attributes};
///
/// let key = AttributeKey::new("gen_ai.agent.name");
/// assert!(key.flags().has_gen_ai());
/// let mut attributes = Attributes::default();
/// attributes.push_known(&key, "Support Bot");
/// assert_eq!(attributes.text("gen_ai.agent.name"), Some("Support Bot"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AttributeKey {
    pub(super) name: &'static str,
    pub(super) hash: Hash,
    pub(super) prefix_bit: u64,
    flags: KeyFlags,
}

impl AttributeKey {
    /// Creates a key, and derives its properties.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            hash: Hash::of(name),
            prefix_bit: prefix_bit(name),
            flags: KeyFlags::of(name),
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
    pub fn flags(&self) -> KeyFlags {
        self.flags
    }
}

/// What the keys of a span say about it, whatever their values are. A door need not look for anything that no key
/// indicates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyFlags(u8);

impl KeyFlags {
    const GEN_AI: u8 = 1;
    const INHERITABLE: u8 = 1 << 1;
    const TOKEN_COUNTS: u8 = 1 << 2;
    const SPAN_NAME: u8 = 1 << 3;
    const INPUT: u8 = 1 << 4;

    /// Returns what one key says.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let flag_if = |flag, applies: bool| if applies { flag } else { 0 };
        Self(
            flag_if(Self::GEN_AI, is_gen_ai(key))
                | flag_if(Self::INHERITABLE, Inheritable::of(key).is_some())
                | flag_if(Self::TOKEN_COUNTS, is_usage_key(key))
                | flag_if(Self::SPAN_NAME, matches!(key, "otel.name" | "sentry.name"))
                | flag_if(Self::INPUT, content::is_input(key)),
        )
    }

    /// Adds what other keys say.
    #[inline]
    pub fn insert(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// Returns whether a key begins with `gen_ai.`, or indicates in another dialect that the span is about GenAI.
    #[must_use]
    #[inline]
    pub fn has_gen_ai(self) -> bool {
        self.0 & Self::GEN_AI != 0
    }

    /// Returns whether a key may hold something that applies to the spans [below](Inheritable) as well.
    #[must_use]
    #[inline]
    pub fn has_inheritable(self) -> bool {
        self.0 & Self::INHERITABLE != 0
    }

    /// Returns whether a key may hold a token count.
    #[must_use]
    #[inline]
    pub fn has_token_counts(self) -> bool {
        self.0 & Self::TOKEN_COUNTS != 0
    }

    /// Returns whether a key may give the span its name.
    #[must_use]
    #[inline]
    pub fn has_span_name(self) -> bool {
        self.0 & Self::SPAN_NAME != 0
    }

    /// Returns whether a key holds content that is only sent with inputs, under a name of the conventions.
    #[must_use]
    #[inline]
    pub fn has_input(self) -> bool {
        self.0 & Self::INPUT != 0
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
        let flags = |keys: &[&str]| {
            let mut flags = KeyFlags::default();
            keys.iter().for_each(|key| flags.insert(KeyFlags::of(key)));
            flags
        };
        let none = flags(&["http.route", "gen_ai"]);
        assert_eq!(none, KeyFlags::default());
        let agent = flags(&["gen_ai.agent.name"]);
        assert!(agent.has_gen_ai() && agent.has_inheritable());
        assert!(!agent.has_token_counts() && !agent.has_span_name());
        let call = flags(&["http.route", "gen_ai.usage.input_tokens", "otel.name"]);
        assert!(call.has_token_counts() && call.has_span_name() && !call.has_inheritable());
        assert!(KeyFlags::of("session.id").has_inheritable());
        assert!(KeyFlags::of("openinference.span.kind").has_gen_ai());
    }
}
