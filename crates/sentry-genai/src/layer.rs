//! The door: `tracing` spans in, source spans out.

mod ancestry;
mod errors;
mod roots;

use std::{ptr, thread};

use sentry_genai_conventions::{SourceEvent, SourceSpan, SpanId};
use sentry_genai_delivery::{new_span_id, on_delivery_thread};
use tracing::{Event, Id, Level, Metadata, Subscriber, span};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use crate::{
    correlation,
    handle::{self, Handle},
    heritage::{self, AsOf},
    local_trace::LocalTrace,
    plan::Plan,
    record::{LateRecorder, Recorder},
    scoped::Surroundings,
    state::{self, SpanState, Unrecorded},
    unwinding,
};

use ancestry::{Nearest, link_to, nearest, note_model_call};
use errors::{ExceptionRecorder, is_own};

/// How many events and how many links a span keeps, as by default in OpenTelemetry's SDKs.
const MAX_EVENTS_OR_LINKS: usize = 128;

/// Creates the layer that sends spans to Sentry through the bridge that is [initialised](crate::init) or
/// [attached](crate::attach).
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

/// A [`Layer`] that takes over Sentry's span capture: every span it sees is sent, AI spans translated.
///
/// It sends all spans, so that agents, model calls, tools, HTTP and database calls make one tree. Use [`Layer::with_filter`] to
/// choose: `LevelFilter::INFO` leaves out what HTTP clients say of every frame. A span's parent is its parent in `tracing`,
/// whether contextual or explicit; a span that has none starts a trace, or continues the one a header or an integration such as
/// `sentry-tower` brought in.
///
/// Until a bridge is attached, and without a DSN, the layer does nothing. Add it before Sentry's other layers
/// (`ErrorLayer`, `LogLayer`, `BreadcrumbLayer`), and do not add Sentry's `SpanLayer`: that would send each span twice. So would its
/// older `sentry::integrations::tracing::layer()`, unless with `.span_filter(|_| false)`.
///
/// # Special fields
///
/// | Field | Meaning |
/// |---|---|
/// | `otel.name` | the span's name |
/// | `otel.kind` | `internal`, `server`, `client`, `producer` or `consumer` |
/// | `otel.status_code` | `ok` or `error` |
/// | `otel.status_description` | the reason for an error, which it makes of a span that records no code |
/// | `sentry.op`, `sentry.name` | op and name, above everything the bridge would derive, but for a `gen_ai.` op that Sentry does not know |
/// | `sentry.trace`, `sentry.baggage` | on a span without parent: the headers `sentry-trace` and `baggage` to continue |
/// | `tags.*` | an attribute under the name behind the prefix, as a text |
/// | `gen_ai.conversation.id`, `gen_ai.agent.name` | apply to the AI spans below as well, also when recorded late |
///
/// # Events
///
/// An ERROR event inside a span, as `#[instrument(err)]` makes one, marks the span as failed. An event that is *named* by the
/// conventions, such as `event!(name: "gen_ai.client.inference.operation.details", Level::INFO, ...)` or
/// `gen_ai.user.message`, gives its content to the span it happens in; the name may also be in a field `event.name`. Of a span, the
/// latest 128 events count. Other events are left to Sentry's own layers for logs and errors.
#[derive(Clone, Debug, Default)]
#[must_use = "a layer does nothing until it is added to a subscriber"]
#[non_exhaustive]
pub struct GenAiLayer {
    handle: Option<Handle>,
}

impl GenAiLayer {
    /// Creates a layer that uses whatever bridge is attached when a trace starts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the bridge to use instead, for programs and tests that run several.
    ///
    /// A span goes to one of them: where several such layers are in one subscriber, that of the layer which sees it first.
    pub fn with_handle(mut self, handle: Handle) -> Self {
        self.handle = Some(handle);
        self
    }

    /// Returns whether there is no bridge, and never was one.
    #[inline]
    fn is_idle(&self) -> bool {
        self.handle.is_none() && !handle::ever_attached()
    }

    fn handle(&self) -> Option<Handle> {
        self.handle.clone().or_else(handle::attached)
    }

    /// Tells this layer from others in the same subscriber: each stays where it is, and one that a `reload` puts there goes on with the
    /// spans that are open.
    #[inline]
    fn place(&self) -> u32 {
        ptr::from_ref(self).addr() as u32
    }

    fn on_new_root<'a, R: LookupSpan<'a>>(
        &self,
        fields: &span::Attributes<'_>,
        span: &SpanRef<'a, R>,
    ) {
        // Whatever our own threads do must not come back as spans.
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
        let mut record = handle.delivery().record(fields.fields().len() + 1);
        let plan = Plan::of(metadata);
        let mut recorder = Recorder::new(&handle, &plan, &mut record.attributes);
        fields.record(&mut recorder);
        let signs = recorder.signs;
        let trace = roots::start(handle, &record.attributes, &plan);
        let span_id = trace.segment.local_root();
        let parent_span_id = trace.segment.trace().parent_span_id();
        let outer_frame = trace.handle.task_frames().current();
        let frame = Surroundings::conversation().or(outer_frame);
        let state = if trace.is_recorded {
            begin(&mut record, &trace, span_id, parent_span_id, metadata);
            let mut state =
                SpanState::new(self.place(), trace, Some(record), frame, AsOf::default());
            state.note_first(signs);
            state.note_user();
            state
        } else {
            let mut state = SpanState::new(self.place(), trace, None, frame, AsOf::default());
            state.note(&record.attributes, signs);
            let delivery = state.trace.handle.delivery();
            delivery.record_unsampled(1);
            delivery.give_back(record);
            state
        };
        insert(span, state);
    }

    /// Counts a span of a trace that is not sent, and marks it for its children.
    fn on_new_unrecorded<'a, R: LookupSpan<'a>>(&self, span: &SpanRef<'a, R>) {
        if span.extensions_mut().replace(Unrecorded).is_some() {
            // The layer is in the subscriber twice.
            return;
        }
        match &self.handle {
            Some(handle) => handle.delivery().record_unsampled(1),
            None => handle::with_attached(|handle| handle.delivery().record_unsampled(1)),
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
        let (trace, parent, outer_frame, above) = match span.parent().and_then(nearest) {
            Some(Nearest::Recorded {
                trace,
                span_id,
                frame,
                above,
            }) => (trace, span_id, frame, above),
            Some(Nearest::Unrecorded) => return self.on_new_unrecorded(&span),
            None => return self.on_new_root(fields, &span),
        };
        let metadata = fields.metadata();
        let mut record = trace.handle.delivery().record(fields.fields().len() + 1);
        let plan = Plan::of(metadata);
        let mut recorder = Recorder::new(&trace.handle, &plan, &mut record.attributes);
        fields.record(&mut recorder);
        let signs = recorder.signs;
        begin(&mut record, &trace, new_span_id(), Some(parent), metadata);
        let frame = Surroundings::conversation().or(outer_frame);
        let mut state = SpanState::new(self.place(), trace, Some(record), frame, above);
        state.note_first(signs);
        state.note_user();
        insert(&span, state);
    }

    fn on_record(&self, id: &Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if state::none_recorded() {
            return;
        }
        let Some(span) = context.span(id) else {
            return;
        };
        let Some(mut recorder) = LateRecorder::new(&span, self.place()) else {
            return;
        };
        values.record(&mut recorder);
        recorder.finish();
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let Some(link) = context.span(follows).and_then(link_to) else {
            return;
        };
        if let Some(span) = context.span(id)
            && let Some(state) = span.extensions_mut().get_mut::<SpanState>()
            && let Some(source) = &mut state.source
            // Another such layer may have seen it, too.
            && !source.links.contains(&link)
        {
            push_bounded(&mut source.links, link);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if self.is_idle() {
            return;
        }
        let span = context.event_span(event);
        correlation::leave_for_hooks(span.as_ref());
        let metadata = event.metadata();
        let is_error = *metadata.level() == Level::ERROR && !is_own(metadata);
        // The conventions describe messages by events as well as by fields. A macro that cannot name its event says so in a field.
        let may_be_content = metadata.name().starts_with("gen_ai.")
            || metadata.fields().field("event.name").is_some();
        if !is_error && !may_be_content {
            return;
        }
        let Some(span) = span else {
            return;
        };
        let handle = match span.extensions().get::<SpanState>() {
            // What happens in a span is told by the layer that has it.
            Some(state) if state.source.is_some() && state.layer == self.place() => {
                state.trace.handle.clone()
            }
            _ => return,
        };
        // A field's `Debug` may log, so nothing is locked while it is read.
        let happened = if is_error {
            let mut exception = ExceptionRecorder::default();
            event.record(&mut exception);
            exception.0.into_event()
        } else {
            let mut happened = SourceEvent::new(metadata.name());
            happened.attributes = handle.delivery().attributes(metadata.fields().len());
            let plan = Plan::of(metadata);
            let mut recorder = Recorder::new(&handle, &plan, &mut happened.attributes);
            event.record(&mut recorder);
            if happened.gen_ai_name().is_none() {
                return;
            }
            happened
        };
        if let Some(state) = span.extensions_mut().get_mut::<SpanState>()
            && let Some(source) = &mut state.source
        {
            push_bounded(&mut source.events, happened);
        }
    }

    #[inline]
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if handle::scope_correlation() {
            show_on_scope(id, &context);
        }
        if thread::panicking() {
            unwinding::note_enter(id, &context, self.place());
        }
    }

    #[inline]
    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if handle::scope_correlation() {
            correlation::take_off_scope(id);
        }
        if thread::panicking() {
            unwinding::note_exit(id, &context, self.place());
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if state::none_recorded() {
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
            note_model_call(span.parent());
        }
        source.inherited = heritage::inherit(&node, &trace, &span);
        trace.handle.delivery().send_record(source, &trace.segment);
    }
}

/// Keeps a span that is entered on Sentry's scope. Apart, since for nearly all there is nothing to do.
#[inline(never)]
fn show_on_scope<S>(id: &Id, context: &Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    if let Some(span) = context.span(id) {
        correlation::show_on_scope(&span);
    }
}

/// Keeps the state of a span, unless it has one: the layer may be in the subscriber twice.
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

/// Writes down what is known of a span when it starts.
#[inline]
fn begin(
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

/// Adds to the events or links of a span, of which it keeps the latest: a span may be open as long as the program runs.
fn push_bounded<T>(items: &mut Vec<T>, item: T) {
    if items.len() >= MAX_EVENTS_OR_LINKS {
        items.remove(0);
    }
    items.push(item);
}
