//! What spans say of themselves that applies to their descendants as well.

use std::sync::Arc;

use sentry_genai_conventions::{Attributes, Heritage, Value};

/// The conversation and the agent that a span names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) conversation: Option<Arc<str>>,
    pub(crate) agent: Option<Arc<str>>,
    /// The session, which stands for a conversation below a GenAI span.
    pub(crate) session: Option<Arc<str>>,
}

impl Identity {
    /// Reads all attributes of a span. Texts that are in `known` already are not copied.
    pub(crate) fn of(attributes: &Attributes, known: &Self) -> Self {
        let mut reader = IdentityReader::new(Some(known));
        for (heritage, text) in attributes.heritage(0) {
            reader.take(heritage, &text);
        }
        reader.gen_ai = reader.identity.session.is_some() && attributes.is_gen_ai();
        reader.finish()
    }

    /// Returns whether there is anything that a descendant could take over.
    pub(crate) fn speaks(&self) -> bool {
        self.conversation.is_some() || self.agent.is_some() || self.session.is_some()
    }
}

/// Reads an identity out of attributes, one after the other.
#[derive(Debug)]
pub(crate) struct IdentityReader<'a> {
    identity: Identity,
    session_rank: usize,
    gen_ai: bool,
    /// Where a text may be found that is said once more.
    known: Option<&'a Identity>,
}

impl<'a> IdentityReader<'a> {
    /// Begins to read; texts that are in `known` are not copied.
    pub(crate) fn new(known: Option<&'a Identity>) -> Self {
        Self {
            identity: Identity::default(),
            session_rank: 0,
            gen_ai: false,
            known,
        }
    }

    /// Takes note of one attribute; `value` is its value, if that may tell anything.
    pub(crate) fn notice(&mut self, key: &str, value: Option<Value<'_>>) {
        self.gen_ai |= key.starts_with("gen_ai.");
        if let Some(value) = value
            && let Some(heritage) = Heritage::of(key)
            && let Some(text) = heritage.read(value)
        {
            self.take(heritage, &text);
        }
    }

    pub(crate) fn finish(mut self) -> Identity {
        if !self.gen_ai {
            self.identity.session = None;
        }
        self.identity
    }

    /// What is said last counts, and of sessions what is said under the best key.
    fn take(&mut self, heritage: Heritage, text: &str) {
        let known = self.known;
        let (slot, known) = match heritage {
            Heritage::Conversation => (
                &mut self.identity.conversation,
                known.and_then(|it| it.conversation.as_ref()),
            ),
            Heritage::Agent => (
                &mut self.identity.agent,
                known.and_then(|it| it.agent.as_ref()),
            ),
            Heritage::Session { rank }
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
