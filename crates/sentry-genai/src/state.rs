//! What the layer keeps of an open span, in the span's extensions.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use sentry_genai_conventions::{
    Attributes, Heritage, Inherited, Input, Signs, SourceSpan, SpanId, Timestamp, TraceId, excerpt,
};
use sentry_genai_delivery::Segment;
use tracing::{Dispatch, Id, Span, dispatcher};
use tracing_subscriber::{
    Registry,
    registry::{LookupSpan, SpanRef},
};

use crate::{conversation::Frame, handle::Handle, scoped::Surroundings};

/// An open span that will be sent, or the local root of a trace that is not.
///
/// It is moved a few times, which up to 128 bytes the compiler does without a call.
pub(crate) struct SpanState {
    _open: Option<Open>,
    pub(crate) trace: Arc<LocalTrace>,
    /// What will be sent. It travels from the start of the span to the worker by its address.
    pub(crate) source: Option<Box<SourceSpan>>,
    pub(crate) node: Node,
}

/// How many spans are open that will be sent, so that there is nothing to look up where there is none.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// An open span that will be sent, counted.
struct Open;

impl Open {
    fn count() -> Self {
        OPEN.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns whether no open span will be sent. A span that this thread knows of is counted by then.
#[inline]
pub(crate) fn none_recorded() -> bool {
    OPEN.load(Ordering::Relaxed) == 0
}

/// An open span below a local root whose trace is not sent. That is all there is to know of it, so nothing is allocated.
pub(crate) struct Unrecorded;

/// What all spans below one local root share.
pub(crate) struct LocalTrace {
    /// Whether its spans are sent, or may be.
    pub(crate) is_recorded: bool,
    pub(crate) handle: Handle,
    pub(crate) segment: Arc<Segment>,
    pub(crate) trace_id: TraceId,
    /// The conversation that came in with the trace.
    conversation: Option<Arc<str>>,
    clock: Clock,
    /// How often an open span has said something that holds for the spans below it; zero if none ever has.
    said: AtomicU32,
    /// The conversations and agents that spans have named, each once.
    names: Mutex<Vec<Arc<str>>>,
}

/// How many names a trace remembers to use again.
const MAX_NAMES: usize = 8;

impl LocalTrace {
    pub(crate) fn new(
        handle: Handle,
        segment: Arc<Segment>,
        conversation: Option<Arc<str>>,
        clock: Clock,
    ) -> Self {
        let conversation = conversation.filter(|_| handle.propagates_conversations());
        Self {
            is_recorded: segment.trace().recorded(),
            trace_id: segment.trace().trace_id(),
            handle,
            segment,
            conversation,
            clock,
            said: AtomicU32::new(0),
            names: Mutex::default(),
        }
    }

    /// Returns a name as something that many spans can share.
    fn share(&self, name: &str) -> Arc<str> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.iter().find(|known| ***known == *name) {
            return Arc::clone(known);
        }
        let shared = Arc::from(name);
        if names.len() < MAX_NAMES {
            names.push(Arc::clone(&shared));
        }
        shared
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn said(&self) -> u32 {
        self.said.load(Ordering::Relaxed)
    }

    /// Takes note that an open span says something that holds for those below it.
    fn note_said(&self, said: Said) {
        match said {
            Said::Late => self.said.fetch_add(1, Ordering::Relaxed),
            Said::AtStart => self.said.fetch_max(1, Ordering::Relaxed),
        };
    }

    /// Returns the conversation around the code that runs now: that of a scope, of the trace, or of the request that is handled
    /// here.
    fn surrounding_conversation(&self) -> Option<Arc<str>> {
        let scoped = Surroundings::read(|around| {
            let scoped = around.conversation.as_ref().and_then(|frame| frame.id());
            scoped.or_else(|| self.incoming_conversation(around))
        });
        scoped.unwrap_or_else(|| self.conversation.clone())
    }

    /// Returns the conversation that came in with the trace, or with the request that is handled here.
    fn own_conversation(&self) -> Option<Arc<str>> {
        let incoming = Surroundings::read(|around| self.incoming_conversation(around));
        incoming.unwrap_or_else(|| self.conversation.clone())
    }

    fn incoming_conversation(&self, around: &Surroundings) -> Option<Arc<str>> {
        let of_request = || {
            let conversation = around.incoming_conversation.as_ref()?;
            let propagated = self.handle.propagates_conversations();
            propagated.then(|| Arc::clone(conversation))
        };
        self.conversation.clone().or_else(of_request)
    }
}

/// When a span says something that holds for the spans below it.
#[derive(Clone, Copy)]
enum Said {
    /// Before there are any.
    AtStart,
    /// When there may be some.
    Late,
}

/// A wall clock that is read once per trace, so that a clock set back does not make spans end before they start.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    epoch_nanos: u64,
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            epoch_nanos: u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX),
            started: Instant::now(),
        }
    }

    pub(crate) fn now(self) -> Timestamp {
        let elapsed = self.started.elapsed();
        let nanos = elapsed.as_secs().saturating_mul(1_000_000_000);
        let nanos = nanos.saturating_add(u64::from(elapsed.subsec_nanos()));
        Timestamp::from_nanos(self.epoch_nanos.saturating_add(nanos))
    }
}

/// What descendants read from a span.
#[derive(Default)]
pub(crate) struct Node {
    pub(crate) conversation: ConversationSetting,
    /// The conversation scope around the span when it started, or that of its parent.
    pub(crate) frame: Option<Arc<Frame>>,
    pub(crate) agent_name: Option<Arc<str>>,
    session_id: Option<Arc<str>>,
    /// How far down the list of session keys the one in use stands.
    session_rank: u8,
    gen_ai: bool,
    pub(crate) model_calls_below: bool,
    /// What the keys of the span announce.
    signs: Signs,
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
    /// Takes note of what the attributes from the one number `start` on say.
    fn notice(
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
                self.bequeath(heritage, trace.share(text));
                says_more = true;
            }
        }
        if !self.gen_ai && signs.are_gen_ai() && attributes.is_gen_ai() {
            self.gen_ai = true;
            says_more |= self.session_id.is_some();
            trace.segment.trace().note_ai_span();
        }
        if says_more {
            trace.note_said(said);
        }
    }

    /// Returns what holds for the children of this span, given what holds for the span itself.
    fn bequest(&self, above: Option<Arc<Bequest>>) -> Option<Arc<Bequest>> {
        let session_id = self.session_id.as_ref().filter(|_| self.gen_ai);
        let says_nothing = matches!(self.conversation, ConversationSetting::Inherited)
            && self.agent_name.is_none()
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
            agent_name: self
                .agent_name
                .clone()
                .or_else(|| above?.agent_name.clone()),
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
            Heritage::Agent => self.agent_name = Some(text),
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

impl SpanState {
    /// Creates the state of a span that starts with these attributes.
    pub(crate) fn new(
        trace: Arc<LocalTrace>,
        source: Option<Box<SourceSpan>>,
        frame: Option<Arc<Frame>>,
        above: AsOf,
    ) -> Self {
        Self {
            _open: source.is_some().then(Open::count),
            trace,
            source,
            node: Node {
                frame,
                above,
                ..Node::default()
            },
        }
    }

    /// Takes note of what the span that will be sent says at its start; its keys announce so much.
    #[inline]
    pub(crate) fn note_first(&mut self, signs: Signs) {
        self.node.signs = signs;
        if (signs.are_gen_ai() || signs.tell_descendants())
            && let Some(source) = &self.source
        {
            let (node, trace) = (&mut self.node, &self.trace);
            node.notice(&source.attributes, 0, signs, trace, Said::AtStart);
        }
    }

    /// Takes note of what a span that will not be sent says: its conversation may travel on.
    pub(crate) fn note(&mut self, attributes: &Attributes, signs: Signs) {
        let (node, trace) = (&mut self.node, &self.trace);
        node.notice(attributes, 0, signs, trace, Said::Late);
    }

    /// Takes note of the attributes from the one number `start` on, which the span got while it was open.
    pub(crate) fn note_late(&mut self, start: usize, signs: Signs) {
        self.node.signs.add(signs);
        let says_more = signs.tell_descendants() || signs.are_gen_ai() && !self.node.gen_ai;
        if says_more && let Some(source) = &self.source {
            let (node, trace) = (&mut self.node, &self.trace);
            node.notice(&source.attributes, start, signs, trace, Said::Late);
        }
    }

    /// Gives a segment the name that its root has got.
    pub(crate) fn name_segment(&self) {
        if let Some(source) = &self.source
            && source.span_id == self.trace.segment.local_root()
            && let Some(name) = given_name(&source.attributes)
        {
            self.trace.segment.set_name(name);
        }
    }

    pub(crate) fn ids(&self) -> SpanIds {
        match &self.source {
            Some(source) => SpanIds {
                trace_id: source.trace_id,
                span_id: source.span_id,
                parent_span_id: source.parent_span_id,
            },
            None => SpanIds {
                trace_id: self.trace.trace_id,
                span_id: self.trace.segment.local_root(),
                parent_span_id: self.trace.segment.trace().parent_span_id(),
            },
        }
    }
}

/// Returns the name that the span's fields give it.
pub(crate) fn given_name(attributes: &Attributes) -> Option<&str> {
    ["sentry.name", "otel.name"]
        .into_iter()
        .find_map(|key| attributes.text(key))
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

/// The ids of a span, for what is captured inside of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanIds {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent_span_id: Option<SpanId>,
}

/// Returns the ids of the innermost span that has any, from `span` outwards. In a trace that is not sent that is its local
/// root.
pub(crate) fn ids_of<'a, R: LookupSpan<'a>>(span: SpanRef<'a, R>) -> Option<SpanIds> {
    span.scope().find_map(|span| {
        let extensions = span.extensions();
        Some(extensions.get::<SpanState>()?.ids())
    })
}

/// Returns the ids of the current span, and the trace it belongs to.
pub(crate) fn current_trace() -> Option<(Arc<LocalTrace>, SpanId)> {
    with_current_span(|span| {
        span.scope().find_map(|span| {
            let extensions = span.extensions();
            let state = extensions.get::<SpanState>()?;
            Some((Arc::clone(&state.trace), state.ids().span_id))
        })
    })
}

/// Returns the conversation that the current span belongs to.
pub(crate) fn current_conversation() -> Option<Arc<str>> {
    with_current_span(|span| {
        span.scope().find_map(|span| {
            let extensions = span.extensions();
            let state = extensions.get::<SpanState>()?;
            Some(inherit(&state.node, &state.trace, &span).conversation_id)
        })?
    })
}

/// Returns the ids of the current span.
#[expect(
    clippy::redundant_closure,
    reason = "the function alone is not general enough in its lifetime"
)]
pub(crate) fn current_ids() -> Option<SpanIds> {
    with_current_span(|span| ids_of(span))
}

/// Sets the conversation of the current span's subtree; false if no span is open.
pub(crate) fn set_conversation_of_current_span(setting: ConversationSetting) -> bool {
    let set = with_current_span(|span| {
        span.scope().find_map(|span| {
            let mut extensions = span.extensions_mut();
            let state = extensions.get_mut::<SpanState>()?;
            let Some(source) = &mut state.source else {
                // It stands for all spans of its trace, and this may be a task among others.
                return Some(());
            };
            if let ConversationSetting::Id(id) = &setting
                && source.attributes.contains("gen_ai.conversation.id")
            {
                source.attributes.push("gen_ai.conversation.id", &**id);
            }
            state.node.conversation = setting.clone();
            state.trace.note_said(Said::Late);
            Some(())
        })
    });
    set.is_some()
}

/// Adds an attribute to the state of one span; nothing happens if it has none.
pub(crate) fn set_attribute(span: &Span, key: &str, value: Input<'_>) {
    span.with_subscriber(|(id, dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let span = registry.span(id)?;
        let mut extensions = span.extensions_mut();
        let state = extensions.get_mut::<SpanState>()?;
        let room = state.trace.handle.text_room();
        let push = |attributes: &mut Attributes| match value {
            Input::Str(text) => attributes.push_owned_key(key, &*excerpt(&text, room)),
            value => attributes.push_owned_key(key, value),
        };
        match &mut state.source {
            Some(source) => {
                let start = source.attributes.records();
                push(&mut source.attributes);
                state.note_late(start, Signs::of(key));
            }
            // Not sent, but its conversation may be.
            None => {
                let mut attributes = Attributes::default();
                push(&mut attributes);
                state.note(&attributes, Signs::of(key));
            }
        }
        Some(())
    });
}

fn with_current_span<T>(read: impl FnOnce(SpanRef<'_, Registry>) -> Option<T>) -> Option<T> {
    let mut read = Some(read);
    dispatcher::get_default(|dispatch: &Dispatch| {
        let read = read.take()?;
        let registry = dispatch.downcast_ref::<Registry>()?;
        let current: Id = dispatch.current_span().id()?.clone();
        read(registry.span(&current)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_small() {
        assert!(size_of::<SpanState>() <= 128, "{}", size_of::<SpanState>());
    }
}
