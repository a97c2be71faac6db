//! What descendants read from a span that is open, or was.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use sentry_genai_conventions::{Ancestors, Attributes, Inherited, SourceSpan};
use sentry_genai_delivery::IncomingTrace;

use crate::identity::{Identity, IdentityAtStart};

/// How many ancestors a span can see. Each keeps the next one alive, and a loop may make every span the child of the one before.
const MAX_DEPTH: u32 = 128;

/// A span in the tree of its process; `S` is its segment.
#[derive(Debug)]
pub(crate) struct Node<S> {
    pub(crate) segment: S,
    parent: Option<Arc<Self>>,
    depth: u32,
    at_start: Identity,
    settled_attributes: u16,
    /// The identity at its end, if that differs.
    at_end: OnceLock<Box<Identity>>,
    ambient_context: AmbientContext,
    /// Whether `at_start`, `at_end` or `ambient_context` holds anything that a descendant can inherit.
    has_values: AtomicBool,
    model_calls_below: AtomicBool,
}

/// What the OpenTelemetry context says about the spans started in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct AmbientContext {
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
        at_start: impl Into<IdentityAtStart>,
        mut ambient_context: AmbientContext,
    ) -> Arc<Self> {
        let parent = parent.filter(|parent| {
            let is_within_depth = parent.depth < MAX_DEPTH;
            if !is_within_depth && ambient_context.conversation.is_none() {
                ambient_context.conversation = parent.conversation();
            }
            is_within_depth
        });
        let IdentityAtStart { identity, settled } = at_start.into();
        let has_values = identity.has_values()
            || ambient_context.conversation.is_some()
            || ambient_context.incoming_conversation.is_some();
        Arc::new(Self {
            has_values: AtomicBool::new(has_values),
            segment,
            depth: parent.as_ref().map_or(0, |parent| parent.depth + 1),
            parent,
            at_start: identity,
            settled_attributes: settled,
            at_end: OnceLock::new(),
            ambient_context,
            model_calls_below: AtomicBool::new(false),
        })
    }

    /// Ends the span: tells its relatives what it says, and fills in what it inherits from them. `says_more` is whether it
    /// may say more about itself than when it started.
    pub(crate) fn end(&self, source: &mut SourceSpan, says_more: bool) {
        if says_more {
            self.set_identity_at_end(&source.attributes);
        }
        // If the parent is marked, so are all others.
        let is_parent_unmarked =
            |parent: &Arc<Self>| !parent.model_calls_below.load(Ordering::Relaxed);
        if self.parent.as_ref().is_some_and(is_parent_unmarked) && source.is_counted_model_call() {
            self.mark_model_call_in_ancestors();
        }
        source.inherited = self.inherited();
    }

    /// Stores what the span says when it ends, for children that end later.
    fn set_identity_at_end(&self, attributes: &Attributes) {
        let identity = Identity::of(attributes, &self.at_start);
        if !identity.has_values() || identity == self.at_start {
            return;
        }
        // A span ends only once.
        let _ = self.at_end.set(Box::new(identity));
        self.has_values.store(true, Ordering::Release);
    }

    /// Tells all ancestors that a model call below them has reported its tokens.
    fn mark_model_call_in_ancestors(&self) {
        for ancestor in self.ancestors() {
            if ancestor.model_calls_below.swap(true, Ordering::Relaxed) {
                return;
            }
        }
    }

    /// Determines what the span inherits from its ancestors and from the context.
    fn inherited(&self) -> Inherited {
        let mut named = None;
        let mut agent = None;
        let mut session = None;
        let mut ambient = self.ambient_context.conversation.as_ref();
        let mut incoming = self.ambient_context.incoming_conversation.as_ref();
        for node in self.ancestors().filter(|node| node.has_values()) {
            named = named.or_else(|| node.value(|it| it.conversation.as_ref()));
            agent = agent.or_else(|| node.value(|it| it.agent.as_ref()));
            session = session.or_else(|| node.value(|it| it.session.as_ref()));
            if named.is_some() && agent.is_some() && session.is_some() {
                break;
            }
            let node_context = &node.ambient_context;
            ambient = ambient.or(node_context.conversation.as_ref());
            incoming = incoming.or(node_context.incoming_conversation.as_ref());
        }
        let mut inherited = Inherited::default();
        inherited.conversation_id = named.or(ambient).or(incoming).cloned();
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

    /// Returns how many attributes need not be looked at again when the span ends.
    pub(crate) fn settled_attributes(&self) -> usize {
        self.settled_attributes.into()
    }

    /// Returns whether the span has a parent that it can see.
    pub(crate) fn has_parent(&self) -> bool {
        self.parent.is_some()
    }

    /// Returns the conversation that the span or an ancestor names.
    pub(crate) fn named_conversation(&self) -> Option<Arc<str>> {
        let mut nodes = std::iter::once(self).chain(self.ancestors());
        nodes
            .find_map(|node| node.value(|it| it.conversation.as_ref()))
            .cloned()
    }

    /// Returns the conversation that a request made inside this span belongs to, as far as it is known so far.
    pub(crate) fn conversation(&self) -> Option<Arc<str>> {
        let own = self.value(|it| it.conversation.as_ref()).cloned();
        own.or_else(|| self.inherited().conversation_id)
    }

    fn has_values(&self) -> bool {
        self.has_values.load(Ordering::Acquire)
    }

    /// Returns a part of the span's identity; what it said last wins.
    fn value(&self, read: fn(&Identity) -> Option<&Arc<str>>) -> Option<&Arc<str>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conversation_of_a_request_reaches_the_spans_below_whatever_their_contexts_say() {
        let ambient = AmbientContext {
            incoming_conversation: Some("theirs".into()),
            ..AmbientContext::default()
        };
        let root = Node::new((), None, Identity::default(), ambient);
        let ambient = AmbientContext::default();
        let inner = Node::new((), Some(root), Identity::default(), ambient);
        assert_eq!(inner.conversation().as_deref(), Some("theirs"));
    }

    #[test]
    fn distant_ancestors_are_let_go_and_their_conversation_stays() {
        let conversation = |id: &str| Some(Arc::from(id));
        let node = |parent, identity, ambient| Node::new((), parent, identity, ambient);
        let below = |parent| node(Some(parent), Identity::default(), AmbientContext::default());
        let identity = Identity {
            conversation: conversation("c"),
            ..Identity::default()
        };
        let root = node(None, identity, AmbientContext::default());
        let is_kept = Arc::downgrade(&root);
        let deepest = (0..MAX_DEPTH).fold(root, |parent, _| below(parent));
        assert!(is_kept.upgrade().is_some());
        let ambient = AmbientContext {
            conversation: conversation("of the context"),
            ..AmbientContext::default()
        };
        let own = node(Some(Arc::clone(&deepest)), Identity::default(), ambient);
        let inherited = below(deepest);
        assert!(is_kept.upgrade().is_none());
        assert_eq!(own.conversation().as_deref(), Some("of the context"));
        assert_eq!(inherited.conversation().as_deref(), Some("c"));
    }
}
