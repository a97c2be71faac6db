//! What spans pass on to their descendants: conversation, agent and session.

use std::sync::Arc;

use sentry_genai_conventions::{Attributes, Heritage, Inherited, Signs, SourceSpan};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::{
    conversation::Frame,
    local_trace::{LocalTrace, Said},
    state::SpanState,
};

/// The part of a span's state that its descendants read.
#[derive(Default)]
pub(crate) struct Node {
    pub(crate) conversation: ConversationSetting,
    /// The conversation scope around the span when it started, or else that of its parent.
    pub(crate) frame: Option<Arc<Frame>>,
    pub(crate) agent_name: Option<Arc<str>>,
    /// Whether `agent_name` comes from a field that names an agent only on GenAI spans.
    is_named_by_hand: bool,
    session_id: Option<Arc<str>>,
    /// The rank of the session key in use in the list of session keys; a lower rank takes precedence.
    session_rank: u8,
    pub(crate) gen_ai: bool,
    pub(crate) model_calls_below: bool,
    /// What the span's keys indicate.
    pub(crate) signs: Signs,
    /// What the span inherits.
    above: AsOf,
    /// What the span's children inherit.
    for_children: AsOf,
}

/// What a span inherits, and the value of [`LocalTrace::said`] at which it was determined. At zero there is nothing to inherit.
#[derive(Clone, Default)]
pub(crate) struct AsOf {
    said: u32,
    bequest: Option<Arc<Bequest>>,
}

/// What a span and its ancestors pass on to the spans below.
#[derive(Default)]
pub(crate) struct Bequest {
    conversation: ConversationSetting,
    agent_name: Option<Arc<str>>,
    session_id: Option<Arc<str>>,
}

impl Node {
    /// Creates the node of a span that starts in the conversation scope `frame` and inherits `above`.
    #[inline]
    pub(crate) fn new(frame: Option<Arc<Frame>>, above: AsOf) -> Self {
        Self {
            frame,
            above,
            ..Self::default()
        }
    }

    /// Evaluates the attributes from index `start` on.
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

    /// Returns what the children of this span inherit, given what the span itself inherits.
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

    /// Returns the cached value of what the children inherit.
    #[inline]
    pub(crate) fn for_children(&self) -> AsOf {
        self.for_children.clone()
    }

    /// Returns whether the span is a model call that reports how many tokens it used.
    #[inline]
    pub(crate) fn is_counted_model_call(&self, source: &SourceSpan) -> bool {
        self.gen_ai && self.signs.count_tokens() && source.is_counted_model_call()
    }

    /// Stores what an attribute passes on to the descendants.
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

/// The conversation of a span's subtree, as far as the span itself determines it.
#[derive(Clone, Debug, Default)]
pub(crate) enum ConversationSetting {
    /// The conversation is that of the parent.
    #[default]
    Inherited,
    /// The conversation has this id.
    Id(Arc<str>),
    /// From here on there is no conversation.
    Removed,
}

/// Determines what a span inherits from its ancestors, scope and trace.
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
            // A span created outside of a scope, but run and ended inside, belongs to the scope as well.
            None => trace.surrounding_conversation(),
        },
    };
    inherited
}

/// Returns what a child of `span` that starts now inherits. `known` is what the span's state has cached.
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

/// Returns what the children of `span` inherit.
///
/// Every span on the way up caches the result, so that closing a chain of nested spans does not walk the same path repeatedly.
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
