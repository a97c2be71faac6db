//! Attributes that also apply to the descendants of a span.

use std::borrow::Cow;

use crate::{
    Attributes, Value,
    attributes::{Hash, MARKER_KEYS, Name, length_bit},
    dialect::{self, NONE, SESSION_KEYS, is_no_session, unquoted},
};

/// What an attribute says about the spans below. A door looks for such attributes in the ancestors of a span, to fill
/// [`Inherited`](crate::Inherited).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heritage {
    /// It names the conversation.
    Conversation,
    /// It names the agent.
    Agent,
    /// It names the agent, but only on a span that is about GenAI. Such keys are written by hand, and may mean something
    /// else on other spans.
    AgentByHand,
    /// It names a session or thread, which stands in for a conversation if nothing names one.
    Session {
        /// The position of the key in the list of session keys. Zero has the highest precedence.
        rank: usize,
    },
}

static CONVERSATION: Name = Name::new("gen_ai.conversation.id");
static AGENT: Name = Name::new("gen_ai.agent.name");
static AGENTS_BY_HAND: [Name; 5] = [
    Name::new("gen_ai.agent_name"),
    Name::new("agent.name"),
    Name::new("agent_name"),
    Name::new("agent"),
    Name::new("llm.agent_name"),
];

/// The number of keys before those of sessions.
const OTHERS: usize = 2 + AGENTS_BY_HAND.len();

/// Returns the key number `number`, and what it means.
const fn key_of(number: usize) -> (&'static Name, Heritage) {
    match number {
        0 => (&CONVERSATION, Heritage::Conversation),
        1 => (&AGENT, Heritage::Agent),
        2..OTHERS => (&AGENTS_BY_HAND[number - 2], Heritage::AgentByHand),
        _ => {
            let rank = number - OTHERS;
            (&SESSION_KEYS[rank], Heritage::Session { rank })
        }
    }
}

const KEYS: usize = OTHERS + SESSION_KEYS.len();

/// A hash table that maps keys to their number plus one. Zero marks an empty slot.
static INDEX: [u8; SLOTS] = {
    let mut index = [0; SLOTS];
    let mut number = 0;
    while number < KEYS {
        let mut slot = key_of(number).0.hash.slot(SLOTS);
        while index[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        number += 1;
        index[slot] = number as u8;
    }
    index
};

/// More than three times the number of keys, so that most lookups end at once.
const SLOTS: usize = 128;

/// The hash bits of all inherited keys.
static BITS: u64 = {
    let mut bits = 0;
    let mut number = 0;
    while number < KEYS {
        bits |= key_of(number).0.hash.bit();
        number += 1;
    }
    bits
};

/// The length bits of all inherited keys.
static LENGTHS: u64 = {
    let mut lengths = 0;
    let mut number = 0;
    while number < KEYS {
        lengths |= length_bit(key_of(number).0.text);
        number += 1;
    }
    lengths
};

impl Heritage {
    /// Returns what the attribute `key` says about the spans below.
    ///
    /// ```
    /// use sentry_genai_conventions::Heritage;
    ///
    /// assert_eq!(Heritage::of("gen_ai.conversation.id"), Some(Heritage::Conversation));
    /// assert_eq!(Heritage::of("gen_ai.request.model"), None);
    /// ```
    #[must_use]
    #[inline]
    pub fn of(key: &str) -> Option<Self> {
        // For most keys the length alone rules out that they are inherited.
        if LENGTHS & length_bit(key) == 0 {
            return None;
        }
        Self::of_hashed(Hash::of(key), key)
    }

    /// Returns what a value says: a text without the decoration that `Debug` adds, or, for a conversation or a session,
    /// the decimal form of a number that identifies one. The `Debug` output of an empty `Option` says nothing.
    ///
    /// ```
    /// use sentry_genai_conventions::{Heritage, Value};
    ///
    /// assert_eq!(Heritage::Conversation.read(Value::Integer(42)).as_deref(), Some("42"));
    /// assert_eq!(Heritage::Agent.read(Value::Integer(42)), None);
    /// let (some, none) = (format!("{:?}", Some("Bot")), format!("{:?}", None::<&str>));
    /// assert_eq!(Heritage::Agent.read(Value::Str(&some)).as_deref(), Some("Bot"));
    /// assert_eq!(Heritage::Agent.read(Value::Str(&none)), None);
    /// ```
    #[must_use]
    pub fn read(self, value: Value<'_>) -> Option<Cow<'_, str>> {
        match value {
            Value::Str(text) => {
                let text = unquoted(text);
                let says_nothing = text.is_empty() || text == NONE || is_no_session(text);
                (!says_nothing).then_some(text.into())
            }
            Value::Integer(number) if self.may_be_number() => Some(number.to_string().into()),
            _ => None,
        }
    }

    fn may_be_number(self) -> bool {
        match self {
            Self::Conversation => true,
            Self::Agent | Self::AgentByHand => false,
            Self::Session { rank } => SESSION_KEYS.get(rank).is_some_and(dialect::may_be_number),
        }
    }

    #[inline]
    fn of_hashed(hash: Hash, key: &str) -> Option<Self> {
        let mut slot = hash.slot(SLOTS);
        loop {
            let number = usize::from(INDEX[slot]).checked_sub(1)?;
            let (name, heritage) = key_of(number);
            if name.hash == hash && name.text == key {
                return Some(heritage);
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

impl Attributes {
    /// Iterates over what the attributes from number `start` on tell the spans below, each value already
    /// [read](Heritage::read).
    pub fn heritage(&self, start: usize) -> impl Iterator<Item = (Heritage, Cow<'_, str>)> {
        let start = if self.hash_bits() & BITS == 0 {
            usize::MAX
        } else {
            start
        };
        self.values_among(BITS, start)
            .filter_map(|(hash, key, value)| {
                let heritage = Heritage::of_hashed(hash, key)?;
                Some((heritage, heritage.read(value)?))
            })
    }

    /// Returns whether any key indicates that the span [is about GenAI](crate::is_gen_ai), whatever its value.
    #[must_use]
    pub fn is_gen_ai(&self) -> bool {
        const PREFIX: &str = "gen_ai.";
        self.may_begin_with(PREFIX) && self.iter().any(|(key, _)| key.starts_with(PREFIX))
            || MARKER_KEYS
                .iter()
                .any(|marker| self.get_by_name(marker).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SourceSpan, SpanId, Timestamp, TraceId, TranslateOptions, Translator};

    #[test]
    fn numbers_name_conversations_and_sessions() {
        let mut attributes = Attributes::default();
        attributes.push("gen_ai.conversation.id", 7_i64);
        attributes.push("session.id", 42_i64);
        attributes.push("thread.id", 1_i64);
        attributes.push("thread_id", "ThreadId(1)");
        attributes.push("gen_ai.agent.name", 3_i64);
        let told: Vec<_> = attributes.heritage(0).map(|(_, id)| id).collect();
        assert_eq!(told, ["7", "42"]);
    }

    /// All doors pass on the same.
    #[test]
    fn agents_by_hand_are_those_of_the_translation() {
        for name in &AGENTS_BY_HAND {
            let mut span = SourceSpan::new(
                TraceId::from_bytes([1; 16]).unwrap(),
                SpanId::from_bytes([2; 8]).unwrap(),
                "run",
                Timestamp::default(),
            );
            span.attributes.push("gen_ai.operation.name", "agent_run");
            span.attributes.push(name.text, "Bot");
            let identity = Translator::new(TranslateOptions::default()).identify(&span);
            assert_eq!(identity.agent_name.as_deref(), Some("Bot"), "{}", name.text);
            assert_eq!(Heritage::of(name.text), Some(Heritage::AgentByHand));
        }
    }
}
