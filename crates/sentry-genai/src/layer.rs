//! The `tracing` layer: records spans as they are created, updated and closed, and hands them to the delivery.

mod ancestry;
mod events;
mod roots;

use std::thread;

use sentry_genai_conventions::{KeyFlags, SourceSpan, SpanId};
use sentry_genai_delivery::{new_span_id, on_delivery_thread};
use tracing::{Event, Id, Metadata, Subscriber, span};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use crate::{
    callsite::Callsite,
    correlation,
    handle::{self, Handle},
    hub_scope,
    inheritance::{self, CachedInheritance, Node},
    local_trace::{LocalTrace, UpdateTiming},
    record::{LateRecorder, Recorder},
    scoped::AmbientContext,
    state::{self, LayerId, SpanState, Unrecorded},
    unwinding,
};

use ancestry::{Nearest, link_to, mark_model_call_below, nearest, tell_conversation};
use events::Report;

/// How many events, and how many links, a span keeps: the default of OpenTelemetry's SDKs.
const MAX_EVENTS_OR_LINKS: usize = 128;

/// Creates the layer that sends spans to Sentry through the bridge that [`init`](crate::init) or [`attach`](crate::attach)
/// started.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// tracing_subscriber::registry()
///     .with(sentry_genai::layer().with_filter(tracing_subscriber::filter::LevelFilter::INFO))
///     .init();
/// ```
pub fn layer() -> GenAiLayer {
    GenAiLayer::new()
}

/// A [`Layer`] that sends every span it sees to Sentry, and translates AI spans into what Sentry understands.
///
/// It replaces Sentry's own span layer. All spans are sent, so that agents, model calls, tools, HTTP requests and database
/// queries form one tree. Use [`Layer::with_filter`] to choose: `LevelFilter::INFO` leaves out the many spans that HTTP clients
/// open per frame. The parent of a span is its parent in `tracing`, contextual or explicit. A span without a parent starts a
/// trace, or continues the one that came in by header or that an integration such as `sentry-tower` started.
///
/// The layer does nothing until a bridge is attached that has a destination: a client with a DSN, or Spotlight.
///
/// Add it before Sentry's other layers (`ErrorLayer`, `LogLayer`, `BreadcrumbLayer`). Do not add Sentry's `SpanLayer`, which would
/// send each span twice; so would the older `sentry::integrations::tracing::layer()`, unless it is used with
/// `.span_filter(|_| false)`.
///
/// # Special fields
///
/// | Field | Meaning |
/// |---|---|
/// | `otel.name` | the span's name |
/// | `otel.kind` | `internal`, `server`, `client`, `producer` or `consumer` |
/// | `otel.status_code` | `ok` or `error`; `ok` holds even if errors happen inside the span |
/// | `otel.status_description` | the reason for an error; a span that records no status code becomes an error by it |
/// | `sentry.op`, `sentry.name` | op and name, which override those the bridge derives; a `gen_ai.` op only names the operation, if nothing else does |
/// | `sentry.trace`, `sentry.baggage` | on a span without parent: the headers `sentry-trace` and `baggage` of the trace to continue |
/// | `tags.*` | an attribute named by what follows the prefix, as text |
/// | `gen_ai.conversation.id`, `gen_ai.agent.name` | also apply to the AI spans below, even if recorded late |
///
/// # Events
///
/// An ERROR event inside a span, such as the one that `#[instrument(err)]` emits, marks the span as failed.
///
/// An event that the conventions *name*, such as `event!(name: "gen_ai.client.inference.operation.details", Level::INFO, ...)` or
/// `gen_ai.user.message`, adds its content to the span it happens in. The name may also be in a field `event.name`.
///
/// What a function returns, as `#[instrument(ret)]` reports it, is the result of a tool call or the answer of an agent.
///
/// A span keeps the latest 128 of these events. All other events are left to Sentry's own layers for logs and errors.
#[derive(Clone, Debug, Default)]
#[must_use = "a layer does nothing until it is added to a subscriber"]
#[non_exhaustive]
pub struct GenAiLayer {
    handle: Option<Handle>,
    id: LayerId,
}

impl GenAiLayer {
    /// Creates a layer that uses whichever bridge was attached last when a trace starts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the bridge to use, for programs and tests that run several.
    ///
    /// A span goes to one bridge only: if several such layers in one subscriber see it, the first of them sends it.
    ///
    /// ```no_run
    /// use tracing_subscriber::prelude::*;
    ///
    /// let options = sentry::ClientOptions::new().dsn("https://key@o1.ingest.sentry.io/42").traces_sample_rate(1.0);
    /// let guard = sentry_genai::attach(&sentry::Client::from(options));
    /// let layer = sentry_genai::layer().with_handle(guard.handle().expect("there is a DSN").clone());
    /// tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
    ///     // Spans that start here go to project 42.
    /// });
    /// ```
    pub fn with_handle(mut self, handle: Handle) -> Self {
        self.handle = Some(handle);
        self
    }

    /// Returns whether this layer has no bridge, and no bridge was ever attached.
    #[inline]
    fn is_idle(&self) -> bool {
        self.handle.is_none() && !handle::ever_attached()
    }

    fn handle(&self) -> Option<Handle> {
        self.handle.clone().or_else(handle::attached)
    }

    fn on_new_root<'a, R: LookupSpan<'a>>(
        &self,
        fields: &span::Attributes<'_>,
        span: &SpanRef<'a, R>,
    ) {
        // The delivery's own threads must not produce spans.
        if on_delivery_thread() {
            return;
        }
        let Some(handle) = self.handle() else {
            return;
        };
        if has_state(span) {
            // The layer is in the subscriber twice.
            return;
        }
        let metadata = fields.metadata();
        let callsite = Callsite::of(metadata);
        let (mut record, key_flags) = record_fields(&handle, &callsite, fields);
        let trace = roots::start(handle, &record.attributes, &callsite);
        let span_id = trace.segment.local_root();
        let parent_span_id = trace.segment.trace().parent_span_id();
        let outer_conversation = trace.handle.task_conversations().current();
        let scope = AmbientContext::conversation();
        let node = Node::new(scope, outer_conversation, CachedInheritance::default());
        let state = if trace.is_recorded {
            set_start(&mut record, &trace, span_id, parent_span_id, metadata);
            let mut state = SpanState::new(&self.id, trace, Some(record), node);
            state.apply_initial_attributes(key_flags);
            state.read_scope();
            state
        } else {
            let mut state = SpanState::new(&self.id, trace, None, node);
            // Its conversation may still be propagated.
            let (node, trace) = (&mut state.node, &state.trace);
            node.apply(&record.attributes, 0, key_flags, trace, UpdateTiming::Late);
            let delivery = state.trace.handle.delivery();
            delivery.record_unsampled(1);
            delivery.give_back(record);
            state
        };
        insert(span, state);
    }

    /// Counts a span of a trace that is not recorded, and marks it for its children.
    fn on_new_unrecorded<'a, R: LookupSpan<'a>>(&self, span: &SpanRef<'a, R>) {
        if span.extensions_mut().replace(Unrecorded).is_some() {
            // The layer is in the subscriber twice.
            return;
        }
        match &self.handle {
            Some(handle) => handle.delivery().record_unsampled(1),
            None => _ = handle::with_attached(|handle| handle.delivery().record_unsampled(1)),
        }
    }
}

impl<S> Layer<S> for GenAiLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, fields: &span::Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if self.is_idle() {
            return;
        }
        let Some(span) = context.span(id) else {
            return;
        };
        let (trace, parent, outer_conversation, inherited) = match span.parent().and_then(nearest) {
            Some(Nearest::Recorded {
                trace,
                span_id,
                scope_conversation,
                inherited,
            }) => (trace, span_id, scope_conversation, inherited),
            Some(Nearest::Unrecorded) => return self.on_new_unrecorded(&span),
            None => return self.on_new_root(fields, &span),
        };
        let metadata = fields.metadata();
        let callsite = Callsite::of(metadata);
        let (mut record, key_flags) = record_fields(&trace.handle, &callsite, fields);
        set_start(&mut record, &trace, new_span_id(), Some(parent), metadata);
        let scope = AmbientContext::conversation();
        let node = Node::new(scope, outer_conversation, inherited);
        let mut state = SpanState::new(&self.id, trace, Some(record), node);
        state.apply_initial_attributes(key_flags);
        state.read_scope();
        insert(&span, state);
    }

    fn on_record(&self, id: &Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if state::no_span_is_open() {
            return;
        }
        let Some(span) = context.span(id) else {
            return;
        };
        let Some(mut recorder) = LateRecorder::new(&span, &self.id) else {
            return;
        };
        values.record(&mut recorder);
        recorder.finish();
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let Some(link) = context.span(follows).and_then(link_to) else {
            return;
        };
        let link = link.with_type("follows_from");
        if let Some(span) = context.span(id)
            && let Some(state) = span.extensions_mut().get_mut::<SpanState>()
            && let Some(source) = &mut state.source
            // Another such layer may have seen the same relation.
            && !source.links.contains(&link)
        {
            push_bounded(&mut source.links, link);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if self.is_idle() {
            return;
        }
        let report = Report::of(event.metadata());
        let asks_for_span = correlation::needs_event_span();
        // Most events say nothing about their span, and then looking it up would be most of their cost.
        if report.is_none() && !asks_for_span {
            return;
        }
        let span = context.event_span(event);
        if asks_for_span {
            correlation::set_event_span(span.as_ref());
        }
        let (Some(span), Some(report)) = (span, report) else {
            return;
        };
        let handle = (span.extensions_mut().get_mut::<SpanState>()).and_then(|state| {
            // Only the layer that recorded the span adds events to it. Plain spans do not say what was returned.
            let is_wanted = state.belongs_to(&self.id)
                && (report != Report::Return || state.may_say_what_was_returned());
            is_wanted.then(|| state.trace.handle.clone())
        });
        // A field's `Debug` may log, so no lock is held while fields are read.
        let Some(source_event) = handle.and_then(|handle| report.read(event, &handle)) else {
            return;
        };
        if let Some(state) = span.extensions_mut().get_mut::<SpanState>()
            && let Some(source) = &mut state.source
        {
            push_bounded(&mut source.events, source_event);
        }
    }

    #[inline]
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if handle::scope_correlation() {
            put_on_scope(id, &context);
        }
        if thread::panicking() {
            unwinding::on_enter_while_panicking(id, &context, &self.id);
        }
    }

    #[inline]
    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if handle::exits_have_work() {
            forget_exited(id);
        }
        if thread::panicking() {
            unwinding::on_exit_while_panicking(id, &context, &self.id);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if state::no_span_is_open() {
            return;
        }
        let Some(span) = context.span(&id) else {
            return;
        };
        let Some(state) = span.extensions_mut().remove::<SpanState>() else {
            return;
        };
        let SpanState {
            trace,
            source: Some(mut source),
            node,
            ..
        } = state
        else {
            return;
        };
        source.end = trace.now();
        if node.is_counted_model_call(&source) {
            mark_model_call_below(span.parent());
        }
        let mut inherited = inheritance::inherit(&node, &trace, &span);
        if let Some(id) = node.conversation_below(&inherited) {
            inherited.conversation_id = Some(id);
        } else if node.may_tell_conversation()
            && let Some(id) = &inherited.conversation_id
        {
            tell_conversation(span.parent(), id);
        }
        source.inherited = inherited;
        trace.send(source);
    }
}

/// Puts an entered span on Sentry's scope. Kept out of line, since hardly any program needs it.
#[inline(never)]
fn put_on_scope<S>(id: &Id, context: &Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    if let Some(span) = context.span(id) {
        hub_scope::put(&span);
    }
}

/// Takes an exited span off Sentry's scope, and out of what hooks find. Kept out of line, since hardly any program needs it.
#[inline(never)]
fn forget_exited(id: &Id) {
    if handle::scope_correlation() {
        hub_scope::remove(id);
    }
    correlation::forget_event_span(id);
}

/// Stores the state of a span, unless it already has one: the layer may be in the subscriber twice.
#[inline]
fn insert<'a, R: LookupSpan<'a>>(span: &SpanRef<'a, R>, state: SpanState) {
    let mut extensions = span.extensions_mut();
    if let Some(first) = extensions.replace(state) {
        extensions.replace(first);
    }
}

fn has_state<'a, R: LookupSpan<'a>>(span: &SpanRef<'a, R>) -> bool {
    span.extensions().get::<SpanState>().is_some()
}

/// Reads the fields of a span that starts into a new record. Also returns what their keys indicate.
#[inline]
fn record_fields(
    handle: &Handle,
    callsite: &Callsite,
    fields: &span::Attributes<'_>,
) -> (Box<SourceSpan>, KeyFlags) {
    let mut record = handle.delivery().record(fields.fields().len() + 1);
    let mut recorder = Recorder::new(handle, callsite, &mut record.attributes);
    fields.record(&mut recorder);
    let key_flags = recorder.key_flags;
    (record, key_flags)
}

/// Fills in what is known of a span when it starts.
#[inline]
fn set_start(
    record: &mut SourceSpan,
    trace: &LocalTrace,
    span_id: SpanId,
    parent_span_id: Option<SpanId>,
    metadata: &'static Metadata<'static>,
) {
    record.trace_id = trace.trace_id;
    record.span_id = span_id;
    record.parent_span_id = parent_span_id;
    record.name = metadata.name().into();
    record.scope = metadata.target().into();
    record.start = trace.now();
}

/// Adds an event or a link to a span, and drops the oldest beyond the limit: a span may be open as long as the program runs.
fn push_bounded<T>(items: &mut Vec<T>, item: T) {
    if items.len() >= MAX_EVENTS_OR_LINKS {
        items.remove(0);
    }
    items.push(item);
}
