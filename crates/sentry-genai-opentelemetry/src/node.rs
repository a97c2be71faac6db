//! What descendants read from a span that is open, or was.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use sentry_genai_conventions::{Ancestors, Attributes, Inherited};
use sentry_genai_delivery::IncomingTrace;

use crate::identity::Identity;

/// How many ancestors a span can see. Each keeps the next one alive, and a loop may make every span the child of the one before.
const MAX_DEPTH: u32 = 128;

/// A span in the tree of its process; `S` is its segment.
#[derive(Debug)]
pub(crate) struct Node<S> {
    pub(crate) segment: S,
    parent: Option<Arc<Self>>,
    depth: u32,
    at_start: Identity,
    /// The identity at its end, if that differs.
    at_end: OnceLock<Box<Identity>>,
    surroundings: Surroundings,
    /// Whether the three fields above hold anything that a descendant can inherit.
    speaks: AtomicBool,
    model_calls_below: AtomicBool,
}

/// What the OpenTelemetry context says about the spans started in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    /// The conversation that the program has set on the context.
    pub(crate) conversation: Option<Arc<str>>,
    /// The conversation that came in with a request.
    pub(crate) incoming_conversation: Option<Arc<str>>,
    /// The trace that came in with a request.
    pub(crate) incoming_trace: Option<Arc<IncomingTrace>>,
}

impl<S> Node<S> {
    pub(crate) fn new(
        segment: S,
        parent: Option<Arc<Self>>,
        at_start: Identity,
        mut surroundings: Surroundings,
    ) -> Arc<Self> {
        let parent = parent.filter(|parent| {
            let in_sight = parent.depth < MAX_DEPTH;
            if !in_sight && surroundings.conversation.is_none() {
                surroundings.conversation = parent.conversation();
            }
            in_sight
        });
        let speaks = at_start.speaks()
            || surroundings.conversation.is_some()
            || surroundings.incoming_conversation.is_some();
        Arc::new(Self {
            speaks: AtomicBool::new(speaks),
            segment,
            depth: parent.as_ref().map_or(0, |parent| parent.depth + 1),
            parent,
            at_start,
            at_end: OnceLock::new(),
            surroundings,
            model_calls_below: AtomicBool::new(false),
        })
    }

    /// Stores what the span says when it ends, for children that end later.
    pub(crate) fn end(&self, attributes: &Attributes) {
        // Most spans name nothing.
        if attributes.heritage(0).next().is_none() {
            return;
        }
        let identity = Identity::of(attributes, &self.at_start);
        if identity == self.at_start {
            return;
        }
        let speaks = identity.speaks();
        // A span ends only once.
        let _ = self.at_end.set(Box::new(identity));
        if speaks {
            self.speaks.store(true, Ordering::Release);
        }
    }

    /// Tells all ancestors that a model call below them has reported its tokens.
    pub(crate) fn count_model_call(&self) {
        for ancestor in self.ancestors() {
            if ancestor.model_calls_below.swap(true, Ordering::Relaxed) {
                return;
            }
        }
    }

    /// Determines what the span inherits from its ancestors and from the context.
    pub(crate) fn inherited(&self) -> Inherited {
        let mut named = None;
        let mut agent = None;
        let mut session = None;
        let mut around = self.surroundings.conversation.as_ref();
        let mut incoming = self.surroundings.incoming_conversation.as_ref();
        for node in self.ancestors().filter(|node| node.speaks()) {
            named = named.or_else(|| node.say(|it| it.conversation.as_ref()));
            agent = agent.or_else(|| node.say(|it| it.agent.as_ref()));
            session = session.or_else(|| node.say(|it| it.session.as_ref()));
            if named.is_some() && agent.is_some() && session.is_some() {
                break;
            }
            let above = &node.surroundings;
            around = around.or(above.conversation.as_ref());
            incoming = incoming.or(above.incoming_conversation.as_ref());
        }
        let mut inherited = Inherited::default();
        inherited.conversation_id = named.or(around).or(incoming).cloned();
        inherited.agent_name = agent.cloned();
        inherited.session_id = session.cloned();
        inherited.model_calls_below = self.model_calls_below.load(Ordering::Relaxed);
        inherited.ancestors = Ancestors::KnownAtStart;
        inherited
    }

    /// Returns what the span said when it started.
    pub(crate) fn at_start(&self) -> &Identity {
        &self.at_start
    }

    /// Returns whether the span has a parent that it can see.
    pub(crate) fn has_parent(&self) -> bool {
        self.parent.is_some()
    }

    /// Returns the conversation that the span or an ancestor names.
    pub(crate) fn named_conversation(&self) -> Option<Arc<str>> {
        let mut nodes = std::iter::once(self).chain(self.ancestors());
        nodes
            .find_map(|node| node.say(|it| it.conversation.as_ref()))
            .cloned()
    }

    /// Returns the conversation that a request made inside this span belongs to, as far as it is known so far.
    pub(crate) fn conversation(&self) -> Option<Arc<str>> {
        let own = self.say(|it| it.conversation.as_ref()).cloned();
        own.or_else(|| self.inherited().conversation_id)
    }

    fn speaks(&self) -> bool {
        self.speaks.load(Ordering::Acquire)
    }

    /// Returns a part of the span's identity; what it said last wins.
    fn say(&self, read: fn(&Identity) -> Option<&Arc<str>>) -> Option<&Arc<str>> {
        self.at_end
            .get()
            .and_then(|identity| read(identity))
            .or_else(|| read(&self.at_start))
    }

    fn ancestors(&self) -> impl Iterator<Item = &Self> {
        let mut next = self.parent.as_deref();
        std::iter::from_fn(move || {
            let node = next?;
            next = node.parent.as_deref();
            Some(node)
        })
    }
}
