//! Errors, logs and metrics captured inside a span carry its ids.

use std::{
    cell::RefCell,
    sync::{Arc, Weak},
};

use sentry::{
    ClientOptions, Hub, Integration, Scope, TransactionContext, TransactionOrSpan,
    protocol::{self, Event, LogAttribute, TraceContext},
};
use sentry_genai_conventions::{SpanId, TraceId};
use sentry_genai_delivery::{IncomingTrace, Trace, with_hub};
use tracing::{Id, dispatcher, subscriber::NoSubscriber};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::{
    current,
    handle::CorrelationMode,
    local_trace::LocalTrace,
    state::{self, SpanIds, SpanState},
};

/// A Sentry integration that links whatever the client captures to the span that is entered.
///
/// [`init`](crate::init) adds it. Add it yourself where Sentry is initialised elsewhere, to spare [`attach`](crate::attach)
/// the work of keeping Sentry's scope up to date:
///
/// ```
/// let sentry = sentry::init(
///     sentry::ClientOptions::new()
///         .traces_sample_rate(1.0)
///         .add_integration(sentry_genai::Correlation::new()),
/// );
/// let _spans = sentry_genai::attach(&sentry);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Correlation;

impl Correlation {
    /// Creates the integration.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Integration for Correlation {
    fn name(&self) -> &'static str {
        "genai-correlation"
    }

    /// Puts itself before the hooks the program has set for logs and metrics.
    fn setup(&self, options: &mut ClientOptions) {
        let next = options.before_send_log.take();
        options.before_send_log = Some(Arc::new(move |mut log| {
            if let Some(ids) = current() {
                log.trace_id = Some(protocol_trace_id(ids.trace_id));
                log.attributes.remove("parent_span_id");
                log.attributes.insert(
                    "sentry.trace.parent_span_id".to_owned(),
                    LogAttribute(ids.span_id.to_string().into()),
                );
            }
            match &next {
                Some(next) => next(log),
                None => Some(log),
            }
        }));
        let next = options.before_send_metric.take();
        options.before_send_metric = Some(Arc::new(move |mut metric| {
            if let Some(ids) = current() {
                metric.trace_id = protocol_trace_id(ids.trace_id);
                metric.span_id = Some(protocol_span_id(ids.span_id));
            }
            match &next {
                Some(next) => next(metric),
                None => Some(metric),
            }
        }));
    }

    fn process_event(
        &self,
        mut event: Event<'static>,
        _: &ClientOptions,
    ) -> Option<Event<'static>> {
        if let Some(ids) = current() {
            let context = TraceContext {
                trace_id: protocol_trace_id(ids.trace_id),
                span_id: protocol_span_id(ids.span_id),
                parent_span_id: ids.parent_span_id.map(protocol_span_id),
                ..TraceContext::default()
            };
            event.contexts.insert("trace".to_owned(), context.into());
        }
        Some(event)
    }
}

thread_local! {
    /// The span of the event that is being dispatched, where a look-up would find no dispatcher. Nobody says when that is over, but
    /// when the trace is, its span is none any more.
    static EVENT_SPAN: RefCell<Option<(SpanIds, Weak<LocalTrace>)>> = const { RefCell::new(None) };

    /// The spans shown on this thread's scope, and what was there before.
    static SHOWN: RefCell<Vec<Shown>> = const { RefCell::new(Vec::new()) };
}

struct Shown {
    id: Id,
    span_id: protocol::SpanId,
    /// Where it is shown. Another hub may be current when the span is exited.
    hub: Arc<Hub>,
    before: Option<TransactionOrSpan>,
}

/// Returns the ids of the span that is current where something is captured.
fn current() -> Option<SpanIds> {
    if !dispatcher_is_busy() {
        return current::ids();
    }
    let left = EVENT_SPAN.try_with(|left| {
        let left = left.try_borrow().ok()?;
        let (ids, trace) = left.as_ref()?;
        (trace.strong_count() > 0).then_some(*ids)
    });
    left.ok().flatten()
}

/// Remembers the span of an event for the hooks that run while it is dispatched.
///
/// Under a scoped dispatcher a look-up from within sees none. With a global one it works, and this does nothing.
pub(crate) fn leave_for_hooks<'a, R: LookupSpan<'a>>(span: Option<&SpanRef<'a, R>>) {
    if dispatcher_is_busy() {
        let left = span.and_then(|span| {
            let span = span.scope().next()?;
            state::ids_and_trace_of(span)
        });
        let _ = EVENT_SPAN.try_with(|place| place.replace(left));
    }
}

/// Returns whether this code runs inside the dispatcher of this thread, or without any.
fn dispatcher_is_busy() -> bool {
    dispatcher::get_default(|dispatch| dispatch.is::<NoSubscriber>())
}

/// Says of a span on Sentry's scope that it stands for one of ours. New hubs copy the scope with the span, and may live longer.
const ORIGIN: &str = "auto.sentry_genai.entered";

/// A span as Sentry's scope holds it. It is kept in the span's extensions, since a future is polled many times.
struct ScopeSpan {
    /// No client knows of it, so it is never sent.
    shown: TransactionOrSpan,
    span_id: protocol::SpanId,
    trace: Arc<Trace>,
    /// What `shown` says of the trace. An AI span may be a reason to send it after all.
    sampled: bool,
}

impl ScopeSpan {
    /// Describes a span; `None` if its client looks for it by itself, or nothing is known of it.
    fn new<'a, R: LookupSpan<'a>>(span: &SpanRef<'a, R>) -> Option<Self> {
        let extensions = span.extensions();
        let state: &SpanState = extensions.get()?;
        let trace = &state.trace;
        if trace.handle.correlation() != CorrelationMode::Scope {
            return None;
        }
        let ids = state.ids();
        let span_id = protocol_span_id(ids.span_id);
        let mut context = TransactionContext::new_with_details(
            span.name(),
            "",
            protocol_trace_id(ids.trace_id),
            Some(span_id),
            ids.parent_span_id.map(protocol_span_id),
        );
        let trace = Arc::clone(trace.segment.trace());
        let sampled = trace.sampled();
        context.set_sampled(sampled);
        // Without a client it asks no sampler.
        let hub = Hub::new(None, Arc::new(Scope::default()));
        let transaction = hub.start_transaction(context);
        transaction.set_origin(ORIGIN);
        Some(Self {
            shown: transaction.into(),
            span_id,
            trace,
            sampled,
        })
    }

    /// Returns what is kept of the span, as long as it is right.
    fn kept<'a, R: LookupSpan<'a>>(
        span: &SpanRef<'a, R>,
    ) -> Option<(TransactionOrSpan, protocol::SpanId)> {
        let extensions = span.extensions();
        let kept = extensions.get::<Self>()?;
        (kept.sampled == kept.trace.sampled()).then(|| (kept.shown.clone(), kept.span_id))
    }
}

/// Puts a span on Sentry's scope, for clients that cannot be asked to look for it.
pub(crate) fn show_on_scope<'a, R: LookupSpan<'a>>(span: &SpanRef<'a, R>) {
    let kept = ScopeSpan::kept(span).or_else(|| {
        let new = ScopeSpan::new(span)?;
        let kept = (new.shown.clone(), new.span_id);
        span.extensions_mut().replace(new);
        Some(kept)
    });
    let Some((shown, span_id)) = kept else {
        return;
    };
    let put = with_hub(|hub| {
        let before = hub.configure_scope(|scope| {
            let before = scope.get_span();
            scope.set_span(Some(shown));
            before
        });
        Some((Arc::clone(hub), before))
    });
    if let Some((hub, before)) = put {
        let _ = SHOWN.try_with(|stack| {
            let mut stack = stack.borrow_mut();
            let is_nested = stack.iter().any(|shown| Arc::ptr_eq(&shown.hub, &hub));
            let before = before.filter(|before| is_nested || !is_stray(before, &stack));
            stack.push(Shown {
                id: span.id(),
                span_id,
                hub,
                before,
            });
        });
    }
}

/// Whether a span on Sentry's scope stands for one of ours, here or elsewhere.
fn stands_for_ours(span: &TransactionOrSpan) -> bool {
    span.get_trace_context().origin.as_deref() == Some(ORIGIN)
}

/// Whether it stands for one of ours that is not entered on this thread: then a hub with it on its scope has been copied or shared,
/// and nobody would take it off again.
fn is_stray(span: &TransactionOrSpan, entered: &[Shown]) -> bool {
    let context = span.get_trace_context();
    let is_entered = entered.iter().any(|shown| shown.span_id == context.span_id);
    context.origin.as_deref() == Some(ORIGIN) && !is_entered
}

/// Puts back what was on the scope before a span was entered. Guards dropped out of order leave the innermost span that is
/// still entered.
pub(crate) fn take_off_scope(id: &Id) {
    let exited = SHOWN.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        let position = stack.iter().rposition(|shown| shown.id == *id)?;
        let exited = stack.remove(position);
        let above = stack[position..]
            .iter_mut()
            .find(|above| Arc::ptr_eq(&above.hub, &exited.hub));
        match above {
            // Not the innermost: the one above takes over what this one would have restored.
            Some(above) => {
                above.before = exited.before;
                None
            }
            None => Some(exited),
        }
    });
    if let Ok(Some(Shown { hub, before, .. })) = exited {
        hub.configure_scope(|scope| scope.set_span(before));
    }
}

/// What a local root without a parent goes on from.
pub(crate) struct Continued {
    pub(crate) trace: IncomingTrace,
    /// The segment it is part of, if that was started in this process and is sent by the Sentry client.
    pub(crate) segment: Option<SpanId>,
}

/// Reads the span on Sentry's scope as the parent of a local root, unless this bridge has put it there.
pub(crate) fn span_on_scope() -> Option<Continued> {
    let span = with_hub(|hub| hub.configure_scope(|scope| scope.get_span()))?;
    if stands_for_ours(&span) {
        return None;
    }
    let context = span.get_trace_context();
    let trace_id = TraceId::parse(&context.trace_id.to_string())?;
    let span_id = SpanId::parse(&context.span_id.to_string())?;
    let sampled = span
        .iter_headers()
        .find_map(|(_, header)| IncomingTrace::parse(&header, None)?.sampled());
    Some(Continued {
        trace: IncomingTrace::adopted(trace_id, span_id, sampled),
        // A child span does not tell which transaction it belongs to.
        segment: matches!(span, TransactionOrSpan::Transaction(_)).then_some(span_id),
    })
}

fn protocol_trace_id(id: TraceId) -> protocol::TraceId {
    protocol::TraceId::from(id.to_bytes())
}

fn protocol_span_id(id: SpanId) -> protocol::SpanId {
    protocol::SpanId::from(id.to_bytes())
}
