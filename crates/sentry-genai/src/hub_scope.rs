//! Sentry's scope: shows entered spans on it, and finds the spans of other integrations there.

use std::{cell::RefCell, sync::Arc};

use sentry::{Hub, TransactionContext, TransactionOrSpan, protocol};
use sentry_genai_conventions::{SpanId, TraceId};
use sentry_genai_delivery::{
    IncomingTrace, Trace, protocol_span_id, protocol_trace_id, start_stand_in, with_hub,
};
use tracing::Id;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::{handle::CorrelationMode, state::SpanState};

thread_local! {
    /// The spans shown on the scopes of this thread's hubs, and what each scope held before.
    static ENTERED_SPANS: RefCell<Vec<EnteredSpan>> = const { RefCell::new(Vec::new()) };
}

struct EnteredSpan {
    id: Id,
    span_id: protocol::SpanId,
    /// The hub whose scope shows the span. Another hub may be current when the span is exited.
    hub: Arc<Hub>,
    previous: Option<TransactionOrSpan>,
}

/// Marks a span on Sentry's scope as a stand-in for one of ours. New hubs copy the scope including the span, and may outlive it.
const ORIGIN: &str = "auto.sentry_genai.entered";

/// A span as shown on Sentry's scope. It is cached in the span's extensions, since a future is polled many times.
struct ScopeSpan {
    /// A stand-in that belongs to no client, so it is never sent.
    stand_in: TransactionOrSpan,
    span_id: protocol::SpanId,
    trace: Arc<Trace>,
    /// The sampling decision that `stand_in` carries. It may change later: an AI span can cause its trace to be kept.
    sampled: bool,
}

impl ScopeSpan {
    /// Describes a span; `None` if its client looks up the current span itself, or if the layer has no state for the span.
    fn new<'a, R: LookupSpan<'a>>(span: &SpanRef<'a, R>) -> Option<Self> {
        let extensions = span.extensions();
        let state: &SpanState = extensions.get()?;
        let trace = &state.trace;
        if trace.handle.correlation() != CorrelationMode::Scope {
            return None;
        }
        let ids = state.ids();
        let span_id = protocol_span_id(ids.span_id);
        // It is never sent, and so needs no name.
        let mut context = TransactionContext::new_with_details(
            "",
            "",
            protocol_trace_id(ids.trace_id),
            Some(span_id),
            ids.parent_span_id.map(protocol_span_id),
        );
        let trace = Arc::clone(trace.segment.trace());
        let sampled = trace.sampled();
        context.set_sampled(sampled);
        let transaction = start_stand_in(context);
        transaction.set_origin(ORIGIN);
        Some(Self {
            stand_in: transaction.into(),
            span_id,
            trace,
            sampled,
        })
    }

    /// Returns the cached stand-in, unless the sampling decision has changed since.
    fn cached<'a, R: LookupSpan<'a>>(
        span: &SpanRef<'a, R>,
    ) -> Option<(TransactionOrSpan, protocol::SpanId)> {
        let extensions = span.extensions();
        let cached = extensions.get::<Self>()?;
        (cached.sampled == cached.trace.sampled())
            .then(|| (cached.stand_in.clone(), cached.span_id))
    }
}

/// Puts a span on Sentry's scope, for clients that cannot look up the current span.
pub(crate) fn put<'a, R: LookupSpan<'a>>(span: &SpanRef<'a, R>) {
    let cached = ScopeSpan::cached(span).or_else(|| {
        let new = ScopeSpan::new(span)?;
        let cached = (new.stand_in.clone(), new.span_id);
        span.extensions_mut().replace(new);
        Some(cached)
    });
    let Some((stand_in, span_id)) = cached else {
        return;
    };
    let put = with_hub(|hub| {
        let previous = hub.configure_scope(|scope| {
            let previous = scope.get_span();
            scope.set_span(Some(stand_in));
            previous
        });
        Some((Arc::clone(hub), previous))
    });
    if let Some((hub, previous)) = put {
        let _ = ENTERED_SPANS.try_with(|stack| {
            let mut stack = stack.borrow_mut();
            let is_nested = stack.iter().any(|entered| Arc::ptr_eq(&entered.hub, &hub));
            let previous = previous.filter(|previous| is_nested || !is_stale(previous, &stack));
            stack.push(EnteredSpan {
                id: span.id(),
                span_id,
                hub,
                previous,
            });
        });
    }
}

/// Returns whether a span on Sentry's scope stands for one of ours, on this thread or elsewhere.
fn is_stand_in(span: &TransactionOrSpan) -> bool {
    span.get_trace_context().origin.as_deref() == Some(ORIGIN)
}

/// Returns whether a span on the scope stands for one of ours that is not entered on this thread. Its hub was then copied or
/// shared, and nothing would ever take the span off again.
fn is_stale(span: &TransactionOrSpan, entered: &[EnteredSpan]) -> bool {
    is_stand_in(span) && {
        let span_id = span.get_trace_context().span_id;
        !entered.iter().any(|entered| entered.span_id == span_id)
    }
}

/// Restores what was on the scope before a span was entered. If guards are dropped out of order, the innermost span that is still
/// entered stays on the scope.
pub(crate) fn remove(id: &Id) {
    let exited = ENTERED_SPANS.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        let position = stack.iter().rposition(|entered| entered.id == *id)?;
        let exited = stack.remove(position);
        let above = stack[position..]
            .iter_mut()
            .find(|above| Arc::ptr_eq(&above.hub, &exited.hub));
        match above {
            // Not the innermost: the one above takes over what this one would have restored.
            Some(above) => {
                above.previous = exited.previous;
                None
            }
            None => Some(exited),
        }
    });
    if let Ok(Some(EnteredSpan { hub, previous, .. })) = exited {
        hub.configure_scope(|scope| scope.set_span(previous));
    }
}

/// What a local root that has no parent in `tracing` continues.
pub(crate) struct Continued {
    pub(crate) trace: IncomingTrace,
    /// The segment that the root is part of, if that segment started in this process and the Sentry client sends it.
    pub(crate) segment: Option<SpanId>,
}

/// A span on Sentry's scope that this bridge did not put there.
pub(crate) struct ForeignSpan {
    trace_id: TraceId,
    span_id: SpanId,
    parent_span_id: Option<SpanId>,
    sampled: Option<bool>,
    is_transaction: bool,
}

impl ForeignSpan {
    /// Makes the span the parent of a local root.
    pub(crate) fn adopt(self) -> Continued {
        let trace = IncomingTrace::adopted(self.trace_id, self.span_id, self.sampled);
        self.continued(trace)
    }

    /// Makes the span the parent of a local root if it has itself continued the trace of a request, as the transaction of
    /// `sentry-tower` does.
    pub(crate) fn adopt_within(self, request: &IncomingTrace) -> Option<Continued> {
        let is_of_request = self.trace_id == request.trace_id()
            && self.parent_span_id == Some(request.parent_span_id());
        let trace = is_of_request.then(|| request.adopted_by(self.span_id, self.sampled))?;
        Some(self.continued(trace))
    }

    fn continued(&self, trace: IncomingTrace) -> Continued {
        Continued {
            trace,
            // A child span does not tell which transaction it belongs to.
            segment: self.is_transaction.then_some(self.span_id),
        }
    }
}

/// Returns the span on Sentry's scope, unless this bridge put it there.
pub(crate) fn foreign_span() -> Option<ForeignSpan> {
    let span = with_hub(|hub| hub.configure_scope(|scope| scope.get_span()))?;
    if is_stand_in(&span) {
        return None;
    }
    let context = span.get_trace_context();
    let parse_span_id = |id: protocol::SpanId| SpanId::parse(&id.to_string());
    Some(ForeignSpan {
        trace_id: TraceId::parse(&context.trace_id.to_string())?,
        span_id: parse_span_id(context.span_id)?,
        parent_span_id: context.parent_span_id.and_then(parse_span_id),
        sampled: span
            .iter_headers()
            .find_map(|(_, header)| IncomingTrace::parse(&header, None)?.sampled()),
        is_transaction: matches!(span, TransactionOrSpan::Transaction(_)),
    })
}
