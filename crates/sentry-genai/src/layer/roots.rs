//! Starts traces, or continues incoming ones.

use std::{panic, sync::Arc};

use sentry_genai_conventions::{Attributes, op_at_start, segment_name_at_start};
use sentry_genai_delivery::{Clock, IncomingTrace, Segment, conversation_in_baggage, new_span_id};
use tracing::{Dispatch, dispatcher};

use crate::{
    callsite::Callsite,
    correlation,
    handle::Handle,
    hub_scope::{self, Continued, ForeignSpan},
    local_trace::LocalTrace,
    propagation::IncomingContext,
    scoped::AmbientContext,
    state::given_name,
};

/// Starts the local part of a trace, given the attributes and the callsite of its local root.
pub(super) fn start(
    handle: Handle,
    attributes: &Attributes,
    callsite: &Callsite,
) -> Arc<LocalTrace> {
    let context = AmbientContext::current();
    let request = context.request.as_ref();
    let continued = continued_trace(attributes, request, &handle);
    let is_request = continued.is_some() || request.is_some();
    let environment = (!is_request).then(|| handle.environment());
    let name = given_name(attributes).map_or_else(|| Arc::clone(callsite.name()), Arc::from);
    let incoming = continued.as_ref().map(|continued| &continued.trace);
    let incoming = incoming.or_else(|| environment?.trace());
    let delivery = handle.delivery();
    let start = || delivery.start_trace(incoming, &name, &op_at_start(attributes));
    let trace = match delivery.has_sampler() {
        true => without_subscriber(start),
        false => start(),
    };
    // Spans of the segment may be sent before the root has ended, and carry the name that the root will get.
    let name = (trace.recorded())
        .then(|| segment_name_at_start(&name, None, attributes))
        .flatten()
        .map_or(name, Arc::from);
    let span_id = new_span_id();
    let segment = match continued.and_then(|continued| continued.segment) {
        Some(segment) => Segment::within(trace, segment, span_id, name),
        None => Segment::new(trace, span_id, name),
    };
    let segment = Arc::new(segment.with_clock(Clock::start()));
    let conversation = attributes
        .text("sentry.baggage")
        .and_then(conversation_in_baggage)
        .map(Arc::from)
        .or_else(|| request.or(environment)?.conversation().cloned());
    let local = LocalTrace::new(handle, segment, conversation);
    Arc::new(local)
}

/// Runs code of the program while a subscriber creates a span. Nothing may be dispatched to the subscriber meanwhile: filters of
/// layers keep what they have decided about the span in a thread-local, and another event or span overwrites that.
fn without_subscriber<T>(run: impl FnOnce() -> T) -> T {
    let without = || dispatcher::set_default(&Dispatch::none());
    // A scoped dispatcher dispatches nothing from within, and cannot be exchanged. It may have been dropped on another thread just
    // now, in which case this one is not known to be inside it.
    let guard = (!correlation::is_dispatcher_busy()).then(|| panic::catch_unwind(without));
    let result = run();
    drop(guard);
    result
}

/// Finds the trace that a local root continues: one named by its fields, one from the surrounding scope, or that of a span which
/// another Sentry integration has put on the scope of the hub. If that one continues the surrounding trace, it comes in between.
fn continued_trace(
    attributes: &Attributes,
    request: Option<&IncomingContext>,
    handle: &Handle,
) -> Option<Continued> {
    let remote = |trace| Continued {
        trace,
        segment: None,
    };
    if let Some(header) = attributes.text("sentry.trace") {
        let header = header.trim_start_matches("sentry-trace:").trim();
        let incoming = IncomingTrace::parse(header, attributes.text("sentry.baggage"));
        if let Some(incoming) = incoming {
            return Some(remote(incoming));
        }
    }
    let from_request = request.and_then(|request| {
        let traceparent = || {
            let propagated = handle.propagates_traceparent();
            request.traceparent().filter(|_| propagated)
        };
        request.trace().or_else(traceparent)
    });
    let on_scope = hub_scope::foreign_span();
    let Some(incoming) = from_request else {
        return on_scope.map(ForeignSpan::adopt);
    };
    let within = on_scope.and_then(|span| span.adopt_within(incoming));
    Some(within.unwrap_or_else(|| remote(incoming.clone())))
}
