//! What spans tell the spans below.

use std::sync::Arc;

use sentry_genai_conventions::{Attributes, Heritage, Inherited, Signs, SourceSpan};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::{
    conversation::Frame,
    local_trace::{LocalTrace, Said},
    state::SpanState,
};

/// What descendants read from a span.
#[derive(Default)]
pub(crate) struct Node {
    pub(crate) conversation: ConversationSetting,
    /// The conversation scope around the span when it started, or that of its parent.
    pub(crate) frame: Option<Arc<Frame>>,
    pub(crate) agent_name: Option<Arc<str>>,
    /// Whether it is an agent's name in a span about GenAI alone.
    is_named_by_hand: bool,
    session_id: Option<Arc<str>>,
    /// How far down the list of session keys the one in use stands.
    session_rank: u8,
    pub(crate) gen_ai: bool,
    pub(crate) model_calls_below: bool,
    /// What the keys of the span announce.
    pub(crate) signs: Signs,
    /// What holds for the span itself.
    above: AsOf,
    /// What holds for the children.
    for_children: AsOf,
}

/// What is told to a span from above, as of a state of [`LocalTrace::said`]. As of zero there is nothing.
#[derive(Clone, Default)]
pub(crate) struct AsOf {
    said: u32,
    bequest: Option<Arc<Bequest>>,
}

/// What a span and its ancestors tell the spans below.
#[derive(Default)]
pub(crate) struct Bequest {
    conversation: ConversationSetting,
    agent_name: Option<Arc<str>>,
    session_id: Option<Arc<str>>,
}

impl Node {
    /// Creates the node of a span that starts in the given conversation, below what is known.
    #[inline]
    pub(crate) fn new(frame: Option<Arc<Frame>>, above: AsOf) -> Self {
        Self {
            frame,
            above,
            ..Self::default()
        }
    }

    /// Takes note of what the attributes from the one number `start` on say.
    pub(crate) fn notice(
        &mut self,
        attributes: &Attributes,
        start: usize,
        signs: Signs,
        trace: &LocalTrace,
        said: Said,
    ) {
        let mut says_more = false;
        if signs.tell_descendants() {
            for (heritage, text) in attributes.heritage(start) {
                self.bequeath(heritage, trace.share(&text));
                says_more = true;
            }
        }
        if !self.gen_ai && signs.are_gen_ai() && attributes.is_gen_ai() {
            self.gen_ai = true;
            says_more |= self.session_id.is_some() || self.is_named_by_hand;
            trace.segment.trace().note_ai_span();
        }
        if says_more {
            trace.note_said(said);
        }
    }

    /// Returns what holds for the children of this span, given what holds for the span itself.
    fn bequest(&self, above: Option<Arc<Bequest>>) -> Option<Arc<Bequest>> {
        let session_id = self.session_id.as_ref().filter(|_| self.gen_ai);
        let names_agent = self.gen_ai || !self.is_named_by_hand;
        let agent_name = self.agent_name.as_ref().filter(|_| names_agent);
        let says_nothing = matches!(self.conversation, ConversationSetting::Inherited)
            && agent_name.is_none()
            && session_id.is_none();
        if says_nothing {
            return above;
        }
        let above = above.as_deref();
        Some(Arc::new(Bequest {
            conversation: match &self.conversation {
                ConversationSetting::Inherited => {
                    above.map(|it| it.conversation.clone()).unwrap_or_default()
                }
                own => own.clone(),
            },
            agent_name: agent_name.cloned().or_else(|| above?.agent_name.clone()),
            session_id: session_id.cloned().or_else(|| above?.session_id.clone()),
        }))
    }

    /// Returns what holds for the children, as far as it is remembered.
    #[inline]
    pub(crate) fn for_children(&self) -> AsOf {
        self.for_children.clone()
    }

    /// Returns whether the span is a model call that says how many tokens it used.
    #[inline]
    pub(crate) fn is_counted_model_call(&self, source: &SourceSpan) -> bool {
        self.gen_ai && self.signs.count_tokens() && source.is_counted_model_call()
    }

    /// Takes note of what an attribute tells the descendants.
    fn bequeath(&mut self, heritage: Heritage, text: Arc<str>) {
        match heritage {
            Heritage::Conversation => self.conversation = ConversationSetting::Id(text),
            Heritage::Agent => {
                self.agent_name = Some(text);
                self.is_named_by_hand = false;
            }
            Heritage::AgentByHand if self.agent_name.is_none() || self.is_named_by_hand => {
                self.agent_name = Some(text);
                self.is_named_by_hand = true;
            }
            Heritage::Session { rank } => {
                let rank = u8::try_from(rank).unwrap_or(u8::MAX);
                if self.session_id.is_none() || rank <= self.session_rank {
                    self.session_id = Some(text);
                    self.session_rank = rank;
                }
            }
            _ => {}
        }
    }
}

/// What a span says about the conversation of its subtree.
#[derive(Clone, Debug, Default)]
pub(crate) enum ConversationSetting {
    /// Nothing: it is that of the parent.
    #[default]
    Inherited,
    /// It is this one.
    Id(Arc<str>),
    /// There is none from here on.
    Removed,
}

/// Resolves what a span takes from its ancestors and surroundings.
pub(crate) fn inherit<'a, R>(node: &Node, trace: &LocalTrace, span: &SpanRef<'a, R>) -> Inherited
where
    R: LookupSpan<'a>,
{
    let said = trace.said();
    let later =
        (node.above.said != said).then(|| span.parent().and_then(|parent| bequest(parent, said)));
    let above = later.as_ref().unwrap_or(&node.above.bequest).as_deref();
    let mut inherited = Inherited::default();
    inherited.model_calls_below = node.model_calls_below;
    inherited.agent_name = above.and_then(|it| it.agent_name.clone());
    inherited.session_id = above.and_then(|it| it.session_id.clone());
    let conversation = match (&node.conversation, above) {
        (ConversationSetting::Inherited, Some(above)) => &above.conversation,
        (own, _) => own,
    };
    inherited.conversation_id = match conversation {
        ConversationSetting::Id(id) => Some(Arc::clone(id)),
        ConversationSetting::Removed => None,
        ConversationSetting::Inherited => match &node.frame {
            Some(frame) => frame.id().or_else(|| trace.own_conversation()),
            // A span made outside of the scope that it ran and ended in belongs to it as well.
            None => trace.surrounding_conversation(),
        },
    };
    inherited
}

/// Returns what holds for a child of `span` that starts now, of which `known` is remembered.
#[inline]
pub(crate) fn above_child<'a, R>(span: SpanRef<'a, R>, known: AsOf, trace: &LocalTrace) -> AsOf
where
    R: LookupSpan<'a>,
{
    let said = trace.said();
    if known.said == said {
        return known;
    }
    let bequest = bequest(span, said);
    AsOf { said, bequest }
}

/// Returns what holds for the children of `span`.
///
/// Every span on the way up remembers it, so that closing spans one below the other does not walk the same way again and again.
fn bequest<'a, R>(span: SpanRef<'a, R>, said: u32) -> Option<Arc<Bequest>>
where
    R: LookupSpan<'a>,
{
    let remembered = |span: &SpanRef<'a, R>| {
        let extensions = span.extensions();
        let known = &extensions.get::<SpanState>()?.node.for_children;
        (known.said == said).then(|| known.bequest.clone())
    };
    if let Some(bequest) = remembered(&span) {
        return bequest;
    }
    let mut above = span.parent();
    let mut between = Vec::new();
    let mut bequest = None;
    while let Some(ancestor) = above {
        if let Some(known) = remembered(&ancestor) {
            bequest = known;
            break;
        }
        above = ancestor.parent();
        between.push(ancestor);
    }
    for span in between.iter().rev().chain([&span]) {
        if let Some(SpanState { node, .. }) = span.extensions_mut().get_mut() {
            bequest = node.bequest(bequest);
            node.for_children = AsOf {
                said,
                bequest: bequest.clone(),
            };
        }
    }
    bequest
}
