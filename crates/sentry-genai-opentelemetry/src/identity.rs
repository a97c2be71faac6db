//! What spans say about themselves that their descendants inherit.

use std::sync::Arc;

use sentry_genai_conventions::{Attributes, Inheritable};

/// The conversation, agent and session that a span names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) conversation: Option<Arc<str>>,
    pub(crate) agent: Option<Arc<str>>,
    /// The session, which stands in for a conversation below a GenAI span.
    pub(crate) session: Option<Arc<str>>,
}

impl Identity {
    /// Reads all attributes of a span. Texts that `known` already has are not copied.
    pub(crate) fn of(attributes: &Attributes, known: &Self) -> Self {
        let mut reader = IdentityReader::new(Some(known));
        for (inheritable, text) in attributes.inheritable(0) {
            reader.store(inheritable, &text);
        }
        reader.finish(0, || attributes.is_gen_ai()).identity
    }

    /// Returns whether there is anything that a descendant can inherit.
    pub(crate) fn has_values(&self) -> bool {
        self.conversation.is_some() || self.agent.is_some() || self.session.is_some()
    }
}

/// What a span says when it starts.
#[derive(Debug, Default)]
pub(crate) struct IdentityAtStart {
    pub(crate) identity: Identity,
    /// How many of the attributes say the same until the span ends, whatever is set after them.
    pub(crate) settled: u16,
}

impl IdentityAtStart {
    /// Returns the identity of a span whose first attributes say nothing.
    pub(crate) fn nothing(attributes: usize) -> Self {
        Self {
            identity: Identity::default(),
            settled: settled(attributes),
        }
    }
}

impl From<Identity> for IdentityAtStart {
    fn from(identity: Identity) -> Self {
        Self {
            identity,
            settled: 0,
        }
    }
}

/// Reads an identity from attributes, one by one.
#[derive(Debug)]
pub(crate) struct IdentityReader<'a> {
    identity: Identity,
    conditional_agent: Option<Arc<str>>,
    session_rank: usize,
    /// Where to look for a text that is said again, instead of copying it.
    known: Option<&'a Identity>,
}

impl<'a> IdentityReader<'a> {
    /// Creates a reader. Texts that `known` already has are not copied.
    pub(crate) fn new(known: Option<&'a Identity>) -> Self {
        Self {
            identity: Identity::default(),
            conditional_agent: None,
            session_rank: 0,
            known,
        }
    }

    /// Returns the identity that `attributes` attributes say, `is_gen_ai` of which says whether the span is about GenAI.
    pub(crate) fn finish(
        mut self,
        attributes: usize,
        is_gen_ai: impl FnOnce() -> bool,
    ) -> IdentityAtStart {
        let depends_on_gen_ai = self.identity.session.is_some() || self.conditional_agent.is_some();
        let mut settled = settled(attributes);
        if depends_on_gen_ai && is_gen_ai() {
            self.identity.agent = self.identity.agent.or(self.conditional_agent);
        } else if depends_on_gen_ai {
            self.identity.session = None;
            settled = 0;
        }
        IdentityAtStart {
            identity: self.identity,
            settled,
        }
    }

    /// Stores a value. The last value wins; among sessions, the value under the key with the best rank.
    pub(crate) fn store(&mut self, inheritable: Inheritable, text: &str) {
        let known = self.known;
        let (slot, known) = match inheritable {
            Inheritable::Conversation => (
                &mut self.identity.conversation,
                known.and_then(|it| it.conversation.as_ref()),
            ),
            Inheritable::Agent => (
                &mut self.identity.agent,
                known.and_then(|it| it.agent.as_ref()),
            ),
            Inheritable::ManualAgent => (
                &mut self.conditional_agent,
                known.and_then(|it| it.agent.as_ref()),
            ),
            Inheritable::Session { rank }
                if self.identity.session.is_none() || rank <= self.session_rank =>
            {
                self.session_rank = rank;
                (
                    &mut self.identity.session,
                    known.and_then(|it| it.session.as_ref()),
                )
            }
            _ => return,
        };
        *slot = Some(match known {
            Some(known) if **known == *text => Arc::clone(known),
            _ => text.into(),
        });
    }
}

/// Returns how many of the first attributes need not be read again. More are very rare.
fn settled(attributes: usize) -> u16 {
    u16::try_from(attributes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_settled_unless_later_ones_decide_whether_they_count() {
        let read = |key: &str, is_gen_ai: bool| {
            let mut reader = IdentityReader::new(None);
            reader.store(Inheritable::of(key).unwrap(), "x");
            let at_start = reader.finish(3, || is_gen_ai);
            (at_start.identity.has_values(), at_start.settled)
        };
        assert_eq!(read("gen_ai.agent.name", false), (true, 3));
        for key in ["session.id", "agent_name"] {
            assert_eq!(read(key, true), (true, 3), "{key}");
            assert_eq!(read(key, false), (false, 0), "{key}");
        }
    }

    #[test]
    fn the_session_under_the_best_key_counts_and_the_last_one_there() {
        let mut reader = IdentityReader::new(None);
        let sessions = [(1, "a"), (2, "b"), (1, "c"), (0, "d"), (1, "e"), (0, "f")];
        for (number, expected) in [(1, "a"), (2, "a"), (3, "c"), (4, "d"), (5, "d"), (6, "f")] {
            let (rank, text) = sessions[number - 1];
            reader.store(Inheritable::Session { rank }, text);
            let session = reader.identity.session.as_deref();
            assert_eq!(session, Some(expected), "{number}");
        }
    }

    #[test]
    fn a_conditional_agent_key_counts_only_on_genai_spans() {
        let mut attributes = Attributes::default();
        attributes.push("agent_name", "Bot");
        let known = Identity::default();
        assert_eq!(Identity::of(&attributes, &known).agent, None);
        attributes.push("gen_ai.operation.name", "invoke_agent");
        assert_eq!(
            Identity::of(&attributes, &known).agent.as_deref(),
            Some("Bot")
        );
        attributes.push("gen_ai.agent.name", "Clerk");
        assert_eq!(
            Identity::of(&attributes, &known).agent.as_deref(),
            Some("Clerk")
        );
    }
}
