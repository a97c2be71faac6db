//! Attributes that also apply to the descendants of a span.

use std::borrow::Cow;

use crate::{
    Attributes, Inherited, Value,
    attributes::{Hash, MARKER_KEYS, Name, length_bit},
    dialect::{self, NONE, SESSION_KEYS, is_not_a_session, is_random_id, unquoted},
};

/// What an attribute says about the spans below. A door looks for such attributes in the ancestors of a span, to fill
/// [`Inherited`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inheritable {
    /// It names the conversation.
    Conversation,
    /// It names the agent.
    Agent,
    /// It names the agent, but only on a span that is about GenAI. Such keys are written by hand, and may mean something
    /// else on other spans.
    ManualAgent,
    /// It names a session or thread, which stands in for a conversation if nothing names one.
    Session {
        /// The position of the key in the list of session keys. Zero has the highest precedence.
        rank: usize,
    },
}

static CONVERSATION: Name = Name::new("gen_ai.conversation.id");
static AGENT: Name = Name::new("gen_ai.agent.name");
static MANUAL_AGENTS: [Name; 5] = [
    Name::new("gen_ai.agent_name"),
    Name::new("agent.name"),
    Name::new("agent_name"),
    Name::new("agent"),
    Name::new("llm.agent_name"),
];

/// The number of keys before those of sessions.
const KEYS_BEFORE_SESSIONS: usize = 2 + MANUAL_AGENTS.len();

/// Returns the key at an index, and what it means.
const fn key_at(index: usize) -> (&'static Name, Inheritable) {
    match index {
        0 => (&CONVERSATION, Inheritable::Conversation),
        1 => (&AGENT, Inheritable::Agent),
        2..KEYS_BEFORE_SESSIONS => (&MANUAL_AGENTS[index - 2], Inheritable::ManualAgent),
        _ => {
            let rank = index - KEYS_BEFORE_SESSIONS;
            (&SESSION_KEYS[rank], Inheritable::Session { rank })
        }
    }
}

const KEY_COUNT: usize = KEYS_BEFORE_SESSIONS + SESSION_KEYS.len();

/// A hash table that maps keys to their index plus one. Zero marks an empty slot.
static INDEX: [u8; SLOTS] = {
    let mut table = [0; SLOTS];
    let mut index = 0;
    while index < KEY_COUNT {
        let mut slot = key_at(index).0.hash.slot(SLOTS);
        while table[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        index += 1;
        table[slot] = index as u8;
    }
    table
};

/// More than three times the number of keys, so that most lookups end at once.
const SLOTS: usize = 128;

/// The hash bits of all inherited keys.
static HASH_BITS: u64 = {
    let mut bits = 0;
    let mut index = 0;
    while index < KEY_COUNT {
        bits |= key_at(index).0.hash.bit();
        index += 1;
    }
    bits
};

/// For each first byte, the length bits of the inherited keys that begin with it.
static LENGTH_BITS: [u64; 256] = {
    let mut lengths = [0; 256];
    let mut index = 0;
    while index < KEY_COUNT {
        let key = key_at(index).0.text;
        lengths[key.as_bytes()[0] as usize] |= length_bit(key);
        index += 1;
    }
    lengths
};

impl Inheritable {
    /// Returns what the attribute `key` says about the spans below.
    ///
    /// ```
    /// use sentry_genai_conventions::Inheritable;
    ///
    /// assert_eq!(Inheritable::of("gen_ai.conversation.id"), Some(Inheritable::Conversation));
    /// assert_eq!(Inheritable::of("gen_ai.request.model"), None);
    /// ```
    #[must_use]
    #[inline(always)]
    pub fn of(key: &str) -> Option<Self> {
        // For most keys the length and the first byte rule out that they are inherited.
        let first = *key.as_bytes().first()?;
        if LENGTH_BITS[usize::from(first)] & length_bit(key) == 0 {
            return None;
        }
        Self::find_key(key)
    }

    /// Returns what a value says: a text without the decoration that `Debug` adds, or, for a conversation or a session,
    /// the decimal form of a number that identifies one. The `Debug` output of an empty `Option` says nothing, and a random id
    /// names no agent.
    ///
    /// ```
    /// use sentry_genai_conventions::{Inheritable, Value};
    ///
    /// assert_eq!(Inheritable::Conversation.parse(Value::Integer(42)).as_deref(), Some("42"));
    /// assert_eq!(Inheritable::Agent.parse(Value::Integer(42)), None);
    /// let (some, none) = (format!("{:?}", Some("Bot")), format!("{:?}", None::<&str>));
    /// assert_eq!(Inheritable::Agent.parse(Value::Str(&some)).as_deref(), Some("Bot"));
    /// assert_eq!(Inheritable::Agent.parse(Value::Str(&none)), None);
    /// ```
    #[must_use]
    pub fn parse(self, value: Value<'_>) -> Option<Cow<'_, str>> {
        match value {
            Value::Str(text) => {
                let text = unquoted(text);
                let is_missing = text.is_empty() || text == NONE || is_not_a_session(text);
                let is_unnamed = self.is_agent() && is_random_id(text);
                (!is_missing && !is_unnamed).then_some(text.into())
            }
            Value::Integer(number) if self.may_be_number() => Some(number.to_string().into()),
            _ => None,
        }
    }

    fn is_agent(self) -> bool {
        matches!(self, Self::Agent | Self::ManualAgent)
    }

    fn may_be_number(self) -> bool {
        match self {
            Self::Conversation => true,
            Self::Agent | Self::ManualAgent => false,
            Self::Session { rank } => SESSION_KEYS.get(rank).is_some_and(dialect::may_be_number),
        }
    }

    #[inline(never)]
    fn find_key(key: &str) -> Option<Self> {
        Self::find(Hash::of(key), key)
    }

    #[inline]
    fn find(hash: Hash, key: &str) -> Option<Self> {
        let mut slot = hash.slot(SLOTS);
        loop {
            let index = usize::from(INDEX[slot]).checked_sub(1)?;
            let (name, inheritable) = key_at(index);
            if name.hash == hash && name.text == key {
                return Some(inheritable);
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

impl Inherited {
    /// Returns the conversation, or else the span's own session, or else that of an ancestor.
    pub(crate) fn conversation<'a>(&'a self, own_session: Option<&'a str>) -> Option<&'a str> {
        let session = own_session.or(self.session_id.as_deref());
        self.conversation_id.as_deref().or(session)
    }
}

impl Attributes {
    /// Iterates over what the attributes from number `start` on tell the spans below, each value already
    /// [parsed](Inheritable::parse).
    pub fn inheritable(&self, start: usize) -> impl Iterator<Item = (Inheritable, Cow<'_, str>)> {
        let start = if self.hash_bits() & HASH_BITS == 0 {
            usize::MAX
        } else {
            start
        };
        self.values_among(HASH_BITS, start)
            .filter_map(|(hash, key, value)| {
                let inheritable = Inheritable::find(hash, key)?;
                Some((inheritable, inheritable.parse(value)?))
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
    use crate::{TranslateOptions, Translator, testing};

    #[test]
    fn integers_identify_conversations_and_sessions() {
        let mut attributes = Attributes::default();
        attributes.push("gen_ai.conversation.id", 7_i64);
        attributes.push("session.id", 42_i64);
        attributes.push("thread.id", 1_i64);
        attributes.push("thread_id", "ThreadId(1)");
        attributes.push("gen_ai.agent.name", 3_i64);
        let ids: Vec<_> = attributes.inheritable(0).map(|(_, id)| id).collect();
        assert_eq!(ids, ["7", "42"]);
    }

    /// All doors pass on the same.
    #[test]
    fn manual_agent_keys_are_those_of_the_translation() {
        for name in &MANUAL_AGENTS {
            let mut span = testing::span("run");
            span.attributes.push("gen_ai.operation.name", "agent_run");
            span.attributes.push(name.text, "Bot");
            let identity = Translator::new(TranslateOptions::default()).identify(&span);
            assert_eq!(identity.agent_name.as_deref(), Some("Bot"), "{}", name.text);
            assert_eq!(Inheritable::of(name.text), Some(Inheritable::ManualAgent));
        }
    }

    /// The doors that know all of a span, and those that know single attributes.
    #[test]
    fn a_random_id_names_no_agent() {
        let id = "5f4dcc3b5aa745d69d8327deb882cf99";
        let mut span = testing::span("run");
        span.attributes
            .push("gen_ai.operation.name", "invoke_agent");
        span.attributes.push("gen_ai.agent.name", id);
        let identity = Translator::new(TranslateOptions::default()).identify(&span);
        assert_eq!(identity.agent_name, None);
        for agent in [Inheritable::Agent, Inheritable::ManualAgent] {
            assert_eq!(agent.parse(Value::Str(id)), None);
        }
        assert!(Inheritable::Conversation.parse(Value::Str(id)).is_some());
    }

    /// The AI SDK names an agent without a name after its model.
    #[test]
    fn a_model_in_the_name_of_a_span_is_no_agent() {
        for (name, agent) in [("invoke_agent m", None), ("invoke_agent Bot", Some("Bot"))] {
            let mut span = testing::span(name);
            span.attributes
                .push("gen_ai.operation.name", "invoke_agent");
            span.attributes.push("gen_ai.request.model", "m");
            let identity = Translator::new(TranslateOptions::default()).identify(&span);
            assert_eq!(identity.agent_name.as_deref(), agent);
        }
    }
}
