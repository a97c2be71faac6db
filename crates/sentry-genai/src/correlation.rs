//! Links errors, logs and metrics to the span they are captured in.

use std::{cell::RefCell, sync::Weak};

use sentry::{ClientOptions, Integration, protocol::Event};
use sentry_genai_delivery::{SpanIds, link_logs_and_metrics};
use tracing::{Id, dispatcher, subscriber::NoSubscriber};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::{current, handle, local_trace::LocalTrace, state};

/// A Sentry integration that links everything the client captures to the span that is entered.
///
/// [`init`](crate::init) adds it. If the program initialises Sentry itself, add it to the client options:
/// [`attach`](crate::attach) then does not have to keep Sentry's scope up to date whenever a span is entered.
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

    /// Wraps the program's own hooks for logs and metrics, so that they see the ids.
    fn setup(&self, options: &mut ClientOptions) {
        link_logs_and_metrics(options, current);
    }

    fn process_event(
        &self,
        mut event: Event<'static>,
        _: &ClientOptions,
    ) -> Option<Event<'static>> {
        if let Some(ids) = current() {
            ids.link_event(&mut event);
        }
        Some(event)
    }
}

thread_local! {
    /// The span of the event that is being dispatched, for hooks that run where no dispatcher can be looked up. Nothing tells
    /// when the dispatch is over, so the entry holds until the span is exited, or its trace has ended.
    static EVENT_SPAN: RefCell<Option<EventSpan>> = const { RefCell::new(None) };
}

struct EventSpan {
    id: Id,
    ids: SpanIds,
    trace: Weak<LocalTrace>,
}

/// Returns the ids of the span that is current at the point of capture.
fn current() -> Option<SpanIds> {
    if !is_dispatcher_busy() {
        return current::ids();
    }
    let event_span = EVENT_SPAN.try_with(|cell| {
        let event_span = cell.try_borrow().ok()?;
        let event_span = event_span.as_ref()?;
        (event_span.trace.strong_count() > 0).then_some(event_span.ids)
    });
    event_span.ok().flatten()
}

/// Returns whether hooks that run while an event is dispatched have to be told its span.
///
/// With a scoped dispatcher, code that runs inside it cannot look the dispatcher up again. With a global one it can.
pub(crate) fn needs_event_span() -> bool {
    is_dispatcher_busy()
}

/// Remembers the span of an event for the hooks that run while the event is dispatched.
pub(crate) fn set_event_span<'a, R: LookupSpan<'a>>(span: Option<&SpanRef<'a, R>>) {
    let event_span = span.and_then(|span| {
        let span = span.scope().next()?;
        let id = span.id();
        let (ids, trace) = state::ids_and_trace_of(span)?;
        Some(EventSpan { id, ids, trace })
    });
    handle::note_event_span();
    let _ = EVENT_SPAN.try_with(|cell| cell.replace(event_span));
}

/// Forgets the span of the latest event when that span is exited: what this thread captures from now on, such as for another task
/// that has no subscriber, does not happen in it.
pub(crate) fn forget_event_span(id: &Id) {
    let _ = EVENT_SPAN.try_with(|cell| {
        if let Ok(mut event_span) = cell.try_borrow_mut() {
            event_span.take_if(|event_span| event_span.id == *id);
        }
    });
}

/// Returns whether this code runs inside this thread's dispatcher, or without one.
pub(crate) fn is_dispatcher_busy() -> bool {
    dispatcher::get_default(|dispatch| dispatch.is::<NoSubscriber>())
}
