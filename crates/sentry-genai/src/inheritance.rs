//! What spans pass on to their descendants: conversation, agent and session.

use std::sync::Arc;

use sentry_genai_conventions::{Attributes, Inheritable, Inherited, KeyFlags, SourceSpan};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::{
    conversation::SharedConversation,
    local_trace::{LocalTrace, UpdateTiming},
    state::SpanState,
};

/// The part of a span's state that its descendants read.
#[derive(Default)]
pub(crate) struct Node {
    pub(crate) conversation: ConversationSetting,
    /// The conversation scope around the span when it started, or else that of its parent.
    pub(crate) scope_conversation: Option<Arc<SharedConversation>>,
    pub(crate) agent_name: Option<Arc<str>>,
    /// Whether `agent_name` comes from a field that names an agent only on GenAI spans.
    is_agent_conditional: bool,
    session_id: Option<Arc<str>>,
    /// The rank of the session key in use in the list of session keys; a lower rank takes precedence.
    session_rank: u8,
    /// Whether the span started in a conversation scope, and its parent in none.
    enters_scope: bool,
    pub(crate) is_gen_ai: bool,
    pub(crate) model_calls_below: bool,
    /// What the span's keys indicate.
    pub(crate) key_flags: KeyFlags,
    /// What the span inherits.
    inherited: CachedInheritance,
    /// What the span's children inherit.
    for_children: CachedInheritance,
}

/// What a span inherits, and the [`LocalTrace::inheritance_version`] at which it was determined. At zero there is nothing to
/// inherit.
#[derive(Clone, Default)]
pub(crate) struct CachedInheritance {
    version: u32,
    values: Option<Arc<InheritableValues>>,
}

/// What a span and its ancestors pass on to the spans below.
#[derive(Default)]
pub(crate) struct InheritableValues {
    conversation: ConversationSetting,
    agent_name: Option<Arc<str>>,
    session_id: Option<Arc<str>>,
}

impl Node {
    /// Creates the node of a span that starts in the conversation scope `scope`, below a span with the scope `outer_scope`, and
    /// inherits `inherited`.
    #[inline]
    pub(crate) fn new(
        scope: Option<Arc<SharedConversation>>,
        outer_scope: Option<Arc<SharedConversation>>,
        inherited: CachedInheritance,
    ) -> Self {
        Self {
            enters_scope: scope.is_some() && outer_scope.is_none(),
            scope_conversation: scope.or(outer_scope),
            inherited,
            ..Self::default()
        }
    }

    /// Evaluates the attributes from index `start` on.
    pub(crate) fn apply(
        &mut self,
        attributes: &Attributes,
        start: usize,
        key_flags: KeyFlags,
        trace: &LocalTrace,
        timing: UpdateTiming,
    ) {
        let mut is_changed = false;
        if key_flags.has_inheritable() {
            for (inheritable, text) in attributes.inheritable(start) {
                self.set_inheritable(inheritable, trace.segment.intern(&text));
                is_changed = true;
            }
        }
        if !self.is_gen_ai && key_flags.has_gen_ai() {
            self.is_gen_ai = true;
            is_changed |= self.session_id.is_some() || self.is_agent_conditional;
            trace.segment.trace().note_ai_span();
        }
        if is_changed {
            trace.bump_inheritance_version(timing);
        }
    }

    /// Returns what the children of this span inherit, given what the span itself inherits.
    fn values_for_children(
        &self,
        inherited: Option<Arc<InheritableValues>>,
    ) -> Option<Arc<InheritableValues>> {
        let session_id = self.session_id.as_ref().filter(|_| self.is_gen_ai);
        let agent_name = self.agent_name.as_ref().filter(|_| self.is_gen_ai);
        let sets_nothing =
            self.conversation.is_inherited() && agent_name.is_none() && session_id.is_none();
        if sets_nothing {
            return inherited;
        }
        let inherited = inherited.as_deref();
        Some(Arc::new(InheritableValues {
            conversation: if self.conversation.is_inherited() {
                let inherited = inherited.map(|it| it.conversation.clone());
                inherited.unwrap_or_default()
            } else {
                self.conversation.clone()
            },
            agent_name: agent_name
                .cloned()
                .or_else(|| inherited?.agent_name.clone()),
            session_id: session_id
                .cloned()
                .or_else(|| inherited?.session_id.clone()),
        }))
    }

    /// Determines what the children of this span inherit, given what the span itself inherits.
    fn pass_on(
        &mut self,
        inherited: Option<Arc<InheritableValues>>,
        version: u32,
    ) -> Option<Arc<InheritableValues>> {
        let values = self.values_for_children(inherited);
        self.for_children = CachedInheritance {
            version,
            values: values.clone(),
        };
        values
    }

    /// Returns what the children of this span inherit, if that is cached, or at least what the span itself inherits.
    fn known_below(&mut self, version: u32) -> Option<Option<Arc<InheritableValues>>> {
        if self.for_children.version == version {
            return Some(self.for_children.values.clone());
        }
        let is_known = self.inherited.version == version;
        is_known.then(|| self.pass_on(self.inherited.values.clone(), version))
    }

    /// Returns the cached value of what the children inherit.
    #[inline]
    pub(crate) fn for_children(&self) -> CachedInheritance {
        self.for_children.clone()
    }

    /// Returns whether the span is a model call that reports how many tokens it used.
    #[inline]
    pub(crate) fn is_counted_model_call(&self, source: &SourceSpan) -> bool {
        self.is_gen_ai && self.key_flags.has_token_counts() && source.is_counted_model_call()
    }

    /// Notes which conversation a GenAI span below belongs to, unless this span determines its own. Returns whether the spans
    /// above may not know that yet.
    pub(crate) fn hear_of_conversation(&mut self, id: &Arc<str>) -> bool {
        if self.scope_conversation.is_some() {
            return false;
        }
        self.conversation = match &self.conversation {
            ConversationSetting::Inherited => ConversationSetting::InheritedOr(Arc::clone(id)),
            ConversationSetting::InheritedOr(known) if known != id => {
                ConversationSetting::InheritedOnly
            }
            _ => return false,
        };
        true
    }

    /// Returns the conversation of a GenAI span that ends in none, though the spans below it agree on one.
    #[inline]
    pub(crate) fn conversation_below(&self, inherited: &Inherited) -> Option<Arc<str>> {
        let is_settled = inherited.conversation_id.is_some()
            || inherited.session_id.is_some()
            || self.session_id.is_some();
        match &self.conversation {
            ConversationSetting::InheritedOr(id) if self.is_gen_ai && !is_settled => {
                Some(Arc::clone(id))
            }
            _ => None,
        }
    }

    /// Returns whether a GenAI span may name a conversation that its ancestors do not.
    #[inline]
    pub(crate) fn may_tell_conversation(&self) -> bool {
        self.is_gen_ai
            && (self.enters_scope || matches!(self.conversation, ConversationSetting::Id(_)))
    }

    /// Stores what an attribute passes on to the descendants.
    fn set_inheritable(&mut self, inheritable: Inheritable, text: Arc<str>) {
        match inheritable {
            Inheritable::Conversation => self.conversation = ConversationSetting::Id(text),
            Inheritable::Agent => {
                self.agent_name = Some(text);
                self.is_agent_conditional = false;
            }
            Inheritable::ManualAgent if self.agent_name.is_none() || self.is_agent_conditional => {
                self.agent_name = Some(text);
                self.is_agent_conditional = true;
            }
            Inheritable::Session { rank } => {
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
    /// The conversation is that of the parent. No GenAI span below has named one yet.
    #[default]
    Inherited,
    /// The conversation is that of the parent. If there is none, it is this one, on which the GenAI spans below agree.
    InheritedOr(Arc<str>),
    /// The conversation is that of the parent, since the GenAI spans below name several.
    InheritedOnly,
    /// The conversation has this id.
    Id(Arc<str>),
    /// From here on there is no conversation.
    Removed,
}

impl ConversationSetting {
    /// Returns whether the conversation is that of the parent, if that has one.
    pub(crate) fn is_inherited(&self) -> bool {
        matches!(
            self,
            Self::Inherited | Self::InheritedOr(_) | Self::InheritedOnly
        )
    }
}

/// Determines what a span inherits from its ancestors, scope and trace.
pub(crate) fn inherit<'a, R>(node: &Node, trace: &LocalTrace, span: &SpanRef<'a, R>) -> Inherited
where
    R: LookupSpan<'a>,
{
    let version = trace.inheritance_version();
    let updated = (node.inherited.version != version).then(|| {
        span.parent()
            .and_then(|parent| values_below(parent, version))
    });
    let values = updated
        .as_ref()
        .unwrap_or(&node.inherited.values)
        .as_deref();
    let mut inherited = Inherited::default();
    inherited.model_calls_below = node.model_calls_below;
    inherited.agent_name = values.and_then(|it| it.agent_name.clone());
    inherited.session_id = values.and_then(|it| it.session_id.clone());
    let conversation = match values {
        Some(values) if node.conversation.is_inherited() => &values.conversation,
        _ => &node.conversation,
    };
    inherited.conversation_id = match conversation {
        ConversationSetting::Id(id) => Some(Arc::clone(id)),
        ConversationSetting::Removed => None,
        _ => match &node.scope_conversation {
            Some(scope) => scope.id().or_else(|| trace.incoming_conversation()),
            // A span created outside of a scope, but run and ended inside, belongs to the scope as well.
            None => trace.ambient_conversation(),
        },
    };
    inherited
}

/// Returns what a child of `span` that starts now inherits. `known` is what the span's state has cached.
#[inline]
pub(crate) fn inherited_by_child<'a, R>(
    span: SpanRef<'a, R>,
    known: CachedInheritance,
    trace: &LocalTrace,
) -> CachedInheritance
where
    R: LookupSpan<'a>,
{
    let version = trace.inheritance_version();
    if known.version == version {
        return known;
    }
    let values = values_below(span, version);
    CachedInheritance { version, values }
}

/// Returns what the children of `span` inherit.
///
/// Every span on the way up caches the result, so that closing a chain of nested spans does not walk the same path repeatedly.
fn values_below<'a, R>(span: SpanRef<'a, R>, version: u32) -> Option<Arc<InheritableValues>>
where
    R: LookupSpan<'a>,
{
    let known_below = |span: &SpanRef<'a, R>| {
        let mut extensions = span.extensions_mut();
        extensions.get_mut::<SpanState>()?.node.known_below(version)
    };
    if let Some(values) = known_below(&span) {
        return values;
    }
    let mut parent = span.parent();
    let mut uncached = Vec::new();
    let mut values = None;
    while let Some(ancestor) = parent {
        if let Some(known) = known_below(&ancestor) {
            values = known;
            break;
        }
        parent = ancestor.parent();
        uncached.push(ancestor);
    }
    for span in uncached.iter().rev().chain([&span]) {
        if let Some(SpanState { node, .. }) = span.extensions_mut().get_mut() {
            values = node.pass_on(values, version);
        }
    }
    values
}
